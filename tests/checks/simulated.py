"""Small evidence bases drawn from a known population, by NumPy and SciPy alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit
from scipy.stats import betabinom

from meta.checks.predictive import Part
from meta.config import FitTask, ModelSpec, Sampler
from meta.inference.draws import thinned_draws
from meta.models.design import build_design
from meta.models.likelihood import Parameters
from meta.priors import PriorSet

DRAWS = 1000


def arms(events: np.ndarray, trials: int, studies: np.ndarray) -> pd.DataFrame:
    """Arms of one stage, each with its own agents."""
    count = len(events)
    table = pd.DataFrame(
        {
            "row_id": [f"r{i:03d}" for i in range(count)],
            "study": [f"s{s:02d}" for s in studies],
            "agent_set": [f"a{i}" for i in range(count)],
            "sampling_frame": "denominator",
            "conditioning": "given_capability",
            "events_goal_failure": events,
            "trials_goal_failure": trials,
        }
    )
    return table.astype({"events_goal_failure": "Int64", "trials_goal_failure": "Int64"})


def population(
    studies: int, arms_each: int, trials: int, alpha: float, tau: float, icc: float, seed: int
) -> pd.DataFrame:
    """Arms of studies whose logits are Normal(alpha, tau) and whose arms are beta-binomial."""
    rng = np.random.default_rng(seed)
    study = np.repeat(np.arange(studies), arms_each)
    rate = expit(alpha + tau * rng.standard_normal(studies))[study]
    size = (1 - icc) / icc
    events = betabinom.rvs(trials, rate * size, (1 - rate) * size, random_state=rng)
    return arms(events, trials, study)


def task(likelihood: str = "beta_binomial", draws: int = 800) -> FitTask:
    """A model of studies and, by its likelihood, arms; no agent sets."""
    spec = ModelSpec(stages=["goal_failure"], levels=["study"], likelihood=likelihood)
    sampler = Sampler(draws=draws, tune=500)
    return FitTask(model="m", spec=spec, priors=PriorSet(), sampler=sampler, seed=7)


def draws_near(alpha: float = 0, tau: float = 1, icc: float = 0.3, seed: int = 1) -> Parameters:
    """Draws of hyperparameters close to some values, as a large evidence base would give."""
    rng = np.random.default_rng(seed)

    def near(value: float, sd: float) -> np.ndarray:
        return rng.normal(value, sd, (DRAWS, 1))

    return Parameters(
        alpha=near(alpha, 0.05),
        beta=np.zeros((DRAWS, 0, 1)),
        factor=np.ones((DRAWS, 1, 1)),
        scale={"study": near(tau, 0.02)},
        icc=near(icc, 0.003),
    )


def part_of(
    table: pd.DataFrame,
    likelihood: str = "beta_binomial",
    posterior: xr.Dataset | None = None,
    parameters: Parameters | None = None,
) -> Part:
    """A table's design with draws: of a fit, given, or near the defaults of `draws_near`."""
    design = build_design(table, task(likelihood).spec)
    if posterior is not None:
        draws = thinned_draws(posterior, design, DRAWS)
        return Part(design, draws.parameters, draws.shape, draws.step)
    return Part(design, parameters or draws_near(), (2, DRAWS // 2))
