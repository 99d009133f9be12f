"""Estimates as claims need them: scale, prediction, studies at each setting, draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from meta.claims.comparisons import Comparison
from meta.claims.estimates import Estimate, read_estimates
from tests.claims.tables import POOLED, RATE, comparisons, estimates, pooled

RATIO = {**POOLED, "estimand": "risk_ratio", "group": "field=b vs a", "k_direct": 14}


def find(*rows: dict[str, object], **changes: object) -> Estimate:
    found = estimates(*rows).find(Comparison(**{**RATE, **changes}))
    assert found is not None
    return found


def test_an_estimate_that_is_not_there_is_none() -> None:
    assert estimates().find(comparisons({"group": "field=a"})[0]) is None


def test_a_reciprocal_turns_the_interval_round() -> None:
    row = {"estimand": "risk_ratio", "median": 0.5, "ci_low": 0.25, "ci_high": 2.0}
    found = find(row, estimand="risk_ratio", scale="reciprocal")
    assert (found.low, found.median, found.high) == (0.5, 2.0, 4.0)
    assert found.estimand == "1 / risk_ratio"
    assert found.is_ratio


def test_a_reduction_is_one_less_the_ratio() -> None:
    row = {"estimand": "risk_ratio", "median": 0.6, "ci_low": 0.4, "ci_high": 1.1}
    found = find(row, estimand="risk_ratio", scale="reduction")
    assert (found.low, found.median, found.high) == pytest.approx((-0.1, 0.4, 0.6))
    assert not found.is_ratio


def test_the_prediction_for_a_new_study_stands_beside_the_average() -> None:
    new = {"estimand": "rate_new", "ci_low": 0.1, "ci_high": 0.9}
    assert find({}, new).new == (0.1, 0.9)
    assert find({}).new is None


@pytest.mark.parametrize(("a", "b", "seen"), [(2, 9, 2), (9, 2, 2), (5, 4, 4)])
def test_a_ratio_is_seen_by_the_studies_of_the_setting_with_fewer(
    a: int, b: int, seen: int
) -> None:
    sides = [{"group": f"field={s}", "k_direct": k} for s, k in (("a", a), ("b", b))]
    found = find(RATIO, *sides, estimand="risk_ratio", group="field=b vs a")
    assert (found.k_direct, found.k_studies) == (seen, 9)


def test_a_ratio_whose_settings_are_not_pooled_is_seen_by_none() -> None:
    assert find(RATIO, estimand="risk_ratio", group="field=b vs a").k_direct == 0


def test_counts_and_contraction_that_are_absent_are_none() -> None:
    """A release of before those columns has none of them: nothing may pass for that."""
    table = pooled({}).drop(columns=["contraction", "k_direct", "k_rows"])
    from meta.claims.estimates import Estimates

    found = Estimates(table).find(Comparison(**RATE))
    assert found is not None
    assert (found.k_direct, found.k_rows) == (0, 0)
    assert np.isnan(found.contraction)


def test_single_studies_are_those_of_the_intervention() -> None:
    rows = [
        {"group": f"intervention={name}|study={s}", "estimand": "study_odds_ratio", "median": m}
        for name, s, m in (("warn", "a", 0.2), ("warn", "b", 0.4), ("warned", "c", 0.9))
    ]
    declared = comparisons({"group": "intervention=warn"})[0]
    assert estimates(*rows).single_studies(declared) == {"a": 0.2, "b": 0.4}


def test_mass_agrees_with_the_normal_distribution() -> None:
    draws = np.random.default_rng(1).normal(0.5, 0.1, 20_000)
    found = estimates(rate_mean=draws).find(Comparison(**RATE))
    assert found is not None
    expected = norm.cdf(0.7, 0.5, 0.1) - norm.cdf(0.4, 0.5, 0.1)
    error = np.sqrt(expected * (1 - expected) / draws.size)
    assert found.mass(0.4, 0.7) == pytest.approx(expected, abs=4 * error)
    assert np.isnan(find({}).mass(0, 1))


def test_draws_are_on_the_scale_of_the_claim() -> None:
    row = {"estimand": "risk_ratio", "ci_low": 0.25, "ci_high": 0.5}
    draws = np.array([0.25, 0.4, 0.5, 2.0])
    found = estimates(row, risk_ratio=draws).find(
        Comparison(**{**RATE, "estimand": "risk_ratio", "scale": "reciprocal"})
    )
    assert found is not None
    assert found.mass(2.0, 4.0) == 0.75


def test_stored_fits_are_read_with_the_draws_that_are_compared(tmp_path: Path) -> None:
    for model in ("rates", "other"):
        folder = tmp_path / model
        folder.mkdir()
        pooled({"model": model}).to_csv(folder / "pooled.csv", index=False)
        table = {"chain": [0, 0], "draw": [0, 1], "goal_failure/all/rate_mean": [0.4, 0.6]}
        pd.DataFrame(table).to_parquet(folder / "draws.parquet")
    folders = [tmp_path / "rates", tmp_path / "other"]
    found = read_estimates(folders, comparisons())
    (of_rates, of_other) = (
        found.find(Comparison(**{**RATE, "model": model})) for model in ("rates", "other")
    )
    assert of_rates is not None and of_rates.mass(0.5, 1) == 0.5
    assert of_other is not None and of_other.draws is None
    assert read_estimates([], comparisons()).find(comparisons()[0]) is None
