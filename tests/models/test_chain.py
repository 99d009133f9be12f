"""The chain likelihood and its priors against formulas written independently."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy.special import expit
from scipy.stats import beta, betabinom, binom, kstest

from meta.config import ModelSpec, PriorSet
from meta.models import centring
from meta.models.centring import parameterisation
from meta.models.chain import build_chain
from meta.models.design import build_design


@pytest.fixture
def rows() -> pd.DataFrame:
    """Three studies: capability observed, unobserved (product), and a shared agent set."""
    table = pd.DataFrame(
        {
            "row_id": ["a1", "a2", "b1", "b2", "c1"],
            "study": ["a", "a", "b", "b", "c"],
            "agent_set": ["a:x", "a:x", "b:x", "b:y", "c:x"],
            "failure_type": ["goal_misgeneralization"] * 2 + ["specification_gaming"] * 3,
            "sampling_frame": "denominator",
            "conditioning": ["given_capability"] * 2 + ["all_trials"] * 3,
            "events_capability_transfer": [8, 9, None, None, None],
            "trials_capability_transfer": [10, 12, None, None, None],
            "events_goal_failure": [3, 0, 5, 7, 20],
            "trials_goal_failure": [8, 9, 30, 7, 50],
            "events_harm": [1, None, 2, None, 5],
            "trials_harm": [3, None, 5, None, 20],
        }
    )
    counts = [c for c in table if c.startswith(("events", "trials"))]
    return table.astype(dict.fromkeys(counts, "Int64"))


@pytest.mark.parametrize("likelihood", ["beta_binomial", "binomial"])
@pytest.mark.parametrize("threshold", [-1.0, np.inf])
def test_pointwise_likelihood_is_the_written_formula(
    rows: pd.DataFrame, likelihood: str, threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(centring, "threshold", lambda _level: threshold)
    spec = ModelSpec(
        stages=["capability_transfer", "goal_failure", "harm"],
        likelihood=likelihood,
        levels=["study", "agent_set"],
        moderators=["failure_type"],
    )
    design = build_design(rows, spec)
    model = build_chain(design, PriorSet())
    rng = np.random.default_rng(3)
    point = {k: v + rng.normal(size=np.shape(v)) / 2 for k, v in model.initial_point().items()}
    got = model.compile_logp(vars=[model["counts"]], sum=False)(point)[0]
    inputs = model.value_vars
    names = ["agent_set_logit", "beta", *(["icc"] if likelihood == "beta_binomial" else [])]
    values = model.replace_rvs_by_values([model[name] for name in names])
    evaluate = pm.pytensorf.compile(inputs, values)
    logit, slope, *icc = evaluate(**point)

    eta = logit[design.row_unit[1]] + design.x @ slope
    rate = expit(eta[design.row, design.stage])
    product = rows["conditioning"].eq("all_trials").to_numpy()[design.row] & (design.stage == 1)
    rate = np.where(product, rate * expit(eta[design.row, 0]), rate)
    if icc:
        size = (1 - icc[0][design.stage]) / icc[0][design.stage]
        want = betabinom.logpmf(design.events, design.trials, rate * size, (1 - rate) * size)
    else:
        want = binom.logpmf(design.events, design.trials, rate)
    np.testing.assert_allclose(got, want, rtol=1e-8)
    assert product.sum() == 3


def test_single_stage_takes_all_rows_at_their_own_denominator(rows: pd.DataFrame) -> None:
    design = build_design(rows, ModelSpec(stages=["goal_failure"], levels=["study"]))
    assert design.events.tolist() == [3, 0, 5, 7, 20]
    assert not design.through_capability.any()


def test_correlation_prior_has_the_lkj_marginals(rows: pd.DataFrame) -> None:
    """In d dimensions each LKJ(eta) correlation is 2 Beta(b, b) - 1 with b = eta + (d - 2) / 2."""
    spec = ModelSpec(stages=["capability_transfer", "goal_failure", "harm"], levels=["study"])
    model = build_chain(build_design(rows, spec), PriorSet())
    draws = pm.draw(model["correlation"], draws=4000, random_seed=1)
    for pair in range(3):
        result = kstest((draws[:, pair] + 1) / 2, beta(2.5, 2.5).cdf)
        assert result.pvalue > 1e-3, pair
    matrix = np.stack([np.eye(3)] * len(draws))
    for k, (j, i) in enumerate([(1, 0), (2, 0), (2, 1)]):
        matrix[:, i, j] = matrix[:, j, i] = draws[:, k]
    assert np.linalg.eigvalsh(matrix).min() > -1e-9
    # The determinant is the product of the 1 - p^2 of the partial correlations p.
    det = np.linalg.det(matrix)
    expected = (5 / 6) ** 2 * (4 / 5)  # E[1 - p^2] = 2b / (2b + 1) for p = 2 Beta(b, b) - 1
    assert det.mean() == pytest.approx(expected, abs=4 * det.std() / np.sqrt(len(det)))


def test_student_t_study_effects_have_t_tails(rows: pd.DataFrame) -> None:
    spec = ModelSpec(stages=["goal_failure"], levels=["study"], random_effects="student_t")
    model = build_chain(build_design(rows, spec), PriorSet())
    assert {"df_raw", "mixing"} <= {v.name for v in model.free_RVs}
    fixed = pm.do(model, {"df_raw": 2.0, "tau": np.array([1.0]), "alpha": np.array([0.0])})
    draws = pm.draw(fixed["study_logit"], draws=4000, random_seed=2).ravel()
    assert kstest(draws[::3], "t", args=(4,)).pvalue > 1e-3
    assert kstest(draws[::3], "norm").pvalue < 1e-3


def test_parameterisation_follows_the_information(rows: pd.DataFrame) -> None:
    rich = rows.copy()
    rich["events_goal_failure"] = rich["events_goal_failure"] * 100
    rich["trials_goal_failure"] = rich["trials_goal_failure"] * 100
    spec = ModelSpec(stages=["goal_failure"], likelihood="binomial", levels=["study"])
    assert parameterisation(build_design(rich, spec))["study"]["goal_failure"].startswith("3 of 3")
    sparse = rows.assign(events_goal_failure=rows["events_goal_failure"].clip(upper=1))
    assert parameterisation(build_design(sparse, spec))["study"]["goal_failure"].startswith("0 of")
