"""A monotonic moderator and what is derived from it, against brms (`monotonic.R`)."""

import json
from pathlib import Path

import pandas as pd

from meta.config import FitTask, ModelSpec, PriorSet, Sampler
from meta.estimands import all_estimates
from meta.inference.sampling import compile_model, sample_posterior
from meta.models.design import Design, build_design
from meta.priors import Normal
from tests.external.test_reference import disagreements

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "monotonic.json").read_text())
LEVELS = ("none", "superficial", "moderate", "significant", "extreme")


def ordinal_design() -> Design:
    arms = pd.read_csv(HERE / "data/ordinal_moderator.csv", dtype={"shift_type": str})
    table = pd.DataFrame(
        {
            "row_id": arms["arm_id"],
            "study": arms["study_id"],
            "agent_set": arms["arm_id"],
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "shift_type": arms["shift_type"],
            "events_goal_failure": arms["n_goal_failure"].astype("Int64"),
            "trials_goal_failure": arms["n_at_risk"].astype("Int64"),
        }
    )
    spec = ModelSpec(
        stages=["goal_failure"], likelihood="binomial", levels=["study"], moderators=["shift_type"]
    )
    return build_design(table, spec)


def test_monotonic_effect_agrees_with_brms() -> None:
    """Steps (one of a level without data), rates, ratios, differences and shares above a half."""
    design = ordinal_design()
    task = FitTask(
        model="monotonic", spec=design.spec, priors=PriorSet(monotonic=Normal(sigma=1)), seed=12,
        sampler=Sampler(draws=4000, tune=1000, target_accept=0.95),
    )  # fmt: skip
    tree = sample_posterior(compile_model(design, task), task, cores=2, progress=False)
    assert not tree["sample_stats"]["diverging"].to_numpy().any()
    posterior = tree["posterior"].to_dataset()
    found = {e.key: e.draws for e in all_estimates(posterior, design, 5, exceedance=(0.5,))}
    one = posterior.isel(stage=0)
    ours = {"mu": one["alpha"], "tau": one["tau"], "total": one["shift_type_total"]}
    ours |= {f"step_{j + 1}": one["shift_type_simplex"].isel(shift_type_step=j) for j in range(4)}
    draws = {name: values.to_numpy() for name, values in ours.items()}
    for level in LEVELS:
        draws[f"rate_mean_{level}"] = found[f"goal_failure/shift_type={level}/rate_mean"]
        if level != "none":
            above = found[f"goal_failure/shift_type={level}/share_above_0.5"]
            draws[f"share_above_0.5_{level}"] = above
            for name in ("risk_ratio", "risk_difference"):
                key = f"goal_failure/shift_type={level} vs none/{name}"
                draws[f"{name}_{level}"] = found[key]
    assert set(draws) == set(REFERENCE["estimates"])
    problems = []
    for name, theirs in REFERENCE["estimates"].items():
        problems += disagreements(name, draws[name], theirs)
    assert not problems, "\n".join(problems)
