"""Tornado: conditional medians against normal theory, and dependence kept."""

import numpy as np
import pytest
from scipy.stats import norm

from meta.risk.tornado import conditional_median, tornado_bar

PERCENTILES = (0.1, 0.9)


def test_normal_draws_have_the_conditional_median_of_normal_theory():
    """Of correlation 0.6: median 0.6 q at the quantile q; a window of draws is 2% off at most."""
    rng = np.random.default_rng(1)
    x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 40000).T
    bar = tornado_bar(x, y, PERCENTILES)
    assert (bar.input_low, bar.input_high) == pytest.approx(norm.ppf(PERCENTILES), abs=0.03)
    assert (bar.risk_low, bar.risk_high) == pytest.approx(0.6 * norm.ppf(PERCENTILES), abs=0.06)
    assert bar.swing == pytest.approx(1.2 * norm.ppf(0.9), abs=0.08)


def test_inputs_that_trade_off_have_short_bars():
    """R = A + B with B = -A + e: with B left as it is A would move R by 2.6, given A hardly."""
    rng = np.random.default_rng(2)
    a = rng.standard_normal(20000)
    b = -a + 0.2 * rng.standard_normal(20000)
    assert tornado_bar(a, a + b, PERCENTILES).swing < 0.05


def test_the_order_alone_decides():
    rng = np.random.default_rng(3)
    x = rng.standard_normal(3000)
    y = x**3 + rng.standard_normal(3000)
    one, other = (tornado_bar(v, y, PERCENTILES) for v in (x, np.exp(x)))
    assert (one.risk_low, one.risk_high) == (other.risk_low, other.risk_high)
    down = tornado_bar(-x, y, PERCENTILES)
    assert (down.risk_low, down.risk_high) == (one.risk_high, one.risk_low)


def test_a_percentile_too_near_the_end_is_refused():
    x = np.arange(100.0)
    assert conditional_median(x, x, 0.05) == pytest.approx(4.5)
    assert conditional_median(x, x, 0.95) == pytest.approx(94.5)
    with pytest.raises(ValueError, match="window"):
        conditional_median(x, x, 0.01)
