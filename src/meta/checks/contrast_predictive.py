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

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit, logit

from meta.checks.posterior_predictive import REPLICATES, comparison_table
from meta.checks.predictive import Comparison, beta_rates
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


@dataclass(frozen=True)
class Cells:
    """Pairs by cell: one intervention in one study, as in the model.

    `of_pair` is the cell of each pair, `of_cell` the intervention of each cell.
    """

    of_pair: np.ndarray
    of_cell: np.ndarray

    @property
    def spare_between(self) -> int:
        """Degrees of freedom between the studies of an intervention."""
        return len(self.of_cell) - np.unique(self.of_cell).size

    @property
    def spare_within(self) -> int:
        """Degrees of freedom between the pairs of one cell."""
        return len(self.of_pair) - len(self.of_cell)


def cells_of(design: ContrastDesign) -> Cells:
    """Cells of the pairs of a design."""
    label = [f"{name}|{design.row_unit[0][arm]}" for arm, _, name in design.edges]
    cells, cell = np.unique(label, return_inverse=True)
    of_cell = np.array([text.partition("|")[0] for text in cells])
    return Cells(cell, np.unique(of_cell, return_inverse=True)[1])


def defined_contrasts(design: ContrastDesign) -> set[tuple[str, str]]:
    """Stage and name of each statistic that the pairs define, whatever was computed."""
    cells, names = cells_of(design), set(STATISTICS)
    if not cells.spare_between:
        names.remove("effect_sd_between_studies")
    if not cells.spare_within:
        names.remove("effect_sd_within_studies")
    return {(design.stages[0], name) for name in names}


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
    cells = cells_of(design)
    mean = _means(effect, cells.of_pair)
    found = {
        "zero_event_arms": (events == 0).sum(axis=1).astype(float),
        "all_event_arms": (events == design.trials).sum(axis=1).astype(float),
        "largest_effect": np.abs(effect).max(axis=1),
        "share_raised": (effect > 0).mean(axis=1),
    }
    if spare := cells.spare_between:
        away = mean - _means(mean, cells.of_cell)[:, cells.of_cell]
        found["effect_sd_between_studies"] = np.sqrt((away**2).sum(axis=1) / spare)
    if spare := cells.spare_within:
        away = effect - mean[:, cells.of_pair]
        found["effect_sd_within_studies"] = np.sqrt((away**2).sum(axis=1) / spare)
    return found


def _means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Means over the groups of columns, shape (D, groups)."""
    member = (group[:, None] == np.arange(group.max() + 1)).astype(float)
    return np.asarray(values @ member / member.sum(axis=0))


def _flat(posterior: xr.Dataset, name: str, *dims: str) -> np.ndarray:
    values = posterior[name].transpose("chain", "draw", *dims).to_numpy()
    return np.asarray(values.reshape(-1, *values.shape[2:]))
