"""Diagnosis of a stored fit: its estimands, every check, and the record of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meta.checks.imputed import Diagnosis, diagnose_imputed, prior_estimates
from meta.checks.sampler import (
    CHECK_COLUMNS,
    Check,
    chain_checks,
    mixing_statistics,
    quantity_checks,
)
from meta.config import FitTask, Gate
from meta.estimands import Estimate, all_estimates
from meta.evidence.analysis_set import read_analysis_set
from meta.evidence.imputed_set import IMPUTATION
from meta.inference.seeds import child_seed
from meta.inference.store import read_fit
from meta.inference.top_parameters import top_parameters
from meta.models.imputed_design import build_imputed_design
from meta.models.specification import design_of
from meta.pooled import pooled_table
from meta.provenance import commit
from meta.storage import atomic, write_csv, write_json


def diagnose(
    posterior: Path,
    analysis: Path,
    task: FitTask,
    gate: Gate,
    ci_prob: float,
    folder: Path,
    exceedance: Sequence[float] = (),
) -> None:
    """Summarise and check a fit; always writes, whatever the checks say.

    Parameters
    ----------
    posterior
        Stored fit.
    analysis
        The analysis set it was fitted to.
    task
        Specification, sampler arguments and seed of the fit.
    gate
        Thresholds.
    ci_prob
        Mass of the equal-tailed intervals.
    folder
        Receives `pooled.csv`, `diagnostics.csv`, `draws.parquet` and `fit.json`.
    exceedance
        Rates of which the share of new studies above them is reported.
    """
    tree, record = read_fit(posterior)
    record["diagnosis"] = {
        "gate": gate.model_dump(mode="json"),
        "ci_prob": ci_prob,
        "exceedance": list(exceedance),
    }
    table = read_analysis_set(analysis)
    if IMPUTATION in table:
        designs = build_imputed_design(table, task.spec)
        result = diagnose_imputed(tree, designs, task, gate, ci_prob, exceedance)
        _write(result, record, task.model, folder)
        return
    design = design_of(table, task.spec)
    draws = tree["posterior"].to_dataset()
    seed = child_seed(task.seed, task.model, "estimands")
    estimates = all_estimates(draws, design, seed, exceedance)
    prior = prior_estimates(tree, design, task, exceedance)
    chains = chain_checks(tree["sample_stats"].to_dataset(), task.sampler, gate)
    pooled, statistics = pooled_table(
        estimates, design, task.model, gate, ci_prob, all(c.passed for c in chains), prior=prior
    )
    names, values = top_parameters(draws)
    everything = pd.concat([statistics, mixing_statistics(values)], ignore_index=True)
    keys = [e.key for e in estimates] + names
    checks = quantity_checks(everything, keys, gate) + chains
    _write(Diagnosis(estimates, pooled, checks), record, task.model, folder)


def _write(result: Diagnosis, record: dict[str, Any], model: str, folder: Path) -> None:
    write_csv(folder / "pooled.csv", result.pooled)
    rows = pd.DataFrame([{"model": model, **check.as_row()} for check in result.checks])
    write_csv(folder / "diagnostics.csv", rows[CHECK_COLUMNS])
    _write_draws(result.estimates, folder / "draws.parquet")
    if result.imputation:
        record = record | {"imputation": record["imputation"] | result.imputation}
    write_json(folder / "fit.json", _with_checks(record, result.checks))


def _with_checks(record: dict[str, Any], checks: list[Check]) -> dict[str, Any]:
    kept = ("value", "threshold", "rule", "passed", "worst")
    shown = {row["check"]: {key: row[key] for key in kept} for row in (c.as_row() for c in checks)}
    return {
        **record,
        "diagnosed": commit(),
        "checks": shown,
        "passed": all(c.passed for c in checks),
    }


def _write_draws(estimates: list[Estimate], path: Path) -> None:
    """Write the draws of the population estimands, one column a quantity, for others to combine."""
    kept = [e for e in estimates if e.estimand != "study_rate"]
    chains, draws = kept[0].draws.shape
    table = pd.DataFrame({e.key: e.draws.ravel().astype("float32") for e in kept})
    table.insert(0, "draw", np.tile(np.arange(draws), chains))
    table.insert(0, "chain", np.repeat(np.arange(chains), draws))
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False)
