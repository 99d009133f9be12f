"""Where the numbers come from: the record of each fit as lines a reader can check."""

from typing import Any

from meta.report.inputs import Fit

_LINES = (
    ("Fitted at commit", ("provenance", "commit")),
    ("with uncommitted changes", ("provenance", "dirty")),
    ("Summarised and checked at commit", ("diagnosed", "commit")),
    ("with uncommitted changes then", ("diagnosed", "dirty")),
    ("Python", ("provenance", "python")),
    ("Data hash", ("data_hash",)),
    ("Spec hash", ("spec_hash",)),
    ("Seed", ("seed",)),
    ("Sampler", ("sampler",)),
    ("Attempts (smaller steps while transitions diverge)", ("attempts",)),
    ("Specification", ("spec",)),
    ("Parameterisation", ("parameterisation",)),
    ("Priors", ("prior_set",)),
    ("Rows by stage", ("rows",)),
    ("Versions", ("versions",)),
    ("Times (seconds)", ("times",)),
    ("Notes", ("notes",)),
)


def provenance_of(fit: Fit) -> list[tuple[str, str]]:
    """List what produced a fit.

    Parameters
    ----------
    fit : Fit
        A stored model.

    Returns
    -------
    list of tuple of str
        Name and text of each line; what the record lacks is said to be missing.
    """
    return [(name, _words(_dig(fit.record, path)) or "not recorded") for name, path in _LINES]


def _dig(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = record
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict | list | tuple) and not value:
        return "none"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_inner(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_inner(part) for part in value)
    return str(value)


def _inner(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_inner(part)}" for key, part in value.items()) + ")"
    return _words(value) or "none"
