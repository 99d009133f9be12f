r"""Gaps between frequentist and Bayesian averages: a reason explains only what its removal removes.

Agreement is a gap of at most one posterior sd of the main result, and that distance stays the
yardstick throughout: an alternative that is merely vaguer closes nothing. A wider gap has its
reasons taken away one after the other, in this order, until it agrees or none is left:

1. Weights. In place of an estimator that counts trials or arms, the plain mean of the studies'
   rates, which is what `rate_mean` estimates.
2. The prior. The prior of the average over studies is updated with that mean and its own error
   (Student-t with one degree of freedom less than studies, as its interval is):
   E[p] = sum_i p_i t((m - p_i) / s) / sum_i t((m - p_i) / s) over prior draws p_i. It says
   which way the prior should pull, and how far.
3. Other counts. The model is fitted again to what the estimator sees alone.

Where what is left agrees the gap is explained; where at most half of it is left, partly; else it is
unexplained. A step that widens the gap is kept and told: two errors may hide each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from meta.checks.arm_counts import counting_directly
from meta.checks.refits import Fit, population
from meta.config import FitTask
from meta.models.design import Design
from meta.plural import counted

Pair = tuple[float, float]
AGREES, EXPLAINED, PARTLY, UNEXPLAINED = "agrees", "explained", "partly explained", "unexplained"
#: A gap that no reader would act on agrees whatever the posterior sd.
SMALLEST = 0.02
#: What may be left of a gap that is partly explained.
PARTLY_LEFT = 0.5
ESTIMAND = "rate_mean"


@dataclass(frozen=True)
class Removals:
    """What it takes to remove a reason.

    Attributes
    ----------
    prior
        Draws of the average over studies under the prior, by outcome.
    refit
        Mean of the average over studies when the model sees only counts of this outcome; None
        where that fit fails its diagnostics or has no such number.
    """

    prior: Mapping[str, np.ndarray]
    refit: Callable[[str], float | None]


@dataclass(frozen=True)
class Case:
    """One estimator of one outcome.

    Attributes
    ----------
    name
        The estimator.
    part
        Counts that it sees: study, outcome, events, trials.
    found
        Estimate and standard error of each estimator of the outcome.
    others
        Counts of other outcomes that the model sees besides.
    removals
        What it takes to remove a reason.
    """

    name: str
    part: pd.DataFrame
    found: Mapping[str, Pair]
    others: int
    removals: Removals

    @property
    def outcome(self) -> str:
        """What the counts are of."""
        return str(self.part["outcome"].iloc[0])


@dataclass(frozen=True)
class Gap:
    """What is said of a difference.

    Attributes
    ----------
    verdict
        agrees | explained | partly explained | unexplained.
    reason
        Each reason removed, and the gap after it.
    allowed
        Largest gap that agrees.
    left
        Gap after all that was removed, estimate less model.
    """

    verdict: str
    reason: str
    allowed: float
    left: float


@dataclass(frozen=True)
class _Compared:
    estimate: float
    error: float
    model: float

    @property
    def gap(self) -> float:
        return self.estimate - self.model


def explain(case: Case, mean: float, sd: float) -> Gap:
    """Judge the gap between an estimator and the model by removing its reasons.

    Parameters
    ----------
    case
        The estimator.
    mean, sd
        Of the posterior of the average over studies.
    """
    allowed = max(sd, SMALLEST)
    now = start = _Compared(*case.found[case.name], mean)
    if abs(start.gap) <= allowed:
        said = f"{_points(start.gap)}, at most {100 * allowed:.1f} agree"
        return Gap(AGREES, said, allowed, start.gap)
    steps = []
    for remove in (_weights, _prior, _others):
        step = remove(case, now)
        if step is None:
            continue
        now, what = step
        steps.append(f"{what} ({_points(now.gap)})")
        if abs(now.gap) <= allowed:
            break
    return Gap(
        _verdict(start.gap, now.gap, allowed),
        f"{_points(start.gap)}; " + ("; ".join(steps) or "no reason that could be removed"),
        allowed,
        now.gap,
    )


def _verdict(start: float, left: float, allowed: float) -> str:
    if abs(left) <= allowed:
        return EXPLAINED
    return PARTLY if abs(left) <= PARTLY_LEFT * abs(start) else UNEXPLAINED


def _weights(case: Case, now: _Compared) -> tuple[_Compared, str] | None:
    """One vote a study, in place of the estimator's own weights."""
    estimate, error = case.found["average"]
    if np.isclose(estimate, now.estimate, rtol=0, atol=1e-9):
        return None
    trials = case.part.groupby("study")["trials"].sum()
    arms = case.part.groupby("study").size()
    why = {
        "ratio": f"it counts trials, {_largest(trials)}",
        "gee": f"it leans to counting arms, {_largest(arms)}",
    }.get(case.name, f"it leans to counting trials where studies agree, {_largest(trials)}")
    changed = replace(now, estimate=estimate, error=error)
    return changed, f"{why}; with one vote a study it is {_percent(estimate)}"


def _largest(totals: pd.Series) -> str:
    return f"{totals.max() / totals.sum():.0%} of them of {totals.idxmax()}"


def _prior(case: Case, now: _Compared) -> tuple[_Compared, str] | None:
    """The prior updated with the estimate and its error, in place of the estimate."""
    draws = case.removals.prior.get(case.outcome)
    if draws is None or not np.isfinite(now.error) or now.error <= 0:
        return None
    pulled = updated(draws, now.estimate, now.error, case.part["study"].nunique() - 1)
    changed = replace(now, estimate=pulled)
    return changed, f"pulled by the model's prior as far as its error lets it, {_percent(pulled)}"


def updated(draws: np.ndarray, estimate: float, error: float, df: int) -> float:
    """Mean of draws of a prior, updated with an estimate whose error is Student-t.

    Parameters
    ----------
    draws
        Draws of the prior.
    estimate, error, df
        The estimate, its standard error and degrees of freedom.
    """
    log = stats.t.logpdf((estimate - draws) / error, df)
    return float(np.average(draws, weights=np.exp(log - log.max())))


def _others(case: Case, now: _Compared) -> tuple[_Compared, str] | None:
    """The model fitted to the estimator's counts alone, in place of the main fit."""
    if not case.others:
        return None
    alone = case.removals.refit(case.outcome)
    if alone is None:
        return now, f"a fit without the {counted(case.others, 'other count')} is not to be had"
    return (
        replace(now, model=alone),
        f"without the {counted(case.others, 'other count')} the model gives {_percent(alone)}",
    )


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g}%"


def _points(gap: float) -> str:
    return f"gap {100 * gap:+.1f} points"


def prior_averages(
    prior: xr.Dataset | None, design: Design, task: FitTask
) -> dict[str, np.ndarray]:
    """Draws of the average over studies under the prior, by outcome.

    Parameters
    ----------
    prior
        Draws of the parameters under the prior; None where the fit stores none.
    design, task
        The model.
    """
    if prior is None:
        return {}
    return {
        e.outcome: e.draws.ravel().astype(float)
        for e in population(prior, design, task)
        if e.estimand == ESTIMAND and e.group == "all"
    }


def refit_to_direct_counts(
    fit: Fit, design: Design, task: FitTask
) -> Callable[[str], float | None]:
    """Return a function that fits the model to counts of one outcome alone, once each.

    Parameters
    ----------
    fit
        Fits and summarises.
    design, task
        The model.
    """

    @cache
    def alone(outcome: str) -> float | None:
        found = fit(counting_directly(design, outcome), task, f"only {outcome}")
        chosen = found[found["outcome"].eq(outcome) & found["estimand"].eq(ESTIMAND)]
        chosen = chosen[chosen["group"].eq("all") & chosen["passed"].astype(bool)]
        return float(chosen["mean"].iloc[0]) if len(chosen) == 1 else None

    return alone
