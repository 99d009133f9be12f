"""Estimands against quadrature, closed forms and brute-force simulation."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from meta.config import ModelSpec
from meta.estimands import (
    MEDIAN_ODDS_FACTOR,
    all_estimates,
    hyper_draws,
    mean_of_product,
    mean_rate,
    population_estimates,
)
from meta.models.design import Design, build_design

CHAINS, DRAWS = 4, 500


@pytest.mark.parametrize(("mu", "tau"), [(-2.0, 0.5), (-2.0, 2.0), (0.7, 1.3), (3.0, 0.0)])
def test_mean_rate_is_the_integral(mu: float, tau: float) -> None:
    want = quad(lambda z: expit(mu + tau * z) * norm.pdf(z), -10, 10)[0]
    assert mean_rate(np.array(mu), np.array(tau)) == pytest.approx(want, abs=1e-6)
    one = np.ones((1, 1))
    got = mean_of_product(mu * one, tau * one, 0 * one, one[None])
    assert got[0] == pytest.approx(want, abs=1e-6)


def test_mean_of_published_example() -> None:
    """Typical .119 becomes .156 and .225 for tau 1 and 2 (numbers of the statistics guide)."""
    assert expit(-2.0) == pytest.approx(0.119, abs=5e-4)
    assert mean_rate(np.array(-2.0), np.array(1.0)) == pytest.approx(0.156, abs=1e-3)
    assert mean_rate(np.array(-2.0), np.array(2.0)) == pytest.approx(0.225, abs=1e-3)


@pytest.mark.parametrize("df", [None, 3.0])
@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.7])
def test_mean_of_product_against_simulation(rho: float, df: float | None) -> None:
    location = np.array([[0.5, -1.0]])
    tau, inner = np.array([[1.0, 1.2]]), np.array([[0.0, 0.8]])
    factor = np.linalg.cholesky(np.array([[1, rho], [rho, 1]]))[None]
    got = mean_of_product(location, tau, inner, factor, None if df is None else np.array([df]))[0]
    rng = np.random.default_rng(4)
    size = 400_000
    effects = tau[0] * (rng.standard_normal((size, 2)) @ factor[0].T)
    if df is not None:
        effects /= np.sqrt(rng.gamma(df / 2, 2 / df, size))[:, None]
    product = expit(location[0] + effects + inner[0] * rng.standard_normal((size, 2))).prod(axis=1)
    error = 4 * product.std() / np.sqrt(size)
    # The 16-node mixture of a t distribution is itself good to about 1e-3.
    assert got == pytest.approx(product.mean(), abs=error + (0 if df is None else 1.5e-3))


def test_product_of_draws_is_not_the_product_of_medians() -> None:
    """The product is formed draw by draw, so its mean moves with the stages' correlation."""
    means = [
        mean_of_product(
            np.array([[0.5, -1.0]]), np.array([[1.5, 1.5]]), np.zeros((1, 2)),
            np.linalg.cholesky(np.array([[1, r], [r, 1]]))[None],
        )[0]
        for r in (-0.8, 0.8)
    ]  # fmt: skip
    assert means[0] < 0.85 * means[1]


@pytest.fixture(scope="module")
def design() -> Design:
    table = pd.DataFrame(
        {
            "row_id": ["a1", "a2", "b1", "c1"],
            "study": ["a", "a", "b", "c"],
            "agent_set": ["a:x", "a:x", "b:x", "c:x"],
            "failure_type": "goal_misgeneralization",
            "sampling_frame": "denominator",
            "conditioning": ["given_capability"] * 2 + ["all_trials"] * 2,
            "events_capability_transfer": pd.array([8, 9, None, None], dtype="Int64"),
            "trials_capability_transfer": pd.array([10, 12, None, None], dtype="Int64"),
            "events_goal_failure": pd.array([3, 0, 5, 20], dtype="Int64"),
            "trials_goal_failure": pd.array([8, 9, 30, 50], dtype="Int64"),
        }
    )
    spec = ModelSpec(stages=["capability_transfer", "goal_failure"], levels=["study", "agent_set"])
    return build_design(table, spec)


@pytest.fixture(scope="module")
def posterior(design: Design) -> xr.Dataset:
    rng = np.random.default_rng(8)

    def draw(loc: float, scale: float, *shape: int) -> np.ndarray:
        return rng.normal(loc, scale, (CHAINS, DRAWS, *shape))

    dims = ("chain", "draw")
    return xr.Dataset(
        {
            "alpha": ((*dims, "stage"), draw(0, 0.3, 2)),
            "tau": ((*dims, "stage"), np.abs(draw(1, 0.1, 2))),
            "omega": ((*dims, "stage"), np.abs(draw(0.5, 0.1, 2))),
            "icc": ((*dims, "stage"), rng.beta(4, 10, (CHAINS, DRAWS, 2))),
            "correlation": ((*dims, "stage_pair"), np.tanh(draw(0.3, 0.1, 1))),
            "agent_set_logit": ((*dims, "agent_set", "stage"), draw(-0.5, 0.3, 3, 2)),
            "study_logit": ((*dims, "study", "stage"), draw(-0.5, 0.3, 3, 2)),
        },
        coords={
            "stage": list(design.stages),
            "stage_pair": ["goal_failure~capability_transfer"],
            "study": design.levels[0].units,
            "agent_set": design.levels[1].units,
        },
    )


def test_new_study_and_new_arm_have_the_mean_of_rate_mean(
    posterior: xr.Dataset, design: Design
) -> None:
    draws = hyper_draws(posterior, design)
    found = population_estimates(draws, design, design.groups[0], np.random.default_rng(2))
    by_key = {e.key: e.draws for e in found}
    for outcome in ("capability_transfer", "goal_failure", "capable_goal_failure"):
        mean = by_key[f"{outcome}/all/rate_mean"]
        for estimand in ("rate_new", "rate_new_arm"):
            new = by_key[f"{outcome}/all/{estimand}"]
            error = 4 * new.std() / np.sqrt(new.size)
            assert new.mean() == pytest.approx(mean.mean(), abs=error), (outcome, estimand)
        assert by_key[f"{outcome}/all/rate_new_arm"].std() > by_key[f"{outcome}/all/rate_new"].std()
    typical = by_key["capable_goal_failure/all/rate_typical"]
    want = expit(posterior["alpha"]).prod("stage").to_numpy()
    np.testing.assert_allclose(typical, want)


def test_study_rate_averages_the_arms_that_observe_the_stage(
    posterior: xr.Dataset, design: Design
) -> None:
    by_key = {e.key: e for e in all_estimates(posterior, design, seed=1)}
    assert "capability_transfer/study=b/study_rate" not in by_key
    rate = by_key["goal_failure/study=c/study_rate"]
    want = expit(posterior["agent_set_logit"].sel(agent_set="c / c:x", stage="goal_failure"))
    np.testing.assert_allclose(rate.draws, want)
    assert by_key["capability_transfer/study=a/study_rate"].rows.tolist() == [0, 1]


def test_heterogeneity_is_the_parameter_itself(posterior: xr.Dataset, design: Design) -> None:
    by_key = {e.key: e.draws for e in all_estimates(posterior, design, seed=1)}
    tau = posterior["tau"].sel(stage="goal_failure").to_numpy()
    np.testing.assert_allclose(by_key["goal_failure/all/tau"], tau)
    np.testing.assert_allclose(by_key["goal_failure/all/median_odds_ratio"], np.exp(0.9539 * tau),
                               rtol=2e-4)  # fmt: skip
    assert pytest.approx(0.9539, abs=1e-4) == MEDIAN_ODDS_FACTOR
