"""Inference: compile once, sample, predict, store."""
