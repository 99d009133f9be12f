"""The declared problems: rows, and the specification that both sides fit to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from meta.config import FitTask, ModelSpec, Sampler
from meta.evidence.analysis_set import read_analysis_set
from meta.models.design import Design, build_design
from meta.moderator_effects import levels_of, moderator_field
from meta.priors import PriorSet

#: An ordinal field of five levels, so that the effect is monotonic.
MODERATOR = "shift_type"
#: Chains, tuning steps and kept draws of both sides.
CHAINS, TUNE, DRAWS = 4, 1000, 1000
#: Trials of an arm, at least and at most, and the logit of the first level.
COUNTS = {"rich": (50, 400, -1.0), "sparse": (3, 15, -3.0), "reference": (5, 200, -1.0)}
#: Share of the total effect after each step; sd of studies and of arms.
STEPS, TOTAL, STUDY_SD, ARM_SD = (0.0, 0.5, 0.7, 1.0, 1.0), 1.0, 0.7, 0.5


@dataclass(frozen=True)
class Problem:
    """One data set and the model that is fitted to it.

    Attributes
    ----------
    name
        What it is called in the results.
    kind
        Model of the other side: `binomial`, `beta_binomial` or `chain`.
    arms, studies, counts
        Size, and a key of `COUNTS`; none for the shipped evidence.
    repeats, peer_repeats
        Fits of this side, and of the other (0: only this side).
    """

    name: str
    kind: str
    arms: int = 0
    studies: int = 0
    counts: str = ""
    repeats: int = 5
    peer_repeats: int = 5

    @property
    def spec(self) -> ModelSpec:
        """Specification of generated arms: one stage, a monotonic moderator."""
        levels = {"binomial": ("study", "arm"), "beta_binomial": ("study",)}[self.kind]
        return ModelSpec(
            stages=("goal_failure",), likelihood=self.kind, levels=levels, moderators=(MODERATOR,)
        )  # type: ignore[arg-type]


REFERENCE = Problem("reference", "binomial", 120, 12, "reference")
SHIPPED = Problem("shipped", "chain", repeats=5, peer_repeats=3)
#: The primary model of the shipped settings with the moderator that is no imputed code.
SHIPPED_SPEC = ModelSpec(
    stages=("capability_transfer", "goal_failure"),
    levels=("study", "agent_set"),
    moderators=("failure_type",),
)
#: Twenty studies, each left out in turn.
TWENTY = Problem("twenty", "binomial", 100, 20, "rich")
GRID = (
    Problem("10 rich", "binomial", 10, 4, "rich", 3, 3),
    Problem("10 sparse", "binomial", 10, 4, "sparse"),
    Problem("100 rich", "binomial", 100, 10, "rich", 5, 3),
    Problem("100 sparse", "binomial", 100, 10, "sparse", 5, 3),
    Problem("100 beta-binomial", "beta_binomial", 100, 10, "rich", 5, 3),
    Problem("1000 rich", "binomial", 1000, 50, "rich", 2, 1),
    Problem("1000 sparse", "binomial", 1000, 50, "sparse", 2, 1),
    Problem("10000 rich", "binomial", 10_000, 500, "rich", 1, 0),
)


def generated_rows(problem: Problem, seed: int = 1) -> pd.DataFrame:
    """Draw an analysis set from the model, in the columns that `meta fit` reads."""
    rng = np.random.default_rng(seed)
    low, high, intercept = COUNTS[problem.counts]
    arms = problem.arms
    study = np.arange(arms) * problem.studies // arms
    levels = np.array(levels_of(moderator_field(MODERATOR, "denominator")))
    step = rng.integers(0, len(levels), arms)
    step[: len(levels)] = np.arange(len(levels))
    logit = intercept + rng.normal(0, STUDY_SD, problem.studies)[study]
    logit = logit + rng.normal(0, ARM_SD, arms) + TOTAL * np.array(STEPS)[step]
    trials = rng.integers(low, high, arms)
    rows = pd.DataFrame(
        {
            "row_id": [f"A{i:05d}" for i in range(arms)],
            "study": [f"S{s:04d}" for s in study],
            "agent_set": "one",
            "sampling_frame": "denominator",
            "conditioning": "given_capability",
            MODERATOR: levels[step],
        }
    )
    for stage in ("capability_transfer", "goal_failure", "harm"):
        rows[f"events_{stage}"] = rows[f"trials_{stage}"] = pd.array([pd.NA] * arms, dtype="Int64")
    rows["events_goal_failure"] = pd.array(
        rng.binomial(trials, 1 / (1 + np.exp(-logit))), dtype="Int64"
    )
    rows["trials_goal_failure"] = pd.array(trials, dtype="Int64")
    return rows


def task_of(problem: Problem, spec: ModelSpec, seed: int) -> FitTask:
    """The task of one fit under the default priors."""
    sampler = Sampler(chains=CHAINS, tune=TUNE, draws=DRAWS)
    name = problem.name.replace(" ", "_").replace("-", "_")
    return FitTask(model=f"peer_{name}", spec=spec, priors=PriorSet(), sampler=sampler, seed=seed)


PROBLEMS = {each.name: each for each in (REFERENCE, SHIPPED, TWENTY, *GRID)}


def design_and_task(name: str, analysis: Path, seed: int) -> tuple[Design, FitTask]:
    """Design of a problem and the task of its fit.

    Parameters
    ----------
    name
        Key of `PROBLEMS`.
    analysis
        Analysis set of the shipped evidence, for the problem that is of it.
    seed
        Root seed of the fit.
    """
    problem = PROBLEMS[name]
    if problem.arms:
        spec, rows = problem.spec, generated_rows(problem)
    else:
        spec, rows = SHIPPED_SPEC, read_analysis_set(analysis)
    return build_design(rows, spec), task_of(problem, spec, seed)


def changed(design: Design, number: int) -> Design:
    """Move one event of one arm: what a corrected cell does."""
    at = number % len(design.events)
    events = design.events.copy()
    events[at] += 1 if events[at] < design.trials[at] else -1
    return replace(design, events=events)


def with_a_row(name: str) -> Design:
    """Design of generated arms with one more, like the last, in the last study."""
    problem = PROBLEMS[name]
    rows = generated_rows(problem)
    more = rows.iloc[[-1]].assign(row_id="A99999")
    return build_design(pd.concat([rows, more], ignore_index=True), problem.spec)


def observations(design: Design) -> pd.DataFrame:
    """Every observation of a design as the formula of the other side names it."""
    rows = design.rows.iloc[design.row].reset_index(drop=True)
    found = pd.DataFrame({"y": design.events, "n": design.trials, "study": rows["study"]})
    if len(design.stages) == 1:
        found["arm"] = rows["row_id"]
        found["x"] = design.x[design.row].sum(axis=1).astype(int) + 1
        return found
    found["set"] = rows["study"] + " / " + rows["agent_set"]
    found["stage"] = np.array(design.stages)[design.stage]
    found["goal"] = design.stage
    found["through"] = design.through_capability.astype(int)
    found["x"] = design.x[design.row, 0]
    return found


def left_out(design: Design, studies: int) -> Iterator[str]:
    """Labels of studies to leave out, evenly over all."""
    labels = design.levels[0].units
    yield from (labels[i] for i in np.linspace(0, len(labels) - 1, studies).round().astype(int))
