"""Power-scaling against a conjugate posterior, whose scaled versions are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import dirichlet, halfnorm, norm

from meta.checks.power_scaling import (
    CONFLICT,
    FINE,
    UNRELIABLE,
    WEAK,
    log_hyperprior,
    power_scaling,
)
from meta.estimands import Estimate
from meta.priors import HalfNormal, Normal, PriorSet

POWERS = (0.99, 1.01)


def exact_sensitivity(mu0: float, sd0: float, y: float, sd: float, which: str) -> float:
    """Cumulative Jensen-Shannon distance per doubling, on a grid, between normal posteriors.

    Over four posterior sds either side: its normaliser grows with the range, which for draws is
    their own.
    """

    def posterior(a: float) -> tuple[float, float]:
        p, d = (a if which == "prior" else 1) / sd0**2, (a if which == "likelihood" else 1) / sd**2
        return (p * mu0 + d * y) / (p + d), (p + d) ** -0.5

    centre, scale = posterior(1.0)
    x = np.linspace(centre - 4 * scale, centre + 4 * scale, 40001)

    def distance(a: float) -> float:
        each = []
        for sign in (1, -1):
            p, q = (norm.cdf(sign * x, sign * m, s) for m, s in (posterior(1.0), posterior(a)))
            p, q = np.clip(p, 1e-300, 1), np.clip(q, 1e-300, 1)
            m = (p + q) / 2
            dx = x[1] - x[0]
            pq = (p * np.log2(p / m)).sum() * dx + (q - p).sum() * dx / (2 * np.log(2))
            qp = (q * np.log2(q / m)).sum() * dx + (p - q).sum() * dx / (2 * np.log(2))
            each.append(np.sqrt((pq + qp) / ((p + q).sum() * dx)))
        return max(each)

    return float(np.mean([distance(a) / abs(np.log2(a)) for a in POWERS]))


def conjugate(mu0: float, sd0: float, y: float, sd: float) -> dict:
    rng = np.random.default_rng(1)
    precision = 1 / sd0**2 + 1 / sd**2
    mean = (mu0 / sd0**2 + y / sd**2) / precision
    draws = mean + rng.standard_normal((4, 5000)) / np.sqrt(precision)
    estimate = Estimate("goal_failure", "all", "rate_mean", draws, np.arange(1))
    logs = norm.logpdf(draws, mu0, sd0), norm.logpdf(y, draws, sd)
    return power_scaling([estimate], *logs, POWERS, 0.05).to_dict("records")[0]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ((0.0, 1.0, 4.0, 0.5), CONFLICT),  # the prior is far from precise data
        ((0.0, 1.0, 0.1, 5.0), WEAK),  # the data say little
        ((0.0, 10.0, 1.0, 1.0), FINE),
    ],
)
def test_it_is_that_of_the_scaled_conjugate_posterior(case: tuple, said: str) -> None:
    row = conjugate(*case)
    assert row["diagnosis"] == said
    # Weights of a hundredth of a log density hardly have a tail.
    assert max(row["prior_pareto_k"], row["likelihood_pareto_k"]) < 0.15
    for which in ("prior", "likelihood"):
        exact = exact_sensitivity(*case, which)
        # The grid of draws ends where draws end: a few per cent of a small distance.
        assert row[which] == pytest.approx(exact, rel=0.12, abs=0.005), which


def test_unreliable_weights_are_said_to_be() -> None:
    rng = np.random.default_rng(2)
    estimate = Estimate("goal_failure", "all", "tau", rng.standard_normal((4, 500)), np.arange(1))
    heavy = 100 * rng.standard_cauchy((4, 500))
    row = power_scaling([estimate], heavy, np.zeros((4, 500)), POWERS, 0.05).iloc[0]
    assert row["diagnosis"] == UNRELIABLE


def test_the_pareto_k_is_that_of_the_scaled_weights() -> None:
    # exp(.01 * 40 E) with E exponential is Pareto distributed with shape .4.
    rng = np.random.default_rng(4)
    estimate = Estimate("goal_failure", "all", "tau", rng.standard_normal((4, 5000)), np.arange(1))
    log_prior = 40 * rng.exponential(size=(4, 5000))
    row = power_scaling([estimate], log_prior, np.zeros((4, 5000)), POWERS, 0.05).iloc[0]
    assert row["prior_pareto_k"] == pytest.approx(0.4, abs=0.15)
    assert row["likelihood_pareto_k"] == -np.inf


def test_hyperpriors_only() -> None:
    rng = np.random.default_rng(3)
    draws = {
        "alpha": (("chain", "draw", "stage"), rng.normal(size=(2, 5, 2))),
        "tau": (("chain", "draw", "stage"), rng.gamma(2, 1, (2, 5, 2))),
        "correlation": (("chain", "draw", "stage_pair"), rng.uniform(-0.9, 0.9, (2, 5, 1))),
        "study_logit": (("chain", "draw", "study", "stage"), rng.normal(size=(2, 5, 3, 2))),
    }
    posterior = xr.Dataset(draws)
    priors = PriorSet(alpha=Normal(sigma=1.5), tau=HalfNormal(sigma=0.7))
    want = norm.logpdf(posterior["alpha"], 0, 1.5).sum(axis=2)
    want = want + halfnorm.logpdf(posterior["tau"], scale=0.7).sum(axis=2)
    # LKJ(2) of one pair has density proportional to 1 - r^2.
    want = want + np.log(1 - posterior["correlation"].to_numpy()[..., 0] ** 2)
    np.testing.assert_allclose(log_hyperprior(posterior, priors), want)


def test_ordinal_moderators_are_scored_by_what_is_sampled() -> None:
    rng = np.random.default_rng(3)
    simplex = rng.dirichlet([2, 2, 2], (2, 5, 2))
    draws = {
        "alpha": (("chain", "draw", "stage"), rng.normal(size=(2, 5, 2))),
        "beta": (("chain", "draw", "term", "stage"), rng.normal(size=(2, 5, 4, 2))),
        "beta_free": (("chain", "draw", "free_term", "stage"), rng.normal(size=(2, 5, 1, 2))),
        "level_total": (("chain", "draw", "stage"), rng.normal(size=(2, 5, 2))),
        "level_simplex": (("chain", "draw", "stage", "level_step"), simplex),
    }
    posterior = xr.Dataset(draws)
    want = norm.logpdf(posterior["alpha"], 0, 1.5).sum(axis=2)
    want = want + norm.logpdf(posterior["beta_free"], 0, 0.75).sum(axis=(2, 3))
    want = want + norm.logpdf(posterior["level_total"], 0, 1.5).sum(axis=2)
    each = [[[dirichlet.logpdf(s, [2, 2, 2]) for s in d] for d in c] for c in simplex]
    want = want + np.sum(each, axis=2)
    found = log_hyperprior(posterior, PriorSet())
    # Up to a constant.
    np.testing.assert_allclose(found - found.mean(), want - want.mean())
    with pytest.raises(ValueError, match="psi"):
        log_hyperprior(posterior.assign(psi=posterior["alpha"] ** 2), PriorSet())
