"""Behaviour of a model: still under what keeps it, moved by a prior, a likelihood, a shape."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

from meta.config import ModelSpec, PriorSet
from meta.models import behaviour
from meta.models.behaviour import (
    behaviour_differences,
    fingerprint,
    fixed_counts,
    model_behaviour,
)
from meta.models.chain import build_chain
from meta.models.design import Design, build_design
from meta.models.specification import design_of
from meta.priors import HalfNormal


def design(likelihood: str = "beta_binomial", events: int = 3, studies: int = 5) -> Design:
    names = [f"s{i}" for i in range(studies)]
    table = pd.DataFrame(
        {
            "row_id": names,
            "study": names,
            "agent_set": names,
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "events_goal_failure": pd.array([events] * studies, dtype="Int64"),
            "trials_goal_failure": pd.array([10 + 7 * i for i in range(studies)], dtype="Int64"),
        }
    )
    spec = ModelSpec(stages=["goal_failure"], likelihood=likelihood, levels=["study"])
    return build_design(table, spec)


@pytest.fixture(scope="module")
def stored() -> dict[str, object]:
    # As read back from a file.
    return json.loads(json.dumps(model_behaviour(design(), PriorSet())))


def test_it_does_not_depend_on_the_counts_or_the_run(stored: dict[str, object]) -> None:
    again = model_behaviour(design(events=4), PriorSet())
    assert behaviour_differences(stored, again) == []
    assert fingerprint(stored) == fingerprint(again)
    assert all(value is not None for value in stored["log_density"])


def test_rounding_of_another_machine_is_no_difference(stored: dict[str, object]) -> None:
    other = {**stored, "log_density": [v * (1 + 1e-9) for v in stored["log_density"]]}
    assert behaviour_differences(stored, other) == []


def test_another_prior_moves_it(stored: dict[str, object]) -> None:
    wider = PriorSet(tau=HalfNormal(sigma=1.01))
    (said,) = behaviour_differences(stored, model_behaviour(design(), wider))
    assert "prior" in said


def test_a_wrong_likelihood_moves_it(
    stored: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same variables, one trial more in each row: only the log density can tell."""

    def one_trial_more(made: Design, priors: PriorSet) -> pm.Model:
        model = build_chain(made, priors)
        model["trials"].set_value((made.trials + 1).astype(model["trials"].dtype))
        return model

    monkeypatch.setattr(behaviour, "model_of", one_trial_more)
    now = model_behaviour(design(), PriorSet())
    assert now["variables"] == stored["variables"]
    assert behaviour_differences(stored, now)


@pytest.mark.parametrize("other", [lambda: design("binomial"), lambda: design(studies=6)])
def test_other_variables_move_it(stored: dict[str, object], other: Callable[[], Design]) -> None:
    (said,) = behaviour_differences(stored, model_behaviour(other(), PriorSet()))
    assert "variables" in said


def test_the_log_density_is_that_of_scipy() -> None:
    """At one point the density is written out by hand: priors, Jacobians and counts."""
    made = design()
    model = build_chain(made, PriorSet())
    start = model.initial_point(random_seed=1)
    names = set(start)
    assert {"alpha", "tau_log__"} <= names
    raw = next(iter(names - {"alpha", "tau_log__", "icc_logodds__"}))
    point = behaviour._point(start, 2)
    counts = fixed_counts(made.trials)
    alpha, log_tau = point["alpha"][0], point["tau_log__"][0]
    icc = 1 / (1 + np.exp(-point["icc_logodds__"][0]))
    tau = np.exp(log_tau)
    rate = 1 / (1 + np.exp(-(alpha + tau * point[raw])))
    size = (1 - icc) / icc
    expected = (
        stats.norm(0, 1.5).logpdf(alpha)
        + stats.halfnorm.logpdf(tau) + log_tau
        + stats.beta(1, 3).logpdf(icc) + np.log(icc * (1 - icc))
        + stats.norm.logpdf(point[raw]).sum()
        + stats.betabinom(made.trials, rate * size, (1 - rate) * size).logpmf(counts).sum()
    )  # fmt: skip
    assert model_behaviour(made, PriorSet())["log_density"][2] == pytest.approx(expected)


def test_fixed_counts_are_legal_and_various() -> None:
    trials = np.array([0, 1, 5, 50, 500, 7, 9, 30])
    counts = fixed_counts(trials)
    assert ((counts >= 0) & (counts <= trials)).all()
    share = counts[3:] / trials[3:]
    assert share.min() < 0.3 < 0.7 < share.max()


def test_a_model_of_contrasts_has_a_behaviour() -> None:
    rows = pd.DataFrame(
        {
            "row_id": ["b1", "t1", "b2", "t2", "b3", "t3"],
            "study": ["a", "a", "b", "b", "c", "c"],
            "sampling_frame": "denominator",
            "against": [None, "warning@b1", None, "warning@b2", None, "warning@b3"],
            "events_goal_failure": 3,
            "trials_goal_failure": 10,
        }
    )
    spec = ModelSpec(frame="contrasts", stages=["goal_failure"], levels=["study"])
    found = model_behaviour(design_of(rows, spec), PriorSet())
    assert "delta" in found["variables"]
    assert all(value is not None for value in found["log_density"])
