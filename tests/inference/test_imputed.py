"""Fits to imputed sets: other codes change the fit of the one compiled model."""

import numpy as np
import pandas as pd
import pytest

from meta.checks.imputed import diagnose_imputed
from meta.config import Codes, FitTask, Gate, PriorSet, Sampler
from meta.evidence.imputed_set import imputed_set
from meta.inference.imputed import sample_imputed
from meta.models.imputed_design import build_imputed_design
from tests.models.test_imputed_design import SPEC, imputations, shifts, tables


def test_the_codes_of_a_set_decide_its_draws_and_the_sets_are_stacked() -> None:
    low, high = (
        ["none", "none", "none", "moderate", "moderate", "moderate"],
        ["moderate"] * 3 + ["none"] * 3,
    )
    evidence = tables()
    evidence["arms"]["n_goal_failure"] = pd.array([1, 1, 0, 19, 18, 19], dtype="Int64")
    spec = SPEC.model_copy(update={"likelihood": "binomial"})
    stacked = imputed_set(evidence, imputations(shifts(*low), shifts(*high)), "m", spec)
    design = build_imputed_design(stacked, spec)
    task = FitTask(
        model="m", spec=spec, priors=PriorSet(), sampler=Sampler(draws=300, tune=300), seed=1,
        codes=Codes(imputations=2, imputation_draws=300, imputation_tune=300),
    )  # fmt: skip
    tree, course = sample_imputed(design, task, 2)
    assert tree["posterior"]["imputation"].to_numpy().tolist() == [1, 1, 2, 2]
    assert course["agreed"] == "agreed codes alone do not identify the model"
    assert "agreed_posterior" not in tree.children
    found = diagnose_imputed(tree, design, task, Gate(), 0.95)
    by_key = {e.key: e.draws for e in found.estimates}
    none = by_key["goal_failure/shift_type=none/rate_typical"]
    assert none.shape == (4, 300)
    # Ten times the Monte Carlo error apart.
    assert none[2:].mean() - none[:2].mean() > 0.1
    # What two settings differ by is that of the same chains, in the same order.
    key = "goal_failure/shift_type=moderate vs none/risk_ratio"
    compared = next(e.log_odds for e in found.estimates if e.key == key)
    assert compared is not None
    steps = tree["posterior"]["beta"].transpose("chain", "draw", "stage", "term").to_numpy()
    assert compared.draws == pytest.approx(steps[..., :2].sum(axis=-1))
    assert compared.weight.shape == (1,)
    effect = {(e["group"], e["estimand"]): e for e in found.imputation["effect"]}
    assert effect[("shift_type=none", "rate_typical")]["between_share"] > 0.3
    assert np.isfinite(found.pooled["r_hat"]).all()
    assert {"r_hat", "r_hat_imputation", "divergences"} <= {c.check for c in found.checks}
