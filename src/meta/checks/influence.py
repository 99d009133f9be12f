"""Influence: how each pooled number and each scale of variation moves when a study is left out.

The posterior without a study is reached by importance sampling where the Pareto k allows and by a
refit elsewhere (see `meta.checks.leave_one_out`). Set against how badly the others predict the
study, this is the plot of Baujat, Mahe, Pignon & Hill (2002, doi:10.1002/sim.1221) for models
without a heterogeneity statistic: misfit, minus the study's log predictive density, across and
shift upwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats

from meta.checks.importance import shift
from meta.checks.leave_one_out import LeftOut, Refit
from meta.estimands import Estimate

#: What describes rows in the evidence rather than a population.
LEFT_OUT = "study_rate"
COLUMNS = [
    "study", "outcome", "group", "estimand", "mean", "sd", "without", "shift", "shift_sd", "mcse",
    "method", "reliable",
]  # fmt: skip
SUMMARY_COLUMNS = ["study", "largest_shift_sd", "largest_of", "tau_shift_sd", "misfit"]


def influence(
    estimates: Sequence[Estimate],
    left: Sequence[LeftOut],
    offsets: Sequence[int],
    refits: Mapping[str, Refit],
    refit_estimates: Mapping[str, Sequence[Estimate]],
    ci_prob: float = 0.95,
) -> pd.DataFrame:
    """Shift of every population quantity when each study is left out.

    Parameters
    ----------
    estimates
        Quantities of the fit under the draws of all parts, one after the other when flattened.
    left
        Every study, left out by importance sampling.
    offsets
        Place of each part's first draw among those.
    refits
        Fits without a study.
    refit_estimates
        The same quantities under their draws, by study.
    ci_prob
        Mass of the interval whose ends are moved along.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`: mean and sd with the study, mean without it, the difference, the same in
        posterior sds, its Monte Carlo error, and how it was found.
    """
    population = [e for e in estimates if e.estimand != LEFT_OUT]
    rows = []
    for each in left:
        index = np.concatenate([i + o for i, o in zip(each.draws, offsets, strict=True)])
        exact = {e.key: e for e in refit_estimates.get(each.study, ())}
        refit = refits.get(each.study)
        how = ["refit", refit.sound] if refit else [each.method, each.reliable]
        for estimate in population:
            draws = estimate.draws.ravel()
            mean, sd = float(draws.mean()), float(draws.std(ddof=1))
            if refit:
                other = exact[estimate.key].draws
                moved = float(other.mean()) - mean
                mcse = float(np.hypot(_mcse(other), _mcse(estimate.draws)))
            elif not each.computed:
                moved = mcse = float("nan")
            else:
                change = shift(draws[index][None, :], each.weights, ci_prob)
                moved, mcse = change.mean, change.mcse
            head = [each.study, estimate.outcome, estimate.group, estimate.estimand]
            scaled = moved / sd if sd > 0 else np.nan
            rows.append([*head, mean, sd, mean + moved, moved, scaled, mcse, *how])
    return pd.DataFrame(rows, columns=COLUMNS)


def _mcse(draws: np.ndarray) -> float:
    return 0.0 if np.ptp(draws) < 1e-15 else float(array_stats.mcse(draws, method="mean"))


def influence_summary(table: pd.DataFrame, loo: pd.DataFrame) -> pd.DataFrame:
    """Largest shifts and misfit of each study, the most influential first.

    Parameters
    ----------
    table
        Of `influence`.
    loo
        Of `leave_one_out_table`.

    Returns
    -------
    pandas.DataFrame
        `SUMMARY_COLUMNS`: the largest absolute shift of a mean rate over outcomes and groups in
        posterior sds and which it is, that of tau, and minus the log predictive density.
    """
    rows = []
    misfit = dict(zip(loo["study"], -loo["elpd"], strict=True))
    for study, part in table.groupby("study", sort=False):
        rates = part[part["estimand"] == "rate_mean"]
        size = rates["shift_sd"].abs().to_numpy(float)
        if not np.isfinite(size).any():
            continue
        top = rates.iloc[int(np.nanargmax(size))]
        tau = part.loc[part["estimand"] == "tau", "shift_sd"].abs().max()
        name = f"{top['outcome']}/{top['group']}/{top['estimand']}"
        rows.append([study, float(top["shift_sd"]), name, float(tau), misfit[study]])
    found = pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
    order = found["largest_shift_sd"].abs().sort_values(ascending=False).index
    return found.loc[order].reset_index(drop=True)
