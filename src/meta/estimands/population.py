"""Typical, mean and new-study rates of each stage and of the chain, for one population."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from meta.estimands.averages import StudyAverages, mean_rate
from meta.estimands.draws import Draws, Estimate, outcomes
from meta.models.arm_rates import product_logit
from meta.models.design import Design
from meta.models.moderators import Group


def population_estimates(
    draws: Draws,
    design: Design,
    group: Group,
    rng: np.random.Generator,
    averages: StudyAverages | None = None,
) -> list[Estimate]:
    """Typical, mean and new-study rates of each stage and of the chain, for one population.

    Parameters
    ----------
    draws, design
        Draws of a fit and its design.
    group
        The population.
    rng
        Stream of the predictive draws.
    averages
        Averages over studies already known.
    """
    averages = averages or StudyAverages(draws)
    location = averages.location(group.x)
    typical = expit(location)
    new_logit = location + new_effects(draws, rng)
    new = mean_rate(new_logit, draws.inner)
    arms = _new_arms(draws, new_logit, rng)
    found: list[Estimate] = []
    members = np.flatnonzero(group.rows)
    for outcome, stages in outcomes(design):
        last = stages.stop - 1
        rows = np.intersect1d(design.rows_of_stage(last), members)
        values = {
            "rate_typical": typical[:, stages].prod(axis=1),
            "rate_mean": averages.mean(group.x, stages),
            "rate_new": new[:, stages].prod(axis=1),
        }
        if arms is not None:
            values["rate_new_arm"] = _new_arm(draws, arms, stages, rng)
        found += [
            Estimate(outcome, group.label, estimand, each.reshape(draws.shape), rows)
            for estimand, each in values.items()
        ]
    return found


def new_effects(draws: Draws, rng: np.random.Generator) -> np.ndarray:
    """Study effects of one new study a draw, shape (D, O)."""
    z = rng.standard_normal(draws.tau.shape)
    if draws.upper_share is not None and draws.split is not None:
        upper = rng.random(len(z)) < draws.upper_share
        distance = np.sqrt(draws.split / (draws.upper_share * (1 - draws.upper_share)))
        z[:, -1] *= np.sqrt(1 - draws.split)
        z[:, -1] += (upper - draws.upper_share) * distance
    effects = draws.tau * np.einsum("dij,dj->di", draws.factor, z)
    if draws.df is not None:
        effects /= np.sqrt(rng.gamma(draws.df / 2, 2 / draws.df))[:, None]
    return np.asarray(effects)


def _new_arms(
    draws: Draws, new_logit: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
    """Stage logits of a new agent set in the new study and of its arm, each of shape (D, O).

    Before beta variation, where that is how arms vary; None if nothing varies below studies.
    """
    if draws.icc is None and not draws.inner.any():
        return None
    z = rng.standard_normal(new_logit.shape)
    if draws.arm is None:
        of_set = new_logit + draws.inner * z
        return of_set, of_set
    of_set = new_logit + np.sqrt(np.maximum(draws.inner**2 - draws.arm**2, 0)) * z
    return of_set, of_set + draws.arm * rng.standard_normal(new_logit.shape)


def _new_arm(
    draws: Draws, arms: tuple[np.ndarray, np.ndarray], stages: slice, rng: np.random.Generator
) -> np.ndarray:
    """Rate of one new arm, of a product as an arm counts it among all trials."""
    of_set, arm = arms
    rate, last = expit(arm[:, stages]), stages.stop - 1
    if draws.arm is not None and rate.shape[1] == 2:
        middle = product_logit(of_set[:, 0], of_set[:, last], draws.arm[:, 0], draws.arm[:, last])
        return np.asarray(expit(middle + arm[:, last] - of_set[:, last]))
    icc = None if draws.icc is None else draws.icc[:, last]
    return _vary(rate.prod(axis=1), icc, rng)


def _vary(rate: np.ndarray, icc: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Rate of one arm about the mean rate of its kind: beta with intra-class correlation `icc`.

    For a product this is the likelihood of an arm that counts among all trials: its rate varies
    about the product of the stages with the last stage's correlation.
    """
    if icc is None:
        return rate
    size = (1 - icc) / icc
    # numpy refuses zero shape parameters, which a rate rounded to 0 or 1 would give.
    rate = np.clip(rate, 1e-12, 1 - 1e-12)
    return np.asarray(rng.beta(rate * size, (1 - rate) * size))
