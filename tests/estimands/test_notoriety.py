"""The notoriety offset of harm: arithmetic, integrals, and where it may stand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from meta.config import HARM_WITH_NOTORIETY, ModelSpec
from meta.errors import SettingsError
from meta.estimands import Draws, population_estimates
from meta.estimands.notoriety import HARM, harm_alone, notoriety_estimates, outcome_at
from meta.inference.seeds import child_seed
from meta.models.design import Design, build_design
from meta.models.moderators import Group
from meta.pooled import evidence_behind
from meta.priors import Notoriety
from meta.settings_file import load_settings

COUNT = 4000
STAGES = ("capability_transfer", "goal_failure", "harm")
SPEC = ModelSpec(
    frame="case_series", stages=STAGES, likelihood="binomial", levels=["source_list"],
    notoriety=Notoriety(mu=1, sigma=0.75),
)  # fmt: skip


@pytest.fixture(scope="module")
def design() -> Design:
    rows = pd.DataFrame(
        {
            "row_id": list("abc"),
            "study": list("abc"),
            "agent_set": list("abc"),
            "sampling_frame": "case_series",
            "conditioning": "given_capability",
            **{f"{kind}_{stage}": [8, 9, 10] for stage in STAGES for kind in ("events", "trials")},
        }
    )
    return build_design(rows, SPEC)


@pytest.fixture(scope="module")
def draws() -> Draws:
    """A posterior of one point, so that only the offset varies."""
    one = np.ones((COUNT, 3))
    return Draws(
        shape=(4, COUNT // 4),
        location=one * np.array([2.0, 1.5, 0.5]),
        slope=np.zeros((COUNT, 0, 3)),
        tau=one * np.array([0.5, 0.5, 0.8]),
        inner=0 * one,
        icc=None,
        factor=np.broadcast_to(np.eye(3), (COUNT, 3, 3)).copy(),
        df=None,
    )


@pytest.fixture
def found(draws: Draws, design: Design) -> dict[str, np.ndarray]:
    assert SPEC.notoriety
    return {e.key: e.draws for e in notoriety_estimates(draws, design, SPEC.notoriety, 3)}


def test_no_offset_is_the_catalogue(found, draws, design):
    plain = population_estimates(draws, design, design.groups[0], np.random.default_rng(1))
    wanted = {e.estimand: e.draws for e in plain if e.outcome == HARM}
    assert found[f"{outcome_at(0)}/all/rate_mean"] == pytest.approx(wanted["rate_mean"])


def test_the_average_share_is_the_integral_over_lists(found):
    wanted = quad(lambda z: expit(0.5 - 2 + 0.8 * z) * norm.pdf(z), -10, 10)[0]
    assert found[f"{outcome_at(2)}/all/rate_mean"] == pytest.approx(wanted, abs=1e-6)


def test_the_prior_is_integrated(found):
    rate = found[f"{HARM_WITH_NOTORIETY}/all/rate_typical"]
    wanted = quad(lambda z: expit(0.5 - 1 - 0.75 * z) * norm.pdf(z), -10, 10)[0]
    assert rate.mean() == pytest.approx(wanted, abs=4 * rate.std() / np.sqrt(COUNT))
    # Quantiles of a monotone function are the function of quantiles.
    low = expit(0.5 - 1 - 0.75 * norm.ppf(0.9))
    assert np.quantile(rate, 0.1) == pytest.approx(low, abs=0.02)


def test_a_new_list_varies_by_both(found):
    share = logit(found[f"{HARM_WITH_NOTORIETY}/all/rate_new"])
    # Standard error of a standard deviation of 4000 draws: 1.1%.
    assert share.std() == pytest.approx(np.hypot(0.75, 0.8), rel=0.05)
    assert share.mean() == pytest.approx(0.5 - 1, abs=4 * share.std() / np.sqrt(COUNT))


def test_its_draws_are_a_stream_of_their_own(found):
    """Not that of the population, whose draws of new studies would go with the offset."""
    prior = np.random.default_rng(child_seed(3, "notoriety")).normal(1, 0.75, COUNT)
    rate = found[f"{HARM_WITH_NOTORIETY}/all/rate_typical"].ravel()
    np.testing.assert_allclose(logit(rate), 0.5 - prior)


def test_each_group_has_its_own_with_what_moderators_add(draws, design):
    groups = [
        Group("here", np.array([1.0]), np.array([True, False, False])),
        Group("there", np.array([-1.0]), np.array([False, True, True])),
    ]
    slope = np.broadcast_to([9.0, 9.0, 0.7], (COUNT, 1, 3))
    several, moved = replace(design, groups=groups), replace(draws, slope=slope)
    estimates = {e.key: e for e in notoriety_estimates(moved, several, SPEC.notoriety, 3)}
    for group, sign, rows in (("here", 1, [0]), ("there", -1, [1, 2])):
        wanted = quad(lambda z, s=sign: expit(0.5 + 0.7 * s - 2 + 0.8 * z) * norm.pdf(z), -9, 9)[0]
        found = estimates[f"{outcome_at(2)}/{group}/rate_mean"]
        assert found.draws == pytest.approx(wanted, abs=1e-6)
        assert found.rows.tolist() == rows
        typical = estimates[f"{HARM_WITH_NOTORIETY}/{group}/rate_typical"].draws
        middle = logit(typical).mean()
        assert middle == pytest.approx(0.5 + 0.7 * sign - 1, abs=4 * 0.75 / np.sqrt(COUNT))


def test_lists_may_be_student_t_and_arms_beta(draws, design):
    heavy = replace(draws, df=np.full(COUNT, 3.0))
    found = {e.key: e.draws for e in notoriety_estimates(heavy, design, SPEC.notoriety, 3)}
    wanted = quad(lambda z: expit(0.5 - 2 + 0.8 * z) * student(3).pdf(z), -60, 60)[0]
    assert found[f"{outcome_at(2)}/all/rate_mean"] == pytest.approx(wanted, rel=1e-3)
    normal = quad(lambda z: expit(0.5 - 2 + 0.8 * z) * norm.pdf(z), -10, 10)[0]
    assert abs(wanted - normal) > 5e-3
    icc = np.ones((COUNT, 3)) * [0.1, 0.2, 0.3]
    np.testing.assert_array_equal(harm_alone(replace(draws, icc=icc)).icc, icc[:, 2:])


def test_only_rows_that_observe_harm_are_behind_it(draws, design):
    seen = replace(design, stage=np.where(design.row == 1, 0, design.stage))
    estimates = notoriety_estimates(draws, seen, SPEC.notoriety, 3)
    assert {tuple(e.rows) for e in estimates} == {(0, 2)}


def test_the_cases_behind_it_are_those_of_harm(draws, design):
    assert SPEC.notoriety
    estimates = notoriety_estimates(draws, design, SPEC.notoriety, 3)
    behind = evidence_behind(estimates, design)
    assert set(behind["n_trials"]) == {27}
    assert {e.group for e in estimates} == {"all"}


@pytest.mark.parametrize(
    "spec",
    [
        {"stages": ["goal_failure"], "notoriety": {"sigma": 1}},
        {"stages": list(STAGES), "frame": "case_series", "levels": ["source_list"],
         "likelihood": "binomial", "notoriety": {"sigma": 0}},
    ],
)  # fmt: skip
def test_it_stands_only_with_harm_of_cases(spec):
    with pytest.raises(ValidationError):
        ModelSpec.model_validate(spec)


def test_an_unknown_key_gets_the_nearest(tmp_path: Path):
    models = {
        "rates": {"primary": True, "stages": ["goal_failure"]},
        "composition": {
            "frame": "case_series", "stages": list(STAGES), "levels": ["source_list"],
            "notoriety": {"mu": 1, "sigma": 1, "ofsets": [1]},
        },
    }  # fmt: skip
    with pytest.raises(SettingsError, match="did you mean offsets"):
        load_settings(tmp_path, {"models": models})
