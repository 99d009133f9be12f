"""Errors that a user can mend: their message says what is wrong, where, and how to fix it.

The command line prints them without a traceback. Anything else that is raised is a fault of ours.
"""


class UserError(Exception):
    """Base of the errors a user can mend."""


class SettingsError(UserError):
    """Settings that cannot be used; the message lists every problem."""


class FrameError(UserError):
    """Rows whose sampling frame cannot support the model's estimand."""


class DesignError(UserError):
    """An analysis set that cannot identify the model."""


class MissingRowsError(UserError):
    """The evidence base lacks the tables or rows that a model needs."""


class FlowError(UserError):
    """Counts of the evidence flow that do not add up."""


class StoredFitError(UserError):
    """A stored fit that cannot be read whole."""


class GateError(UserError):
    """Checks that failed; the message names model, check, value and threshold."""
