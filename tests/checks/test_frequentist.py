"""Frequentist estimators: closed forms, another route in statsmodels, simulated truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import brentq

from meta.checks.frequentist import UNEXPLAINED, estimators, frequentist, gee, moment, ratio
from tests.checks.small_tables import beta_counts, design, made_up_numbers, rows


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


def test_the_reason_is_computed_from_the_counts() -> None:
    table = rows([2, 1, 2, 900], [20, 10, 20, 1000], ["a", "b", "c", "big"])
    found = frequentist(design(table), made_up_numbers(0.3, 0.05), 0.95).set_index("estimator")
    assert found.loc["average", "estimate"] == pytest.approx(0.3)
    assert found.loc["average", "reason"] == "agrees within one posterior sd"
    said = found.loc["ratio", "reason"]
    assert "95% of them are of big" in said
    assert "one vote a study it would be 0.30" in said
    assert not found.loc["ratio", "inside"]


def test_fewer_than_three_studies_are_left_out() -> None:
    table = rows([1, 2, 3, 4], [9, 9, 9, 9], ["a", "a", "b", "b"])
    table.loc[3, "study"] = "c"
    assert len(frequentist(design(table), made_up_numbers(0.3), 0.95)) == 4
    only = design(table)
    few = frequentist(
        only.__class__(**{**vars(only), "trials": np.array([9, 9, 9, 0])}),
        made_up_numbers(0.3),
        0.95,
    )
    assert few.empty


def test_a_difference_without_a_reason_is_said_to_have_none() -> None:
    table = rows([2] * 12, [20] * 12, [f"s{i}" for i in range(12)])
    found = frequentist(design(table), made_up_numbers(0.4, 0.05).assign(k_rows=12), 0.95, 10)
    assert set(found["reason"]) == {UNEXPLAINED}
    assert not found["explained"].any()
    # With fewer studies than the threshold the prior is a reason.
    few = frequentist(design(table), made_up_numbers(0.4, 0.05).assign(k_rows=12), 0.95, 13)
    assert few["reason"].str.startswith("fewer than 13 studies").all()
    # More arms than stand behind the model's number are no arms that inform it besides.
    less = frequentist(design(table), made_up_numbers(0.4, 0.05).assign(k_rows=9), 0.95, 10)
    assert set(less["reason"]) == {UNEXPLAINED}
    more = frequentist(design(table), made_up_numbers(0.4, 0.05).assign(k_rows=15), 0.95, 10)
    assert more["reason"].str.contains("3 more inform").all()
    assert more["explained"].all()
