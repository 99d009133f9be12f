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

from meta.estimands import Draws, Estimate, population_estimates
from meta.inference.seeds import child_seed

if TYPE_CHECKING:
    from meta.models.design import Design
    from meta.priors import Notoriety

HARM = "harm"
#: Outcome with the prior of the offset integrated; with a fixed offset, `=value` follows.
WITH_PRIOR = "harm_with_notoriety"


def outcome_at(offset: float) -> str:
    """Name of the outcome at a fixed offset."""
    return f"{WITH_PRIOR}={offset:g}"


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
        Every estimand that harm itself has, for each group. New lists are the same draws at every
        offset, so that the curve shows the offset alone.
    """
    rng = np.random.default_rng(child_seed(seed, "notoriety", "offset"))
    prior = rng.normal(notoriety.mu, notoriety.sigma, len(draws.location))
    offsets = {WITH_PRIOR: prior} | {
        outcome_at(value): np.full(len(draws.location), value) for value in notoriety.offsets
    }
    stage = design.stages.index(HARM)
    found: list[Estimate] = []
    for group in design.groups:
        for outcome, offset in offsets.items():
            location = draws.location.copy()
            location[:, stage] -= offset
            same = np.random.default_rng(child_seed(seed, "notoriety", group.label))
            moved = population_estimates(replace(draws, location=location), design, group, same)
            found += [replace(e, outcome=outcome) for e in moved if e.outcome == HARM]
    return found
