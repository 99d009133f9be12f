"""Shrunken rates of the studies in the evidence."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import expit
from scipy.stats import norm

from meta.estimands.averages import mean_rate
from meta.estimands.draws import Draws, Estimate, flat_draws, outcomes
from meta.models.design import Design


def study_estimates(posterior: xr.Dataset, draws: Draws, design: Design) -> list[Estimate]:
    """Shrunken mean rate of each study's arms, for the stages that the study observes."""
    inner = design.level("agent_set")
    level = inner or design.levels[0]
    index = design.row_unit[design.levels.index(level)]
    top = design.row_unit[0]
    name = f"{level.name}_logit"
    logit = flat_draws(posterior, name, level.name, "stage")
    kappa = np.zeros_like(draws.tau)
    if "kappa" in posterior:
        kappa = flat_draws(posterior, "kappa", "stage")
    effects = [
        flat_draws(posterior, f"{lv.name}_effect", lv.name, "stage")[:, unit]
        for lv, unit in zip(design.crossed, design.row_crossed, strict=True)
    ]
    found: list[Estimate] = []
    label = design.spec.top_level
    for s, study in enumerate(design.levels[0].units):
        members = np.flatnonzero(top == s)
        shift = np.einsum("rp,dpo->dro", design.x[members], draws.slope)
        shift = sum((effect[:, members] for effect in effects), start=shift)
        rate = mean_rate(logit[:, index[members], :] + shift, kappa[:, None, :])
        for outcome, stages in outcomes(design):
            rows = np.intersect1d(design.rows_of_stage(stages.stop - 1), members)
            if rows.size:
                values = rate[:, np.isin(members, rows), stages].prod(axis=2)
                mean = values.mean(axis=1).reshape(draws.shape)
                found.append(Estimate(outcome, f"{label}={study}", "study_rate", mean, rows))
    return found


def population_membership(posterior: xr.Dataset, draws: Draws, design: Design) -> list[Estimate]:
    """Probability that each study is of the upper of two populations, given its logits."""
    if draws.upper_share is None or draws.split is None:
        return []
    top = design.levels[0]
    logit = flat_draws(posterior, f"{top.name}_logit", top.name, "stage")
    effect = (logit - draws.location[:, None]) / draws.tau[:, None]
    z = np.linalg.solve(draws.factor[:, None], effect[..., None])[..., -1, 0]
    share, within = draws.upper_share[:, None], np.sqrt(1 - draws.split)[:, None]
    distance = np.sqrt(draws.split[:, None] / (share * (1 - share)))
    log_odds = (
        np.log(share / (1 - share))
        + norm.logpdf(z, (1 - share) * distance, within)
        - norm.logpdf(z, -share * distance, within)
    )
    seen = design.rows_of_stage(len(design.stages) - 1)
    return [
        Estimate(
            design.stages[-1],
            f"{design.spec.top_level}={study}",
            "upper_probability",
            expit(log_odds[:, s]).reshape(draws.shape),
            np.intersect1d(np.flatnonzero(design.row_unit[0] == s), seen),
        )
        for s, study in enumerate(top.units)
    ]
