"""Small analysis sets and stand-ins for fits, for tests of the sensitivity analyses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta.config import FitTask, ModelSpec, Sampler
from meta.models.design import Design, build_design
from meta.priors import PriorSet


def rows(events: list[int], trials: list[int], studies: list[str] | None = None) -> pd.DataFrame:
    """One row a pair of counts of goal failures."""
    size = len(events)
    table = pd.DataFrame(
        {
            "row_id": [f"r{i:03d}" for i in range(size)],
            "study": studies or [f"s{i:03d}" for i in range(size)],
            "agent_set": [f"a{i:03d}" for i in range(size)],
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "given_capability",
            "events_capability_transfer": None,
            "trials_capability_transfer": None,
            "events_goal_failure": events,
            "trials_goal_failure": trials,
        }
    )
    counts = [c for c in table if c.startswith(("events", "trials"))]
    return table.astype(dict.fromkeys(counts, "Int64"))


def design(table: pd.DataFrame, **spec: object) -> Design:
    said = {"stages": ["goal_failure"], "likelihood": "binomial", "levels": ["study"], **spec}
    return build_design(table, ModelSpec.model_validate(said))


def task(of: Design, draws: int = 500, tune: int = 500, **priors: object) -> FitTask:
    sampler = Sampler(draws=draws, tune=tune)
    return FitTask(model="m", spec=of.spec, priors=PriorSet(**priors), sampler=sampler, seed=4)


def made_up_numbers(mean: float, sd: float = 0.1, k_studies: int = 5) -> pd.DataFrame:
    """A table of one pooled number, as a fit gives it."""
    row = {
        "outcome": "goal_failure", "group": "all", "estimand": "rate_mean", "mean": mean, "sd": sd,
        "median": mean, "ci_low": mean - 2 * sd, "ci_high": mean + 2 * sd, "mcse_mean": 0.001,
        "r_hat": 1.0, "ess_bulk": 1e3, "ess_tail": 1e3, "k_studies": k_studies, "k_rows": 5,
        "passed": True,
    }  # fmt: skip
    return pd.DataFrame([row])


class Recorder:
    """Stands for a fit: remembers what it was asked to fit, and answers with a made-up number."""

    def __init__(self) -> None:
        self.asked: list[tuple[Design, FitTask, str]] = []

    def __call__(self, of: Design, with_task: FitTask, stream: str) -> pd.DataFrame:
        self.asked.append((of, with_task, stream))
        return made_up_numbers(0.3 + 0.01 * len(self.asked))


def beta_counts(
    rng: np.random.Generator, rate: float, icc: float, trials: np.ndarray
) -> np.ndarray:
    size = (1 - icc) / icc
    return rng.binomial(trials, rng.beta(rate * size, (1 - rate) * size, len(trials)))
