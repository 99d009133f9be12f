"""Importance weights: right towards a known target, refused where they cannot be."""

import numpy as np
import pytest

from meta.checks.importance import shift, smoothed_weights


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
