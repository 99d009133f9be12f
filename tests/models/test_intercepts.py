"""Intercepts sampled in the middle of the evidence: the same model in other coordinates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats
from scipy.special import expit

from meta.config import ModelSpec
from meta.models.chain import build_chain
from meta.models.design import Design, build_design
from meta.models.levels import SCALE_NAMES
from meta.priors import Normal, PriorSet
from tests.models.test_hierarchy import QUICK, table

#: Neither the mean nor the sd of the intercept is what the coefficients have.
PRIORS = PriorSet(alpha=Normal(mu=0.7, sigma=0.9), beta=Normal(mu=-0.4, sigma=2.0))


def design_of(*levels: str) -> Design:
    rng = np.random.default_rng(8)
    kinds = ["specification_gaming"] * 7 + ["goal_misgeneralization"] * 17
    rows: pd.DataFrame = table(
        6, 4,
        agent_set=[f"a{i // 2:02}" for i in range(24)],
        failure_type=rng.permutation(kinds),
        events_goal_failure=rng.integers(0, 21, 24),
    )  # fmt: skip
    spec = ModelSpec(
        stages=["goal_failure"], levels=list(levels), moderators=["failure_type"],
        likelihood="binomial",
    )  # fmt: skip
    return build_design(rows, spec)


@pytest.mark.parametrize("levels", [("study", "arm"), ("study", "agent_set", "arm")])
def test_the_prior_is_that_of_the_specification(levels: tuple[str, ...]) -> None:
    count = 4000
    with build_chain(design_of(*levels), PRIORS):
        tree = pm.sample_prior_predictive(count, random_seed=3, compile_kwargs=QUICK)
    drawn = tree["prior"].to_dataset()
    alpha, beta = (drawn[name].to_numpy().reshape(count) for name in ("alpha", "beta"))
    # The one that is sampled lies where the moderators have their mean, and so goes with beta.
    raw = drawn["alpha_raw"].to_numpy().reshape(count)
    assert np.abs(np.corrcoef(raw, beta)[0, 1]) > 0.5
    assert stats.kstest(alpha, stats.norm(0.7, 0.9).cdf).pvalue > 0.001
    assert stats.kstest(beta, stats.norm(-0.4, 2.0).cdf).pvalue > 0.001
    assert abs(np.corrcoef(alpha, beta)[0, 1]) < 4 / np.sqrt(count)
    # Units lie about the intercept of the specification, whatever the coefficients are.
    for level in levels[:-1]:
        above = drawn["alpha"] if level == "study" else drawn["study_logit"]
        own = drawn[f"{level}_logit"].to_numpy()[0, :, 0, 0]
        parent = above.to_numpy().reshape(count, -1)[:, 0]
        scale = drawn[SCALE_NAMES[level]].to_numpy().reshape(count)
        standard = (own - parent) / scale
        assert stats.kstest(standard, "norm").pvalue > 0.001
        assert abs(np.corrcoef(standard, beta)[0, 1]) < 4 / np.sqrt(count)


def test_the_counts_have_the_rate_of_intercept_coefficients_and_effects() -> None:
    """The log likelihood at draws of the prior, worked out anew from what is recorded."""
    design = design_of("study", "arm")
    model = build_chain(design, PRIORS)
    likelihood = model.compile_logp(vars=[model["counts"]], mode="FAST_COMPILE")
    names = ["alpha", "beta", "study_logit"]
    record = model.compile_fn(
        model.replace_rvs_by_values([model[name] for name in names]),
        inputs=model.value_vars, mode="FAST_COMPILE",
        point_fn=False, on_unused_input="ignore",
    )  # fmt: skip
    # Units that are sampled standardised: their effects are known.
    levels = ("centred_arm", "centred_study")
    with model:
        pm.set_data({name: np.zeros_like(model[name].get_value()) for name in levels})
    rng = np.random.default_rng(5)
    for _ in range(3):
        point = {k: rng.normal(0, 0.5, np.shape(v)) for k, v in model.initial_point().items()}
        alpha, beta, study = record(*(point[v.name] for v in model.value_vars))
        kappa = np.exp(point["kappa_log__"])
        eta = study[design.row_unit[0], 0] + (design.x @ beta)[:, 0]
        eta = eta + kappa[0] * point["arm_goal_failure_raw"]
        tau = np.exp(point["tau_log__"])
        np.testing.assert_allclose(
            study[:, 0], alpha[0] + tau[0] * point["study_goal_failure_raw"], rtol=1e-10
        )
        want = stats.binom.logpmf(design.events, design.trials, expit(eta[design.row])).sum()
        assert float(likelihood(point)) == pytest.approx(want, rel=1e-9)


def test_models_without_effects_of_arms_keep_the_intercept_of_the_reference_levels() -> None:
    """Nothing is gained there: intra-class correlation limits what the counts of an arm say."""
    model = build_chain(design_of("study"), PRIORS)
    assert "alpha" in {v.name for v in model.free_RVs}
    assert "alpha_raw" not in model.named_vars
