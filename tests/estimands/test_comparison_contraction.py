"""Contraction of comparisons against closed forms of their priors, whatever is known of the level.

Steps of an ordinal effect share out a total b ~ N(0, 1.5) by a Dirichlet(1, 1, 1, 1), so that the
level k steps above the first has b S, S ~ Beta(k, 4 - k), and E S^2 = k (k + 1) / 20.
"""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit

from meta.config import ModelSpec
from meta.estimands import Estimate
from meta.estimands.averages import StudyAverages
from meta.estimands.contraction import contraction, prior_columns
from meta.estimands.draws import LogOddsRatio, hyper_draws
from meta.estimands.risk_ratio import standardised_estimates
from meta.models.design import Design, build_design

SIZE = 8_000
PRIOR_SD = 1.5
LEVELS = ["superficial", "moderate", "significant", "extreme"]


def design_with(*stages: str) -> Design:
    table = pd.DataFrame(
        {
            "row_id": list("pqrs"), "study": list("abcd"), "agent_set": list("abcd"),
            "sampling_frame": "denominator", "conditioning": "given_capability",
            "shift_type": ["none", "moderate", "none", "extreme"],
        }
    )  # fmt: skip
    for stage in stages:
        table[f"events_{stage}"] = pd.array([3, 4, 5, 6], dtype="Int64")
        table[f"trials_{stage}"] = pd.array([8, 9, 9, 9], dtype="Int64")
    spec = ModelSpec(stages=list(stages), levels=["study"], moderators=["shift_type"])
    return build_design(table, spec)


def compared(
    design: Design, level: np.ndarray, total: np.ndarray, steps: np.ndarray, tau: object
) -> dict[str, Estimate]:
    """Comparisons by key; level and total of shape (D, S), steps of (D, 4)."""
    dims = ("chain", "draw", "stage")
    beta = steps[:, :, None] * total[:, None, :]
    spread = np.broadcast_to(np.asarray(tau), level.shape)
    posterior = xr.Dataset(
        {
            "alpha": (dims, level[None]), "tau": (dims, spread[None]),
            "beta": (("chain", "draw", "term", "stage"), beta[None]),
            "correlation": (("chain", "draw", "stage_pair"), np.zeros((1, len(level), 1))),
        },
        coords={"stage": list(design.stages)},
    )  # fmt: skip
    averages = StudyAverages(hyper_draws(posterior, design))
    return {e.key: e for e in standardised_estimates(averages, design)}


def prior_of(design: Design, rng: np.random.Generator) -> dict[str, Estimate]:
    shape = (SIZE, len(design.stages))
    tau = np.abs(rng.normal(0, 1, shape))
    steps = rng.dirichlet(np.ones(4), SIZE)
    return compared(design, rng.normal(0, 1.5, shape), rng.normal(0, PRIOR_SD, shape), steps, tau)


def shares(found: dict[str, Estimate], prior: dict[str, Estimate]) -> dict[str, float]:
    columns = prior_columns(list(found.values()), prior, 0.95)
    return dict(zip(found, columns["contraction"], strict=True))


@pytest.fixture(scope="module")
def single() -> tuple[Design, dict[str, Estimate]]:
    design = design_with("goal_failure")
    return design, prior_of(design, np.random.default_rng(1))


def test_knowing_the_level_tells_nothing_of_the_comparison(single) -> None:
    design, prior = single
    rng = np.random.default_rng(2)
    level, total = rng.normal(2.5, 0.05, (SIZE, 1)), rng.normal(0, PRIOR_SD, (SIZE, 1))
    found = compared(design, level, total, rng.dirichlet(np.ones(4), SIZE), 0.5)
    got = shares(found, prior)
    assert len(got) == 8
    assert list(got.values()) == pytest.approx([0.0] * 8, abs=0.1)
    # The ratio's own draws have narrowed all the same, and far.
    key = "goal_failure/shift_type=extreme vs none/risk_ratio"
    assert contraction("risk_ratio", found[key].draws, prior[key].draws) > 0.5


@pytest.mark.parametrize("sd", [0.4, 1.2, 1.76])
@pytest.mark.parametrize("level", [-3.0, 2.0])
def test_of_one_stage_it_is_that_of_the_log_odds(single, sd: float, level: float) -> None:
    design, prior = single
    rng = np.random.default_rng(3)
    found = compared(
        design, rng.normal(level, 1, (SIZE, 1)), rng.normal(0.5, sd, (SIZE, 1)),
        np.full((SIZE, 4), 0.25), 0.5,
    )  # fmt: skip
    got = shares(found, prior)
    for k, name in enumerate(LEVELS, 1):
        before = PRIOR_SD**2 * k * (k + 1) / 20
        want = 1 - (sd * k / 4) ** 2 / before
        for estimand in ("risk_ratio", "risk_difference"):
            key = f"goal_failure/shift_type={name} vs none/{estimand}"
            assert got[key] == pytest.approx(want, abs=0.1 * (1 - want))
    last = got["goal_failure/shift_type=extreme vs none/risk_ratio"]
    # Wider than its prior: below zero, and not cut off there.
    assert (last < 0) == (sd > PRIOR_SD)


def test_of_a_product_each_stage_counts_by_how_far_it_moves_it() -> None:
    design = design_with("capability_transfer", "goal_failure")
    rng = np.random.default_rng(4)
    prior = prior_of(design, rng)
    level = np.tile([2.0, -0.5], (SIZE, 1))
    sd = np.array([0.04, 0.02])
    total = rng.normal([0.02, -0.03], sd, (SIZE, 2))
    found = compared(design, level, total, np.tile([0, 0, 0, 1.0], (SIZE, 1)), 1e-4)
    key = "capable_goal_failure/shift_type=extreme vs none/risk_ratio"
    ratio = found[key]
    weight = 1 - expit([2.0, -0.5])
    assert ratio.log_odds.weight == pytest.approx(weight, abs=0.005)
    # To the first order it is the log of the ratio.
    told = (ratio.log_odds.draws @ ratio.log_odds.weight).ravel()
    assert told == pytest.approx(np.log(ratio.draws.ravel()), abs=0.003)
    want = 1 - (weight**2 @ sd**2) / (weight**2 @ np.full(2, PRIOR_SD**2))
    got = shares(found, prior)[key]
    assert 1 - got == pytest.approx(1 - want, rel=0.1)


def test_prior_and_posterior_weigh_the_stages_as_the_posterior_does() -> None:
    """Of two stages of which only the first is learnt, and only the second counts: nothing."""
    rng = np.random.default_rng(5)
    before = LogOddsRatio(rng.normal(0, 1, (2, SIZE, 2)), np.array([1.0, 0.0]))
    after = LogOddsRatio(rng.normal(0, [0.1, 1], (2, SIZE, 2)), np.array([0.0, 1.0]))
    draws, rows = np.ones((2, SIZE)), np.arange(3)
    one, other = (
        Estimate("o", "m=a vs b", "risk_ratio", draws, rows, each) for each in (after, before)
    )
    assert shares({"x": one}, {one.key: other})["x"] == pytest.approx(0, abs=0.05)


def test_a_setting_that_the_prior_does_not_tell_apart_has_no_contraction() -> None:
    still = LogOddsRatio(np.zeros((1, 5, 1)), np.ones(1))
    one = Estimate("o", "m=a vs b", "risk_ratio", np.ones((1, 5)), np.arange(3), still)
    assert np.isnan(shares({"x": one}, {one.key: one})["x"])
