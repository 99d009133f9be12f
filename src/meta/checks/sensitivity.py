"""Sensitivity of one model: every analysis on its stored fit, its rows and a few refits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import xarray as xr

from meta.checks.conclusions import flip_table
from meta.checks.correlation import correlation_table
from meta.checks.frequentist import frequentist
from meta.checks.frequentist_gaps import Removals, prior_averages, refit_to_direct_counts
from meta.checks.ghosts import redraw
from meta.checks.power_scaling import log_hyperprior, power_scaling
from meta.checks.prior_table import prior_table
from meta.checks.refits import Fit, numbers, population, refitting
from meta.checks.sensitivity_task import SensitivityTask
from meta.checks.small_study import small_study
from meta.checks.unit_of_n import unit_of_n
from meta.checks.zero_events import (
    Posterior,
    Reach,
    log_no_event,
    parameters,
    zero_event_table,
)
from meta.config import FitTask
from meta.estimands import Estimate
from meta.evidence.analysis_set import read_analysis_set
from meta.inference.compilations import Compilations
from meta.inference.refit import shorter
from meta.inference.store import read_fit
from meta.models.design import Design, build_design
from meta.storage import atomic


def analyse_sensitivity(
    posterior: Path, analysis: Path, arms: Path, work: SensitivityTask, cores: int, folder: Path
) -> None:
    """Run every sensitivity analysis of a model and write one table each.

    Parameters
    ----------
    posterior
        Stored fit.
    analysis
        The analysis set it was fitted to.
    arms
        Canonical table of arms, for the number of trained agents.
    work
        Specification, alternatives and thresholds.
    cores
        Chains sampled at the same time.
    folder
        Receives `<table>.csv` for each of `meta.checks.sensitivity_task.TABLES`.
    """
    tree, _ = read_fit(posterior)
    design = build_design(read_analysis_set(analysis), work.task.spec)
    tables = sensitivity_tables(tree, design, trained_agents(arms), work, cores)
    for name, table in tables.items():
        with atomic(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


def trained_agents(arms: Path) -> dict[str, float]:
    """Independently trained agents of each arm that states them."""
    if "n_agents" not in pq.read_schema(arms).names:
        return {}
    table = pd.read_parquet(arms, columns=["arm_id", "n_agents"]).dropna()
    return dict(zip(table["arm_id"].astype(str), table["n_agents"].astype(float), strict=True))


def sensitivity_tables(
    tree: xr.DataTree,
    design: Design,
    agents: dict[str, float],
    work: SensitivityTask,
    cores: int,
) -> dict[str, pd.DataFrame]:
    """Compute every sensitivity analysis of a fitted model.

    Parameters
    ----------
    tree
        Its stored groups posterior, sample_stats and log_likelihood.
    design
        What it was fitted to.
    agents
        Trained agents by row.
    work
        Specification, alternatives and thresholds.
    cores
        Chains sampled at the same time.

    Returns
    -------
    dict of str to pandas.DataFrame
        By name, see `meta.checks.sensitivity_task.TABLES`.
    """
    chosen, task = work.sensitivity, work.task
    posterior = tree["posterior"].to_dataset()
    main = numbers(
        posterior, tree["sample_stats"].to_dataset(), design, task, work.gate, work.ci_prob
    )
    compilations = Compilations(cores)
    fit: Fit = refitting(compilations, chosen.refits, work.gate, work.ci_prob)
    estimates = population(posterior, design, task)
    log_likelihood = tree["log_likelihood"]["counts"].sum("observation")
    slope, points = small_study(design, work.ci_prob)
    return {
        "power_scaling": power_scaling(
            estimates,
            log_hyperprior(posterior, task.priors),
            log_likelihood.transpose("chain", "draw").to_numpy(),
            chosen.power,
            chosen.power_threshold,
        ),
        "prior_table": prior_table(fit, design, task, work.priors, main),
        "correlation": correlation_table(fit, design, task, chosen.correlations, main),
        "unit_of_n": unit_of_n(fit, design, task, agents, chosen.iccs, main),
        **_publication(posterior, estimates, design, work, compilations),
        "small_study": slope,
        "small_study_points": points,
        "frequentist": frequentist(design, main, work.ci_prob, _removals(tree, fit, design, task)),
    }


def _removals(tree: xr.DataTree, fit: Fit, design: Design, task: FitTask) -> Removals:
    prior = tree["prior"].to_dataset() if "prior" in tree.children else None
    return Removals(prior_averages(prior, design, task), refit_to_direct_counts(fit, design, task))


def _publication(
    posterior: xr.Dataset,
    estimates: list[Estimate],
    design: Design,
    work: SensitivityTask,
    compilations: Compilations,
) -> dict[str, pd.DataFrame]:
    """Publication of studies without events; nothing for a model without goal failures."""
    chosen = work.sensitivity
    if "goal_failure" not in design.stages:
        return {"zero_events": pd.DataFrame(), "flips": pd.DataFrame()}
    step = _step(posterior, chosen.weight_draws)
    thin = posterior.isel(draw=slice(None, None, step))
    shape = (thin.sizes["chain"], thin.sizes["draw"])
    logs, studies = log_no_event(design, parameters(thin, design))
    stored = Posterior(
        [_thinned(e, step) for e in estimates], logs.reshape(-1, *shape), np.zeros(shape)
    )

    def draw(other: Design, stream: str) -> tuple[xr.Dataset, list[Estimate]]:
        brief = shorter(work.task, chosen.refits.draws, chosen.refits.tune)
        found = compilations.fit(other, brief, stream)["posterior"].to_dataset()
        every = _step(found, chosen.weight_draws)
        found = found.isel(draw=slice(None, None, every))
        return found, population(found, design, brief)

    def again(w: float) -> Posterior:
        return redraw(draw, design, stored, studies, w)

    # Ghosts would change the scale and the mix of moderators.
    reach = Reach([stored], None if design.terms else again)
    table = zero_event_table(reach, (*chosen.weights, chosen.smallest_weight), work.ci_prob)
    return {
        "zero_events": table,
        "flips": flip_table(reach, chosen.conclusions, chosen.smallest_weight, work.ci_prob),
    }


def _step(posterior: Any, most: int) -> int:
    return max(1, -(-posterior.sizes["chain"] * posterior.sizes["draw"] // most))


def _thinned(estimate: Estimate, step: int) -> Estimate:
    draws = estimate.draws[:, ::step]
    return Estimate(estimate.outcome, estimate.group, estimate.estimand, draws, estimate.rows)
