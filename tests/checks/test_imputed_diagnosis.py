"""Checks over imputed sets, and what disagreement adds, on draws with known variances."""

import numpy as np
import pytest

from meta.checks.imputed import combined_statistics, disagreement_effect
from meta.checks.sampler import mixing_statistics
from meta.estimands import Estimate

SETS, CHAINS, DRAWS = 20, 2, 500


def draws(shift_of_sets: float, shift_of_chains: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(3)
    between = rng.standard_normal(SETS)
    between = (between - between.mean()) / between.std(ddof=1) * shift_of_sets
    values = rng.standard_normal((1, SETS, CHAINS, DRAWS)) + between[:, None, None]
    values[:, :, 1] += shift_of_chains
    return values


def test_sets_may_differ_and_chains_within_a_set_may_not() -> None:
    apart, _, _ = combined_statistics(draws(3.0))
    assert apart["r_hat"].item() < 1.01
    assert mixing_statistics(draws(3.0).reshape(1, -1, DRAWS))["r_hat"].item() > 1.5
    stuck, each, _ = combined_statistics(draws(3.0, shift_of_chains=0.5))
    assert stuck["r_hat"].item() > 1.02
    assert each.shape == (1, SETS)
    assert apart["ess_bulk"].item() == pytest.approx(SETS * CHAINS * DRAWS, rel=0.1)
    assert apart["mcse_mean"].item() == pytest.approx(1 / np.sqrt(SETS * CHAINS * DRAWS), rel=0.1)


@pytest.mark.parametrize("sd", [0.0, 0.5, 2.0])
def test_the_share_between_sets_is_rubins(sd: float) -> None:
    values = draws(sd)
    _, _, mcse = combined_statistics(values)
    quantity = Estimate("harm", "all", "rate_mean", values[0, 0], np.arange(3))
    agreed = {quantity.key: np.linspace(-1, 1, 1001)}
    (effect,) = disagreement_effect([quantity], values, mcse, agreed, 0.95)
    between = (1 + 1 / SETS) * sd**2
    # Within variance 1; the Monte Carlo variance of a set's mean, 1/1000, is taken out.
    assert effect["between_share"] == pytest.approx(between / (1 + between), abs=0.02)
    assert effect["agreed_low"] == pytest.approx(-0.95, abs=0.01)
    width = effect["within_high"] - effect["within_low"]
    assert width == pytest.approx(2 * 1.96, rel=0.03)
    combined = effect["combined_high"] - effect["combined_low"]
    assert combined == pytest.approx(width * np.sqrt(1 + sd**2), rel=0.12)
    (alone,) = disagreement_effect([quantity], values, mcse, {}, 0.95)
    assert alone["agreed_median"] is None


def test_the_share_of_three_sets_with_every_correction_by_hand() -> None:
    """Sets with means -1, 0, 1 and variance 2 within; Monte Carlo errors 0.6, 0.5 and 0.4."""
    spread = np.tile([-1.0, 1.0], 500)
    spread *= np.sqrt(2 / spread.var(ddof=1))
    values = np.array([-1.0, 0.0, 1.0])[None, :, None, None] + spread.reshape(1, 1, 2, 500)
    mcse = np.array([[0.6, 0.5, 0.4]])
    quantity = Estimate("harm", "all", "rate_mean", values[0, 0], np.arange(3))
    (effect,) = disagreement_effect([quantity], values, mcse, {}, 0.95)
    # B = 1 less the mean of 0.36, 0.25 and 0.16; times 1 + 1/3; over itself and W = 2.
    between = (1 - 0.77 / 3) * 4 / 3
    assert effect["between_share"] == pytest.approx(between / (2 + between), abs=1e-12)
    (none,) = disagreement_effect([quantity], values, mcse * 10, {}, 0.95)
    assert none["between_share"] == 0
