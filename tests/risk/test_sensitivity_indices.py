"""First-order indices by SALib, and uncertainty against variation between studies."""

from dataclasses import replace

import numpy as np
import pytest

from meta.risk.sensitivity_indices import (
    SCALES,
    first_order_indices,
    half_width,
    on_scale,
    uncertainty_shares,
)
from tests.risk.small_basis import small_basis


def test_ishigami_has_its_textbook_indices():
    """a = 7, b = 0.1: 0.3139, 0.4424 and 0 (Ishigami & Homma 1990)."""
    x = np.random.default_rng(1).uniform(-np.pi, np.pi, (8000, 3))
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    found = first_order_indices(dict(zip("abc", x.T, strict=True)), y, 1, 0.95)
    for name, expected in (("a", 0.3139), ("b", 0.4424), ("c", 0.0)):
        value, margin = found[name]
        assert value == pytest.approx(expected, abs=margin + 0.005)
        assert margin < 0.04


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.5])
def test_under_dependence_the_index_holds_what_is_shared(rho):
    """Y = X1 + X2 of correlation rho: E[Y|X1] = (1 + rho) X1, of variance 2 + 2 rho."""
    rng = np.random.default_rng(2)
    x = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 8000)
    found = first_order_indices({"a": x[:, 0], "b": x[:, 1]}, x.sum(axis=1), 1, 0.95)
    for value, margin in found.values():
        assert value == pytest.approx((1 + rho) / 2, abs=margin)


def test_only_the_order_of_an_input_counts_and_the_seed_fixes_the_margin():
    rng = np.random.default_rng(3)
    x = rng.standard_normal(2000)
    y = x + rng.standard_normal(2000)
    one = first_order_indices({"x": x}, y, 5, 0.95)
    assert first_order_indices({"x": np.exp(3 * x) + 8}, y, 5, 0.95) == one
    assert first_order_indices({"x": x}, y, 6, 0.95)["x"][1] != one["x"][1]
    assert np.isnan(first_order_indices({"x": x}, np.ones(2000), 5, 0.95)["x"][0])


def test_other_random_streams_are_left_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    x = np.random.default_rng(3).standard_normal(500)
    first_order_indices({"x": x}, x, 5, 0.95)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_uncertainty_of_a_normal_logit_has_its_share(spread):
    """One stage without variation below studies: the logit is N(location, tau^2)."""
    basis = small_basis(4000, tau=spread, inner=0.0)
    draws = basis.chain.at(basis.rate_x, basis.harm_x)
    draws = replace(draws, tau=np.full_like(draws.tau, spread))
    share = uncertainty_shares([draws], {"one": slice(0, 1)}, 1, 100)["one"]
    variance = draws.location[:, 0].var()
    expected = variance / (variance + spread**2)
    assert share.value[0] == pytest.approx(expected, abs=4 * share.error[0])
    assert share.error[0] < 0.02


def test_no_variation_between_studies_leaves_all_to_uncertainty_and_no_uncertainty_nothing():
    certain = small_basis(1500, same=True)
    draws = certain.chain.at(certain.rate_x, certain.harm_x)
    stages = {"whole": slice(0, 3)}
    none = uncertainty_shares([draws], stages, 1, 50)["whole"]
    assert none.value == pytest.approx([0, 0], abs=0.02)
    uncertain = small_basis(1500)
    draws = uncertain.chain.at(uncertain.rate_x, uncertain.harm_x)
    alone = replace(draws, tau=np.zeros_like(draws.tau))
    assert uncertainty_shares([alone], stages, 1, 50)["whole"].value == pytest.approx([1, 1])


def test_scales_and_margins():
    assert on_scale(np.array([0.5]), SCALES[0])[0] == 0
    assert on_scale(np.array([0.5]), SCALES[1])[0] == 0.5
    assert half_width(0.5, 0.95) == pytest.approx(0.97998, abs=1e-5)
