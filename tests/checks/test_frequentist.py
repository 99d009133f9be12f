"""Frequentist estimators, closed forms and simulated truth; and what explains a gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import beta, t

from meta.checks.frequentist import estimators, frequentist, gee, moment, ratio
from meta.checks.frequentist_gaps import (
    AGREES,
    EXPLAINED,
    PARTLY,
    UNEXPLAINED,
    Removals,
    prior_averages,
    refit_to_direct_counts,
    updated,
)
from meta.models.design import Design
from tests.checks.small_tables import Recorder, beta_counts, design, made_up_numbers, rows, task

#: Nothing but weights can be removed.
NONE = Removals({}, lambda _: None)


def counts(events: list[int], trials: list[int], studies: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"study": studies, "events": events, "trials": trials})


def test_ratio_is_the_robust_regression_through_the_origin() -> None:
    events, trials = np.array([0, 3, 9, 2, 30.0]), np.array([5, 10, 40, 8, 60.0])
    estimate, error = ratio(events, trials)
    # Weighted mean of rates with weights n, heteroscedasticity-robust with the n - 1 correction.
    fit = sm.WLS(events / trials, np.ones(5), weights=trials).fit(cov_type="HC1")
    assert estimate == pytest.approx(fit.params[0])
    assert error == pytest.approx(fit.bse[0])


def test_moment_weights_go_from_trials_to_studies() -> None:
    trials = np.array([10, 100, 1000.0])
    same = moment(0.3 * trials, trials)
    assert same[0] == pytest.approx(0.3)
    apart = np.array([0.0, 1.0, 0.0])
    # All or nothing: the correlation is 1 and every study has one vote.
    assert moment(apart * trials, trials)[0] == pytest.approx(1 / 3)


def test_moment_weights_solve_their_equation() -> None:
    """Spread of the rates equals its expectation under the correlation behind the weights."""
    events, trials = np.array([0, 3, 9, 2, 30.0]), np.array([5, 10, 40, 8, 60.0])
    rates = events / trials

    def weighted(rho: float) -> tuple[np.ndarray, float]:
        weight = trials / (1 + (trials - 1) * rho)
        return weight, float(np.average(rates, weights=weight))

    def excess(rho: float) -> float:
        weight, mean = weighted(rho)
        variance = mean * (1 - mean) * (1 / trials + (1 - 1 / trials) * rho)
        # E[w (p - weighted mean)^2] with weights taken as the true precisions
        expected = (weight * (1 - weight / weight.sum()) * variance).sum()
        return float((weight * (rates - mean) ** 2).sum() - expected)

    rho = brentq(excess, 0, 1)
    assert 0.02 < rho < 0.5
    assert moment(events, trials)[0] == pytest.approx(weighted(rho)[1], abs=1e-6)


def test_gee_of_single_arms_is_their_mean_and_zero_cells_stay() -> None:
    table = counts([0, 5, 9, 2], [10, 10, 10, 10], list("abcd"))
    mean, error = gee(table)
    assert mean == pytest.approx(0.4)
    spread = np.array([0, 0.5, 0.9, 0.2]) - 0.4
    assert error == pytest.approx(np.sqrt((spread**2).sum()) / 4, rel=1e-3)


def test_estimators_find_a_simulated_rate() -> None:
    """No bias, and standard errors of the right size, each to three Monte Carlo errors.

    A standardised error would be a looser test: a low rate found too low comes with too small a
    standard error, so that its mean is -0.12 and its sd 1.08 where nothing is wrong.
    """
    rng = np.random.default_rng(7)
    replicates = 400
    studies = [f"s{i}" for i in range(40)]
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(replicates):
        trials = rng.integers(5, 60, 40)
        events = beta_counts(rng, 0.2, 0.3, trials)
        for name, pair in estimators(counts(events.tolist(), trials.tolist(), studies)).items():
            found.setdefault(name, []).append(pair)
    for name, pairs in found.items():
        estimate, error = np.array(pairs).T
        spread = estimate.std(ddof=1)
        assert abs(estimate.mean() - 0.2) < 3 * spread / np.sqrt(replicates), name
        # Of estimates that are all but normal (kurtosis 3.0 to 3.3) an sd has the relative error
        # 1 / sqrt(2 R); that of the standard errors' mean is small beside it.
        size = np.sqrt((error**2).mean()) / spread
        assert abs(size - 1) < 3 / np.sqrt(2 * replicates), name


def compared(of: Design, mean: float, sd: float, removals: Removals = NONE) -> pd.DataFrame:
    return frequentist(of, made_up_numbers(mean, sd), 0.95, removals).set_index("estimator")


def test_weights_explain_where_one_vote_a_study_agrees() -> None:
    of = design(rows([2, 1, 2, 900], [20, 10, 20, 1000], ["a", "b", "c", "big"]))
    found = compared(of, 0.3, 0.05)
    assert found.loc["average", "estimate"] == pytest.approx(0.3)
    assert found.loc["average", "verdict"] == AGREES
    assert found.loc["average", "reason"] == "gap +0.0 points, at most 5.0 agree"
    said = found.loc["ratio"]
    assert said["verdict"] == EXPLAINED
    assert "95% of them of big; with one vote a study it is 30% (gap +0.0 points)" in said["reason"]
    assert not said["inside"]


def test_weights_that_exist_and_do_not_close_the_gap_explain_nothing() -> None:
    of = design(rows([2, 1, 2, 900], [20, 10, 20, 1000], ["a", "b", "c", "big"]))
    # All trials give 86%, one vote a study 30%, a model of 2% neither.
    far = compared(of, 0.02, 0.05).loc["ratio"]
    assert far["verdict"] == PARTLY
    assert far["left"] == pytest.approx(0.28)
    # One vote a study goes the other way from 70%: 16 points off become 40.
    other = compared(of, 0.7, 0.05).loc["ratio"]
    assert other["verdict"] == UNEXPLAINED
    assert other["left"] == pytest.approx(-0.4)


def test_fewer_than_three_studies_are_left_out() -> None:
    table = rows([1, 2, 3, 4], [9, 9, 9, 9], ["a", "a", "b", "b"])
    table.loc[3, "study"] = "c"
    only = design(table)
    assert len(compared(only, 0.3, 0.1)) == 4
    few = Design(**{**vars(only), "trials": np.array([9, 9, 9, 0])})
    assert frequentist(few, made_up_numbers(0.3), 0.95, NONE).empty


def test_a_gap_without_a_reason_is_unexplained_however_few_the_studies() -> None:
    for studies in (3, 12):
        of = design(rows([2] * studies, [20] * studies))
        found = compared(of, 0.4, 0.05)
        assert set(found["verdict"]) == {UNEXPLAINED}
        assert found["reason"].str.endswith("no reason that could be removed").all()


def test_the_update_of_a_prior_is_its_integral() -> None:
    draws = np.random.default_rng(3).beta(2, 2, 200_000)

    def density(p: float) -> float:
        return float(beta.pdf(p, 2, 2) * t.pdf((0.8 - p) / 0.15, 3))

    expected = quad(lambda p: p * density(p), 0, 1)[0] / quad(density, 0, 1)[0]
    assert updated(draws, 0.8, 0.15, 3) == pytest.approx(expected, abs=0.002)
    # An exact estimate leaves nothing to the prior; a vague one nothing to itself.
    assert updated(draws, 0.8, 1e-3, 3) == pytest.approx(0.8, abs=0.005)
    assert updated(draws, 0.8, 1e3, 3) == pytest.approx(0.5, abs=0.005)


def test_the_prior_explains_only_a_pull_of_its_own_direction_and_size() -> None:
    of = design(rows([20, 16, 20, 8], [20, 20, 20, 20]))
    average, error = estimators(counts([20, 16, 20, 8], [20] * 4, list("abcd")))["average"]
    assert average == pytest.approx(0.8)
    prior = {"goal_failure": np.random.default_rng(1).beta(2, 2, 4000)}
    towards = updated(prior["goal_failure"], average, error, 3)
    assert 0.6 < towards < 0.75
    with_prior = Removals(prior, NONE.refit)

    def said(mean: float) -> tuple[str, str]:
        row = compared(of, mean, 0.03, with_prior).loc["average"]
        return row["verdict"], row["reason"]

    verdict, reason = said(towards)
    assert verdict == EXPLAINED
    assert "pulled by the model's prior" in reason
    # Away from the prior, and much further towards it than the prior could pull.
    assert said(0.9)[0] == UNEXPLAINED
    assert said(0.3)[0] == UNEXPLAINED
    assert said(towards - 0.06)[0] == PARTLY


def chained() -> Design:
    """Capability of three arms, and of three others goal failures among all trials."""
    table = rows([4, 6, 5, 2, 3, 4], [10, 10, 10, 20, 20, 20])
    table["conditioning"] = ["given_capability"] * 3 + ["all_trials"] * 3
    for kind, values in (("events", [8, 9, 10]), ("trials", [10, 10, 10])):
        table[f"{kind}_capability_transfer"] = pd.array([*values, *[None] * 3], dtype="Int64")
    return design(table, stages=["capability_transfer", "goal_failure"])


def test_counts_that_only_the_model_sees_explain_what_a_fit_without_them_removes() -> None:
    asked = []

    def refit(mean: float | None) -> Removals:
        def alone(outcome: str) -> float | None:
            asked.append(outcome)
            return mean

        return Removals({}, alone)

    # Goal failures: 40, 60 and 50 of 100; the model says 80%.
    def said(mean: float | None) -> pd.Series:
        return compared(chained(), 0.8, 0.05, refit(mean)).loc["average"]

    assert said(0.52)["verdict"] == EXPLAINED
    assert "without the 6 other counts the model gives 52%" in said(0.52)["reason"]
    assert said(0.6)["verdict"] == PARTLY
    # They exist, and the model says the same without them: no reason.
    assert said(0.79)["verdict"] == UNEXPLAINED
    assert said(None)["verdict"] == UNEXPLAINED
    assert "is not to be had" in said(None)["reason"]
    asked.clear()
    compared(chained(), 0.5, 0.05, refit(0.52))
    assert not asked  # an estimate that agrees costs no fit


def test_the_fit_without_other_counts_sees_these_alone_and_is_made_once() -> None:
    of, fit = chained(), Recorder()
    alone = refit_to_direct_counts(fit, of, task(of))
    assert alone("goal_failure") == alone("goal_failure") == pytest.approx(0.31)
    ((seen, _, stream),) = fit.asked
    assert stream == "only goal_failure"
    assert seen.trials.sum() == 30
    assert set(seen.rows["row_id"].iloc[seen.row[seen.trials > 0]]) == {"r000", "r001", "r002"}

    def failing(*_: object) -> pd.DataFrame:
        return made_up_numbers(0.3).assign(passed=False)

    assert refit_to_direct_counts(failing, of, task(of))("goal_failure") is None
    assert prior_averages(None, of, task(of)) == {}
