r"""Predictive check of contrasts: pairs of arms under new effects, beside those observed.

Given a draw of the baselines, of the mean effects and of the spreads, every study's effect
:math:`v_{ks}` and every arm's own deviation :math:`e_i` (or its beta-distributed rate) is drawn
anew, and then the counts (mixed predictive; Marshall & Spiegelhalter 2003, doi:10.1002/sim.1403).
Under the fitted effects the replicates would follow the data whatever their population.

Baselines have no population in this model, so that they are kept: statistics of arms without or
with nothing but events are pulled towards the data by them, while those of effects are not.
A tail probability below the threshold (settings, `checks.tail_probability`) warns, and the section
on contrasts says so beside the effects; that the statistics could be computed gates. A right model
fails any of the six with a probability of at most six times the threshold.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit, logit

from meta.checks.posterior_predictive import REPLICATES, comparison_table
from meta.checks.predictive import Comparison, beta_rates
from meta.checks.sampler import Check
from meta.models.contrast_design import ContrastDesign

STATISTICS = {
    "zero_event_arms": "arms without an event",
    "all_event_arms": "arms in which every trial is an event",
    "largest_effect": "largest absolute log odds ratio of a pair",
    "share_raised": "share of pairs in which the intervention goes with a higher rate",
    "effect_sd_between_studies": "sd between studies of the mean log odds ratio of an intervention",
    "effect_sd_within_studies": "sd of log odds ratios about the mean of their study",
}


def contrast_predictive(
    posterior: xr.Dataset,
    design: ContrastDesign,
    seed: int,
    ci_prob: float = 0.95,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Tabulate each statistic of the data beside that of replicates with new effects.

    Parameters
    ----------
    posterior
        Posterior group of a fit.
    design
        Design it was fitted to.
    seed
        Seed of the replicates.
    ci_prob
        Mass of the equal-tailed interval of replicates.
    replicates
        Replicates at most, spread evenly over the draws.

    Returns
    -------
    pandas.DataFrame
        Columns of `meta.checks.posterior_predictive`, one row a statistic that the pairs define.
    """
    rng = np.random.default_rng(seed)
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    index = np.linspace(0, total - 1, min(replicates, total)).round().astype(int)
    counts = replicate_contrasts(posterior, design, index, rng)
    new = contrast_statistics(design, counts)
    old = contrast_statistics(design, design.events[None])
    stage = design.stages[0]
    compared = [
        Comparison(stage, name, values, np.full(values.size, old[name][0]))
        for name, values in new.items()
    ]
    return comparison_table(compared, ci_prob, STATISTICS)


def computed_check(table: pd.DataFrame) -> Check:
    """Check that every statistic has a tail probability, and that there is one at all."""
    known = int(np.isfinite(table["tail_probability"].to_numpy(float)).sum())
    needed = max(1, len(table))
    meaning = "statistics that could be compared with replicates; a misfit warns"
    return Check("posterior_predictive_computed", float(known), float(needed), ">=", "", meaning)


def replicate_contrasts(
    posterior: xr.Dataset, design: ContrastDesign, index: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Counts of the design's arms with new effects and deviations.

    Parameters
    ----------
    posterior
        Posterior group of a fit.
    design
        Design it was fitted to.
    index
        Draws to replicate, of the chains one after the other, length D.
    rng
        Source of the effects and counts.

    Returns
    -------
    numpy.ndarray
        Shape (D, R).
    """
    delta = _flat(posterior, "delta", "intervention")[index]
    spread = _flat(posterior, "tau_delta")[index, None]
    cells = (len(index), len(design.cell_intervention))
    effect = delta[:, design.cell_intervention] + spread * rng.standard_normal(cells)
    eta = _flat(posterior, "baseline_logit", "baseline")[index][:, design.row_unit[1]]
    eta = eta + effect @ design.row_cells.T
    if "kappa" in posterior:
        kappa = _flat(posterior, "kappa", "stage")[index]
        eta = eta + kappa * rng.standard_normal(eta.shape)
    rate = expit(eta)
    if "icc" in posterior:
        rate = beta_rates(rate, _flat(posterior, "icc", "stage")[index], rng)
    return np.asarray(rng.binomial(design.trials, rate))


def contrast_statistics(design: ContrastDesign, events: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics of counts of arms and of their pairs.

    Parameters
    ----------
    design
        Design that the counts are of.
    events
        Counts, shape (D, R).

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (D,) each. Log odds ratios are of (events + 1/2) / (trials + 1), a descriptive
        transformation that serves only to compare. The spread between studies is missing where
        no intervention has two of them, that within where no study has two pairs of one.
    """
    arm, baseline = (np.array([edge[side] for edge in design.edges]) for side in (0, 1))
    shown = logit((events + 0.5) / (design.trials + 1))
    effect = shown[:, arm] - shown[:, baseline]
    names = [name for _, _, name in design.edges]
    # A cell is one intervention in one study, as in the model.
    label = [f"{name}|{design.row_unit[0][row]}" for name, row in zip(names, arm, strict=True)]
    cells, cell = np.unique(label, return_inverse=True)
    mean = _means(effect, cell)
    of_cell = np.array([text.partition("|")[0] for text in cells])
    interventions, kind = np.unique(of_cell, return_inverse=True)
    found = {
        "zero_event_arms": (events == 0).sum(axis=1).astype(float),
        "all_event_arms": (events == design.trials).sum(axis=1).astype(float),
        "largest_effect": np.abs(effect).max(axis=1),
        "share_raised": (effect > 0).mean(axis=1),
    }
    if spare := len(cells) - len(interventions):
        away = mean - _means(mean, kind)[:, kind]
        found["effect_sd_between_studies"] = np.sqrt((away**2).sum(axis=1) / spare)
    if spare := len(names) - len(cells):
        away = effect - mean[:, cell]
        found["effect_sd_within_studies"] = np.sqrt((away**2).sum(axis=1) / spare)
    return found


def _means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Means over the groups of columns, shape (D, groups)."""
    member = (group[:, None] == np.arange(group.max() + 1)).astype(float)
    return np.asarray(values @ member / member.sum(axis=0))


def _flat(posterior: xr.Dataset, name: str, *dims: str) -> np.ndarray:
    values = posterior[name].transpose("chain", "draw", *dims).to_numpy()
    return np.asarray(values.reshape(-1, *values.shape[2:]))
