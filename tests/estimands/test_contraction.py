"""Prior-to-posterior contraction on a conjugate case, and its place in the pooled table."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from meta.config import Gate, ModelSpec
from meta.estimands import Estimate
from meta.estimands.contraction import PRIOR_COLUMNS, comparison_scale, contraction, prior_columns
from meta.models.design import build_design
from meta.pooled import COLUMNS, pooled_table

SIZE = 100_000


@pytest.mark.parametrize(
    ("estimand", "link"),
    [("rate_mean", expit), ("share_above_0.1", expit), ("risk_ratio", np.exp), ("tau", np.exp),
     ("risk_difference", np.asarray), ("stage_correlation", np.tanh)],
)  # fmt: skip
@pytest.mark.parametrize("observations", [0, 1, 20])
def test_conjugate_normal_on_the_scale_of_the_estimand(estimand, link, observations) -> None:
    """n data of noise sd 1.6 leave 4 / (4 + n) of the variance of a normal prior of sd 0.8."""
    rng = np.random.default_rng(observations)
    after = 1 / (1 / 0.8**2 + observations / 1.6**2)
    prior, posterior = link(rng.normal(0, 0.8, SIZE)), link(rng.normal(0.3, after**0.5, SIZE))
    want = observations / (observations + 4)
    error = 4 * (1 - want) * np.sqrt(4 / SIZE)
    assert contraction(estimand, posterior, prior) == pytest.approx(want, abs=error)


def test_correlations_of_one_are_cut_off_and_what_has_no_scale_is_refused() -> None:
    found = comparison_scale("stage_correlation", np.array([-1.0, 0.5, 1.0]))
    assert found == pytest.approx(np.arctanh([-0.9999, 0.5, 0.9999]))
    with pytest.raises(ValueError, match="speed: no scale is stated on which prior and post"):
        comparison_scale("speed", found)


def test_a_prior_that_does_not_vary_has_no_contraction() -> None:
    assert np.isnan(contraction("tau", np.ones(5), np.ones(5)))


def test_pooled_table_ends_with_the_prior_and_what_sees_directly() -> None:
    table = pd.DataFrame(
        {
            "row_id": list("abc"), "study": list("abc"), "agent_set": list("abc"),
            "sampling_frame": "denominator", "conditioning": "all_trials",
            "events_goal_failure": pd.array([3, 0, 5], dtype="Int64"),
            "trials_goal_failure": pd.array([8, 9, 30], dtype="Int64"),
        }
    )  # fmt: skip
    design = build_design(table, ModelSpec(stages=["goal_failure"], levels=["study"]))
    rng = np.random.default_rng(2)
    estimates = [
        Estimate("goal_failure", "all", name, rng.beta(2, 5, (4, 500)), np.arange(3))
        for name in ("rate_mean", "rate_new")
    ]
    estimates.insert(0, Estimate("goal_failure", "none", "tau", np.ones((4, 500)), np.arange(3)))
    uniform = rng.permutation(np.linspace(0, 1, 4001))[None]
    mean = Estimate("goal_failure", "all", "rate_mean", uniform, np.arange(3))
    prior = {mean.key: mean}
    pooled, _ = pooled_table(estimates, design, "m", Gate(), 0.95, True, prior=prior)
    assert list(pooled.columns) == COLUMNS
    assert COLUMNS[-5:] == [*PRIOR_COLUMNS, "k_direct"]
    without, first, second = pooled[PRIOR_COLUMNS].to_numpy()
    assert np.isnan(without).all()
    assert first[:3] == pytest.approx([0.5, 0.025, 0.975], abs=1e-3)
    assert 0 < first[3] < 1
    assert np.isnan(second).all()
    assert prior_columns(estimates, None, 0.95).isna().all(axis=None)
