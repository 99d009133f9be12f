"""Periods and remedies: priors made of printed figures, overlap, and what each rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from meta.priors import Beta
from meta.risk.scenarios import (
    EVIDENCE,
    JUDGEMENT,
    Effect,
    combined,
    multiplier_prior,
    profile_effects,
    remedy_effect,
    shipped_scenarios,
    with_overlap,
)
from meta.risk.settings import Profile, legal_values
from tests.risk.small_basis import documents, small_basis

DOCUMENTS = documents()
SCENARIOS = shipped_scenarios()
BASIS = small_basis(count=4000)
SEED = 5
CLOSE = 4 * np.sqrt(0.25 / 4000)  # of a share among the draws


def remedy(name: str) -> Effect:
    return remedy_effect(name, BASIS, DOCUMENTS, SCENARIOS, SEED)


def test_a_printed_reduction_of_40_to_70_percent_has_its_middle_half_between_3_and_6_tenths():
    mean, sd = multiplier_prior(0.3, 0.6, 0.5)
    assert np.exp(norm(mean, sd).ppf([0.25, 0.5, 0.75])) == pytest.approx([0.3, np.sqrt(0.18), 0.6])
    printed = remedy("interpretability_verification")
    low, high = DOCUMENTS.interventions["interpretability_verification"].reduction.ends
    odds = np.exp(printed.draws)
    assert np.mean((odds > 1 - high) & (odds < 1 - low)) == pytest.approx(0.5, abs=CLOSE)
    assert np.mean(odds < 1 - high) == pytest.approx(0.25, abs=CLOSE)
    assert f"{100 * low:g} to {100 * high:g}%" in printed.said


@pytest.mark.parametrize(("middle", "tail"), [(0.5, 0.25), (0.8, 0.1)])
def test_the_share_between_the_ends_is_the_one_asked_for(middle: float, tail: float):
    mean, sd = multiplier_prior(2.0, 3.0, middle)
    assert norm(mean, sd).cdf(np.log([2.0, 3.0])) == pytest.approx([tail, 1 - tail])


@pytest.mark.parametrize(("figure", "ends"), [(1.5, (1.0, 2.25)), (0.5, (0.25, 1.0))])
def test_a_single_figure_is_the_range_from_one_to_its_square(figure: float, ends):
    mean, sd = multiplier_prior(figure, figure, 0.5)
    assert np.exp(norm(mean, sd).ppf([0.25, 0.5, 0.75])) == pytest.approx(
        [ends[0], figure, ends[1]]
    )


def test_a_multiplier_of_one_is_a_point_and_one_of_nought_is_refused():
    assert multiplier_prior(1.0, 1.0, 0.5) == (0.0, 0.0)
    with pytest.raises(ValueError, match="lies above 0"):
        multiplier_prior(0.0, 0.5, 0.5)


def test_a_period_that_is_printed_as_1_point_5():
    profile = Profile(("extreme", "extreme"), period="2026-2027")
    (effect,) = profile_effects(profile, BASIS, DOCUMENTS, SCENARIOS, SEED)
    assert (effect.stage, effect.basis, effect.is_period) == ("goal_failure", JUDGEMENT, True)
    assert effect.said.startswith("odds multiplied by about 1.5,")
    odds = np.exp(effect.draws)
    assert np.mean(odds < 1.5) == pytest.approx(0.5, abs=CLOSE)
    assert np.mean((odds > 1) & (odds < 2.25)) == pytest.approx(0.5, abs=CLOSE)


def test_the_reference_period_alone_is_a_point_and_says_that_it_is_one_by_definition():
    for period in DOCUMENTS.periods:
        profile = Profile(("extreme", "extreme"), period=period)
        (effect,) = profile_effects(profile, BASIS, DOCUMENTS, SCENARIOS, SEED)
        reference = period == "2024-2025"
        assert (effect.draws.std() == 0) == reference, period
        assert ("1 by definition" in effect.said) == reference
        assert effect.basis == JUDGEMENT
    printed = DOCUMENTS.periods["2024-2025"]
    assert printed.ends == (1.0, 1.0) and printed.low == printed.high  # no range is printed


def test_overlap_adds_log_odds_at_nought_and_leaves_the_strongest_at_one():
    rng = np.random.default_rng(0)
    effects = -np.abs(rng.normal(-0.5, 0.6, (3, 500)))
    assert with_overlap(effects, np.zeros(500)) == pytest.approx(effects.sum(axis=0))
    assert with_overlap(effects, np.ones(500)).tolist() == effects.min(axis=0).tolist()
    half = with_overlap(effects, np.full(500, 0.5))
    assert half == pytest.approx((effects.sum(axis=0) + effects.min(axis=0)) / 2)
    assert with_overlap(effects[:1], rng.random(500)).tolist() == effects[0].tolist()


def test_percentages_are_never_added():
    """Three times 60% less would be 180%; 0.4 cubed of the odds is left, or 0.4 if all overlap."""
    effects = np.log(np.full((3, 2), 0.4))
    left = np.exp(with_overlap(effects, np.array([0.0, 1.0])))
    assert left == pytest.approx([0.064, 0.4])


def test_the_strongest_is_the_largest_whichever_its_sign():
    """So that two remedies of which nothing is known are not taken to help."""
    effects = np.array([[-0.2, 0.9], [0.7, -0.3]])
    assert with_overlap(effects, np.ones(2)) == pytest.approx([0.7, 0.9])
    unknown = np.random.default_rng(2).normal(0, 0.5, (2, 100_000))
    for overlap in (0.3, 1.0):
        joint = with_overlap(unknown, np.full(100_000, overlap))
        assert joint.mean() == pytest.approx(0, abs=0.01)


def test_a_period_overlaps_with_no_remedy_and_stages_are_apart():
    count = 300
    rng = np.random.default_rng(4)
    period, one, two, harm = (rng.normal(m, 0.1, count) for m in (0.4, -1.0, -0.5, -2.0))
    effects = [
        Effect("p", "goal_failure", period, JUDGEMENT, "", True),
        Effect("a", "goal_failure", one, EVIDENCE, ""),
        Effect("b", "goal_failure", two, EVIDENCE, ""),
        Effect("c", "harm", harm, JUDGEMENT, ""),
    ]
    found = combined(effects, SCENARIOS, SEED)
    assert found["harm"].tolist() == harm.tolist()
    rest = found["goal_failure"] - period
    full, least = one + two, np.minimum(one, two)
    assert ((rest >= full - 1e-12) & (rest <= least + 1e-12)).all()
    shares = (rest - least) / (full - least)  # 1 - o
    beta = SCENARIOS.overlap
    assert shares.mean() == pytest.approx(beta.beta / (beta.alpha + beta.beta), abs=0.06)
    assert "capability_transfer" not in found
    almost = SCENARIOS.model_copy(update={"overlap": Beta(alpha=1e6, beta=1.0)})
    assert combined(effects, almost, SEED)["goal_failure"] == pytest.approx(
        period + least, abs=1e-4
    )


def test_what_has_neither_figure_nor_arm_may_help_or_harm():
    for name in ("anomaly_monitoring", "clarified_specification"):
        effect = remedy(name)
        assert effect.basis == JUDGEMENT
        assert "may help or harm" in effect.said
        assert effect.draws.mean() == pytest.approx(0, abs=4 * SCENARIOS.unknown / np.sqrt(4000))
        assert effect.draws.std() == pytest.approx(SCENARIOS.unknown, rel=0.05)
    assert remedy("anomaly_monitoring").stage == "harm"
    assert remedy("clarified_specification").stage == "goal_failure"


def test_what_has_arms_says_how_many_studies():
    one, more = remedy("warning_or_prohibition"), remedy("diverse_adversarial_training")
    assert (one.basis, more.basis) == (EVIDENCE, EVIDENCE)
    assert one.said.endswith(", 1 study") and more.said.endswith(", 4 studies")
    assert more.draws is BASIS.interventions["decorrelated_training_data"]
    without = replace(BASIS, interventions={}, intervention_studies={})
    judged = remedy_effect("diverse_adversarial_training", without, DOCUMENTS, SCENARIOS, SEED)
    assert judged.basis == JUDGEMENT and "as printed" in judged.said


def test_each_remedy_draws_from_a_stream_of_its_own():
    names = ["objective_specification_improvement", "interpretability_verification"]
    profile = Profile(("extreme", "extreme"), interventions=tuple(names))
    turned = replace(profile, interventions=tuple(names[::-1]))
    both = {e.name: e.draws for e in profile_effects(profile, BASIS, DOCUMENTS, SCENARIOS, SEED)}
    for effect in profile_effects(turned, BASIS, DOCUMENTS, SCENARIOS, SEED):
        assert effect.draws.tolist() == both[effect.name].tolist()
    assert abs(np.corrcoef(*both.values())[0, 1]) < 0.06


def test_the_shipped_judgements_cover_every_remedy_of_the_document():
    assert set(SCENARIOS.remedies) == set(DOCUMENTS.interventions)
    known = legal_values(DOCUMENTS)["interventions"]
    for each in SCENARIOS.remedies.values():
        assert each.evidence is None or each.evidence in known
