"""Heterogeneity: how much studies, agent sets and arms differ."""

from __future__ import annotations

import numpy as np
import xarray as xr

from meta.estimands.draws import Estimate
from meta.models.design import Design

#: Normal quantile .75 times the square root of 2: the scale of the median odds ratio (Larsen &
#: Merlo 2005, doi:10.1093/aje/kwi017).
MEDIAN_ODDS_FACTOR = 0.6744897501960817 * np.sqrt(2)


def heterogeneity_estimates(posterior: xr.Dataset, design: Design) -> list[Estimate]:
    """Scales of variation by stage: tau, omega, kappa, icc, median odds ratio, correlations."""
    found: list[Estimate] = []

    def add(outcome: str, estimand: str, values: np.ndarray, rows: np.ndarray) -> None:
        found.append(Estimate(outcome, "all", estimand, values, rows))

    for o, stage in enumerate(design.stages):
        rows = design.rows_of_stage(o)
        for name in ("tau", "omega", "kappa", "phi", "icc"):
            if name in posterior:
                values = posterior[name].isel(stage=o).transpose("chain", "draw").to_numpy()
                add(stage, name, values, rows)
                if name == "tau":
                    add(stage, "median_odds_ratio", np.exp(MEDIAN_ODDS_FACTOR * values), rows)
    for name in ("upper_share", "split", "gap"):
        if name in posterior:
            values = posterior[name].transpose("chain", "draw").to_numpy()
            add(design.stages[-1], name, values, design.rows_of_stage(len(design.stages) - 1))
    if "correlation" in posterior and design.spec.correlation == "lkj":
        for pair in posterior["stage_pair"].to_numpy():
            draws = posterior["correlation"].sel(stage_pair=pair).transpose("chain", "draw")
            later, earlier = (design.stages.index(s) for s in str(pair).split("~"))
            rows = np.intersect1d(design.rows_of_stage(later), design.rows_of_stage(earlier))
            add(str(pair), "stage_correlation", draws.to_numpy(), rows)
    return found
