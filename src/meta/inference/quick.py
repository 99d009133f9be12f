"""A quick refit: one model on other rows with fewer draws, for a look ahead of the real run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from meta.checks.sampler import chain_checks, quantity_checks
from meta.config import FitTask, Gate
from meta.estimands import all_estimates
from meta.inference.sampling import compile_model, sample_posterior
from meta.inference.seeds import child_seed
from meta.models.design import Design
from meta.pooled import pooled_table

DRAWS, TUNE = 1000, 600


@dataclass(frozen=True)
class QuickFit:
    """Pooled table of a quick refit, its draws, and the checks that it fails."""

    pooled: pd.DataFrame
    draws: int
    failed: list[str]


def quick_fit(
    design: Design,
    task: FitTask,
    gate: Gate,
    ci_prob: float,
    cores: int,
    exceedance: Sequence[float] = (),
) -> QuickFit:
    """Refit a model with fewer draws than a run would take.

    Parameters
    ----------
    design
        Design of the rows.
    task
        The model as configured; only the number of draws is lowered.
    gate
        Thresholds.
    ci_prob
        Mass of the equal-tailed intervals.
    cores
        Chains sampled at the same time.
    exceedance
        Rates of which the share of new studies above them is reported.
    """
    sampler = task.sampler.model_copy(
        update={"draws": min(DRAWS, task.sampler.draws), "tune": min(TUNE, task.sampler.tune)}
    )
    short = task.model_copy(update={"sampler": sampler})
    tree = sample_posterior(compile_model(design, short), short, cores, progress=False)
    seed = child_seed(task.seed, task.model, "estimands")
    estimates = all_estimates(tree["posterior"].to_dataset(), design, seed, exceedance)
    checks = chain_checks(tree["sample_stats"].to_dataset(), sampler, gate)
    pooled, statistics = pooled_table(
        estimates, design, task.model, gate, ci_prob, all(c.passed for c in checks)
    )
    checks += quantity_checks(statistics, [e.key for e in estimates], gate)
    failed = [
        f"{c.check} {'missing' if c.value is None else f'{c.value:.4g}'} (wanted "
        f"{c.rule} {c.threshold:g}{f', at {c.worst}' if c.worst else ''})"
        for c in checks
        if not c.passed
    ]
    return QuickFit(pooled, sampler.draws * sampler.chains, failed)
