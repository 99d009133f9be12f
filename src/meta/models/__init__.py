"""Models: pure functions of an analysis set and a specification."""
