"""Diagnosis of fits to imputed code sets, and what coder disagreement adds to each interval.

Chains of one imputed set must agree; chains of different sets need not, since their data differ.
R-hat is therefore computed within sets and effective sample sizes are summed over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from meta.checks.sampler import Check, chain_checks, mixing_statistics, quantity_checks
from meta.config import FitTask, Gate
from meta.estimands import Estimate, all_estimates
from meta.estimands.draws import LogOddsRatio
from meta.inference.seeds import child_seed
from meta.inference.top_parameters import top_parameters
from meta.models.design import Design
from meta.models.imputed_design import AGREED_GROUPS, ImputedDesign, agreed_design
from meta.pooled import evidence_behind, pooled_table


@dataclass(frozen=True)
class Diagnosis:
    """What a diagnosis finds: estimates, their table, checks, and facts of the imputation."""

    estimates: list[Estimate]
    pooled: pd.DataFrame
    checks: list[Check]
    imputation: dict[str, Any] = field(default_factory=dict)


def combined_statistics(draws: np.ndarray) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Mixing statistics of quantities sampled in several sets.

    Parameters
    ----------
    draws
        Shape (quantity, set, chain, draw).

    Returns
    -------
    tuple
        As `mixing_statistics`: `r_hat` is the root of the mean squared R-hat within sets,
        effective sample sizes are sums, `mcse_mean` is that of the mean over sets given the sets
        (it leaves out that they are finitely many), `sd` is over all draws. And R-hat and the
        Monte Carlo error of the mean within each set, shape (quantity, set).
    """
    each = [mixing_statistics(draws[:, m]) for m in range(draws.shape[1])]

    def stacked(name: str) -> np.ndarray:
        return np.stack([table[name].to_numpy(float) for table in each], axis=1)

    r_hat, mcse = stacked("r_hat"), stacked("mcse_mean")
    table = pd.DataFrame(
        {
            "r_hat": np.sqrt((r_hat**2).mean(axis=1)),
            "ess_bulk": stacked("ess_bulk").sum(axis=1),
            "ess_tail": stacked("ess_tail").sum(axis=1),
            "mcse_mean": np.sqrt((mcse**2).sum(axis=1)) / len(each),
            "sd": draws.reshape(len(draws), -1).std(axis=1, ddof=1),
        }
    )
    return table, r_hat, mcse


def prior_estimates(
    tree: xr.DataTree, design: Design, task: FitTask, exceedance: Sequence[float]
) -> dict[str, Estimate] | None:
    """Every quantity that a model reports under its prior, by key; None without a prior group.

    Parameters
    ----------
    tree
        Stored fit.
    design
        Its design; of a fit to imputed codes, the one that was compiled.
    task, exceedance
        As for the posterior.
    """
    if "prior" not in tree.children:
        return None
    seed = child_seed(task.seed, task.model, "estimands prior")
    estimates = all_estimates(tree["prior"].to_dataset(), design, seed, exceedance)
    return {e.key: e for e in estimates}


def diagnose_imputed(
    tree: xr.DataTree,
    design: ImputedDesign,
    task: FitTask,
    gate: Gate,
    ci_prob: float,
    exceedance: Sequence[float] = (),
) -> Diagnosis:
    """Summarise and check a fit to imputed code sets.

    Parameters
    ----------
    tree
        Stored fit, with the coordinate `imputation` of its chains.
    design
        Designs it was fitted to.
    task, gate, ci_prob
        Specification, thresholds and mass of the intervals.
    exceedance
        Rates of which the share of new studies above them is reported.
    """
    posterior = tree["posterior"].to_dataset()
    parts = [
        posterior.isel(chain=np.flatnonzero(posterior["imputation"].to_numpy() == number))
        for number in range(1, len(design.sets) + 1)
    ]
    found = [
        all_estimates(
            part, each, child_seed(task.seed, task.model, f"estimands {number}"), exceedance
        )
        for number, (part, each) in enumerate(zip(parts, design.sets, strict=True), start=1)
    ]
    draws = np.stack([np.stack([e.draws for e in each]) for each in found], axis=1)
    statistics, r_hat, mcse = combined_statistics(draws)
    chains = chain_checks(tree["sample_stats"].to_dataset(), task.imputation_sampler, gate)
    estimates = _stacked(found, draws)
    behind = [evidence_behind(e, d) for e, d in zip(found, design.sets, strict=True)]
    mean = {k: np.mean([b[k] for b in behind], axis=0).round().astype(int).tolist()
            for k in behind[0]}  # fmt: skip
    table, _ = pooled_table(
        estimates, design.base, task.model, gate, ci_prob, all(c.passed for c in chains),
        statistics, mean, prior_estimates(tree, design.base, task, exceedance),
    )  # fmt: skip
    names, values = top_parameters(posterior)
    top, top_r_hat, _ = combined_statistics(values.reshape(len(values), *draws.shape[1:]))
    keys = [e.key for e in estimates] + names
    checks = quantity_checks(pd.concat([statistics, top], ignore_index=True), keys, gate)
    worst = np.concatenate([r_hat, top_r_hat])
    checks += [_worst_imputation(worst, keys, gate), *chains]
    effect = disagreement_effect(
        found[0], draws, mcse, _agreed(tree, design, task, exceedance), ci_prob
    )
    facts = {"worst_r_hat_by_imputation": worst.max(axis=0).round(5).tolist(), "effect": effect}
    return Diagnosis(estimates, table, checks, facts)


def _stacked(found: list[list[Estimate]], draws: np.ndarray) -> list[Estimate]:
    """Estimates with the draws of all sets, chains one after the other."""
    keys = [[e.key for e in each] for each in found]
    if any(each != keys[0] for each in keys):
        raise AssertionError("imputed sets report different quantities")
    shape = (-1, draws.shape[3])
    log_odds = [_joined([e.log_odds for e in each]) for each in zip(*found, strict=True)]
    return [
        replace(e, draws=draws[q].reshape(shape), log_odds=log_odds[q])
        for q, e in enumerate(found[0])
    ]


def _joined(each: list[LogOddsRatio | None]) -> LogOddsRatio | None:
    """Log odds ratio of one comparison in all sets, chains one after the other."""
    ratios = [ratio for ratio in each if ratio is not None]
    if not ratios:
        return None
    return LogOddsRatio(
        np.concatenate([ratio.draws for ratio in ratios]),
        np.mean([ratio.weight for ratio in ratios], axis=0),
    )


def _worst_imputation(r_hat: np.ndarray, keys: list[str], gate: Gate) -> Check:
    finite = np.where(np.isfinite(r_hat), r_hat, np.inf)
    quantity, number = np.unravel_index(int(finite.argmax()), finite.shape)
    value = float(finite[quantity, number])
    lost = not np.isfinite(value)
    return Check(
        "r_hat_imputation",
        None if lost else value,
        gate.r_hat_imputation,
        "<",
        f"{keys[quantity]} in imputation {number + 1}",
        "largest R-hat within any one imputed code set",
    )


def _agreed(
    tree: xr.DataTree, design: ImputedDesign, task: FitTask, exceedance: Sequence[float]
) -> dict[str, np.ndarray]:
    """Draws of each quantity under agreed codes, by key; empty where they were not fitted."""
    name = AGREED_GROUPS["posterior"]
    agreed = agreed_design(design) if name in tree.children else None
    if agreed is None:
        return {}
    seed = child_seed(task.seed, task.model, "estimands agreed")
    estimates = all_estimates(tree[name].to_dataset(), agreed, seed, exceedance)
    return {e.key: e.draws.ravel() for e in estimates}


def disagreement_effect(
    found: list[Estimate],
    draws: np.ndarray,
    mcse: np.ndarray,
    agreed: dict[str, np.ndarray],
    ci_prob: float,
) -> list[dict[str, Any]]:
    """What unsure codes add to the interval of each population quantity.

    Parameters
    ----------
    found
        Quantities.
    draws
        Their draws, shape (quantity, set, chain, draw).
    mcse
        Monte Carlo error of each set's mean, shape (quantity, set).
    agreed
        Draws under agreed codes, by key.
    ci_prob
        Mass of the intervals.

    Returns
    -------
    list of dict
        One record a quantity: median and interval under agreed codes (null where not fitted), the
        mean over sets of each set's interval, the interval of all draws, and `between_share`, the
        share of the variance that lies between sets: (1 + 1/M) B / (W + (1 + 1/M) B), Rubin
        (1987, doi:10.1002/9780470316696), with the Monte Carlo variance of the sets' means taken
        out of B.
    """
    tail = (1 - ci_prob) / 2
    at = [tail, 0.5, 1 - tail]
    sets = draws.shape[1]
    records = []
    for q, estimate in enumerate(found):
        if estimate.estimand == "study_rate":
            continue
        each = draws[q].reshape(sets, -1)
        within = each.var(axis=1, ddof=1).mean()
        spread = each.mean(axis=1).var(ddof=1) - (mcse[q] ** 2).mean()
        between = max(float(spread), 0.0) * (1 + 1 / sets)
        reference = agreed.get(estimate.key)
        spans = {
            "agreed": None if reference is None else np.quantile(reference, at),
            "within": np.quantile(each, at, axis=1).mean(axis=1),
            "combined": np.quantile(each, at),
        }
        record: dict[str, Any] = {
            "outcome": estimate.outcome, "group": estimate.group, "estimand": estimate.estimand,
        }  # fmt: skip
        for name, span in spans.items():
            for part, i in (("low", 0), ("median", 1), ("high", 2)):
                record[f"{name}_{part}"] = None if span is None else float(span[i])
        record["between_share"] = float(between / (within + between))
        records.append(record)
    return records
