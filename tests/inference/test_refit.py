"""A refit of a compiled model equals a fit of a model compiled for the same data and priors."""

import arviz as az
import numpy as np
import pandas as pd
import pytest

from meta.config import FitTask, ModelSpec, Sampler
from meta.inference.refit import refit, rows_of_study, without_rows
from meta.inference.sampling import CompiledModel, compile_model
from meta.models.design import build_design
from meta.priors import HalfCauchy, HalfNormal, PriorSet

COUNTS = ["events_goal_failure", "trials_goal_failure"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    events = [0, 2, 9, 4, 12, 1, 7, 15, 3, 5]
    table = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(10)],
            "study": [f"s{i // 2}" for i in range(10)],
            "agent_set": [f"a{i}" for i in range(10)],
            "sampling_frame": "denominator",
            "conditioning": "given_capability",
            "events_goal_failure": events,
            "trials_goal_failure": 20,
        }
    )
    return table.astype(dict.fromkeys(COUNTS, "Int64"))


def task(**priors: object) -> FitTask:
    spec = ModelSpec(stages=["goal_failure"], levels=["study"])
    sampler = Sampler(draws=1000, tune=500)
    return FitTask(model="m", spec=spec, priors=PriorSet(**priors), sampler=sampler, seed=4)


@pytest.fixture(scope="module")
def ready(rows: pd.DataFrame) -> CompiledModel:
    return compile_model(build_design(rows, task().spec), task())


def z_scores(one: object, two: object) -> np.ndarray:
    """Differences of posterior means in joint Monte Carlo standard errors."""
    scores = []
    for name in ("alpha", "tau", "icc"):
        a, b = one["posterior"][name], two["posterior"][name]
        errors = [float(az.mcse(x.to_dataset(name=name))[name].max()) for x in (a, b)]
        scores.append(float(abs(a.mean() - b.mean())) / np.hypot(*errors))
    return np.array(scores)


def test_emptied_rows_are_rows_that_were_never_there(
    rows: pd.DataFrame, ready: CompiledModel
) -> None:
    design = build_design(rows, task().spec)
    left_out = rows_of_study(design, "s3")
    assert left_out.tolist() == [6, 7]
    one, _ = refit(ready, without_rows(design, left_out), task(), 2, "without s3")
    kept = rows.drop(index=left_out).reset_index(drop=True)
    fresh = build_design(kept, task().spec)
    two, _ = refit(compile_model(fresh, task()), fresh, task(), 2, "fresh")
    whole, _ = refit(ready, design, task(), 2, "whole")
    assert z_scores(one, two).max() < 4
    assert z_scores(one, whole).max() > 4


def test_priors_are_data_of_the_compiled_model(rows: pd.DataFrame, ready: CompiledModel) -> None:
    narrow = task(tau=HalfNormal(sigma=0.1), alpha={"mu": -3, "sigma": 0.2})
    design = build_design(rows, narrow.spec)
    one, _ = refit(ready, design, narrow, 2, "narrow")
    two, _ = refit(compile_model(design, narrow), design, narrow, 2, "fresh")
    assert z_scores(one, two).max() < 4
    assert float(one["posterior"]["tau"].mean()) < 0.15


def test_what_compilation_fixed_is_refused(rows: pd.DataFrame, ready: CompiledModel) -> None:
    design = build_design(rows, task().spec)
    with pytest.raises(ValueError, match="another family"):
        refit(ready, design, task(tau=HalfCauchy(beta=0.5)), 2, "cauchy")
    fewer = build_design(rows.iloc[:8], task().spec)
    with pytest.raises(ValueError, match="compiled was"):
        refit(ready, fewer, task(), 2, "fewer")
