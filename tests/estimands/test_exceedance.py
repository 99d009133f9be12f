"""Share of new studies above a rate, against simulated studies and closed forms."""

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm, t

from meta.estimands.averages import mean_rate
from meta.estimands.draws import Draws
from meta.estimands.exceedance import Exceedance, StudyLogit

LOCATION = np.array([[2, -0.5], [0.5, -1], [1.8, -2], [3, 1], [-2, 0.4], [1, 1]])
TAU = np.array([[1, 1.2], [1.5, 0.5], [0.3, 2], [2, 2], [1, 1], [0.01, 0.02]])
INNER = np.array([[0.5, 0.8], [0, 0], [1, 2], [2, 3], [0.1, 0.1], [0.5, 0.5]])
RHO = np.array([0, 0.7, -0.7, 0.9, -0.5, 0.2])
DF = np.array([3.0, 5, 30, 2, 1, 8])
SIZE = 150_000


def draws_of(inner: np.ndarray, df: np.ndarray | None) -> Draws:
    factor = np.linalg.cholesky(np.array([[[1, r], [r, 1]] for r in RHO]))
    return Draws((1, len(TAU)), LOCATION, np.zeros((len(TAU), 0, 2)), TAU, inner, None, factor, df)


@pytest.mark.parametrize("df", [None, DF], ids=["normal", "student_t"])
def test_share_of_simulated_studies(df: np.ndarray | None) -> None:
    draws = draws_of(INNER, df)
    above = Exceedance(draws, (0.1, 0.5))
    rng = np.random.default_rng(3)
    for i in range(len(TAU)):
        effects = TAU[i] * (rng.standard_normal((SIZE, 2)) @ draws.factor[i].T)
        if df is not None:
            effects /= np.sqrt(rng.gamma(df[i] / 2, 2 / df[i], SIZE))[:, None]
        rates = mean_rate(LOCATION[i] + effects, INNER[i])
        for stages in (slice(0, 1), slice(1, 2), slice(0, 2)):
            for x in above.rates:
                want = (rates[:, stages].prod(axis=1) > x).mean()
                got = above.share(x, LOCATION, stages)[i]
                error = 4 * np.sqrt(max(want * (1 - want), 1e-5) / SIZE)
                # The nodes of the product are good to about 1e-4.
                assert got == pytest.approx(want, abs=error + 2e-4), (i, stages, x)


def test_one_stage_without_inner_variation_is_a_tail_of_the_study_effects() -> None:
    z = (logit(0.3) - LOCATION[:, 1]) / TAU[:, 1]
    normal = Exceedance(draws_of(0 * INNER, None), (0.3,)).share(0.3, LOCATION, slice(1, 2))
    np.testing.assert_allclose(normal, norm.sf(z), atol=1e-12)
    student = Exceedance(draws_of(0 * INNER, DF), (0.3,)).share(0.3, LOCATION, slice(1, 2))
    np.testing.assert_allclose(student, t.sf(z, DF), rtol=1e-9, atol=1e-12)


def test_the_logit_of_a_study_gives_its_mean_rate_back() -> None:
    sd = np.array([0, 0.3, 1, 2.5, 6])
    inverse = StudyLogit(sd)
    for rate in (1e-4, 0.05, 0.3, 0.5, 0.9, 0.999):
        found = mean_rate(inverse(np.full(sd.size, rate), sd), sd)
        np.testing.assert_allclose(found, rate, atol=2e-5)
