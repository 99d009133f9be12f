"""Which checks failed. A check that is missing, or has no value, has failed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from meta.plural import counted
from meta.report.inputs import Fit, ReportInputs
from meta.report.significant_digits import shortened
from meta.report.wording import STAMP, STAMP_BOTH, STAMP_DATA

#: Rules of a check as they are read.
SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}
#: What checks that do not gate compare.
FIT, PRIOR = "fit to the data", "prior against the data"


@dataclass(frozen=True)
class Check:
    """One gate of one model, as shown.

    Attributes
    ----------
    model, check, value, threshold, rule, worst, meaning : str
        The row of ``diagnostics.csv``.
    passed : bool
        Whether the gate holds; never true without a value.
    against_data : bool
        Whether it compares the model with the counts; the others are checks of the sampler.
    """

    model: str
    check: str
    value: str
    threshold: str
    passed: bool
    worst: str = ""
    meaning: str = ""
    against_data: bool = False
    rule: str = ""

    @property
    def wanted(self) -> str:
        """The threshold, short, with the side of it that is wanted."""
        return f"{SIGNS.get(self.rule, '')} {shortened(self.threshold)}".strip()

    @property
    def plainly_wanted(self) -> str:
        """As `wanted`, in signs that every terminal has."""
        return f"{self.rule} {shortened(self.threshold)}".strip()


def checks_of(fit: Fit) -> list[Check]:
    """List the checks of a model: its diagnostics, then what only its record knows.

    Parameters
    ----------
    fit : Fit
        A stored model.

    Returns
    -------
    list of Check
        At least one: a model without any check gets a failed one.
    """
    found = [_from_row(fit.name, row) for row in fit.diagnostics.to_dict("records")]
    known = {check.check for check in found}
    for name, entry in fit.record.get("checks", {}).items():
        text = {key: _text(entry.get(key)) for key in ("value", "threshold", "rule", "passed")}
        if name not in known:
            found.append(_from_row(fit.name, {"check": name, **text}))
        elif not _yes(text["passed"]) and all(c.passed for c in found if c.check == name):
            found.append(_from_row(fit.name, {"check": f"{name} (fit.json)", **text}))
    if not found:
        found.append(_missing(fit.name, "checks recorded", "none"))
    if all(check.passed for check in found):
        found.extend(_disagreements(fit))
    compared = set(fit.checks.gates.get("check", ())) if fit.checks else set()
    return [replace(check, against_data=check.check in compared) for check in found]


def failed_checks(inputs: ReportInputs) -> list[Check]:
    """List the failed checks of all models; empty means everything passed.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.

    Returns
    -------
    list of Check
        In the order of the models; a base without any model has failed.
    """
    if not inputs.fits:
        return [_missing("(none)", "models fitted", "0")]
    found = [check for fit in inputs.fits for check in checks_of(fit) if not check.passed]
    return found + [check for check in code_checks(inputs) if not check.passed]


def code_checks(inputs: ReportInputs) -> list[Check]:
    """List the checks of the latent-code models; none for a base without codings."""
    if inputs.codes is None:
        return []
    rows = inputs.codes.diagnostics.to_dict("records")
    return [_from_row(str(row["model"]), row) for row in rows]


def warned_kinds(fit: Fit) -> tuple[str, ...]:
    """What checks that do not gate warn of in one model: its fit to the data, its prior, or none.

    A warning of an unknown name counts as one of the fit.
    """
    table = fit.checks.warnings if fit.checks is not None else None
    if table is None or table.empty:
        return ()
    names = table.loc[~table["passed"].map(_yes), "check"].map(str)
    of_prior = names.str.startswith("prior_")
    return tuple(kind for kind, some in ((FIT, ~of_prior), (PRIOR, of_prior)) if some.any())


def warned_models(inputs: ReportInputs) -> dict[str, list[str]]:
    """Models that checks which do not gate warn of, in their order, by what is warned of."""
    found: dict[str, list[str]] = {}
    for kind in (FIT, PRIOR):
        if models := [fit.name for fit in inputs.fits if kind in warned_kinds(fit)]:
            found[kind] = models
    return found


@dataclass(frozen=True)
class Status:
    """Verdict on the checks of one model in a line, and the style class that it is shown in."""

    text: str
    style: str


def fit_status(fit: Fit, checks: Sequence[Check]) -> Status:
    """Word the verdict on the gates of a model so that passing them is not read as fitting.

    Where a check of the fit to the data gates it is among those that passed; where it only warns,
    what passed is the sampler's, and the warning stands in the same line.
    """
    failed, warned = sum(not check.passed for check in checks), warned_kinds(fit)
    total = counted(len(checks), "gate")
    if failed:
        text = f"{failed} of {total} failed"
    else:
        text = "sampler gates passed" if FIT in warned else f"{total} passed"
    text += "".join(f"; {kind}: warned" for kind in warned)
    return Status(text, "fail" if failed else "warned" if warned else "pass")


def stamp_of(failed: Iterable[Check]) -> str:
    """Word the stamp by what failed: the sampler, a comparison with the data, or both.

    Parameters
    ----------
    failed : iterable of Check
        Failed checks.

    Returns
    -------
    str
        Empty without a failed check.
    """
    kinds = {check.against_data for check in failed}
    return {
        frozenset(): "",
        frozenset({False}): STAMP,
        frozenset({True}): STAMP_DATA,
        frozenset({True, False}): STAMP_BOTH,
    }[frozenset(kinds)]


def stamp(inputs: ReportInputs, models: Collection[str]) -> str:
    """Word the stamp of what is made of some models; empty where all of their checks passed."""
    return stamp_of(check for check in failed_checks(inputs) if check.model in models)


def _disagreements(fit: Fit) -> list[Check]:
    """Failures stated by the record or the pooled rows though every listed check passed."""
    found = []
    if not _yes(_text(fit.record.get("passed"))):
        found.append(_missing(fit.name, "passed, according to fit.json", "false"))
    bad = [row for row in fit.pooled["passed"].tolist() if not _yes(_text(row))]
    if bad:
        found.append(_missing(fit.name, "pooled rows that did not pass", str(len(bad)), "0"))
    return found


def _from_row(model: str, row: dict[Any, str]) -> Check:
    value = row.get("value", "").strip()
    missing = value.lower() in {"", "nan", "none", "null"}
    return Check(
        model=model,
        check=row.get("check", ""),
        value="missing" if missing else value,
        threshold=row.get("threshold", ""),
        passed=_yes(row.get("passed", "")) and not missing,
        worst=row.get("worst", ""),
        meaning=row.get("meaning", ""),
        # Tables of an earlier version have none, and get cells that are no text when joined.
        rule=rule if isinstance(rule := row.get("rule"), str) else "",
    )


def _missing(model: str, check: str, value: str, threshold: str = "") -> Check:
    return Check(model, check, value, threshold or "required", passed=False)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _yes(text: str) -> bool:
    return text.strip().lower() in {"true", "1", "1.0"}
