"""Sampling: reproducible from one seed, whatever the cores; refitted without compiling again."""

import warnings

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from pymc.exceptions import ImplicitFreezeWarning

from meta.config import FitTask, ModelSpec, PriorSet, Sampler
from meta.inference.sampling import CompiledModel, compile_model, quiet, sample_posterior
from meta.inference.seeds import child_seed
from meta.models.counts import count_data
from meta.models.design import build_design


@pytest.fixture(scope="module")
def task() -> FitTask:
    return FitTask(
        model="m",
        spec=ModelSpec(stages=["goal_failure"], likelihood="binomial", levels=["study"]),
        priors=PriorSet(),
        sampler=Sampler(draws=500, tune=500),
        seed=3,
    )


@pytest.fixture(scope="module")
def ready(task: FitTask) -> CompiledModel:
    rows = pd.DataFrame(
        {
            "row_id": list("abcdef"),
            "study": list("abcdef"),
            "agent_set": list("abcdef"),
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "events_goal_failure": pd.array([1, 0, 5, 9, 3, 2], dtype="Int64"),
            "trials_goal_failure": pd.array([10, 12, 20, 11, 30, 8], dtype="Int64"),
        }
    )
    return compile_model(build_design(rows, task.spec), task)


def draws(ready: CompiledModel, task: FitTask, **changes: object) -> np.ndarray:
    tree = sample_posterior(ready, task, progress=False, **{"cores": 2, **changes})
    return tree["posterior"]["alpha"].to_numpy()


def test_the_same_seed_gives_the_same_draws_whatever_the_cores(
    ready: CompiledModel, task: FitTask
) -> None:
    first = draws(ready, task)
    assert first.shape == (4, 500, 1)
    np.testing.assert_array_equal(first, draws(ready, task))
    np.testing.assert_array_equal(first, draws(ready, task, cores=1))
    other = task.model_copy(update={"seed": 4})
    assert not np.array_equal(first, draws(ready, other))
    assert len({tuple(chain.ravel()[:3]) for chain in first}) == 4


def test_other_counts_refit_the_compiled_model(ready: CompiledModel, task: FitTask) -> None:
    events = np.array([9, 11, 18, 11, 28, 8])
    with pytest.raises(ValueError, match="count_data"):
        draws(ready, task, data={"events": events})
    trials = ready.model["trials"].get_value()
    many = draws(ready, task, data=count_data(events, trials))
    assert many.mean() > 1.0 > -0.3 > draws(ready, task).mean()


def test_seeds_differ_by_name_and_are_pinned() -> None:
    """The derivation of seeds is part of what makes a stored fit reproducible."""
    assert child_seed(20261121, "rates", "posterior") == child_seed(20261121, "rates", "posterior")
    streams = {
        child_seed(root, model, use)
        for root in (1, 2)
        for model in ("rates", "robust")
        for use in ("posterior", "prior", "predictive")
    }
    assert len(streams) == 12
    assert child_seed(20261121, "rates", "posterior") == SEED_OF_RATES


SEED_OF_RATES = 109786338


def test_predictions_of_stored_draws_are_made_without_a_warning() -> None:
    with pm.Model() as model:
        x = pm.Data("x", np.array([0.0, 1.0]))
        slope = pm.Normal("slope", x.sum())
        pm.Binomial("events", 5, pm.math.invlogit(slope * x), observed=[1, 4])
    draws = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"slope": (("chain", "draw"), [[0.5]])})}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImplicitFreezeWarning)
        with model, pytest.raises(ImplicitFreezeWarning):
            pm.sample_posterior_predictive(draws, progressbar=False)
        with model, quiet():
            found = pm.sample_posterior_predictive(draws, progressbar=False)
    assert "events" in found["posterior_predictive"]
