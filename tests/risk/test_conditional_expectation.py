"""Shares of explained variance: closed forms, statsmodels, units, seeds, Monte Carlo errors."""

import numpy as np
import pytest
from statsmodels.gam.api import BSplines, GLMGam

from meta.risk.conditional_expectation import Regression, block_sums

DRAWS = 8000


def correlated(rho: float, count: int = DRAWS, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], count)


@pytest.mark.parametrize("rho", [-0.8, 0.0, 0.6])
def test_dependent_normal_inputs_have_their_closed_forms(rho):
    """Y = 2 X1 + X2: E[Y|X1] has slope 2 + rho; X1 adds what X2 leaves of it."""
    x = correlated(rho)
    regression = Regression({"a": x[:, :1], "b": x[:, 1:]}, (2 * x[:, 0] + x[:, 1])[:, None], 1, 50)
    variance = 5 + 4 * rho
    added = regression.shares_added()
    for name, first, alone in (("a", (2 + rho) ** 2, 4.0), ("b", (1 + 2 * rho) ** 2, 1.0)):
        share = regression.share(name)
        assert share.value[0] == pytest.approx(first / variance, abs=4 * share.error[0] + 1e-3)
        expected = alone * (1 - rho**2) / variance
        assert added[name].value[0] == pytest.approx(expected, abs=4 * added[name].error[0] + 1e-3)
    assert regression.share("a", "b").value[0] == pytest.approx(1, abs=1e-6)


def test_a_group_predicts_what_its_columns_do_together():
    """Y = X1 X2 + noise of variance 1: neither factor alone tells anything, both tell half."""
    x = correlated(0.0)
    y = x[:, 0] * x[:, 1] + np.random.default_rng(2).standard_normal(DRAWS)
    regression = Regression({"a": x[:, :1], "both": x}, y[:, None], 1, 50)
    assert regression.share("a").value[0] == pytest.approx(0, abs=0.01)
    assert regression.share("both").value[0] == pytest.approx(0.5, abs=0.04)


def test_the_fit_is_that_of_statsmodels_without_penalty():
    rng = np.random.default_rng(3)
    x = rng.gamma(2, size=400)
    y = np.sin(2 * x) + 0.3 * rng.standard_normal(400)
    smoother = BSplines(x, df=7, degree=3)
    gam = GLMGam(y, exog=np.ones((400, 1)), smoother=smoother, alpha=1e-12).fit()
    left = np.sum((y - gam.fittedvalues) ** 2) / np.sum((y - y.mean()) ** 2)
    share = Regression({"x": x[:, None]}, y[:, None], 1, 20).share("x").value[0]
    assert share == pytest.approx(1 - left * 399 / (399 - 6), abs=1e-6)


def test_units_and_origins_of_inputs_and_responses_change_nothing():
    x = correlated(0.4, 2000)
    y = np.exp(x[:, 0]) + x[:, 1]
    one = Regression({"x": x}, y[:, None], 1, 20)
    other = Regression({"x": x * [1e6, -1e-4] + [3, 1e3]}, 1e-5 * y[:, None] + 7, 1, 20)
    assert other.share("x").value == pytest.approx(one.share("x").value, abs=1e-7)
    assert other.share("x").error == pytest.approx(one.share("x").error, abs=1e-6)


def test_what_tells_nothing_is_zero_on_average_and_what_is_constant_has_no_share():
    rng = np.random.default_rng(4)
    found = [
        Regression({"x": rng.standard_normal((500, 3))}, rng.standard_normal((500, 1)), 1, 2)
        .share("x")
        .value[0]
        for _ in range(200)
    ]
    assert np.mean(found) == pytest.approx(0, abs=4 * np.std(found) / np.sqrt(200))
    columns = rng.standard_normal((500, 1))
    pair = Regression({"x": columns}, np.column_stack([columns, np.ones(500)]), 1, 5)
    value = pair.share("x").value
    assert value[0] == pytest.approx(1)
    assert np.isnan(value[1])
    assert Regression({"c": np.ones((500, 1))}, columns, 1, 5).share("c").value[0] == 0


def test_the_error_is_the_spread_over_other_draws():
    found, errors = [], []
    for seed in range(60):
        x = correlated(0.5, 2000, seed)
        share = Regression({"a": x[:, :1]}, x.sum(axis=1)[:, None] ** 3, seed, 100).share("a")
        found.append(share.value[0])
        errors.append(share.error[0])
    assert np.median(errors) == pytest.approx(np.std(found), rel=0.3)


def test_blocks_keep_autocorrelation_in_the_error():
    """An AR(1) chain of correlation 0.9 is worth 19 times fewer draws than it has."""
    rng = np.random.default_rng(5)

    def chain(noise):
        values = np.empty_like(noise)
        values[0] = noise[0]
        for i in range(1, len(noise)):
            values[i] = 0.9 * values[i - 1] + np.sqrt(0.19) * noise[i]
        return values

    noise = rng.standard_normal((20000, 2))
    errors = []
    for x in (noise, chain(noise)):
        y = x.sum(axis=1)[:, None]
        errors.append(Regression({"a": x[:, :1]}, y, 1, 300).share("a").error[0])
    # Squares and products, of which a share is made, have correlation 0.81: (1 + r) / (1 - r).
    assert errors[1] / errors[0] == pytest.approx(np.sqrt(1.81 / 0.19), rel=0.3)


def test_the_same_seed_gives_the_same_and_another_other_errors():
    x = correlated(0.5, 1000)
    one, same, other = (
        Regression({"a": x[:, :1]}, x[:, 1:], seed, 30).share("a") for seed in (1, 1, 2)
    )
    assert np.array_equal(one.resampled, same.resampled)
    assert not np.array_equal(one.resampled, other.resampled)
    assert one.value == other.value


def test_blocks_hold_every_draw_once():
    for count in (7, 100, 1234):
        assert block_sums(np.ones(count)).sum() == count
