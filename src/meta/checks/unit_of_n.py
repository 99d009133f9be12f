r"""Unit of n: counts as if trials of one trained agent were correlated.

Episodes of one agent say less of other training runs than as many agents would. With m trials an
agent and intra-class correlation rho, n trials are worth n / (1 + (m - 1) rho) independent ones
(the design effect, Kish 1965; Donner & Klar 2000). At rho = 1 every trained agent counts once.

Models count whole trials, so n / d with d the design effect, and then k n' / n, are rounded to a
whole number above or below at random, in proportion: both are right on average, and so is every
rate. (To the nearest number, arms of one agent at rho = 1 would become 0 or 1 of 1, whichever is
nearer, and rates below one half would vanish.) The model is fitted to `ROUNDINGS` tables rounded
so, from a fixed seed; the numbers are the average over them, and the spread between them is part of
the sd and the Monte Carlo error. No event stays none and all stay all.

A blank number of agents is read as one: the strictest reading. A beta-binomial model has an
intra-class correlation of arms already, which then discounts once more what is left of an arm: the
rows above 0 are harsher than their rho says, and bound what correlation could do. Of an arm that is
one trial, that model learns nothing about the correlation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from meta.checks.refits import COLUMNS, KEY, Fit, against
from meta.config import FitTask
from meta.inference.seeds import child_seed
from meta.models.design import Design

#: Tables rounded at random that each correlation is fitted to.
ROUNDINGS = 5


def effective_counts(
    events: np.ndarray,
    trials: np.ndarray,
    agents: np.ndarray,
    icc: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Divide counts by their design effect, rounded at random without bias.

    Parameters
    ----------
    events, trials
        Counts, length N.
    agents
        Independently trained agents behind each count, length N, at least 1.
    icc
        Intra-class correlation of the trials of one agent.
    rng
        Source of the rounding.

    Returns
    -------
    tuple of numpy.ndarray
        Events and trials, whole numbers.
    """
    size = np.maximum(trials / agents, 1.0)
    effect = 1 + (size - 1) * icc
    # The effect is at most the trials an agent has, so that one trial is always left of some.
    fewer = _at_random(trials / effect, rng)
    share = np.divide(events, trials, out=np.zeros(len(trials)), where=trials > 0)
    return _at_random(share * fewer, rng), fewer


def _at_random(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers below or above, with the values as their means."""
    # A whole number that arithmetic missed by a little stays that number.
    near = np.where(np.abs(values - np.rint(values)) < 1e-9, np.rint(values), values)
    low = np.floor(near)
    return np.asarray(low + (rng.random(near.shape) < near - low), dtype=np.int64)


def agents_of(design: Design, agents: Mapping[str, float]) -> np.ndarray:
    """Agents behind each observation, from numbers by row; one where none is stated."""
    found = np.array([agents.get(str(r), 1.0) for r in design.rows["row_id"]], dtype=float)
    found = np.where(np.isfinite(found) & (found >= 1), found, 1.0)
    return np.asarray(found[design.row])


def unit_of_n(
    fit: Fit,
    design: Design,
    task: FitTask,
    agents: Mapping[str, float],
    iccs: Sequence[float],
    main: pd.DataFrame,
) -> pd.DataFrame:
    """Refit a model to counts divided by their design effect.

    Parameters
    ----------
    fit
        Fits and summarises.
    design, task
        The model.
    agents
        Independently trained agents by `row_id`.
    iccs
        Intra-class correlations; at 0 the numbers are the main result's.
    main
        Numbers of the main fit.

    Returns
    -------
    pandas.DataFrame
        The columns of `meta.checks.refits.COLUMNS`, with `icc`, `n_effective` (trials of goal
        failures, or of the last stage, that are left on average), `shift_in_sd` and
        `shift_mcse_in_sd`.
    """
    each = agents_of(design, agents)
    parts = [
        _at_icc(fit, design, task, each, icc)
        if icc > 0
        else main.assign(icc=icc, n_effective=int(design.trials[_last(design)].sum()))
        for icc in iccs
    ]
    return against(pd.concat(parts, ignore_index=True), main)


def _last(design: Design) -> np.ndarray:
    return np.asarray(design.stage == len(design.stages) - 1)


def _at_icc(
    fit: Fit, design: Design, task: FitTask, agents: np.ndarray, icc: float
) -> pd.DataFrame:
    """Numbers at one correlation, averaged over roundings."""
    tables, left, last = [], [], _last(design)
    for number in range(1, ROUNDINGS + 1):
        stream = f"icc {icc:g} rounding {number}"
        rng = np.random.default_rng(child_seed(task.seed, task.model, stream))
        events, trials = effective_counts(design.events, design.trials, agents, icc, rng)
        tables.append(fit(replace(design, events=events, trials=trials), task, stream))
        left.append(trials[last].sum())
    return averaged(tables).assign(icc=icc, n_effective=round(float(np.mean(left))))


def averaged(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Average the numbers of a model over fits to tables that are equally likely.

    Parameters
    ----------
    tables
        With the columns of `meta.checks.refits.COLUMNS`, the same numbers in each.

    Returns
    -------
    pandas.DataFrame
        Means of centres and ends of intervals; `sd` and `mcse_mean` with the variance between
        tables; the worst `r_hat`, the sum of effective draws, and whether all passed.
    """
    whole = pd.concat(tables, ignore_index=True)
    groups = whole.groupby(KEY, sort=False)
    between = groups["mean"].var(ddof=1).fillna(0.0)
    found = groups.mean(numeric_only=True)
    within = (groups["mcse_mean"].agg(lambda v: (v**2).sum())) / len(tables) ** 2
    found["sd"] = np.sqrt(groups["sd"].agg(lambda v: (v**2).mean()) + between)
    found["mcse_mean"] = np.sqrt(within + between / len(tables))
    found["r_hat"] = groups["r_hat"].max()
    found[["ess_bulk", "ess_tail"]] = groups[["ess_bulk", "ess_tail"]].sum()
    # Counts of what is left after rounding; they hardly differ.
    found[["k_studies", "k_rows"]] = groups[["k_studies", "k_rows"]].min()
    found["passed"] = groups["passed"].all()
    return found.reset_index()[COLUMNS]
