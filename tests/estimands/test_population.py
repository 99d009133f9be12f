"""Estimands against quadrature, closed forms and brute-force simulation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import beta, kstest, norm

from meta.config import ModelSpec
from meta.estimands import (
    MEDIAN_ODDS_FACTOR,
    Draws,
    Estimate,
    all_estimates,
    hyper_draws,
    mean_of_product,
    mean_rate,
    population_estimates,
)
from meta.estimands.population import new_effects
from meta.models.arm_rates import product_logit
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
    assert got == pytest.approx(product.mean(), abs=error)


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


def one_study(inner: float = 0.0, icc: float | None = None, location: float = -0.8) -> Draws:
    """Draws in which studies do not vary, nor anything but what is asked for."""
    one = np.ones((CHAINS * DRAWS, 2))
    return Draws(
        shape=(CHAINS, DRAWS),
        location=one * [0.6, location],
        slope=np.zeros((len(one), 0, 2)),
        tau=0 * one,
        inner=inner * one,
        icc=None if icc is None else one * [0.5, icc],
        factor=np.broadcast_to(np.eye(2), (len(one), 2, 2)),
        df=None,
    )


def estimated(draws: Draws, design: Design) -> dict[str, Estimate]:
    found = population_estimates(draws, design, design.groups[0], np.random.default_rng(3))
    return {f"{e.outcome} {e.estimand}": e for e in found}


def test_a_new_study_is_the_average_of_its_arms_and_a_new_arm_varies(design: Design) -> None:
    found = estimated(one_study(inner=1.4), design)
    want = quad(lambda z: expit(-0.8 + 1.4 * z) * norm.pdf(z), -10, 10)[0]
    np.testing.assert_allclose(found["goal_failure rate_new"].draws, want, atol=1e-6)
    arm = logit(found["goal_failure rate_new_arm"].draws)
    assert arm.mean() == pytest.approx(-0.8, abs=4 * 1.4 / np.sqrt(arm.size))
    assert arm.std() == pytest.approx(1.4, rel=4 / np.sqrt(2 * arm.size))
    assert not any("new_arm" in name for name in estimated(one_study(), design))


def test_a_new_arm_is_beta_distributed_about_its_study(design: Design) -> None:
    icc, found = 0.2, estimated(one_study(icc=0.2), design)
    stages = expit([0.6, -0.8])
    for outcome, mean, rho in (
        ("capability_transfer", stages[0], 0.5),
        ("goal_failure", stages[1], icc),
        # Among all trials: about the product, with the correlation of goal failure.
        ("capable_goal_failure", stages.prod(), icc),
    ):
        arm = found[f"{outcome} rate_new_arm"].draws.ravel()
        assert (
            kstest(arm, beta(mean / rho * (1 - rho), (1 - mean) / rho * (1 - rho)).cdf).pvalue
            > 1e-3
        )
    for far in (-800.0, 800.0):
        arm = estimated(one_study(icc=0.2, location=far), design)["goal_failure rate_new_arm"].draws
        np.testing.assert_allclose(arm, far > 0, atol=1e-9)


def test_a_new_arm_among_all_trials_has_the_mean_of_one_that_counts_both_stages(
    design: Design,
) -> None:
    """Binomial: the arm varies on the logit of the product, by the sd of goal failure's arms."""
    kappa, omega = np.array([0.5, 1.6]), np.array([0.3, 0.4])
    one = np.ones((CHAINS * DRAWS, 2))
    draws = replace(one_study(), inner=one * np.hypot(kappa, omega), arm=one * kappa)
    found = estimated(draws, design)
    product = found["capable_goal_failure rate_new_arm"].draws
    mean, root = found["capable_goal_failure rate_mean"].draws.mean(), np.sqrt(product.size)
    assert product.mean() == pytest.approx(mean, abs=0.017 + 4 * product.std() / root)
    for name, spread in zip(design.stages, np.hypot(kappa, omega), strict=True):
        stage = logit(found[f"{name} rate_new_arm"].draws)
        assert stage.std() == pytest.approx(spread, rel=4 / np.sqrt(2) / root)
    # Wider than its set's product, which is nearly fixed, by kappa on the logit.
    assert logit(product).std() == pytest.approx(np.hypot(1.6, 0.3), rel=0.1)
    still = estimated(replace(draws, inner=one * kappa), design)
    arm = logit(still["capable_goal_failure rate_new_arm"].draws)
    middle = product_logit(0.6, -0.8, *kappa)
    assert arm.mean() == pytest.approx(middle, abs=4 * 1.6 / root)
    assert arm.std() == pytest.approx(1.6, rel=4 / np.sqrt(2) / root)


def test_the_rows_behind_a_rate_observe_its_last_stage(design: Design) -> None:
    found = estimated(one_study(), design)
    assert found["capability_transfer rate_mean"].rows.tolist() == [0, 1]
    for outcome in ("goal_failure", "capable_goal_failure"):
        assert found[f"{outcome} rate_mean"].rows.tolist() == [0, 1, 2, 3]


def test_two_populations_of_the_one_stage_that_a_model_has() -> None:
    one, count = np.ones((40_000, 1)), 40_000
    draws = Draws(
        shape=(1, count), location=0 * one, slope=np.zeros((count, 0, 1)), tau=2 * one,
        inner=0 * one, icc=None, factor=one[:, :, None], df=None,
        upper_share=np.full(count, 0.3), split=np.full(count, 1.0),
    )  # fmt: skip
    effects = new_effects(draws, np.random.default_rng(1))[:, 0]
    # All variance lies between: 30 % of the studies are at one value, the others at another.
    values, counts = np.unique(effects.round(9), return_counts=True)
    np.testing.assert_allclose(values, 2 * np.array([-0.3, 0.7]) / np.sqrt(0.21))
    assert counts[1] / count == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / count))


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
