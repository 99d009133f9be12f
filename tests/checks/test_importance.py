"""Importance weights: right towards a known target, refused where they cannot be."""

import numpy as np
import pytest

from meta.checks.importance import Weights, shift, smoothed_weights


@pytest.fixture
def draws() -> np.ndarray:
    return np.random.default_rng(4).standard_normal((4, 1000))


def test_weights_carry_a_normal_to_a_shifted_and_narrower_one(draws: np.ndarray) -> None:
    # N(0, 1) times the likelihood N(1 | x, 1) is N(.5, 1/2).
    weights = smoothed_weights(-0.5 * (1 - draws) ** 2)
    assert weights.reliable
    assert weights.weight.sum() == pytest.approx(1)
    moved = shift(draws, weights, 0.95)
    assert moved.mean == pytest.approx(0.5, abs=4 * moved.mcse)
    assert 0.005 < moved.mcse < 0.03
    assert moved.high == pytest.approx(0.5 + 1.96 * (np.sqrt(0.5) - 1), abs=0.15)
    assert moved.low == pytest.approx(0.5 - 1.96 * (np.sqrt(0.5) - 1), abs=0.15)


def test_monte_carlo_error_is_the_spread_over_repetitions() -> None:
    rng = np.random.default_rng(8)
    found = []
    for _ in range(200):
        x = rng.standard_normal((4, 250))
        found.append(shift(x, smoothed_weights(0.4 * x), 0.9))
    spread = np.std([f.mean for f in found])
    assert np.mean([f.mcse for f in found]) == pytest.approx(spread, rel=0.25)


def test_a_target_far_away_is_refused(draws: np.ndarray) -> None:
    far = smoothed_weights(-0.5 * ((6 - draws) / 0.1) ** 2)
    assert not far.reliable
    assert "is above" in far.reason or "fewer than" in far.reason


def test_equal_ratios_move_nothing_and_missing_ones_are_refused(draws: np.ndarray) -> None:
    even = smoothed_weights(np.full(draws.shape, -3.0))
    assert even.reliable
    moved = shift(draws, even, 0.95)
    assert (moved.mean, moved.mcse) == (pytest.approx(0, abs=1e-12), 0)
    lost = draws.copy()
    lost[0, 0] = np.nan
    assert not smoothed_weights(lost).reliable


def test_a_good_tail_with_few_effective_draws_is_refused() -> None:
    """Nine tenths of the mass in a few equal draws: no heavy tail, and little to go by."""
    weight = np.full(4000, 0.1 / 3900)
    weight[:100] = 0.9 / 100
    heavy = Weights(weight.reshape(4, 1000), pareto_k=0.1)
    assert heavy.ess == pytest.approx(1 / (0.9**2 / 100 + 0.1**2 / 3900))
    assert heavy.pareto_k < heavy.limit
    assert not heavy.reliable
    assert heavy.reason == "123 effective draws, fewer than 200"


def test_few_draws_bear_less_of_a_tail_than_many() -> None:
    """1 - 1 / log10(S), at most 0.7: Vehtari et al. (2024), section 3.2.4."""
    few = Weights(np.full((1, 250), 1 / 250), pareto_k=0.65)
    many = Weights(np.full((4, 1000), 1 / 4000), pareto_k=0.65)
    assert few.limit == pytest.approx(1 - 1 / np.log10(250))
    assert (few.limit, many.limit) == (pytest.approx(0.583, abs=1e-3), 0.7)
    assert few.ess == pytest.approx(250)
    assert not few.reliable
    assert few.reason == "Pareto k 0.65 is above 0.58"
    assert many.reliable
