"""Likelihood of counts given the logits of their rows: binomial or beta-binomial."""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt

from meta.models.design import Design
from meta.models.hyperparameters import hyperparameters
from meta.priors import PriorSet

#: Logits of Student-t study effects are held within this of 0.
LARGEST_LOGIT = 30.0


def observe_counts(design: Design, priors: PriorSet, eta: Any) -> None:
    """Add the observed `counts` to the model in context, with `icc` if they are beta-binomial.

    Parameters
    ----------
    design
        Arrays of the analysis set.
    priors
        Named prior set of the specification.
    eta
        Logit rates, shape (rows, stages).
    """
    events = pm.Data("events", design.events, dims="observation")
    trials = pm.Data("trials", design.trials, dims="observation")
    if design.spec.random_effects == "student_t":
        # Few degrees of freedom throw a study so far that its rate would round to 0 or 1, under
        # which some counts are impossible. 30 is one in ten million million.
        eta = pt.clip(eta, -LARGEST_LOGIT, LARGEST_LOGIT)
    rate = pm.math.sigmoid(eta[design.row, design.stage])
    if design.through_capability.any():
        through = pm.Data("through", design.through_capability.astype(float), dims="observation")
        capability = pm.math.sigmoid(eta[design.row, 0])
        rate = rate * (1 - through * (1 - capability))
    if design.spec.likelihood == "binomial":
        pm.Binomial("counts", n=trials, p=rate, observed=events, dims="observation")
        return
    icc = pm.Beta("icc", *hyperparameters("icc", priors), dims="stage")
    size = ((1 - icc) / icc)[design.stage]
    pm.BetaBinomial(
        "counts",
        alpha=rate * size,
        beta=(1 - rate) * size,
        n=trials,
        observed=events,
        dims="observation",
    )
