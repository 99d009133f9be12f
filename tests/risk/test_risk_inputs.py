"""Inputs of a profile's risk: they add up to its logits, and determine the risk."""

from dataclasses import replace

import numpy as np
import pytest

from meta.estimands.harm_chain import STAGES, WHOLE
from meta.risk.conditional_expectation import Regression
from meta.risk.evidence import evidence_risk
from meta.risk.risk_inputs import (
    LEVELS,
    MODERATORS,
    NEW_STUDY,
    SHARED,
    profile_draws,
)
from meta.risk.sensitivity_indices import on_scale
from meta.risk.settings import Profile
from tests.risk.small_basis import documents, small_basis, with_counts

DOCUMENTS = documents()
PROFILES = [
    Profile(("significant", "significant")),
    Profile(("superficial", "moderate"), 0.55, "human_level", "narrow", "human_feedback"),
    Profile(
        ("moderate", "moderate"), 0.2, period="2026-2027",
        interventions=("anomaly_monitoring", "diverse_adversarial_training"),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def basis():
    """Draws with notoriety and transport taken into harm's location."""
    found = small_basis(3000)
    rng = np.random.default_rng(9)
    notoriety, transport = rng.normal(1, 0.75, 3000), rng.normal(0, 0.5, 3000)
    harm = found.chain.harm
    moved = replace(harm, location=harm.location + (transport - notoriety)[:, None])
    chain = replace(found.chain, harm=moved, notoriety=notoriety, transport=transport)
    return replace(found, chain=chain)


@pytest.mark.parametrize("profile", PROFILES)
def test_risks_are_those_of_the_evidence_mode(basis, profile):
    found = profile_draws(profile, basis, DOCUMENTS, 7)
    expected = evidence_risk(profile, basis, DOCUMENTS, 7).draws
    for key, draws in found.risks.items():
        assert np.array_equal(draws, expected[key])


@pytest.mark.parametrize("profile", [*PROFILES[:1], replace(PROFILES[1], shift=("moderate",) * 2)])
def test_both_readings_add_up_to_the_same_logits(basis, profile):
    found = profile_draws(profile, basis, DOCUMENTS, 7)
    by_name = {i.name: i for i in found.inputs}
    total = np.zeros((3000, 3))
    for source in found.inputs:
        if source.view == MODERATORS:
            for column, stage in zip(source.columns.T, source.stages, strict=True):
                total[:, STAGES.index(stage)] += column
    levels = np.concatenate([by_name[stage].columns for stage in STAGES], axis=1)
    assert total == pytest.approx(levels)
    judged = by_name["transport"].columns - by_name["notoriety"].columns
    assert found.mixes[0].location[:, 2] == pytest.approx(levels[:, 2] + judged[:, 0])
    assert found.mixes[0].location[:, :2] == pytest.approx(levels[:, :2])


def test_periods_and_remedies_are_inputs_of_their_own(basis):
    found = profile_draws(PROFILES[2], basis, DOCUMENTS, 7)
    plain = profile_draws(replace(PROFILES[2], period=None, interventions=()), basis, DOCUMENTS, 7)
    names = {i.name for i in found.inputs} - {i.name for i in plain.inputs}
    assert names == {"2026-2027", "anomaly_monitoring", "diverse_adversarial_training"}
    one, other = ({i.name: i for i in each.inputs} for each in (found, plain))
    for stage in STAGES:
        assert one[stage].columns == pytest.approx(other[stage].columns)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("view", [LEVELS, MODERATORS])
@pytest.mark.parametrize("estimand", ["rate_mean", "rate_new"])
def test_the_inputs_of_a_reading_determine_the_risk(basis, profile, view, estimand):
    found = profile_draws(profile, basis, DOCUMENTS, 7)
    groups = found.columns(WHOLE, estimand, view)
    response = on_scale(found.risks[WHOLE, estimand], "logit")[:, None]
    everything = Regression(groups, response, 1, 2).share(*groups).value[0]
    assert everything > (0.97 if estimand == "rate_mean" else 0.9)


def test_each_input_says_what_it_rests_on(basis):
    """Judgements are: what nobody measured, and a level that no study has, stage by stage."""
    thin = with_counts(basis, "shift_type", "moderate", 0.2)
    found = {i.name: i for i in profile_draws(PROFILES[2], thin, DOCUMENTS, 7).inputs}
    whole = {name: source.basis(WHOLE) for name, source in found.items()}
    assert whole == {
        "capability_transfer": "evidence", "goal_failure": "judgement", "harm": "evidence",
        "evidence_level": "evidence", "shift_type": "evidence and judgement",
        "specification_quality": "evidence", "between_studies": "evidence",
        "within_studies": "evidence", "correlation": "evidence and judgement",
        "notoriety": "judgement", "transport": "judgement", "2026-2027": "judgement",
        "anomaly_monitoring": "judgement", "diverse_adversarial_training": "evidence",
        "new_study": "evidence",
    }  # fmt: skip
    # Without harm the correlation is that of the first two stages, which arms tell.
    assert found["correlation"].basis("capable_goal_failure") == "evidence"


def test_harm_is_no_input_of_a_risk_without_it(basis):
    found = profile_draws(PROFILES[1], basis, DOCUMENTS, 7)
    whole = found.columns(WHOLE, "rate_mean", LEVELS)
    without = found.columns("capable_goal_failure", "rate_mean", LEVELS)
    assert set(whole) - set(without) == {"harm", "notoriety", "transport"}
    assert whole["between_studies"].shape[1] == 3
    assert without["between_studies"].shape[1] == 2
    assert NEW_STUDY not in whole
    assert found.columns(WHOLE, "rate_new", LEVELS)[NEW_STUDY].shape[1] == 3


def test_what_does_not_vary_is_no_input(basis):
    fixed = replace(basis, chain=replace(basis.chain, transport=0.0))
    found = profile_draws(PROFILES[0], fixed, DOCUMENTS, 7)
    assert "transport" not in found.columns(WHOLE, "rate_mean", LEVELS)
    assert any(i.name == "transport" and i.view == SHARED for i in found.inputs)
