"""Averages of the whole chain against other quadrature, adaptive integration and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import multivariate_normal, norm

from meta.estimands.averages import mean_of_product
from meta.estimands.chain_averages import average_rates, new_rates, stage_correlations
from meta.estimands.draws import Draws

SETTINGS = [
    # location, tau, inner, correlation of capability and of harm with goal failure
    ((1.5, -0.5, -1.0), (0.8, 1.2, 0.6), (0.4, 0.9, 0.0), 0.5, -0.6),
    ((3.0, 0.0, -3.0), (1.5, 2.5, 1.5), (0.0, 0.0, 0.0), -0.9, 0.9),
    ((-2.0, 1.0, 0.0), (0.1, 4.5, 2.0), (0.2, 1.0, 0.5), 0.0, 0.3),
]


def chain(location, tau, inner, r, rho) -> Draws:
    corr = np.array([[1, r, r * rho], [r, 1, rho], [r * rho, rho, 1.0]])
    return Draws(
        shape=(1, 1),
        location=np.array([location], float),
        slope=np.zeros((1, 0, 3)),
        tau=np.array([tau], float),
        inner=np.array([inner], float),
        icc=None,
        factor=np.linalg.cholesky(corr)[None],
        df=None,
    )


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_stage_is_the_integral(setting) -> None:
    draws = chain(*setting)
    got = average_rates(draws)
    for o in range(3):
        mu, sd = setting[0][o], np.hypot(setting[1][o], setting[2][o])
        want = quad(
            lambda z, mu=mu, sd=sd: expit(mu + sd * z) * norm.pdf(z), -12, 12, epsabs=1e-11,
            limit=400,
        )[0]  # fmt: skip
        assert got[o, o + 1][0] == pytest.approx(want, abs=2e-6)


@pytest.mark.parametrize("setting", SETTINGS)
def test_products_equal_tensor_quadrature(setting, monkeypatch) -> None:
    """Gauss-Hermite over all dimensions at once, with many nodes."""
    monkeypatch.setattr("meta.estimands.averages.NODES", {2: 301, 3: 121})
    # However widely logits vary: the trapezoidal rule is that of the averages under test.
    monkeypatch.setattr("meta.estimands.averages.WIDE", np.inf)
    monkeypatch.setattr("meta.estimands.averages.BLOCK", 10**8)
    draws = chain(*setting)
    got = average_rates(draws)
    for stop in (2, 3):
        s = slice(0, stop)
        want = mean_of_product(
            draws.location[:, s], draws.tau[:, s], draws.inner[:, s], draws.factor[:, s, s]
        )
        assert got[0, stop][0] == pytest.approx(want[0], abs=2e-5)


def test_products_equal_a_simulation_of_the_correlated_effects() -> None:
    location, tau, inner, r, rho = SETTINGS[0]
    rng = np.random.default_rng(3)
    size = 1_000_000
    corr = np.array([[1, r, r * rho], [r, 1, rho], [r * rho, rho, 1.0]])
    covariance = np.outer(tau, tau) * corr + np.diag(np.square(inner))
    logits = multivariate_normal(np.array(location), covariance).rvs(size, random_state=rng)
    product = expit(logits).prod(axis=1)
    got = average_rates(chain(*SETTINGS[0]))[0, 3][0]
    assert got == pytest.approx(product.mean(), abs=4 * product.std() / np.sqrt(size))


def test_without_any_variation_rates_are_plain() -> None:
    draws = chain((1.0, -0.5, -2.0), (0, 0, 0), (0, 0, 0), 0.4, 0.2)
    rates = expit(draws.location[0])
    got = average_rates(draws)
    assert got[1, 2][0] == pytest.approx(rates[1], abs=1e-15)
    assert got[0, 3][0] == pytest.approx(rates.prod(), abs=1e-15)
    assert new_rates(draws, np.ones((1, 3)))[0] == pytest.approx(rates, abs=1e-15)


def test_blocks_change_nothing(monkeypatch) -> None:
    parts = [chain(*setting) for setting in SETTINGS]
    joined = Draws(
        shape=(1, 3), icc=None, df=None,
        **{n: np.concatenate([getattr(p, n) for p in parts])
           for n in ("location", "slope", "tau", "inner", "factor")},
    )  # fmt: skip
    whole = average_rates(joined)[0, 3]
    monkeypatch.setattr("meta.estimands.chain_averages.BLOCK", 2)
    assert average_rates(joined)[0, 3] == pytest.approx(whole, rel=1e-12)


def test_new_studies_have_the_stated_correlations() -> None:
    """Without variation below studies, logits of new studies are the effects themselves."""
    one = chain((0, 0, 0), (1.0, 2.0, 0.5), (0, 0, 0), 0.5, -0.6)
    count = 200_000
    names = ("location", "slope", "tau", "inner", "factor")
    arrays = {n: np.repeat(getattr(one, n), count, axis=0) for n in names}
    draws = Draws(shape=(1, count), icc=None, df=None, **arrays)
    rates = new_rates(draws, np.random.default_rng(1).standard_normal((count, 3)))
    logits = np.log(rates / (1 - rates))
    assert logits.std(axis=0) == pytest.approx([1.0, 2.0, 0.5], rel=0.01)
    found = np.corrcoef(logits.T)
    assert (found[0, 1], found[1, 2], found[0, 2]) == pytest.approx((0.5, -0.6, -0.3), abs=0.01)


def test_other_structures_are_refused() -> None:
    draws = chain((0, 0, 0), (1, 1, 1), (0, 0, 0), 0.5, 0.5)
    corr = np.array([[1, 0.5, 0.6], [0.5, 1, 0.5], [0.6, 0.5, 1.0]])
    wrong = Draws(**{**draws.__dict__, "factor": np.linalg.cholesky(corr)[None]})
    with pytest.raises(ValueError, match="independent given goal failure"):
        stage_correlations(wrong)
