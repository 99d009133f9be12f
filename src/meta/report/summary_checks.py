"""Checks as the summary tells them: the sampler's, worst of all models, and those against data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from meta.checks.importance import NOT_COMPUTED
from meta.plural import counted
from meta.report.inputs import Fit, ReportInputs
from meta.report.significant_digits import shortened
from meta.report.verdict import Check, checks_of
from meta.report.wording import spell

#: Checks of the sampler, and whether a large value is the bad one.
SAMPLER = {
    "r_hat": True,
    "ess_bulk": False,
    "ess_tail": False,
    "mcse_over_sd": True,
    "e_bfmi": False,
    "divergences": True,
    "max_depth_share": True,
}
#: Check that every statistic of the predictive check was compared; its value is a count.
COMPUTED = "posterior_predictive_computed"
NAMES = {
    "r_hat": "largest R-hat",
    "ess_bulk": "smallest bulk ESS",
    "ess_tail": "smallest tail ESS",
    "mcse_over_sd": "largest Monte Carlo error over sd",
    "e_bfmi": "smallest E-BFMI",
    "divergences": "divergences",
    "max_depth_share": "share of draws at the depth limit",
}


@dataclass(frozen=True)
class SamplerLine:
    """One check: its value for the primary model, and the worst of all models."""

    name: str
    primary: str
    worst: str
    threshold: str
    failed: int


def sampler_lines(run: ReportInputs) -> list[SamplerLine]:
    """Summarise each check of the sampler over the models that have it.

    Parameters
    ----------
    run : ReportInputs
        The stored results.

    Returns
    -------
    list of SamplerLine
        A value that is missing is worse than any number.
    """
    found = [check for fit in run.fits for check in checks_of(fit)]
    lines = []
    for name, large in SAMPLER.items():
        mine = [check for check in found if check.check == name]
        if not mine:
            continue
        worst = max(mine, key=lambda check: _badness(check, large))
        own = [c.value for c in mine if run.primary and c.model == run.primary.name]
        failed = sum(not check.passed for check in mine)
        lines.append(
            SamplerLine(NAMES[name], own[0] if own else "none", worst.value, worst.wanted, failed)
        )
    return lines


def _badness(check: Check, large: bool) -> float:
    try:
        value = float(check.value)
    except ValueError:
        return math.inf
    return value if large else -value


def against_data(fit: Fit) -> list[str]:
    """Say what the checks of a model against data found; empty where none was made.

    Parameters
    ----------
    fit : Fit
        The model.
    """
    if fit.checks is None:
        return []
    checks = [check for check in checks_of(fit) if check.against_data]
    said = [
        *(_computed(c) for c in checks if c.check == COMPUTED and not c.passed),
        *_predictive(
            [
                c
                for c in checks
                if c.check.startswith("posterior_predictive_") and c.check != COMPUTED
            ]
        ),
        *(
            f"LOO-PIT: leaves its simultaneous bands by {shortened(c.value)} at most, wanted "
            f"{c.wanted}" + _failed(c)
            for c in checks
            if c.check == "loo_pit"
        ),
        *_left_out(fit.checks.loo),
    ]
    elpd, error = (fit.checks.summary.get(name) for name in ("elpd", "elpd_se"))
    if elpd is not None:
        text = "" if error is None else f" (standard error {error:.0f})"
        said.append(f"sum of the log predictive densities of studies left out: {elpd:.0f}{text}")
    return said


def _computed(check: Check) -> str:
    return (
        f"posterior predictive: {shortened(check.value)} statistics compared, wanted "
        f"{check.wanted}{_failed(check)}"
    )


def _predictive(checks: list[Check]) -> list[str]:
    if not checks:
        return []
    least = max(checks, key=lambda check: _badness(check, large=False))
    return [
        f"posterior predictive: {counted(len(checks), 'statistic')} of replicated new studies, "
        f"smallest tail probability {shortened(least.value)} "
        f"({spell(least.check.removeprefix('posterior_predictive_'))}), wanted "
        f"{least.wanted}" + "".join(_failed(check) for check in checks)
    ]


def _left_out(loo: pd.DataFrame) -> list[str]:
    if loo.empty:
        return []
    done = loo[loo["method"] != NOT_COMPUTED]
    if done.empty:
        return ["Pareto k: no study could be left out"]
    refit = done["method"].eq("refit")
    bad = int((~loo["reliable"].astype(bool)).sum())
    largest = [
        f"of the {len(part):,} {word} {part['pareto_k'].max():.2f}"
        for word, part in (("reweighted", done[~refit]), ("refitted", done[refit]))
        if len(part)
    ]
    return [
        f"each of {counted(len(done), 'study')} left out: largest Pareto k {', '.join(largest)}; "
        f"{_limits(done['limit'])}; {bad} not reliable"
    ]


def _limits(limits: pd.Series) -> str:
    """Largest k that is borne: it differs between studies with their numbers of draws."""
    least, most = (f"{value:.2f}" for value in (limits.min(), limits.max()))
    return f"limit {least}" if least == most else f"limits {least} to {most}"


def _failed(check: Check) -> str:
    return "" if check.passed else f" (FAILED: {spell(check.check)})"
