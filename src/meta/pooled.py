"""Pooled results: the draws of every estimand summarised once, in the contract's columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from meta.checks.sampler import mixing_statistics, row_passes
from meta.config import Gate
from meta.estimands import PRODUCT_NAMES, Estimate
from meta.estimands.contraction import PRIOR_COLUMNS, prior_columns
from meta.models.design import Design

COLUMNS = [
    "model", "primary", "outcome", "group", "estimand", "mean", "sd", "median", "ci_low",
    "ci_high", "ci_prob", "mcse_mean", "ess_bulk", "ess_tail", "r_hat", "k_studies", "k_rows",
    "n_trials", "frame", "passed", *PRIOR_COLUMNS, "k_direct",
]  # fmt: skip


def pooled_table(
    estimates: list[Estimate],
    design: Design,
    model: str,
    gate: Gate,
    ci_prob: float,
    chains_pass: bool,
    statistics: pd.DataFrame | None = None,
    behind: dict[str, list[int]] | None = None,
    prior: Mapping[str, Estimate] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summarise every reported quantity of a model.

    Parameters
    ----------
    estimates
        Quantities with their draws.
    design
        Design of the fit, for the rows behind each quantity.
    model
        Name of the model.
    gate
        Thresholds.
    ci_prob
        Mass of the equal-tailed intervals.
    chains_pass
        Whether the fit's chains pass: where they do not, no quantity does.
    statistics
        Mixing statistics, where not those of the chains as they stand.
    behind
        Studies, rows and trials behind each quantity, where not those of the design.
    prior
        The quantities under the prior by key, where there are any.

    Returns
    -------
    tuple of pandas.DataFrame
        The table with `COLUMNS`, and the mixing statistics in the same order.
    """
    draws = np.stack([e.draws for e in estimates])
    statistics = mixing_statistics(draws) if statistics is None else statistics
    flat = draws.reshape(len(draws), -1)
    tail = (1 - ci_prob) / 2
    low, median, high = np.quantile(flat, [tail, 0.5, 1 - tail], axis=1)
    table = pd.DataFrame(
        {
            "model": model,
            "primary": design.spec.primary,
            "outcome": [e.outcome for e in estimates],
            "group": [e.group for e in estimates],
            "estimand": [e.estimand for e in estimates],
            "mean": flat.mean(axis=1),
            "sd": statistics["sd"],
            "median": median,
            "ci_low": low,
            "ci_high": high,
            "ci_prob": ci_prob,
            "mcse_mean": statistics["mcse_mean"],
            "ess_bulk": statistics["ess_bulk"],
            "ess_tail": statistics["ess_tail"],
            "r_hat": statistics["r_hat"],
            **(behind or evidence_behind(estimates, design)),
            "frame": design.spec.frame,
            "passed": row_passes(statistics, gate) & chains_pass,
        }
    ).join(prior_columns(estimates, prior, ci_prob))
    return table[COLUMNS], statistics


def evidence_behind(estimates: list[Estimate], design: Design) -> dict[str, list[int]]:
    """Studies, rows and trials that observe each quantity's outcome, and studies that do directly.

    `k_direct` leaves out studies whose rows see a stage through its product with capability alone.
    The product itself is seen directly by such rows, and by those that observe each of its stages.
    """
    studies = design.rows["study"].to_numpy()
    trials = {
        stage: np.bincount(
            design.row[design.stage == o],
            weights=design.trials[design.stage == o],
            minlength=len(design.rows),
        )
        for o, stage in enumerate(design.stages)
    }
    last = {stage: stage for stage in design.stages}
    last |= {outcome: chain[-1] for chain, outcome in PRODUCT_NAMES.items()}
    direct = _direct(design)
    found: dict[str, list[int]] = {"k_studies": [], "k_rows": [], "n_trials": [], "k_direct": []}
    for estimate in estimates:
        # A correlation names its two stages, the later one first; an offset follows its stage.
        outcomes = [o.partition("_with_notoriety")[0] for o in estimate.outcome.split("~")]
        seen = np.all([direct[o][estimate.rows] for o in outcomes], axis=0)
        found["k_studies"].append(len(set(studies[estimate.rows])))
        found["k_rows"].append(len(estimate.rows))
        found["n_trials"].append(int(trials[last[outcomes[0]]][estimate.rows].sum()))
        found["k_direct"].append(len(set(studies[estimate.rows][seen])))
    return found


def _direct(design: Design) -> dict[str, np.ndarray]:
    """Which rows observe each stage and product directly, boolean of length rows."""
    found = {}
    for o, stage in enumerate(design.stages):
        rows = design.row[(design.stage == o) & ~design.through_capability]
        found[stage] = np.isin(np.arange(len(design.rows)), rows)
    through = np.isin(np.arange(len(design.rows)), design.row[design.through_capability])
    for chain, outcome in PRODUCT_NAMES.items():
        if set(chain) <= set(design.stages):
            first, *later = (found[stage] for stage in chain)
            found[outcome] = np.all([first & later[0] | through, *later[1:]], axis=0)
    return found
