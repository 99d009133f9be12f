"""Simulated new measurements: their counts against the distributions that they are of."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import betabinom

from meta.risk.new_studies import (
    case_counts,
    empirical_logit,
    measurements,
    rate_statistics,
    study_counts,
    study_statistics,
)
from meta.risk_settings import NewCases, NewStudies, NotorietyStudy, RiskSettings
from tests.risk.small_basis import small_basis

COUNT = 20000


def counts(size, *, location=(0.5, -0.4), tau=0.0, inner=0.0, rho=0.0, icc=None, given=True):
    shape = (COUNT, 2)
    factor = np.broadcast_to([[1, 0], [rho, np.sqrt(1 - rho**2)]], (COUNT, 2, 2))
    return study_counts(
        np.broadcast_to(location, shape), np.full(shape, tau), factor, np.full(shape, inner),
        None if icc is None else np.full(shape, icc), size, 3, given,
    )  # fmt: skip


def test_an_arm_is_beta_binomial_about_its_rate():
    """Against scipy's: capability of n trials, and failures among all of them."""
    size = NewStudies(studies=1, arms=1, trials=40)
    for given, rate in ((True, expit(0.5)), (False, expit(0.5) * expit(-0.4))):
        failures, capable, trials = counts(size, icc=0.2, given=given)
        seen = capable if given else failures
        law = betabinom(40, 4 * rate, 4 * (1 - rate))
        assert np.all(trials == 40)
        assert seen.mean() == pytest.approx(law.mean(), rel=0.02)
        assert seen.var() == pytest.approx(law.var(), rel=0.04)


def test_failures_given_capability_are_among_the_capable():
    failures, capable, _ = counts(NewStudies(studies=3, arms=2, trials=30), tau=1, icc=0.1)
    assert failures.shape == capable.shape == (3, COUNT)
    assert np.all(failures <= capable)
    binomial, capable, _ = counts(NewStudies(studies=1, arms=1, trials=30))
    assert binomial.sum() / capable.sum() == pytest.approx(expit(-0.4), rel=0.01)


def test_studies_vary_and_correlate_as_the_model_says():
    """With very many trials empirical logits are the studies' own: sd tau, correlation rho."""
    size = NewStudies(studies=1, arms=1, trials=1_000_000)
    failures, capable, trials = counts(size, tau=0.7, rho=0.6)
    logits = np.stack([empirical_logit(capable, trials)[0], empirical_logit(failures, capable)[0]])
    assert logits.std(axis=1) == pytest.approx([0.7, 0.7], rel=0.03)
    assert np.corrcoef(logits)[0, 1] == pytest.approx(0.6, abs=0.02)
    assert logits.mean(axis=1) == pytest.approx([0.5, -0.4], abs=0.02)


def test_arms_vary_about_their_study():
    one, four = (
        empirical_logit(*counts(NewStudies(studies=1, arms=arms, trials=100_000), inner=0.5)[1:])[0]
        for arms in (1, 4)
    )
    assert one.std() == pytest.approx(0.5, rel=0.03)
    assert four.std() == pytest.approx(0.25, rel=0.05)


def test_more_studies_repeat_the_first_ones():
    few, many = (counts(NewStudies(studies=n, arms=2, trials=20), tau=1.0) for n in (2, 5))
    for one, other in zip(few, many, strict=True):
        assert np.array_equal(one, other[:2])


@pytest.mark.parametrize("icc", [0.0, 1e-300, 1.0])
def test_the_ends_of_the_correlation_and_of_rates_are_possible(icc):
    size = NewStudies(studies=1, arms=1, trials=10)
    failures, capable, _ = counts(size, location=(60, -60), icc=icc)
    assert np.all(capable == 10)
    assert np.all(failures == 0)


def test_statistics_by_hand():
    """1 of 2 and 3 of 4: logits 0 and log(3.5 / 1.5); a unit without trials has no part."""
    events, trials = np.array([[1], [3], [0]]), np.array([[2], [4], [0]])
    logit = np.log(3.5 / 1.5)
    assert rate_statistics(events, trials) == pytest.approx(np.array([[logit / 2, logit / 2]]))
    both = study_statistics(events, trials, np.array([[2], [4], [5]]))
    assert both[0, 2:] == pytest.approx([logit / 2, logit / 2])
    assert both[0, 0] == pytest.approx((np.log(2.5 / 0.5) + np.log(4.5 / 0.5) + np.log(1 / 11)) / 3)
    assert np.all(rate_statistics(np.zeros((2, 3)), np.zeros((2, 3))) == 0)


def test_cases_are_shared_by_lists_that_vary():
    location, tau = np.full(COUNT, -1.0), np.full(COUNT, 0.8)
    harmful, cases = case_counts(location, tau, NewCases(cases=11, lists=4), 1)
    assert cases[:, 0].tolist() == [3, 3, 3, 2]
    assert np.all(harmful <= cases)
    harmful, cases = case_counts(location, tau, NewCases(cases=1_000_000, lists=2), 1)
    logits = empirical_logit(harmful, cases)
    assert logits.std() == pytest.approx(0.8, rel=0.03)
    assert np.corrcoef(logits)[0, 1] == pytest.approx(0, abs=0.03)


def test_measurements_are_named_once_and_of_every_level():
    basis = small_basis(50)
    found = measurements(basis, RiskSettings())
    names = [m.name for m in found]
    assert len(set(names)) == len(names)
    levels = sum(len(s.levels) for s in basis.rates)
    assert len(names) == levels + 5 + 5 + 1
    assert {"by_stage:alignment_method=none", "all_trials:shift_type=extreme", "notoriety",
            "cases:shift_type=significant"} <= set(names)  # fmt: skip
    for each in found:
        assert len(each.simulate(1)) == len(each.known) == 50
        assert np.array_equal(each.simulate(1), each.simulate(1))


def test_a_study_of_notoriety_estimates_it():

    basis = small_basis(4000)
    offset = np.random.default_rng(1).normal(1, 0.75, 4000)
    basis = replace(basis, chain=replace(basis.chain, notoriety=offset))
    settings = RiskSettings(notoriety_study=NotorietyStudy(failures=200_000, written_up=0.2))
    study = measurements(basis, settings)[-1]
    assert study.simulate(1)[:, 0] == pytest.approx(offset, abs=0.08)
    assert np.array_equal(study.known[:, 0], offset)


def test_cases_tell_of_catalogued_harm_not_of_harm_among_all_failures():
    """Notoriety is taken off harm's location, and has to be added again for what is catalogued."""

    basis = small_basis(500)
    offset = np.random.default_rng(1).normal(1, 0.75, 500)
    harm = replace(basis.chain.harm, location=basis.chain.harm.location - offset[:, None])
    moved = replace(basis, chain=replace(basis.chain, harm=harm, notoriety=offset))
    for one, other in zip(
        measurements(basis, RiskSettings()), measurements(moved, RiskSettings()), strict=True
    ):
        if one.kind == "cases":
            assert other.known == pytest.approx(one.known)
