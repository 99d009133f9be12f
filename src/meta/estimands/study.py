"""Shrunken rates of the studies in the evidence."""

from __future__ import annotations

import numpy as np
import xarray as xr

from meta.estimands.averages import mean_rate
from meta.estimands.draws import Draws, Estimate, outcomes
from meta.models.design import Design


def study_estimates(posterior: xr.Dataset, draws: Draws, design: Design) -> list[Estimate]:
    """Shrunken mean rate of each study's arms, for the stages that the study observes."""
    inner = design.level("agent_set")
    level = inner or design.levels[0]
    index = design.row_unit[design.levels.index(level)]
    top = design.row_unit[0]
    name = f"{level.name}_logit"
    logit = posterior[name].transpose("chain", "draw", level.name, "stage").to_numpy()
    logit = logit.reshape(-1, *logit.shape[2:])
    kappa = np.zeros_like(draws.tau)
    if "kappa" in posterior:
        kappa = posterior["kappa"].transpose("chain", "draw", "stage").to_numpy()
        kappa = kappa.reshape(draws.tau.shape)
    found: list[Estimate] = []
    label = design.spec.top_level
    for s, study in enumerate(design.levels[0].units):
        members = np.flatnonzero(top == s)
        shift = np.einsum("rp,dpo->dro", design.x[members], draws.slope)
        rate = mean_rate(logit[:, index[members], :] + shift, kappa[:, None, :])
        for outcome, stages in outcomes(design):
            rows = np.intersect1d(design.rows_of_stage(stages.stop - 1), members)
            if rows.size:
                values = rate[:, np.isin(members, rows), stages].prod(axis=2)
                mean = values.mean(axis=1).reshape(draws.shape)
                found.append(Estimate(outcome, f"{label}={study}", "study_rate", mean, rows))
    return found
