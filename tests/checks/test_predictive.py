"""Predictive checks: replicates against closed forms, right and wrong models."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import betabinom, norm

from meta.checks import predictive
from meta.checks.posterior_predictive import computed_check, posterior_predictive, tail_checks
from meta.checks.predictive import (
    Comparison,
    Part,
    defined,
    new_logits,
    new_rates,
    replicate,
    statistics,
)
from meta.checks.prior_predictive import prior_quantities, prior_statistics, prior_table
from meta.config import ModelSpec
from meta.estimands import Estimate
from meta.inference.sampling import compile_model, sample_posterior
from meta.models.design import build_design
from meta.models.levels import Level
from meta.models.likelihood import Parameters
from tests.checks.simulated import arms, draws_near, part_of, population, task

CHAIN = ["capability_transfer", "goal_failure"]


def chain_design():
    """Two studies of two agent sets with two arms each; half the arms count among all trials."""
    count = 8
    table = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(count)],
            "study": np.repeat(["s0", "s1", "s2", "s3"], 2),
            "agent_set": [f"a{i // 2}" if i < 4 else f"b{i}" for i in range(count)],
            "sampling_frame": "denominator",
            "conditioning": ["given_capability", "all_trials"] * 4,
            "events_capability_transfer": [30, None] * 4,
            "trials_capability_transfer": [40, None] * 4,
            "events_goal_failure": 5,
            "trials_goal_failure": 20,
        }
    )
    counts = [c for c in table if c.startswith(("events", "trials"))]
    return build_design(
        table.astype(dict.fromkeys(counts, "Int64")),
        ModelSpec(stages=CHAIN, levels=["study", "agent_set"]),
    )


def test_new_effects_have_the_covariance_that_the_levels_imply() -> None:
    design = chain_design()
    count, rho, tau, omega = 20_000, 0.6, np.array([0.8, 1.5]), np.array([0.5, 1.0])
    factor = np.broadcast_to([[1, 0], [rho, np.sqrt(1 - rho**2)]], (count, 2, 2))
    draws = Parameters(
        alpha=np.zeros((count, 2)),
        beta=np.zeros((count, 0, 2)),
        factor=factor,
        scale={"study": np.tile(tau, (count, 1)), "agent_set": np.tile(omega, (count, 1))},
    )
    eta = new_logits(design, draws, np.random.default_rng(2))
    found = np.cov(eta[:, :3].reshape(count, -1).T)
    study = np.outer(tau, tau) * [[1, rho], [rho, 1]]
    same_set, other_study = study + np.diag(omega**2), np.zeros((2, 2))
    want = np.block(
        [[same_set, same_set, other_study], [same_set, same_set, other_study],
         [other_study, other_study, same_set]]
    )  # fmt: skip
    # Standard error of a covariance of normals, four of them.
    variance = np.diag(want)
    assert (np.abs(found - want) < 4 * np.sqrt(2 * np.outer(variance, variance) / count)).all()
    student = replace(draws, df=np.full(count, 5.0))
    heavy = new_logits(design, student, np.random.default_rng(3))
    scale = np.sqrt(tau[0] ** 2 * 5 / 3 + omega[0] ** 2)
    assert heavy[:, 0, 0].std() == pytest.approx(scale, rel=0.05)


def test_new_studies_of_two_populations_and_new_families_are_drawn() -> None:
    design = chain_design()
    family = Level("agent_family", ["f", "g"], np.zeros(2, np.int64))
    crossed = np.arange(len(design.rows))[None] % 2
    design = replace(design, crossed=[family], row_crossed=crossed)
    count, share, split, tau, phi = 40_000, 0.2, 0.9, 2.0, 0.7
    draws = Parameters(
        alpha=np.zeros((count, 2)),
        beta=np.zeros((count, 0, 2)),
        factor=np.broadcast_to(np.eye(2), (count, 2, 2)),
        scale={
            "study": np.full((count, 2), tau),
            "agent_set": np.zeros((count, 2)),
            "agent_family": np.full((count, 2), phi),
        },
        upper_share=np.full(count, share),
        split=np.full(count, split),
    )
    eta = new_logits(design, draws, np.random.default_rng(5))[:, :, 1]
    assert eta[:, 0].std() == pytest.approx(np.hypot(tau, phi), rel=0.02)
    # Rows of one family in different studies share its effect alone.
    assert np.cov(eta[:, 0], eta[:, 4])[0, 1] == pytest.approx(phi**2, abs=0.1)
    # The third moment is that of the two centres: 20 % of the studies lie far above.
    gap = tau * np.sqrt(split / (share * (1 - share)))
    third = share * ((1 - share) * gap) ** 3 - (1 - share) * (share * gap) ** 3
    assert np.mean(eta[:, 0] ** 3) == pytest.approx(third, rel=0.1)


def test_new_arms_vary_on_the_logit_of_what_they_count() -> None:
    design = chain_design()
    arms = Level("arm", list("abcdefgh"), design.row_unit[1])
    design = replace(
        design,
        levels=[*design.levels, arms],
        row_unit=np.vstack([design.row_unit, np.arange(8)]),
    )
    count, alpha, kappa = 40_000, np.array([1.0, -0.5]), np.array([0.4, 0.9])
    draws = Parameters(
        alpha=np.tile(alpha, (count, 1)),
        beta=np.zeros((count, 0, 2)),
        factor=np.broadcast_to(np.eye(2), (count, 2, 2)),
        scale={
            **{level.name: np.full((count, 2), 1e-9) for level in design.levels[:-1]},
            "arm": np.tile(kappa, (count, 1)),
        },
    )
    found = logit(new_rates(design, draws, np.random.default_rng(4)))
    wide = np.sqrt(1 + (16 * np.sqrt(3) / (15 * np.pi)) ** 2 * kappa**2)
    product = wide[1] * logit(expit(alpha / wide).prod())
    for n, (stage, through) in enumerate(zip(design.stage, design.through_capability, strict=True)):
        middle = product if through else alpha[stage]
        assert found[:, n].mean() == pytest.approx(middle, abs=5 * kappa[stage] / np.sqrt(count))
        assert found[:, n].std() == pytest.approx(kappa[stage], rel=5 / np.sqrt(2 * count))
    # Each observation has an effect of its own.
    between = np.corrcoef(found.T) - np.eye(found.shape[1])
    assert np.abs(between).max() < 5 / np.sqrt(count)


def test_counts_given_the_rate_are_beta_binomial_also_of_a_product() -> None:
    design = chain_design()
    count, icc = 40_000, np.array([0.1, 0.3])
    draws = Parameters(
        alpha=np.tile([1.0, -0.5], (count, 1)),
        beta=np.zeros((count, 0, 2)),
        factor=np.broadcast_to(np.eye(2), (count, 2, 2)),
        scale={level.name: np.full((count, 2), 1e-9) for level in design.levels},
        icc=np.tile(icc, (count, 1)),
    )
    counts = replicate(design, draws, np.random.default_rng(4))
    capable, fails = 1 / (1 + np.exp([-1.0, 0.5]))
    for n in (0, 4, 5):
        rate = [capable, fails][design.stage[n]] * (capable if design.through_capability[n] else 1)
        size = (1 - icc[design.stage[n]]) / icc[design.stage[n]]
        want = betabinom(design.trials[n], rate * size, (1 - rate) * size)
        for at in (0, design.trials[n] // 4, design.trials[n] // 2):
            p = want.cdf(at)
            error = 4 * np.sqrt(p * (1 - p) / count) + 1e-9
            assert (counts[:, n] <= at).mean() == pytest.approx(p, abs=error)
    assert {bool(design.through_capability[n]) for n in (4, 5)} == {True, False}


def test_statistics_by_hand() -> None:
    design = build_design(arms(np.array([0, 10, 3, 6]), 10, np.array([0, 0, 1, 2])), task().spec)
    found = statistics(design, design.events[None], 0)
    logits = np.log(np.array([0.5, 10.5, 3.5, 6.5]) / np.array([10.5, 0.5, 7.5, 4.5]))
    means = [logits[:2].mean(), logits[2], logits[3]]
    want = {
        "zero_event_arms": 1, "all_event_arms": 1, "largest_rate": 1.0,
        "sd_between_studies": np.std(means, ddof=1),
        "sd_within_studies": np.sqrt(((logits[:2] - means[0]) ** 2).sum()),
        "share_above_half": 0.5,
    }  # fmt: skip
    assert {k: v[0] for k, v in found.items()} == pytest.approx(want)


def test_tail_probability_of_a_known_distribution_lies_within_its_monte_carlo_error() -> None:
    rng = np.random.default_rng(11)
    for z in (0.0, -1.2, 2.5):
        each = Comparison("o", "largest_rate", rng.standard_normal(20_000), np.full(20_000, z))
        assert each.tail_probability == pytest.approx(2 * norm.sf(abs(z)), abs=4 * each.mcse + 1e-9)


def test_statistics_without_a_finite_tail_and_no_statistics_fail() -> None:
    table = posterior_predictive([part_of(population(8, 3, 20, 0, 1, 0.3, 5))], 1)
    assert all(check.passed for check in tail_checks(table, 0.005))
    table.loc[0, "tail_probability"] = np.nan
    failed = [check for check in tail_checks(table, 0.005) if not check.passed]
    assert [check.check for check in failed] == ["posterior_predictive_zero_event_arms"]
    assert failed[0].value is None
    assert not tail_checks(table.iloc[:0], 0.005)[0].passed


def chain_part(count: int = 40) -> Part:
    draws = Parameters(
        alpha=np.zeros((count, 2)),
        beta=np.zeros((count, 0, 2)),
        factor=np.broadcast_to(np.eye(2), (count, 2, 2)),
        scale={"study": np.ones((count, 2)), "agent_set": np.ones((count, 2))},
        icc=np.full((count, 2), 0.3),
    )
    return Part(chain_design(), draws, (1, count))


def test_a_statistic_of_a_stage_that_was_not_computed_fails(monkeypatch) -> None:
    """What the design defines is counted: each stage that is observed, each statistic of it."""
    part = chain_part()
    # Each study observes capability once, so that arms do not vary within a study there.
    expected = defined([part.design])
    assert len(expected) == 11
    assert (CHAIN[0], "sd_within_studies") not in expected
    table = posterior_predictive([part], 1)
    whole = computed_check(table, expected)
    assert (whole.value, whole.threshold, whole.passed) == (11, 11, True)
    one = table.index[(table["outcome"] == CHAIN[1]) & (table["statistic"] == "largest_rate")]
    lost = computed_check(table.drop(index=one), expected)
    assert (lost.value, lost.passed, lost.worst) == (10, False, "goal_failure: largest_rate")
    assert not computed_check(table[table["outcome"] == CHAIN[0]], expected).passed
    whole_statistics = predictive.statistics

    def fewer(*arguments):
        found = whole_statistics(*arguments)
        return {name: values for name, values in found.items() if name != "zero_event_arms"}

    monkeypatch.setattr(predictive, "statistics", fewer)
    check = computed_check(posterior_predictive([part], 1), defined([part.design]))
    assert (check.value, check.threshold, check.passed) == (9, 11, False)


def failed_statistics(part) -> set[str]:
    table = posterior_predictive([part], 1)
    return {c.check for c in tail_checks(table, 0.005) if not c.passed}


def test_a_binomial_without_an_arm_level_is_caught_and_the_right_model_is_not(fitted) -> None:
    right = part_of(fitted.table, posterior=fitted.posterior)
    assert failed_statistics(right) == set()
    wrong = task("binomial")
    design = build_design(fitted.table, wrong.spec)
    tree = sample_posterior(compile_model(design, wrong), wrong, 2, progress=False)
    part = part_of(fitted.table, "binomial", tree["posterior"].to_dataset())
    assert "posterior_predictive_sd_within_studies" in failed_statistics(part)


def test_prior_shares_are_those_of_a_known_prior() -> None:
    rng = np.random.default_rng(3)
    rate = 1 / (1 + np.exp(-rng.normal(0, 1.5, (2, 20_000))))
    estimates = [
        Estimate("goal_failure", "all", name, rate, np.arange(3))
        for name in ("rate_typical", "tau", "study_rate")
    ]
    found = prior_quantities(estimates).set_index("estimand")
    assert list(found.index) == ["rate_typical", "tau"]
    want = norm.cdf(np.log(0.05 / 0.95) / 1.5)
    typical = found.loc["rate_typical"]
    assert typical["below_05"] == pytest.approx(want, abs=4 * np.sqrt(want / 40_000))
    assert typical[["below_05", "middle", "above_95"]].sum() == pytest.approx(1)
    assert np.isnan(found.loc["tau", "below_05"])


def test_data_in_the_tail_of_the_prior_are_flagged() -> None:
    table = population(10, 2, 200, alpha=3.0, tau=0.3, icc=0.02, seed=8)
    likely = part_of(table, parameters=draws_near(alpha=3.0, tau=0.3, icc=0.02))
    narrow = part_of(table, parameters=draws_near(alpha=-2.0, tau=0.3, icc=0.02))
    assert all(c.passed for c in tail_checks(prior_statistics([likely], 2), 0.005, "prior"))
    failed = [c for c in tail_checks(prior_statistics([narrow], 2), 0.005, "prior") if not c.passed]
    assert "prior_predictive_share_above_half" in {c.check for c in failed}
    joined = prior_table(prior_quantities([]), prior_statistics([narrow], 2))
    assert set(joined["kind"]) == {"statistic"}
