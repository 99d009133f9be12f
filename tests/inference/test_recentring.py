"""Retries: smaller steps, and units recentred by the scales that the last attempt found."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from meta.config import FitTask, ModelSpec, Sampler
from meta.inference import sampling
from meta.inference.sampling import CompiledModel, recentred, sample_without_divergence
from meta.models.chain import build_chain
from meta.models.contrasts import build_contrasts
from meta.models.design import Design, build_design
from meta.models.specification import design_of
from meta.priors import PriorSet

ARMS = ModelSpec(stages=["goal_failure"], likelihood="binomial", levels=["study", "arm"])


def arms() -> Design:
    """Three studies of two arms with 10 of 20, whose information is 5."""
    rows = pd.DataFrame(
        {
            "row_id": list("abcdef"),
            "study": list("aabbcc"),
            "agent_set": list("abcdef"),
            "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "events_goal_failure": pd.array([10] * 6, dtype="Int64"),
            "trials_goal_failure": pd.array([20] * 6, dtype="Int64"),
        }
    )
    return build_design(rows, ARMS)


def not_compiled(model: Any) -> CompiledModel:
    return CompiledModel(model=model, compiled=None, seconds=0.0, families={})


def posterior(**scales: list[float]) -> xr.Dataset:
    """Draws of scales: one chain, one value each draw."""
    return xr.Dataset({name: (("chain", "draw"), [draws]) for name, draws in scales.items()})


def test_arms_are_recentred_by_the_lower_quartile_of_their_scale() -> None:
    design = arms()
    ready = not_compiled(build_chain(design, PriorSet()))
    # Of five draws the second smallest is the quartile: 5 * 0.5^2 is above one, 5 * 0.4^2 below.
    for quartile, centred in ((0.5, 1.0), (0.4, 0.0)):
        draws = posterior(kappa=[0.1, quartile, 3.0, 3.0, 3.0], tau=[9.0] * 5)
        found = recentred(ready, design, draws)
        assert list(found) == ["centred_arm"]
        np.testing.assert_array_equal(found["centred_arm"], np.full((6, 1), centred))


def test_effects_are_recentred_by_what_their_arms_tell_beyond_their_own_spread() -> None:
    rows = []
    for study in ("s1", "s2", "s3"):
        base = f"{study}:base"
        rows += [
            (base, study, None, 50, 100),
            (f"{study}:a", study, f"k@{base}", 50, 100),
        ]
    table = pd.DataFrame(rows, columns=["row_id", "study", "against", "events", "trials"])
    counts = {
        f"{kind}_goal_failure": table.pop(kind).astype("Int64") for kind in ("events", "trials")
    }
    spec = ModelSpec(
        frame="contrasts", stages=["goal_failure"], likelihood="binomial", levels=["study", "arm"]
    )
    design = design_of(table.assign(sampling_frame="denominator", **counts), spec)
    ready = not_compiled(build_contrasts(design, PriorSet()))
    # An arm of information 25 tells 25 / (1 + 25 kappa^2) of its effect.
    for kappa, spread, centred in ((1.0, 0.9, 0.0), (0.1, 0.3, 1.0), (0.1, 0.2, 0.0)):
        found = recentred(ready, design, posterior(kappa=[kappa] * 4, tau_delta=[spread] * 4))
        assert set(found) == {"centred_arm", "centred_effect"}
        assert found["centred_effect"].ravel().tolist() == [centred] * 3


def test_each_retry_has_smaller_steps_and_the_last_one_s_scales(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    design = arms()
    task = FitTask(model="m", spec=ARMS, priors=PriorSet(), sampler=Sampler(), seed=1)
    told: list[tuple[float, list[float]]] = []
    scales = iter([0.1, 3.0, 3.0])

    def sample(_ready: object, _task: object, _cores: int, data: Any, **changes: Any) -> Any:
        told.append((changes["target_accept"], np.ravel(data.get("centred_arm", [])).tolist()))
        return xr.DataTree.from_dict(
            {
                "/posterior": posterior(kappa=[next(scales)] * 4),
                "/sample_stats": xr.Dataset({"diverging": ("draw", [len(told) < 3])}),
            }
        )

    monkeypatch.setattr(sampling, "sample_posterior", sample)
    ready = not_compiled(build_chain(design, PriorSet()))
    _, attempts = sample_without_divergence(
        ready, design, task, 1, data={"events": design.events}, progress=False
    )
    assert told == [(0.9, []), (0.98, [0.0] * 6), (0.995, [1.0] * 6)]
    assert [a["divergences"] for a in attempts] == [1, 1, 0]
