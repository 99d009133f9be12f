"""Value of information against normal theory, its bounds, and the table of it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from meta.estimands.harm_chain import WHOLE
from meta.risk.input_sensitivity import profile_sensitivity
from meta.risk.new_studies import measurements
from meta.risk.settings import Profile
from meta.risk.value_of_information import (
    ALL,
    INFORMATION_COLUMNS,
    PERFECT,
    SAMPLE,
    information_table,
    narrowed,
    percent,
    sample_shares,
)
from meta.risk_settings import NewCases, NewStudies, NotorietyStudy, RiskSettings
from tests.risk.small_basis import documents, small_basis

DOCUMENTS = documents()
SIGNIFICANT = Profile(("significant", "significant"))
COUNT = 6000


def normal_basis(sd: float, tau: float, inner: float = 0.0):
    """Goal failure's logit N(-0.3, sd^2) at any setting, known spreads, capability all but sure."""
    basis = small_basis(COUNT, slope=0.0)
    rates, rng = basis.chain.rates, np.random.default_rng(11)
    location = np.column_stack([np.full(COUNT, 9.0), rng.normal(-0.3, sd, COUNT)])
    rates = replace(
        rates,
        location=location,
        tau=np.broadcast_to([0.0, tau], (COUNT, 2)),
        inner=np.broadcast_to([0.0, inner], (COUNT, 2)),
        factor=np.broadcast_to(np.eye(2), (COUNT, 2, 2)),
    )
    return replace(basis, chain=replace(basis.chain, rates=rates))


def named(basis, name: str, **sizes):
    return next(m for m in measurements(basis, RiskSettings(**sizes)) if m.name == name)


@pytest.mark.parametrize("kind", ["by_stage", "all_trials"])
@pytest.mark.parametrize("studies", [1, 4, 10])
def test_new_studies_of_a_normal_logit_take_away_n_over_n_plus_k(kind, studies):
    """Normal-normal: the variance falls by n / (n + k), k the variance of a study over the prior's.

    A study's mean of 4 arms varies by tau^2 + omega^2 / 4; so many trials add nothing to it.
    """
    sd, tau, inner = 0.4, 0.6, 0.5
    basis = normal_basis(sd, tau, inner)
    response = basis.chain.rates.location[:, 1:]
    size = NewStudies(studies=studies, arms=4, trials=200_000)
    study = named(basis, f"{kind}:shift_type=significant", new_studies=size)
    share, limit = sample_shares(study, response, 5, 100)
    k = (tau**2 + inner**2 / 4) / sd**2
    # Arms are averaged as rates, not as logits: the shares are those of theory but for that.
    assert share.value[0] == pytest.approx(studies / (studies + k), abs=4 * share.error[0] + 0.01)
    assert limit.value[0] == pytest.approx(1, abs=1e-6)


def test_few_trials_tell_less_by_their_binomial_error():
    """One study, one arm, no spread: k = 1 / (n p (1 - p)) over the prior's variance."""
    sd, trials = 0.2, 50
    basis = normal_basis(sd, 0.0)
    response = basis.chain.rates.location[:, 1:]
    size = NewStudies(studies=1, arms=1, trials=trials)
    study = named(basis, "by_stage:shift_type=extreme", new_studies=size)
    rate = 1 / (1 + np.exp(0.3))
    k = 1 / (trials * rate * (1 - rate)) / sd**2
    share, _ = sample_shares(study, response, 5, 100)
    assert share.value[0] == pytest.approx(1 / (1 + k), abs=4 * share.error[0] + 0.01)


def test_cases_of_a_normal_logit_take_away_n_over_n_plus_k():
    basis = small_basis(COUNT, slope=0.0)
    harm, rng = basis.chain.harm, np.random.default_rng(3)
    location = rng.normal(0, 0.5, (COUNT, 1))
    harm = replace(harm, location=location, tau=np.full((COUNT, 1), 0.8))
    basis = replace(basis, chain=replace(basis.chain, harm=harm))
    cases = named(basis, "cases:shift_type=moderate", new_cases=NewCases(cases=1_000_000, lists=4))
    share, _ = sample_shares(cases, location, 5, 100)
    k = 0.8**2 / 0.5**2
    assert share.value[0] == pytest.approx(4 / (4 + k), abs=4 * share.error[0] + 0.01)


def test_a_study_of_notoriety_takes_away_what_its_counts_allow():
    """The log odds ratio has variance 1 / (n p q) of both halves."""
    rng, sd = np.random.default_rng(3), 0.2
    offset = rng.normal(1, sd, COUNT)
    basis = small_basis(COUNT)
    basis = replace(basis, chain=replace(basis.chain, notoriety=offset))
    size = NotorietyStudy(failures=600, written_up=0.3)
    study = named(basis, "notoriety", notoriety_study=size)
    harmful = 1 / (1 + (1 / 0.3 - 1) * np.exp(-1))
    error = sum(1 / (300 * p * (1 - p)) for p in (0.3, harmful))
    share, limit = sample_shares(study, offset[:, None], 5, 100)
    expected = sd**2 / (sd**2 + error)
    assert share.value[0] == pytest.approx(expected, abs=4 * share.error[0] + 0.01)
    assert limit.value[0] == pytest.approx(1, abs=1e-6)


@pytest.fixture(scope="module")
def judged():
    """Made-up draws with notoriety, transport and correlation within arms."""
    basis = small_basis(3000)
    rng = np.random.default_rng(4)
    notoriety, transport = rng.normal(1, 0.75, 3000), rng.normal(0, 0.5, 3000)
    harm, rates = basis.chain.harm, basis.chain.rates
    moved = replace(harm, location=harm.location + (transport - notoriety)[:, None])
    varied = replace(rates, icc=rng.beta(2, 8, (3000, 2)), inner=0.5 * rates.inner)
    chain = replace(basis.chain, rates=varied, harm=moved, notoriety=notoriety, transport=transport)
    return replace(basis, chain=chain)


def responses(basis):
    found = profile_sensitivity(SIGNIFICANT, basis, DOCUMENTS, RiskSettings(resamples=20), 1, 0.95)
    risks = found.draws.risks
    return np.stack([np.log(v) for (_, e), v in risks.items() if e == "rate_mean"], axis=1)


def test_no_data_are_worth_more_than_knowing_what_they_tell_of(judged):
    response = responses(judged)
    for measurement in measurements(judged, RiskSettings()):
        share, limit = sample_shares(measurement, response, 2, 60)
        error = np.hypot(share.error, limit.error)
        assert np.all(share.value <= limit.value + 4 * error + 0.005), measurement.name


@pytest.mark.parametrize("name", ["by_stage:shift_type=significant", "cases:shift_type=moderate"])
def test_more_data_are_never_worth_less(judged, name):
    response, before = responses(judged), None
    for factor in (1, 3, 10, 40):
        sizes = {
            "new_studies": NewStudies(studies=factor, arms=2, trials=100),
            "new_cases": NewCases(cases=25 * factor, lists=factor),
        }
        share, _ = sample_shares(named(judged, name, **sizes), response, 2, 60)
        if before is not None:
            error = np.hypot(share.error, before.error)
            assert np.all(share.value >= before.value - 3 * error)
        before = share
    assert before.value.max() > 0.1


def test_counting_both_stages_is_worth_no_less_than_their_product(judged):
    response = responses(judged)
    both, product = (
        sample_shares(named(judged, f"{kind}:shift_type=significant"), response, 2, 60)[0]
        for kind in ("by_stage", "all_trials")
    )
    assert np.all(both.value >= product.value - 3 * np.hypot(both.error, product.error))


@pytest.fixture(scope="module")
def table(judged):
    settings = RiskSettings(resamples=20)
    profiles = {
        ("shift_type", "significant"): SIGNIFICANT,
        ("domain", "a"): Profile(("none", "moderate"), 0.5),
        ("period", "2026-2027"): replace(SIGNIFICANT, period="2026-2027"),
    }
    found = {
        key: profile_sensitivity(profile, judged, DOCUMENTS, settings, 1, 0.95)
        for key, profile in profiles.items()
    }
    return found, settings, information_table(found, judged, settings, 1, 0.95)


def test_ranks_follow_the_shares_and_the_average_stands_first(table):
    _, _, found = table
    assert list(found.columns) == INFORMATION_COLUMNS
    assert found.iloc[0]["profile"] == ALL
    for _, part in found.groupby(["kind", "profile", "outcome", "information"]):
        assert part["rank"].tolist() == list(range(1, len(part) + 1))
        assert part["share_logit"].is_monotonic_decreasing
    assert not found.duplicated(["kind", "profile", "outcome", "information", "candidate"]).any()


def test_the_average_is_over_shift_types_and_domains_alone(table):
    _, _, found = table
    sample = found[found["information"].eq(SAMPLE)].set_index(["outcome", "candidate", "profile"])
    wide = sample["share_probability"].unstack()
    assert wide[ALL].to_numpy() == pytest.approx(wide[["significant", "a"]].mean(axis=1).to_numpy())
    assert not np.allclose(wide[ALL], wide.mean(axis=1))


def test_known_inputs_are_those_of_the_sensitivity_table(table):
    analysed, _, found = table
    perfect = found[found["information"].eq(PERFECT) & found["kind"].eq("period")]
    assert "2026-2027" in set(perfect["candidate"])
    each = analysed["period", "2026-2027"].inputs
    for item in each:
        if item.estimand == "rate_mean":
            row = perfect[
                perfect["candidate"].eq(item.source.name) & perfect["outcome"].eq(item.outcome)
            ].iloc[0]
            assert row["share_logit"] == item.known.value[0]
            # By harmonics and by regression the same index, but for their errors.
            index, margin = item.first_order
            assert index == pytest.approx(row["share_logit"], abs=1.5 * margin + 0.02)


@pytest.mark.parametrize("share", [0.0, 0.19, 0.75, 1.0])
def test_an_interval_narrows_as_a_normal_logit_whose_mean_stays(share):
    """Normal-normal: after data that take a share v of the variance the sd is sqrt(1 - v) of it."""
    mean, sd = -2.0, 0.8
    ends = expit(norm(mean, sd).ppf([0.025, 0.5, 0.975]))
    after = norm(mean, sd * np.sqrt(1 - share)) if share < 1 else None
    want = expit(after.ppf([0.025, 0.975])) if after else [expit(mean)] * 2
    assert narrowed(ends, share) == pytest.approx(tuple(want))
    assert narrowed(ends, -0.1) == pytest.approx((ends[0], ends[2]))


def test_the_interval_now_is_that_of_the_risk_and_stands_in_the_sentence(table):
    analysed, _, found = table
    keys = [("shift_type", "significant"), ("domain", "a")]
    risks = [analysed[key].draws.risks[WHOLE, "rate_mean"] for key in keys]
    for kind, draws in (("shift_type", risks[0]), (ALL, np.mean(risks, axis=0))):
        rows = found[found["kind"].eq(kind) & found["outcome"].eq(WHOLE)]
        low, high = np.quantile(draws, [0.025, 0.975])
        assert rows["now_low"].to_numpy() == pytest.approx(low)
        assert rows["now_high"].to_numpy() == pytest.approx(high)
        row = rows.iloc[0]
        assert low < row["after_low"] < row["after_high"] < high
        shown = [f"{100 * x:.1f}%" if x < 0.1 else f"{x:.0%}" for x in
                 (low, high, row["after_low"], row["after_high"])]  # fmt: skip
        assert kind != ALL or row["sentence"].endswith(
            f"The 95% interval of the average risk, from {shown[0]} to {shown[1]} now, would go to "
            f"about {shown[2]} to {shown[3]}."
        )


def test_the_seed_decides_and_the_sentences_say_the_numbers(table, judged):
    analysed, settings, found = table
    again = information_table(analysed, judged, settings, 1, 0.95)
    assert again.equals(found)
    other = information_table(analysed, judged, settings, 2, 0.95)
    sample = found["information"].eq(SAMPLE)
    assert not np.allclose(
        other.sort_values("candidate")["share_logit"], found.sort_values("candidate")["share_logit"]
    )
    average = found["kind"].eq(ALL)
    assert sample[average].all()
    for row in found[average].to_dict("records"):
        assert percent(row["share_logit"]) in row["sentence"]
    # Of a single profile the numbers are enough.
    assert found.loc[~average, "sentence"].isna().all()
    study = found[found["candidate"].eq("by_stage:shift_type=extreme")].iloc[0]
    assert study["sentence"].startswith(
        "10 more studies (4 arms of 300 trials each) that count capability, and goal failures "
        "given it, at shift type extreme, would take away "
    )
    assert (study["studies"], study["arms"], study["trials"], study["k_now"]) == (10, 4, 300, 3)
