"""Checks of a fit; each is a named boolean with its value and threshold."""
