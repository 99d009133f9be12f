"""Correlation of the stages: what is refitted; one compilation serves every fixed correlation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from meta.checks.correlation import correlation_table
from meta.checks.refits import KEY, refitting
from meta.config import Gate
from meta.inference.compilations import Compilations, structure
from meta.sensitivity_settings import Refits
from tests.checks.small_tables import Recorder, design, made_up_numbers, rows, task

STAGES = {"stages": ["capability_transfer", "goal_failure"]}


def two_stages() -> pd.DataFrame:
    """Studies of which capability is counted in some, and only the product in others."""
    table = rows([6, 2, 9, 1, 5, 8], [10, 8, 12, 10, 20, 20])
    table["events_capability_transfer"] = pd.array([10, 8, 12, 10, None, None], dtype="Int64")
    table["trials_capability_transfer"] = pd.array([20, 20, 20, 20, None, None], dtype="Int64")
    table.loc[4:, "conditioning"] = "all_trials"
    return table


def test_the_models_own_choice_is_not_refitted() -> None:
    model, fit = design(two_stages(), **STAGES), Recorder()
    table = correlation_table(fit, model, task(model), [-0.5, "lkj"], made_up_numbers(0.3))
    assert [asked[0].spec.correlation for asked in fit.asked] == [-0.5]
    assert table["correlation"].tolist() == ["-0.5", "lkj"]
    one = design(rows([1, 2, 3], [9, 9, 9]))
    assert correlation_table(fit, one, task(one), [0.0], made_up_numbers(0.3)).empty


def test_structures_differ_where_compilation_must() -> None:
    model = design(two_stages(), **STAGES)
    own = structure(model, task(model))
    fixed = design(two_stages(), **STAGES, correlation=0.0)
    assert structure(fixed, task(fixed)) != own
    other = design(two_stages(), **STAGES, correlation=0.5)
    assert structure(fixed, task(fixed)) == structure(other, task(other))
    narrow = task(model, tau={"distribution": "half_normal", "sigma": 0.1})
    assert structure(model, narrow) == own
    cauchy = task(model, tau={"distribution": "half_cauchy", "beta": 0.5})
    assert structure(model, cauchy) != own


@pytest.fixture(scope="module")
def fitted() -> tuple[pd.DataFrame, int]:
    model = design(two_stages(), **STAGES)
    compilations = Compilations(2)
    fit = refitting(compilations, Refits(draws=800, tune=500), Gate(), 0.95)
    main = made_up_numbers(0.3)
    table = correlation_table(fit, model, task(model, draws=800), [-0.9, 0.9], main)
    return table, len(compilations.ready)


def test_the_mean_product_rises_with_the_correlation(fitted) -> None:
    """E[pq] = E[p]E[q] + cov(p, q): with the margins alike, a higher correlation is a higher mean.

    Its spread between studies rises too.
    """
    table, compiled = fitted
    assert compiled == 1
    found = table.set_index(["correlation", *KEY])
    for correlation, sign in (("-0.9", -1), ("0.9", 1)):
        part = found.loc[correlation]
        p = part.loc[("capability_transfer", "all", "rate_mean"), "mean"]
        q = part.loc[("goal_failure", "all", "rate_mean"), "mean"]
        both = part.loc[("capable_goal_failure", "all", "rate_mean"), "mean"]
        assert np.sign(both - p * q) == sign
    spread = [
        found.loc[(c, "capable_goal_failure", "all", "rate_new"), "sd"] for c in ("-0.9", "0.9")
    ]
    assert spread[0] < spread[1]


def test_a_fixed_correlation_is_no_estimate(fitted) -> None:
    assert "stage_correlation" not in set(fitted[0]["estimand"])
