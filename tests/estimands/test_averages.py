"""Averages of rates over Student-t and widely varying study effects, against fine integration."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm
from scipy.stats import t as student

from meta.estimands import mean_of_product, mean_rate


def standard(df: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights over a Student-t density, spaced ever wider outwards (z = sinh u)."""
    u = np.arange(-14, 14 + step / 2, step)
    return np.sinh(u), student.pdf(np.sinh(u), df) * np.cosh(u) * step


def one_stage(logit: np.ndarray, tau: np.ndarray, df: float) -> np.ndarray:
    column = np.ones((logit.size, 1))
    return mean_of_product(
        logit[:, None], tau[:, None], 0 * column, column[:, None], np.full(logit.size, df)
    )


@pytest.mark.parametrize("df", [2.5, 3, 5, 10, 30])
def test_averages_over_student_t_studies_hold_at_low_rates_too(df: float) -> None:
    """Relative error below 0.1 %; nodes of equal probability are 16 % too low at df 2.5."""
    logit, tau = (each.ravel() for each in np.meshgrid(np.arange(-6, 4.0), [0.3, 1, 2]))
    z, weight = standard(df, 0.005)
    want = expit(logit[:, None] + tau[:, None] * z) @ weight
    one = quad(lambda v: expit(-6 + 0.3 * v) * student.pdf(v, df), -400, 400, limit=400,
               points=(0, 10, 20, 40))[0]  # fmt: skip
    assert want[0] == pytest.approx(one + student.sf(400, df), rel=1e-6)
    np.testing.assert_allclose(one_stage(logit, tau, df), want, rtol=1e-3)


def test_what_varies_below_studies_stays_normal() -> None:
    z, weight = standard(3.0, 0.005)
    want = mean_rate(-4 + z, np.full(z.size, 0.4)) @ weight
    one = np.ones((1, 1))
    got = mean_of_product(-4 * one, one, 0.4 * one, one[None], np.array([3.0]))
    assert got[0] == pytest.approx(want, rel=3e-4)


@pytest.mark.parametrize("df", [2.5, 4, 12])
@pytest.mark.parametrize("rho", [-0.7, 0.5])
@pytest.mark.parametrize("location", [(0.5, -1.0), (-2.0, -4.0), (1.0, -6.0)])
def test_products_over_student_t_studies(
    location: tuple[float, float], rho: float, df: float
) -> None:
    """By another route: the second effect given the first is Student-t too.

    With df + 1 degrees of freedom and a scale that grows with the first one (Ding 2016,
    doi:10.1080/00031305.2016.1164756).
    """
    tau = np.array([1.0, 1.2])
    first, weight = standard(df, 0.02)
    rest, given = standard(df + 1, 0.02)
    own = np.sqrt((1 - rho**2) * (df + first**2) / (df + 1))
    second = expit(location[1] + tau[1] * (rho * first + np.outer(rest, own))).T @ given
    want = (expit(location[0] + tau[0] * first) * second) @ weight
    factor = np.linalg.cholesky(np.array([[1, rho], [rho, 1]]))[None]
    got = mean_of_product(np.array([location]), tau[None], np.zeros((1, 2)), factor, np.array([df]))
    assert got[0] == pytest.approx(want, rel=2e-3)


@pytest.mark.parametrize("tau", [(2.9, 2.9), (3.1, 3.1), (1.0, 6.0), (10.0, 10.0)])
@pytest.mark.parametrize("rho", [-0.7, 0.5])
def test_products_over_normal_studies_that_vary_widely(
    tau: tuple[float, float], rho: float
) -> None:
    """Against nodes so close that they are finer than the inverse logit of the widest effects."""
    z = np.arange(-8, 8.001, 0.01)
    weight = norm.pdf(z) * 0.01
    own = np.sqrt(1 - rho**2)
    for location in ((0.5, -1.0), (-2.0, -4.0)):
        second = expit(location[1] + tau[1] * (rho * z + own * z[:, None])).T @ weight
        want = (expit(location[0] + tau[0] * z) * second) @ weight
        factor = np.linalg.cholesky(np.array([[1, rho], [rho, 1]]))[None]
        got = mean_of_product(np.array([location]), np.array([tau]), np.zeros((1, 2)), factor)
        assert got[0] == pytest.approx(want, rel=4e-3)
