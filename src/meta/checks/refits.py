"""Refits as the sensitivity analyses use them: shorter chains, and the pooled numbers they give.

Every analysis is a function of a design, a task and a `Fit`, which turns a design and a task into
the table of pooled population numbers, with the diagnostics of that refit in each row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from meta.checks.sampler import chain_checks
from meta.config import FitTask, Gate
from meta.estimands import Estimate, all_estimates
from meta.inference.compilations import Compilations
from meta.inference.refit import shorter
from meta.inference.seeds import child_seed
from meta.models.design import Design
from meta.pooled import pooled_table
from meta.sensitivity_settings import Refits

#: What identifies a pooled number within a model.
KEY = ["outcome", "group", "estimand"]
COLUMNS = [
    *KEY, "mean", "sd", "median", "ci_low", "ci_high", "mcse_mean", "r_hat", "ess_bulk", "ess_tail",
    "k_studies", "k_rows", "passed",
]  # fmt: skip

#: Fits a design under a task on a named random stream and summarises the population numbers.
Fit = Callable[[Design, FitTask, str], pd.DataFrame]


def observed_only(design: Design) -> Design:
    """Drop observations of no trial, so that rows left out do not count as evidence."""
    keep = design.trials > 0
    parts = ("stage", "row", "events", "trials", "through_capability")
    return replace(design, **{name: getattr(design, name)[keep] for name in parts})


def population(posterior: xr.Dataset, design: Design, task: FitTask) -> list[Estimate]:
    """Every reported quantity of a fit but those of single studies, with its draws.

    What the specification fixes (a correlation, say) is no estimate and is left out.
    """
    seed = child_seed(task.seed, task.model, "estimands")
    found = all_estimates(posterior, observed_only(design), seed)
    single = design.spec.top_level
    return [e for e in found if e.group.partition("=")[0] != single and np.ptp(e.draws) > 0]


def numbers(
    posterior: xr.Dataset,
    sample_stats: xr.Dataset,
    design: Design,
    task: FitTask,
    gate: Gate,
    ci_prob: float,
) -> pd.DataFrame:
    """Summarise the population numbers of a fit.

    Parameters
    ----------
    posterior, sample_stats
        Groups of the fit.
    design, task
        What was fitted.
    gate
        Thresholds of `passed`.
    ci_prob
        Mass of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row a quantity.
    """
    chains = chain_checks(sample_stats, task.sampler, gate)
    passed = all(c.passed for c in chains if c.check != "chains")
    table, _ = pooled_table(
        population(posterior, design, task), observed_only(design), task.model, gate, ci_prob,
        passed,
    )  # fmt: skip
    return table[COLUMNS]


def refitting(compilations: Compilations, length: Refits, gate: Gate, ci_prob: float) -> Fit:
    """Return a `Fit` with chains of a given length, judged by its own thresholds.

    Parameters
    ----------
    compilations
        Compiled models, shared between analyses.
    length
        Chains, draws, tuning steps, and what R-hat and the effective sample sizes must meet.
    gate
        The other thresholds: divergences, E-BFMI, tree depth.
    ci_prob
        Mass of the equal-tailed intervals.
    """
    own = gate.model_copy(
        update={
            "r_hat": length.r_hat,
            "ess_bulk": length.ess,
            "ess_tail": length.ess,
            "mcse_over_sd": float("inf"),
            # The odd transition at the depth limit is no bias, only cost.
            "max_depth_share": max(gate.max_depth_share, 0.01),
        }
    )

    def fit(design: Design, task: FitTask, stream: str) -> pd.DataFrame:
        brief = shorter(task, length.draws, length.tune)
        sampler = brief.sampler.model_copy(update={"chains": length.chains})
        brief = brief.model_copy(update={"sampler": sampler})
        tree = compilations.fit(design, brief, stream)
        posterior, stats = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
        return numbers(posterior, stats, design, brief, own, ci_prob)

    return fit


def against(table: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """Add by how many of its posterior sds each number's mean lies from the main result's.

    Parameters
    ----------
    table
        Numbers under alternatives, with the columns `COLUMNS`.
    main
        The main result's numbers.
    """
    base = main.set_index(KEY)[["mean", "sd", "mcse_mean"]].add_suffix("_main")
    joined = table.merge(base, left_on=KEY, right_index=True, how="left")
    shift = (joined["mean"] - joined["mean_main"]) / joined["sd_main"]
    error = np.hypot(joined["mcse_mean"], joined["mcse_mean_main"]) / joined["sd_main"]
    return table.assign(shift_in_sd=shift.to_numpy(), shift_mcse_in_sd=error.to_numpy())
