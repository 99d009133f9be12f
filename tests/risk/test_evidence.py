"""Evidence mode: a second simulation in plain numpy, closed forms, settings, flags and bases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import ks_2samp

from meta.risk.basis import Basis
from meta.risk.evidence import (
    ESTIMANDS,
    EVIDENCE,
    OUTCOMES,
    design_rows,
    evidence_risk,
    profile_mixes,
    score_levels,
)
from meta.risk.flags import flag_sentences
from meta.risk.settings import Profile
from tests.risk.small_basis import FIELDS, SHIFTS, documents, small_basis, with_counts

DOCUMENTS = documents()
SEED = 11
PROFILE = Profile(
    ("moderate", "extreme"), 0.35, "above_human", "narrow", "human_feedback",
    "2026-2027", ("decorrelated_training_data", "ai_control_protocols"),
)  # fmt: skip
PLAIN = Profile(("significant", "significant"), 0.5, "above_human", "narrow", "human_feedback")


def levels_of(profile: Profile, shift: str) -> dict[str, dict[str, float]]:
    """Shares of levels by field, worked out by hand for these profiles."""
    score = {0.35: {"low": 0.5, "medium": 0.5}, 0.5: {"medium": 1.0}}[profile.specification or 0.5]
    return {
        "shift_type": {shift: 1.0},
        "specification_quality": score,
        "capability_level": {profile.capability: 1.0},
        "training_diversity": {profile.diversity: 1.0},
        "alignment_method": {profile.alignment: 1.0},
    }


def stage_logits(basis: Basis, i: int, profile: Profile, shift: str) -> np.ndarray:
    """Logits of the three stages at a profile for one draw, from the definitions alone."""
    x = []
    for setting in basis.rates:
        shares = levels_of(profile, shift)[setting.field]
        rows = np.asarray(setting.settings)
        x.append(sum(s * rows[setting.levels.index(level)] for level, s in shares.items()))
    rates, harm = basis.chain.rates, basis.chain.harm
    goal = rates.location[i] + np.concatenate(x) @ rates.slope[i]
    steps = SHIFTS.index(shift)  # cumulative indicators: as many ones as steps
    return np.append(goal, harm.location[i, 0] + harm.slope[i, :steps, 0].sum())


def simulated_studies(
    basis: Basis, i: int, profile: Profile, shift: str, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Study logits (size, 3) of one draw, and the sds below studies; effects by covariance."""
    rates, harm = basis.chain.rates, basis.chain.harm
    tau = np.append(rates.tau[i], harm.tau[i])
    r = rates.factor[i, 1, 0]
    rho = basis.chain.correlation[i]
    corr = np.array([[1, r, r * rho], [r, 1, rho], [r * rho, rho, 1]])
    effects = rng.multivariate_normal(np.zeros(3), np.outer(tau, tau) * corr, size)
    inner = np.append(rates.inner[i], harm.inner[i])
    return stage_logits(basis, i, profile, shift) + effects, inner, tau


def test_averages_over_studies_agree_with_a_second_simulation() -> None:
    """One draw: two million arms of as many studies and agent sets, stages multiplied."""
    basis = small_basis(count=3, same=True)
    rng = np.random.default_rng(1)
    risk = evidence_risk(PLAIN, basis, DOCUMENTS, SEED)
    size = 2_000_000
    logits, inner, _ = simulated_studies(basis, 0, PLAIN, "significant", size, rng)
    stages = expit(logits + inner * rng.standard_normal(logits.shape))
    for outcome, s in OUTCOMES.items():
        product = stages[:, s].prod(axis=1)
        error = 4.5 * product.std() / np.sqrt(size)
        got = risk.draws[outcome, "rate_mean"]
        assert got == pytest.approx(np.full(3, product.mean()), abs=error), outcome


def test_new_studies_agree_with_a_second_simulation() -> None:
    """Many studies of one draw, each with many agent sets over which its rates are averaged."""
    basis = small_basis(count=3000, same=True)
    rng = np.random.default_rng(2)
    risk = evidence_risk(PLAIN, basis, DOCUMENTS, SEED)
    logits, inner, _ = simulated_studies(basis, 0, PLAIN, "significant", 3000, rng)
    sets = expit(logits[:, None] + inner * rng.standard_normal((3000, 1500, 3))).mean(axis=1)
    for outcome, s in OUTCOMES.items():
        found = ks_2samp(sets[:, s].prod(axis=1), risk.draws[outcome, "rate_new"])
        assert found.pvalue > 1e-3, outcome


def test_posterior_draws_agree_with_a_second_simulation() -> None:
    """Every draw is another one: one study, one agent set, one arm each, and many of them."""
    basis = small_basis(count=4000, seed=8)
    risk = evidence_risk(PLAIN, basis, DOCUMENTS, SEED)
    rng = np.random.default_rng(3)
    arms = []
    for i in range(4000):
        logits, inner, _ = simulated_studies(basis, i, PLAIN, "significant", 40, rng)
        arms.append(expit(logits + inner * rng.standard_normal(logits.shape)).prod(axis=1))
    each = np.mean(arms, axis=1)
    want, error = each.mean(), each.std() / np.sqrt(4000)
    for estimand in ESTIMANDS:
        got = risk.draws["harmful_misgeneralization", estimand]
        noise = np.hypot(error, got.std() / np.sqrt(4000))
        assert got.mean() == pytest.approx(want, abs=4 * noise)


def test_without_heterogeneity_it_is_a_product_of_plain_rates() -> None:
    basis = small_basis(count=50, tau=0.0, inner=0.0)
    risk = evidence_risk(PLAIN, basis, DOCUMENTS, SEED)
    want = np.array([expit(stage_logits(basis, i, PLAIN, "significant")).prod() for i in range(50)])
    for estimand in ESTIMANDS:
        got = risk.draws["harmful_misgeneralization", estimand]
        assert got == pytest.approx(want, rel=1e-9)


def test_a_setting_that_is_not_given_stays_at_the_mean_of_the_evidence() -> None:
    basis = small_basis()
    (mix,) = profile_mixes(Profile(("none", "none")), DOCUMENTS)
    x = design_rows(basis.rate_x, basis.rates, mix)
    assert x[:, :4].tolist() == [[0.0] * 4] * len(x)
    assert x[:, 4:].tolist() == basis.rate_x[:, 4:].tolist()
    # A field that the model of harm does not have changes nothing there.
    (full,) = profile_mixes(PLAIN, DOCUMENTS)
    assert design_rows(basis.harm_x, basis.harm, full).tolist() == [[1, 1, 1, 0]] * len(x)


def test_a_level_that_no_model_has_changes_nothing_and_says_so() -> None:
    basis = small_basis()
    alone = evidence_risk(Profile(("none", "none")), basis, DOCUMENTS, SEED)
    given = evidence_risk(
        Profile(("none", "none"), alignment="interpretability_verified"), basis, DOCUMENTS, SEED
    )
    for key, draws in alone.draws.items():
        assert given.draws[key].tolist() == draws.tolist()
    assert given.flags == ("no_evidence:alignment=interpretability_verified",)
    assert alone.flags == ()


def test_a_pair_of_shift_types_is_the_average_of_both() -> None:
    basis = small_basis()
    pair = evidence_risk(Profile(("moderate", "extreme"), 0.9), basis, DOCUMENTS, SEED)
    one, other = (
        evidence_risk(Profile((s, s), 0.9), basis, DOCUMENTS, SEED) for s in ("moderate", "extreme")
    )
    for key, draws in pair.draws.items():
        assert draws == pytest.approx((one.draws[key] + other.draws[key]) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("score", "shares"),
    [
        (0.0, {"low": 1}),
        (0.3, {"low": 1}),
        (0.325, {"low": 0.75, "medium": 0.25}),
        (0.35, {"low": 0.5, "medium": 0.5}),
        (0.4, {"medium": 1}),
        (0.7, {"medium": 1}),
        (0.75, {"medium": 0.5, "high": 0.5}),
        (0.8, {"high": 1}),
        (1.0, {"high": 1}),
    ],
)
def test_scores_at_and_between_levels(score: float, shares: dict[str, float]) -> None:
    found = dict(score_levels(score, DOCUMENTS))
    assert list(found) == list(shares)
    assert found == pytest.approx(shares)


def test_a_score_in_a_gap_is_between_the_levels_on_the_log_odds() -> None:
    basis = small_basis(tau=0.0, inner=0.0)

    def logits(score: float) -> np.ndarray:
        risk = evidence_risk(Profile(("none", "none"), score), basis, DOCUMENTS, SEED)
        return logit(risk.draws["goal_failure", "rate_mean"])

    assert logits(0.35) == pytest.approx((logits(0.3) + logits(0.4)) / 2, abs=1e-9)


def test_a_period_multiplies_the_odds_of_its_stage_and_nothing_else() -> None:
    """In the settings as they are given, study by study: exactly so where nothing varies."""
    basis = small_basis(tau=0.0, inner=0.0)
    plain = evidence_risk(PLAIN, basis, DOCUMENTS, SEED)
    later = evidence_risk(replace(PLAIN, period="2026-2027"), basis, DOCUMENTS, SEED)
    (effect,) = later.effects
    for outcome, change in (
        ("capability_transfer", 0.0),
        ("goal_failure", effect.draws),
        ("harm", 0.0),
    ):
        before, after = (each.draws[outcome, "rate_mean"] for each in (plain, later))
        odds = (after / (1 - after)) / (before / (1 - before))
        assert np.log(odds) == pytest.approx(change, abs=1e-9)
    assert np.median(np.exp(effect.draws)) == pytest.approx(1.5, rel=0.05)


def test_a_remedy_with_arms_takes_the_draws_of_the_contrasts() -> None:
    basis = small_basis(tau=0.0, inner=0.0)
    plain = evidence_risk(PLAIN, basis, DOCUMENTS, SEED)
    for name in ("decorrelated_training_data", "diverse_adversarial_training"):
        treated = evidence_risk(replace(PLAIN, interventions=(name,)), basis, DOCUMENTS, SEED)
        before, after = (e.draws["goal_failure", "rate_mean"] for e in (plain, treated))
        want = basis.interventions["decorrelated_training_data"]
        assert logit(after) - logit(before) == pytest.approx(want, abs=1e-9)
        assert treated.basis["goal_failure"] == EVIDENCE
        assert treated.effects[0].said.endswith("4 studies")


def test_everything_together_moves_the_log_odds_by_its_sum_with_overlap() -> None:
    """Closed form of a pair of shifts, a gap, a period and two remedies of different stages."""
    basis = small_basis(count=200, tau=0.0, inner=0.0)
    risk = evidence_risk(PROFILE, basis, DOCUMENTS, SEED)
    period, data, control = (effect.draws for effect in risk.effects)
    change = np.stack([np.zeros(200), period + data, control], axis=1)
    want = np.zeros(200)
    for shift in ("moderate", "extreme"):
        logits = np.array([stage_logits(basis, i, PROFILE, shift) for i in range(200)])
        want += expit(logits + change).prod(axis=1) / 2
    got = risk.draws["harmful_misgeneralization", "rate_mean"]
    assert got == pytest.approx(want, rel=1e-9)


BOTH, JUDGEMENT = "evidence and judgement", "judgement"


def judged(*names: str) -> dict[str, str]:
    return {outcome: BOTH if outcome in names else EVIDENCE for outcome in OUTCOMES}


HARM = ("harm", "harmful_misgeneralization")
GOAL = ("goal_failure", "capable_goal_failure")


@pytest.mark.parametrize(
    ("settings", "want"),
    [
        ({}, judged(*HARM)),
        ({"interventions": ("warning_or_prohibition",)}, judged(*HARM)),
        ({"interventions": ("diverse_adversarial_training",)}, judged(*HARM)),
        ({"interventions": ("objective_specification_improvement",)}, judged(*GOAL, *HARM)),
        ({"interventions": ("clarified_specification",)}, judged(*GOAL, *HARM)),
        ({"interventions": ("ai_control_protocols",)}, judged(*HARM)),
        ({"period": "2024-2025"}, judged(*GOAL, *HARM)),
    ],
)
def test_what_each_number_rests_on(settings: dict[str, object], want: dict[str, str]) -> None:
    profile = replace(PLAIN, **settings)  # type: ignore[arg-type]
    risk = evidence_risk(profile, small_basis(count=100), DOCUMENTS, SEED)
    assert risk.basis == want


#: Bases of the outcomes of a plain profile, in the order of `OUTCOMES`.
STAGES = ("capability_transfer", "goal_failure", "capable_goal_failure", *HARM)


@pytest.mark.parametrize(
    ("count", "studies", "want"),
    [
        ("k_studies", 0.5, (EVIDENCE, EVIDENCE, EVIDENCE, BOTH, BOTH)),
        ("k_studies", 0.49, (EVIDENCE, JUDGEMENT, BOTH, BOTH, BOTH)),
        ("k_capability", 0.5, (EVIDENCE, EVIDENCE, EVIDENCE, BOTH, BOTH)),
        ("k_capability", 0.49, (JUDGEMENT, EVIDENCE, BOTH, BOTH, BOTH)),
        ("lists", 0.5, (EVIDENCE, EVIDENCE, EVIDENCE, BOTH, BOTH)),
        ("lists", 0.49, (EVIDENCE, EVIDENCE, EVIDENCE, JUDGEMENT, BOTH)),
    ],
)
def test_a_stage_without_studies_at_its_level_is_judgement(
    count: str, studies: float, want: tuple[str, ...]
) -> None:
    """Capability, goal and harm each by the studies that count it, on both sides of the bound."""
    of = "k_studies" if count == "lists" else count
    basis = small_basis(count=20)
    basis = with_counts(basis, "shift_type", "extreme", studies, count == "lists", of)
    for settings in (("extreme", "extreme"), ("none", "none")):
        risk = evidence_risk(Profile(settings), basis, DOCUMENTS, SEED)
        plain = (EVIDENCE, EVIDENCE, EVIDENCE, BOTH, BOTH)
        got = tuple(risk.basis[outcome] for outcome in STAGES)
        assert got == (want if settings[0] == "extreme" else plain)


def test_nothing_but_the_prior_is_judgement_throughout() -> None:
    """A level that no model has, and one that nothing counts; a remedy's arms mend neither."""
    unknown = Profile(
        ("none", "none"), alignment="interpretability_verified",
        interventions=("decorrelated_training_data",),
    )  # fmt: skip
    risk = evidence_risk(unknown, small_basis(count=20), DOCUMENTS, SEED)
    assert [risk.basis[outcome] for outcome in STAGES] == [JUDGEMENT] * 3 + [BOTH] * 2
    basis = small_basis(count=20)
    for harm, of in ((False, "k_studies"), (False, "k_capability"), (True, "k_studies")):
        basis = with_counts(basis, "shift_type", "extreme", 0.0, harm, of)
    risk = evidence_risk(Profile(("extreme", "extreme")), basis, DOCUMENTS, SEED)
    assert set(risk.basis.values()) == {JUDGEMENT}
    assert risk.flags == tuple(
        f"{flag}:shift=extreme" for flag in ("extrapolates", "no_capability", "no_cases")
    )
    # Of a pair each type counts half, so that it rests on both.
    pair = evidence_risk(Profile(("significant", "extreme")), basis, DOCUMENTS, SEED)
    assert set(pair.basis.values()) == {BOTH}


@pytest.mark.parametrize(("others", "flagged"), [(2.9, True), (3.0, False), (None, False)])
def test_a_level_that_comes_with_one_kind_of_failure_says_so(
    others: float | None, flagged: bool
) -> None:
    basis = small_basis(count=20)
    if others is not None:
        known = replace(basis.rates[0], k_other_kind=(3.0,) * 5)
        basis = replace(basis, rates=(known, *basis.rates[1:]))
        basis = with_counts(basis, "shift_type", "extreme", others, of="k_other_kind")
    risk = evidence_risk(Profile(("none", "extreme")), basis, DOCUMENTS, SEED)
    assert risk.flags == (("one_kind:shift=extreme",) if flagged else ())
    plain = evidence_risk(Profile(("none", "extreme")), small_basis(count=20), DOCUMENTS, SEED)
    assert risk.basis == plain.basis
    sentences = flag_sentences(risk.flags)
    assert all("extreme" in said and "cannot be told apart" in said for said in sentences)


def test_contraction_compares_with_the_prior_at_the_same_settings() -> None:
    """Variances of logits; unknown of what a period or remedy moves, whose effect has no data."""
    basis = small_basis(count=2000, tau=0.0, inner=0.0)
    before = replace(basis, chain=basis.prior[0])
    profile = replace(PLAIN, interventions=("ai_control_protocols",))
    risk = evidence_risk(profile, basis, DOCUMENTS, SEED)
    prior = evidence_risk(PLAIN, before, DOCUMENTS, SEED)
    key = ("goal_failure", "rate_mean")
    bounds = (1e-4, 1 - 1e-4)
    share = 1 - (
        logit(risk.draws[key].clip(*bounds)).var() / logit(prior.draws[key].clip(*bounds)).var()
    )
    assert risk.contraction[key] == pytest.approx(share)
    assert 0.5 < share < 1
    touched = {outcome for (outcome, _), value in risk.contraction.items() if np.isnan(value)}
    assert touched == set(HARM)


@pytest.mark.parametrize(
    ("studies", "lists", "flags"),
    [
        (3.0, 1.0, []),
        (2.9, 1.0, ["few_studies"]),
        (0.5, 1.0, ["few_studies"]),
        (0.49, 1.0, ["extrapolates"]),
        (3.0, 0.9, ["few_cases"]),
        (3.0, 0.5, ["few_cases"]),
        (3.0, 0.49, ["no_cases"]),
        (0.0, 0.0, ["extrapolates", "no_cases"]),
    ],
)
def test_flags_on_both_sides_of_their_boundary(
    studies: float, lists: float, flags: list[str]
) -> None:
    basis = with_counts(small_basis(count=20), "shift_type", "extreme", studies)
    basis = with_counts(basis, "shift_type", "extreme", lists, harm=True)
    risk = evidence_risk(Profile(("none", "extreme")), basis, DOCUMENTS, SEED)
    assert risk.flags == tuple(f"{flag}:shift=extreme" for flag in flags)
    assert [(s.level, s.k_studies, s.k_lists) for s in risk.support] == [
        ("extreme", studies, lists), ("none", 3.0, 2.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("studies", "flagged"), [(1, True), (2, True), (3, False)])
def test_a_remedy_of_few_studies_is_flagged(studies: int, flagged: bool) -> None:
    basis = small_basis(count=20)
    basis = replace(basis, intervention_studies=dict.fromkeys(basis.interventions, studies))
    profile = replace(PLAIN, interventions=("diverse_adversarial_training", "ai_control_protocols"))
    risk = evidence_risk(profile, basis, DOCUMENTS, SEED)
    want = ("few_contrasts:mitigation=diverse_adversarial_training",) if flagged else ()
    assert risk.flags == want


def test_a_score_in_a_gap_rests_on_both_levels() -> None:
    basis = with_counts(small_basis(count=20), "specification_quality", "low", 0.0)
    risk = evidence_risk(Profile(("none", "none"), 0.35), basis, DOCUMENTS, SEED)
    levels = [(s.level, s.flags, s.k_lists) for s in risk.support if s.setting == "specification"]
    assert levels == [("low", ("extrapolates",), None), ("medium", (), None)]
    assert set(FIELDS) == {s.field for s in basis.rates}


def test_every_flag_can_be_said() -> None:
    flags = [
        "no_capability:shift=extreme", "exceeds_one", "no_capability:specification=low",
        "no_cases:shift=extreme", "no_capability:shift=extreme",
    ]  # fmt: skip
    both, product, cases = flag_sentences(flags)
    assert product == "The published product exceeds 1, so it is no probability."
    assert both.startswith(
        "Evidence, shift extreme; specification low: hardly any study counts cap"
    )
    assert cases.startswith("Evidence, shift extreme: hardly any catalogued case")
    with pytest.raises(KeyError):
        flag_sentences(["unheard_of"])


def test_profiles_are_compared_on_the_same_draws() -> None:
    """A setting without effect changes no draw, of a new study neither."""
    basis = small_basis(slope=0.0)
    one, other = (evidence_risk(Profile((s, s)), basis, DOCUMENTS, SEED) for s in SHIFTS[1:3])
    for key, draws in one.draws.items():
        assert draws.tolist() == other.draws[key].tolist()
    again = evidence_risk(Profile(("moderate", "moderate")), basis, DOCUMENTS, SEED + 1)
    assert again.draws["harm", "rate_new"].tolist() != one.draws["harm", "rate_new"].tolist()
