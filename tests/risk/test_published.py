"""Published risk of a profile: hand sums, the interpolation's properties, flags and errors."""

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.errors import MissingRowsError, SettingsError
from meta.risk.documents import read_documents
from meta.risk.named_profiles import named_profile_table
from meta.risk.published import published_risk, risk_of, specification_factor
from meta.risk.settings import Profile, read_profile

# Hypothesis wants no fixtures of a module.
DOCUMENTS = read_documents(pd.read_csv(Path(__file__).parents[2] / "data" / "raw" / "claims.csv"))
LEVELS = list(DOCUMENTS.levels.values())

SAFE = {
    "shift": "superficial", "specification": 1.0, "capability": "below_human",
    "diversity": "diverse", "alignment": "interpretability_verified",
}  # fmt: skip
WORST = {
    "shift": "extreme", "specification": 0.0, "capability": "above_human",
    "diversity": "narrow", "alignment": "behavioral_cloning",
}  # fmt: skip


def test_the_two_ends_of_the_formula_by_hand(claims):
    """0.036 x 0.5 x 0.5 x 0.7 x 0.4 = 0.252% and 0.277 x 2 x 3 x 1.4 x 1.5 = 349.02%."""
    safe, worst = published_risk(SAFE, claims), published_risk(WORST, claims)
    assert safe.low == pytest.approx(0.00252)
    assert safe.central == pytest.approx(0.00252)
    assert safe.high == pytest.approx(0.00252 * 0.7 / 0.5)
    assert worst.high == pytest.approx(3.4902)
    assert worst.central == pytest.approx(3.4902)
    assert worst.low == pytest.approx(3.4902 * 1.5 / 2)
    assert safe.flags == ()
    assert worst.flags == ("exceeds_one",)


def test_a_profile_between_the_configurations_by_hand(claims):
    """Significant shift, score 0.55, human level, mixed training, human feedback."""
    risk = published_risk(
        {"shift": "significant", "specification": 0.55, "capability": "human_level",
         "diversity": "mixed", "alignment": "human_feedback"}, claims,
    )  # fmt: skip
    assert risk.low == pytest.approx(0.218 * 0.8 * 0.5 * 0.7 * 0.4)
    assert risk.high == pytest.approx(0.218 * 1.2 * 3.0 * 1.4 * 1.5)
    squares = (1.2 * 0.8) * (0.5 * 3) * (0.7 * 1.4) * (0.4 * 1.5)
    assert risk.central == pytest.approx(0.218 * math.sqrt(squares))
    assert risk.flags == ("exceeds_one", "outside_configurations")


@pytest.mark.parametrize(
    ("score", "low", "central", "high", "gap"),
    [
        (0.0, 1.5, 2.0, 2.0, False),
        (0.3, 1.5, 1.5, 2.0, False),
        (0.35, math.sqrt(1.5 * 0.8), math.sqrt(1.5 * 1.2), math.sqrt(2.0 * 1.2), True),
        (0.4, 0.8, 1.2, 1.2, False),
        (0.7, 0.8, 0.8, 1.2, False),
        (0.75, math.sqrt(0.8 * 0.5), math.sqrt(0.8 * 0.7), math.sqrt(1.2 * 0.7), True),
        (0.8, 0.5, 0.7, 0.7, False),
        (0.9, 0.5, math.sqrt(0.35), 0.7, False),
        (1.0, 0.5, 0.5, 0.7, False),
    ],
)
def test_specification_at_and_between_levels(score, low, central, high, gap):
    factor = specification_factor(score, LEVELS)
    assert (factor.low, factor.central, factor.high) == pytest.approx((low, central, high))
    assert factor.flags == (("in_a_gap",) if gap else ())


@settings(deadline=None)
@given(score=st.floats(0, 1), step=st.floats(1e-6, 1))
def test_a_better_specification_is_never_riskier(score, step):
    one = specification_factor(score, LEVELS)
    better = specification_factor(min(score + step, 1.0), LEVELS)
    assert one.low <= one.central * (1 + 1e-12)
    assert one.central <= one.high * (1 + 1e-12)
    for end in ("low", "central", "high"):
        assert getattr(better, end) <= getattr(one, end) * (1 + 1e-12)


@settings(deadline=None)
@given(boundary=st.sampled_from([0.3, 0.4, 0.7, 0.8]), off=st.sampled_from([-1e-7, 0.0, 1e-7]))
def test_the_central_value_has_no_jump(boundary, off):
    at, near = (specification_factor(s, LEVELS).central for s in (boundary, boundary + off))
    assert near == pytest.approx(at, rel=1e-5)


@settings(deadline=None)
@given(score=st.floats(0, 1))
def test_a_gap_is_flagged_and_nothing_else_is(score):
    inside = 0.3 + 1e-8 < score < 0.4 - 1e-8 or 0.7 + 1e-8 < score < 0.8 - 1e-8
    edge = any(abs(score - b) <= 1e-8 for b in (0.3, 0.4, 0.7, 0.8))
    assert edge or (specification_factor(score, LEVELS).flags == ("in_a_gap",)) == inside


SHIFTS = ["superficial", "moderate", "significant", "extreme"]


@settings(deadline=None, max_examples=60)
@given(
    shift=st.sampled_from(SHIFTS),
    specification=st.none() | st.floats(0, 1),
    capability=st.sampled_from([None, "below_human", "human_level", "above_human"]),
    diversity=st.sampled_from([None, "narrow", "mixed", "diverse"]),
    alignment=st.sampled_from([None, "behavioral_cloning", "none", "interpretability_verified"]),
    period=st.sampled_from([None, "2024-2025", "2026-2027", "post-2030"]),
)
def test_the_flag_says_whether_the_high_end_exceeds_one(
    shift, specification, capability, diversity, alignment, period
):
    profile = Profile((shift, shift), specification, capability, diversity, alignment, period)
    risk = risk_of(profile, DOCUMENTS)
    assert 0 < risk.low <= risk.central * (1 + 1e-12)
    assert risk.central <= risk.high * (1 + 1e-12)
    assert ("exceeds_one" in risk.flags) == (risk.high > 1 + 1e-9)
    between = {"human_level", "mixed", "none"}
    assert ("outside_configurations" in risk.flags) == bool(
        between & {capability, diversity, alignment}
    )


def test_period_and_interventions_by_hand(claims):
    risk = published_risk(
        {"shift": ["superficial", "extreme"], "period": "2028-2030",
         "interventions": ["ai_control_protocols", "diverse_adversarial_training"]}, claims,
    )  # fmt: skip
    assert risk.low == pytest.approx(0.036 * 2 * 0.1 * 0.6)
    assert risk.high == pytest.approx(0.277 * 3 * 0.4 * 0.8)
    left = 0.1 * 0.4 * 0.6 * 0.8
    assert risk.central == pytest.approx(math.sqrt(0.036 * 0.277 * 6 * left))
    none = published_risk({"shift": "extreme", "interventions": "anomaly_monitoring"}, claims)
    assert (none.low, none.high, none.flags) == (0.277, 0.277, ("no_printed_figure",))


@pytest.mark.parametrize("shift", ["none", ("none", "extreme"), ("extreme", "none")])
def test_without_a_printed_base_there_is_no_number(claims, shift):
    """Nothing that the document prints says what the risk is where nothing shifts."""
    risk = published_risk({"shift": shift, "capability": "above_human"}, claims)
    assert all(math.isnan(end) for end in (risk.low, risk.central, risk.high))
    assert risk.flags == ("shift_not_printed",)


def test_what_the_document_does_not_name_changes_nothing_and_says_so(claims):
    settings = {"shift": "extreme", "interventions": ["warning_or_prohibition"]}
    risk = published_risk(settings, claims)
    assert (risk.low, risk.high, risk.flags) == (0.277, 0.277, ("no_printed_figure",))
    both = published_risk(
        {"shift": "none", "interventions": ["warning_or_prohibition"], "specification": 0.35},
        claims,
    )
    assert math.isnan(both.central)
    assert both.flags == ("shift_not_printed", "in_a_gap", "no_printed_figure")


def test_the_answer_follows_the_claims(altered):
    """A modifier of 6 instead of 3 at the high-risk end doubles the risk."""
    assert published_risk(WORST, altered({"C022": 6.0})).high == pytest.approx(2 * 3.4902)


def test_named_profiles(claims):
    table = named_profile_table(claims).set_index(["kind", "name"])
    domains = (100 * table.loc["domain", ["low", "high"]]).round(1).to_numpy().tolist()
    assert domains == [[1.8, 7.0], [8.0, 26.2], [8.0, 26.2], [15.0, 43.6], [32.7, 55.4]]
    printed = table.loc["domain", ["printed_low", "printed_high"]].to_numpy().tolist()
    assert printed == [[0.03, 0.12], [0.12, 0.28], [0.08, 0.22], [0.18, 0.35], [0.25, 0.45]]
    later = table.loc["domain_later", "low"] / table.loc["domain", "low"]
    assert later.tolist() == pytest.approx([1.5] * 5)
    last = table.loc[("period", "post-2030")]
    assert (last["low"], last["high"]) == pytest.approx((0.036 * 3, 0.277 * 5))
    assert last["flags"] == "exceeds_one"
    control = table.loc[("intervention", "ai_control_protocols")]
    assert (control["low"], control["high"]) == pytest.approx((0.0036, 0.1108))
    assert (table["central"] >= table["low"] - 1e-12).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shift": "big"}, "Legal values: none, superficial, moderate, significant, extreme"),
        ({"shift": "unclear"}, "'unclear' is no setting"),
        ({}, "shift: give one type"),
        ({"shift": ["moderate"] * 3}, "shift: give one type"),
        ({"shift": "extrme"}, "did you mean extreme?"),
        ({**SAFE, "specification": 1.01}, "from 0 (proxy only) to 1"),
        ({**SAFE, "specification": -0.01}, "-0.01 is no score"),
        ({**SAFE, "specification": math.nan}, "nan is no score"),
        ({**SAFE, "specification": True}, "True is no score"),
        ({**SAFE, "specification": "high"}, "'high' is no score"),
        ({**SAFE, "capability": "unclear"}, "leave out what is not known. Legal values: below_"),
        ({**SAFE, "capability": "superhuman"}, "below_human, human_level, above_human"),
        ({**SAFE, "diversity": "wide"}, "Legal values: narrow, mixed, diverse"),
        ({**SAFE, "alignment": "rlhf"}, "human_feedback, safety_trained"),
        ({**SAFE, "alignment": ["none", "human_feedback"]}, "2 values given"),
        ({**SAFE, "period": "2050"}, "2024-2025, 2026-2027, 2028-2030, post-2030"),
        ({**SAFE, "interventions": ["luck"]}, "ai_control_protocols"),
        ({**SAFE, "interventions": ["objective_probing"] * 2}, "given twice"),
        ({**SAFE, "colour": "red"}, "colour: unknown setting"),
    ],
)
def test_what_is_not_legal_is_refused_with_what_is(settings, message):
    with pytest.raises(SettingsError) as error:
        read_profile(settings, DOCUMENTS)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert "unclear" not in str(error.value).partition("Legal values")[2]


def test_all_problems_are_reported_at_once():
    with pytest.raises(SettingsError) as error:
        read_profile({"shift": "x", "capability": "y", "specification": 2}, DOCUMENTS)
    assert len(str(error.value).splitlines()) == 3


def test_a_missing_claim_is_an_error(claims):
    with pytest.raises(MissingRowsError, match="m_capability of all"):
        published_risk(SAFE, claims[claims["claim_id"] != "C022"])
