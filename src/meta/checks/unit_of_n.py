r"""Unit of n: counts as if trials of one trained agent were correlated.

Episodes of one agent say less of other training runs than as many agents would. With m trials an
agent and intra-class correlation rho, n trials are worth n / (1 + (m - 1) rho) independent ones
(the design effect, Kish 1965; Donner & Klar 2000). At rho = 1 every trained agent counts once.

Rounding: with d the design effect, n' = max(1, n / d) and k' = k n' / n, each rounded to the
nearest whole number, halves up. No event stays none and all stay all; a few events among very many
trials may round to none. A blank number of agents is read as one: the strictest reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from meta.checks.refits import Fit, against
from meta.config import FitTask
from meta.models.design import Design


def effective_counts(
    events: np.ndarray, trials: np.ndarray, agents: np.ndarray, icc: float
) -> tuple[np.ndarray, np.ndarray]:
    """Divide counts by their design effect.

    Parameters
    ----------
    events, trials
        Counts, length N.
    agents
        Independently trained agents behind each count, length N, at least 1.
    icc
        Intra-class correlation of the trials of one agent.

    Returns
    -------
    tuple of numpy.ndarray
        Events and trials, whole numbers.
    """
    size = np.maximum(trials / agents, 1.0)
    effect = 1 + (size - 1) * icc
    fewer = np.where(trials > 0, np.maximum(1, _half_up(trials / effect)), 0)
    share = np.divide(events, trials, out=np.zeros(len(trials)), where=trials > 0)
    return _half_up(share * fewer), fewer.astype(np.int64)


def _half_up(values: np.ndarray) -> np.ndarray:
    # The small term keeps 0.5 a half where the product of shares fell short of it.
    return np.floor(values + 0.5 + 1e-9).astype(np.int64)


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
        failures, or of the last stage, that are left), `shift_in_sd` and `shift_mcse_in_sd`.
    """
    each = agents_of(design, agents)
    last = design.stage == len(design.stages) - 1
    parts = []
    for icc in iccs:
        events, trials = effective_counts(design.events, design.trials, each, icc)
        table = main
        if icc > 0:
            other = replace(design, events=events, trials=trials)
            table = fit(other, task, f"icc {icc:g}")
        parts.append(table.assign(icc=icc, n_effective=int(trials[last].sum())))
    return against(pd.concat(parts, ignore_index=True), main)
