"""Likelihood of counts given the logits of their rows: binomial or beta-binomial.

The distributions are PyMC's; their log densities are written out anew, since a sampler evaluates
them some hundred thousand times in a fit. The number of combinations that give a count follows from
the data alone, and is given as data instead of computed in every step. The concentration of a beta
distribution is that of its stage, not the sum of two parameters of each row. A binomial count needs
the logit, not the rate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.dist_math import logpow
from scipy.special import gammaln

from meta.models.design import Design
from meta.models.hyperparameters import hyperparameters
from meta.priors import PriorSet

#: Logits of Student-t study effects are held within this of 0.
LARGEST_LOGIT = 30.0


def count_data(events: np.ndarray, trials: np.ndarray) -> dict[str, np.ndarray]:
    """Data of the likelihood, each of length observations.

    Parameters
    ----------
    events, trials
        Counts, and out of how many.

    Returns
    -------
    dict of str to numpy.ndarray
        `events`, `trials` and the logarithm of the number of combinations, `log_combinations`.
    """
    found = gammaln(trials + 1.0) - gammaln(events + 1.0) - gammaln(trials - events + 1.0)
    return {"events": events, "trials": trials, "log_combinations": found}


def observe_counts(design: Design, priors: PriorSet, eta: Any) -> None:
    """Add the observed `counts` to the model in context, with `icc` if they are beta-binomial.

    Parameters
    ----------
    design
        Arrays of the analysis set.
    priors
        Named prior set of the specification.
    eta
        Logit rates, shape (rows, stages), as of `meta.models.hierarchy.row_logits`.
    """
    data = {
        name: pm.Data(name, value, dims="observation")
        for name, value in count_data(design.events, design.trials).items()
    }
    if design.spec.random_effects == "student_t":
        # Few degrees of freedom throw a study so far that its rate would round to 0 or 1, under
        # which some counts are impossible. 30 is one in ten million million.
        eta = pt.clip(eta, -LARGEST_LOGIT, LARGEST_LOGIT)
    logit = eta[design.row, design.stage]
    # Of arms with effects of their own, the logit is that of what they count (`meta.models.arms`).
    through = design.through_capability.any() and design.levels[-1].name != "arm"
    if design.spec.likelihood == "binomial" and not through:
        _counts(_logit_binomial, _logit_binomial_logp, data, logit)
        return
    rate = pm.math.sigmoid(logit)
    if through:
        passed = pm.Data("through", design.through_capability.astype(float), dims="observation")
        capability = pm.math.sigmoid(eta[design.row, 0])
        rate = rate * (1 - passed * (1 - capability))
    if design.spec.likelihood == "binomial":
        _counts(_binomial, _binomial_logp, data, rate)
        return
    icc = pm.Beta("icc", *hyperparameters("icc", priors), dims="stage")
    # Of a stage, so that its log gamma function is not computed for each row.
    concentration = (1 - icc) / icc
    log_gamma = pt.gammaln(concentration)
    _counts(
        _beta_binomial,
        _beta_binomial_logp,
        data,
        rate,
        concentration[design.stage],
        log_gamma[design.stage],
    )


def _counts(draw: Any, logp: Any, data: dict[str, Any], *parameters: Any) -> None:
    """Add `counts` under a distribution of `trials`, `log_combinations` and the parameters."""
    pm.CustomDist(
        "counts",
        data["trials"],
        data["log_combinations"],
        *parameters,
        dist=draw,
        logp=logp,
        observed=data["events"],
        dims="observation",
    )


def _logit_binomial(trials: Any, _combinations: Any, logit: Any, size: Any) -> Any:
    return pm.Binomial.dist(n=trials, logit_p=logit, size=size)


def _logit_binomial_logp(events: Any, trials: Any, log_combinations: Any, logit: Any) -> Any:
    density = log_combinations + events * logit - trials * pt.softplus(logit)
    return _possible(events, trials, density)


def _binomial(trials: Any, _combinations: Any, rate: Any, size: Any) -> Any:
    return pm.Binomial.dist(n=trials, p=rate, size=size)


def _binomial_logp(events: Any, trials: Any, log_combinations: Any, rate: Any) -> Any:
    density = log_combinations + logpow(rate, events) + logpow(1 - rate, trials - events)
    return _possible(events, trials, density)


def _beta_binomial(
    trials: Any, _combinations: Any, rate: Any, concentration: Any, _log_gamma: Any, size: Any
) -> Any:
    alpha, beta = rate * concentration, (1 - rate) * concentration
    return pm.BetaBinomial.dist(n=trials, alpha=alpha, beta=beta, size=size)


def _beta_binomial_logp(
    events: Any, trials: Any, log_combinations: Any, rate: Any, concentration: Any, log_gamma: Any
) -> Any:
    alpha, beta = rate * concentration, (1 - rate) * concentration
    density = (
        log_combinations
        + (pt.gammaln(events + alpha) - pt.gammaln(alpha))
        + (pt.gammaln(trials - events + beta) - pt.gammaln(beta))
        - (pt.gammaln(trials + concentration) - log_gamma)
    )
    return _possible(events, trials, density)


def _possible(events: Any, trials: Any, density: Any) -> Any:
    return pt.switch(pt.or_(pt.lt(events, 0), pt.gt(events, trials)), -np.inf, density)
