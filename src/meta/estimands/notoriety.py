"""Notoriety: how harm among all failures follows from harm among those that were written up.

A catalogue holds failures that someone wrote up. If failures with significant harm are written up
more readily, by the odds ratio exp(lambda), the odds of harm among catalogued failures are
exp(lambda) times those among all failures of the kind (Bayes' rule; the intercept correction of
case-control sampling, Prentice & Pyke 1979, doi:10.1093/biomet/66.3.403). Nothing in the evidence
tells lambda: it has a prior, which is a judgement, and a curve over fixed values shows what hangs
on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from meta.config import HARM_WITH_NOTORIETY
from meta.estimands.averages import mean_of_product
from meta.estimands.draws import Draws, Estimate
from meta.estimands.population import population_estimates
from meta.inference.seeds import child_seed

if TYPE_CHECKING:
    from meta.models.design import Design
    from meta.priors import Notoriety

HARM = "harm"


def outcome_at(offset: float) -> str:
    """Name of the outcome at a fixed offset."""
    return f"{HARM_WITH_NOTORIETY}={offset:g}"


def notoriety_estimates(
    draws: Draws, design: Design, notoriety: Notoriety, seed: int
) -> list[Estimate]:
    """Rates of harm among all failures: the offset's prior integrated, and at fixed offsets.

    Parameters
    ----------
    draws
        Draws of a composition with the stage harm; its harm is that among catalogued failures.
    design
        Design of the fit.
    notoriety
        Prior of the offset, and the fixed offsets.
    seed
        Seed of the fit's estimands; the draws here are a stream of their own.

    Returns
    -------
    list of Estimate
        For each group, every estimand that harm itself has with the prior integrated, and the
        average share at each fixed offset.
    """
    rng = np.random.default_rng(child_seed(seed, "notoriety"))
    stage = design.stages.index(HARM)
    alone, harm = harm_alone(draws), _harm_design(design, stage)
    prior = rng.normal(notoriety.mu, notoriety.sigma, len(draws.location))
    found: list[Estimate] = []
    for group in design.groups:
        moved = replace(alone, location=alone.location - prior[:, None])
        found += [
            replace(estimate, outcome=HARM_WITH_NOTORIETY)
            for estimate in population_estimates(moved, harm, group, rng)
        ]
        rows = np.intersect1d(harm.rows_of_stage(0), np.flatnonzero(group.rows))
        location = alone.location + np.einsum("p,dpo->do", group.x, alone.slope)
        for value in notoriety.offsets:
            mean = mean_of_product(
                location - value, alone.tau, alone.inner, alone.factor, alone.df
            ).reshape(draws.shape)
            found.append(Estimate(outcome_at(value), group.label, "rate_mean", mean, rows))
    return found


def harm_alone(draws: Draws) -> Draws:
    """Draws of the last stage of a composition by itself: its margin needs no correlation."""
    one = slice(draws.location.shape[1] - 1, draws.location.shape[1])
    return replace(
        draws,
        location=draws.location[:, one],
        slope=draws.slope[:, :, one],
        tau=draws.tau[:, one],
        inner=draws.inner[:, one],
        icc=None if draws.icc is None else draws.icc[:, one],
        factor=np.ones((len(draws.location), 1, 1)),
        arm=None if draws.arm is None else draws.arm[:, one],
    )


def _harm_design(design: Design, stage: int) -> Design:
    """Design whose one stage is harm; observations of the others belong to none."""
    return replace(design, stages=(HARM,), stage=np.where(design.stage == stage, 0, -1))
