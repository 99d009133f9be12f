"""Estimands of two populations of studies against simulation of each draw's population."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit
from scipy.stats import norm

from meta.config import ModelSpec
from meta.estimands import hyper_draws
from meta.estimands.averages import StudyAverages
from meta.estimands.exceedance import Exceedance
from meta.estimands.population import population_estimates
from meta.estimands.study import population_membership
from meta.models.design import build_design
from tests.models.test_hierarchy import CHAIN, table

SHARE, SPLIT, RHO, TAU = 0.3, 0.8, 0.4, (1.0, 2.0)
ALPHA = (0.8, -0.5)


@pytest.fixture(scope="module")
def design():
    spec = ModelSpec(stages=CHAIN, levels=["study"], random_effects="two_population")
    return build_design(table(), spec)


@pytest.fixture(scope="module")
def posterior() -> xr.Dataset:
    """Two chains of 10,000 equal draws, so that predictive draws are a large sample."""
    shape = (2, 10_000)
    fixed = {"alpha": ALPHA, "tau": TAU, "icc": (0.1, 0.1)}
    data = {
        n: (("chain", "draw", "stage"), np.broadcast_to(v, (*shape, 2))) for n, v in fixed.items()
    }
    data["correlation"] = (("chain", "draw", "stage_pair"), np.full((*shape, 1), RHO))
    for name, value in {"upper_share": SHARE, "split": SPLIT, "gap": 1.0}.items():
        data[name] = (("chain", "draw"), np.full(shape, value))
    return xr.Dataset(data)


def simulated(size: int = 400_000) -> np.ndarray:
    """Logits of studies, shape (size, 2)."""
    rng = np.random.default_rng(1)
    upper = rng.random(size) < SHARE
    z = rng.standard_normal((size, 2))
    distance = np.sqrt(SPLIT / (SHARE * (1 - SHARE)))
    second = (upper - SHARE) * distance + np.sqrt(1 - SPLIT) * z[:, 1]
    first = z[:, 0]
    return np.column_stack(
        [
            ALPHA[0] + TAU[0] * first,
            ALPHA[1] + TAU[1] * (RHO * first + np.sqrt(1 - RHO**2) * second),
        ]
    )


@pytest.mark.parametrize("stages", [slice(0, 1), slice(1, 2), slice(0, 2)])
def test_average_and_share_are_those_of_simulated_studies(design, posterior, stages) -> None:
    draws = hyper_draws(posterior.isel(draw=slice(0, 2)), design)
    rate = expit(simulated())[:, stages].prod(axis=1)
    error = rate.std() / np.sqrt(rate.size)
    got = StudyAverages(draws).mean(np.zeros(0), stages)
    assert got == pytest.approx(rate.mean(), abs=4 * error)
    for x in (0.1, 0.5):
        want = (rate > x).mean()
        share = Exceedance(draws, [x]).share(x, draws.location, stages)
        assert share == pytest.approx(want, abs=4 * np.sqrt(want * (1 - want) / rate.size) + 2e-4)


def test_new_studies_are_drawn_from_both(design, posterior) -> None:
    draws = hyper_draws(posterior, design)
    found = population_estimates(draws, design, design.groups[0], np.random.default_rng(2))
    new = {e.outcome: e.draws.ravel() for e in found if e.estimand == "rate_new"}
    rate = expit(simulated())
    for outcome, values in zip(CHAIN, rate.T, strict=True):
        for q in (0.1, 0.5, 0.9):
            want = np.quantile(values, q)
            below = (new[outcome] < want).mean()
            assert below == pytest.approx(q, abs=4 * np.sqrt(q * (1 - q) / 20_000))


def test_membership_is_bayes_rule(design, posterior) -> None:
    units = design.levels[0].units
    logit = np.linspace(-4, 4, len(units) * 2).reshape(len(units), 2)
    few = posterior.isel(draw=slice(0, 3))
    values = np.broadcast_to(logit, (2, 3, *logit.shape))
    few = few.assign(study_logit=(("chain", "draw", "study", "stage"), values))
    found = population_membership(few, hyper_draws(few, design), design)
    own = TAU[1] * np.sqrt(1 - RHO**2)
    distance = own * np.sqrt(SPLIT / (SHARE * (1 - SHARE)))
    for (first, second), estimate in zip(logit, found, strict=True):
        mean = ALPHA[1] + TAU[1] * RHO * (first - ALPHA[0]) / TAU[0]
        sd = own * np.sqrt(1 - SPLIT)
        up = SHARE * norm.pdf(second, mean + (1 - SHARE) * distance, sd)
        low = (1 - SHARE) * norm.pdf(second, mean - SHARE * distance, sd)
        assert estimate.draws == pytest.approx(up / (up + low))
