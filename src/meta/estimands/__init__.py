"""Estimands: posterior draws to rates, products, contrasts of settings and heterogeneity.

Every estimand keeps its draws until it is summarised once: stages are multiplied draw by draw and
never through summaries. All rates are defined at the level of a study's mean rate over its arms, so
that they compare across likelihoods:

``rate_typical``
    inverse-logit of the intercept: the rate at the centre of the logit scale. Under the
    beta-binomial it is the mean rate of arms in the median study, under the binomial-normal the
    rate of the median arm: the one estimand that does not compare across likelihoods.
``rate_mean``
    average over studies, agent sets and arms (Zeger, Liang & Albert 1988, doi:10.2307/2531734).
``rate_new``
    predictive distribution of a new study's mean rate over agent sets and arms.
``rate_new_arm``
    predictive distribution of the rate of one new arm in a new study; for a product, of an arm
    that counts among all trials.
``study_rate``
    mean rate over the arms of a study in the evidence, shrunken by the model.
``share_above_<x>``
    share of new studies whose mean rate exceeds x.
``risk_ratio``, ``risk_difference``
    average rate had every row of the evidence one setting of a moderator, over (less) the same at
    a reference: standardised to the evidence.
``tau``, ``omega``, ``kappa``, ``phi``, ``icc``, ``median_odds_ratio``, ``stage_correlation``
    how much studies, agent sets, arms and families of agents differ. tau is the sd between studies
    of normal effects and of two populations; of Student-t effects it is their scale, below the sd.
``upper_share``, ``split``, ``gap``, ``upper_probability``
    of two populations of studies: share of the upper one, share of the variance between studies
    that lies between the two, their distance; and the probability that a study is of the upper one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from meta.estimands.averages import StudyAverages, mean_of_product, mean_rate
from meta.estimands.draws import PRODUCT_NAMES, Draws, Estimate, hyper_draws
from meta.estimands.exceedance import Exceedance
from meta.estimands.heterogeneity import (
    MEDIAN_ODDS_FACTOR,
    heterogeneity_estimates,
    median_odds_ratio,
)
from meta.estimands.interventions import effect_estimates
from meta.estimands.notoriety import notoriety_estimates
from meta.estimands.population import population_estimates
from meta.estimands.risk_ratio import standardised_estimates
from meta.estimands.study import population_membership, study_estimates
from meta.models.contrast_design import ContrastDesign
from meta.models.design import Design

__all__ = [
    "MEDIAN_ODDS_FACTOR", "PRODUCT_NAMES", "Draws", "Estimate", "all_estimates",
    "heterogeneity_estimates", "hyper_draws", "mean_of_product", "mean_rate", "median_odds_ratio",
    "population_estimates", "study_estimates",
]  # fmt: skip


def all_estimates(
    posterior: xr.Dataset, design: Design, seed: int, exceedance: Sequence[float] = ()
) -> list[Estimate]:
    """Every quantity that a model reports, with its draws.

    Parameters
    ----------
    posterior
        Posterior group of a fit (or its prior group).
    design
        Design it was fitted to.
    seed
        Seed of the predictive draws.
    exceedance
        Rates x of the estimands `share_above_<x>`.
    """
    if isinstance(design, ContrastDesign):
        return effect_estimates(posterior, design, seed)
    draws = hyper_draws(posterior, design)
    rng = np.random.default_rng(seed)
    averages = StudyAverages(draws)
    found: list[Estimate] = []
    for group in design.groups:
        found += population_estimates(draws, design, group, rng, averages)
    if design.spec.notoriety:
        found += notoriety_estimates(draws, design, design.spec.notoriety, seed)
    if design.spec.frame == "denominator":
        # Of catalogued failures, shares are reported and nothing that reads like a risk.
        above = Exceedance(draws, exceedance)
        for group in design.groups:
            found += above.estimates(design, group)
        found += standardised_estimates(averages, design)
    found += heterogeneity_estimates(posterior, design)
    found += study_estimates(posterior, draws, design)
    return found + population_membership(posterior, draws, design)
