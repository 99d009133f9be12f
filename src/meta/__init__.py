"""A living, reproducible Bayesian meta-analysis of goal failures in capable AI systems."""

__version__ = "0.1.0"
