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


def test_a_shift_is_the_weighted_summary_less_the_plain_one() -> None:
    """Four draws by hand: quantiles are the first draw at which the weights reach them."""
    draws = np.array([[3.0, 1.0], [2.0, 0.0]])
    weights = Weights(np.array([[0.6, 0.15], [0.2, 0.05]]), pareto_k=0.1)
    moved = shift(draws, weights, 0.5)
    # Plain quartiles and median are 0, 1, 2; weighted ones 2, 3, 3.
    assert (moved.low, moved.median, moved.high) == (2, 2, 1)
    assert moved.mean == pytest.approx(0.6 * 3 + 0.15 + 0.4 - 1.5)
    wide = shift(draws, weights, 0.95)
    assert (wide.low, wide.median, wide.high) == (0, 2, 0)


@pytest.mark.parametrize("odd", [np.nan, np.inf, "all"])
def test_ratios_that_are_no_numbers_have_even_weights_and_are_refused(
    draws: np.ndarray, odd: float | str
) -> None:
    ratios = draws.copy()
    if odd == "all":
        ratios[:] = -np.inf
    else:
        ratios[3, 999] = odd
    weights = smoothed_weights(ratios)
    assert weights.pareto_k == np.inf
    np.testing.assert_array_equal(weights.weight, np.full((4, 1000), 1 / 4000))
    assert not weights.reliable
    assert weights.reason == "Pareto k inf is above 0.70"


def test_a_draw_that_the_target_excludes_has_no_weight(draws: np.ndarray) -> None:
    ratios = -0.01 * draws**2
    ratios[0, 0] = -np.inf
    weights = smoothed_weights(ratios)
    assert weights.weight[0, 0] < 1e-200
    assert weights.weight.sum() == pytest.approx(1)
    assert weights.weight.shape == (4, 1000)
    assert weights.reliable
    assert weights.reason == f"Pareto k {weights.pareto_k:.2f} is at most 0.70"


def test_equal_ratios_have_no_tail(draws: np.ndarray) -> None:
    even = smoothed_weights(np.full(draws.shape, 2.0))
    assert even.pareto_k == -np.inf
    np.testing.assert_array_equal(even.weight, np.full((4, 1000), 1 / 4000))


def test_the_error_follows_the_unit_of_a_quantity_and_not_its_origin(draws: np.ndarray) -> None:
    weights = smoothed_weights(0.4 * draws)
    plain = shift(draws, weights, 0.9)
    for scale, origin in ((1e-3, 0), (1, 50), (-20, 7)):
        moved = shift(scale * draws + origin, weights, 0.9)
        assert moved.mcse == pytest.approx(abs(scale) * plain.mcse, rel=1e-6)
        assert moved.mean == pytest.approx(scale * plain.mean, rel=1e-6)


def test_small_ratios_are_weights_too(draws: np.ndarray) -> None:
    """Ratios that differ by less than one are weights as they stand: no tail to smooth."""
    ratios = 0.05 * np.tanh(draws)
    weights = smoothed_weights(ratios)
    plain = np.exp(ratios) / np.exp(ratios).sum()
    np.testing.assert_allclose(weights.weight, plain, rtol=0.02)
    assert weights.weight.std() == pytest.approx(plain.std(), rel=0.02)


def test_a_tail_of_equal_ratios_is_refused() -> None:
    ratios = np.zeros((4, 1000))
    ratios[:2] = 1.0
    weights = smoothed_weights(ratios)
    assert weights.pareto_k == np.inf
    np.testing.assert_array_equal(weights.weight, np.full((4, 1000), 1 / 4000))
    assert not weights.reliable
