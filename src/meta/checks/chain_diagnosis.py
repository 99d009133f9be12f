"""Diagnosis of the whole chain: a model of rates and one of harm joined, summarised and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from meta.chain_settings import ChainTask
from meta.checks.diagnosis import DIAGNOSTIC_COLUMNS
from meta.checks.imputed import combined_statistics
from meta.checks.sampler import Check, quantity_checks
from meta.config import FitTask, Gate
from meta.errors import DesignError
from meta.estimands.draws import Draws, Estimate, hyper_draws
from meta.estimands.harm_chain import (
    WHOLE,
    HarmChain,
    Judgements,
    chain_estimates,
    join,
)
from meta.evidence.analysis_set import read_analysis_set
from meta.evidence.imputed_set import IMPUTATION
from meta.inference.seeds import child_seed
from meta.inference.store import read_fit
from meta.models.design import Design
from meta.models.imputed_design import build_imputed_design
from meta.models.specification import design_of
from meta.pooled import evidence_behind, pooled_table
from meta.storage import atomic, write_csv

#: Sampling frame of a product of rates and shares of catalogued cases.
FRAME = "denominator and case_series"
#: Columns that the tables of a chain have beside those of pooled results.
CHAIN_COLUMNS = ["harm_model", "k_cases"]


@dataclass(frozen=True)
class FittedModel:
    """A stored fit as draws.

    Attributes
    ----------
    draws, designs
        Of each imputed code set; one of each where no codes are imputed.
    base
        Design that was compiled.
    prior
        Draws of the prior group; None where it was not stored.
    """

    draws: list[Draws]
    designs: list[Design]
    base: Design
    prior: Draws | None


def fitted_model(posterior: Path, analysis: Path, task: FitTask) -> FittedModel:
    """Read a stored fit with the designs that it was fitted to.

    Raises
    ------
    StoredFitError
        If the file is not a whole fit of this package.
    """
    tree, _ = read_fit(posterior)
    table = read_analysis_set(analysis)
    sample = tree["posterior"].to_dataset()
    if IMPUTATION in table:
        designs = build_imputed_design(table, task.spec)
        base, sets, parts = designs.base, designs.sets, _by_set(sample, len(designs.sets))
    else:
        base = design_of(table, task.spec)
        sets, parts = [base], [sample]
    prior = hyper_draws(tree["prior"].to_dataset(), base) if "prior" in tree.children else None
    draws = [hyper_draws(part, each) for part, each in zip(parts, sets, strict=True)]
    return FittedModel(draws, sets, base, prior)


def _by_set(sample: xr.Dataset, count: int) -> list[xr.Dataset]:
    number = sample["imputation"].to_numpy()
    return [sample.isel(chain=np.flatnonzero(number == i)) for i in range(1, count + 1)]


def paired_sets(
    rates: FittedModel, harm: FittedModel, most: int
) -> list[tuple[Draws, Draws, Design, Design]]:
    """Cut the draws of two fits to pairs of the same shape, one pair for each imputed code set.

    Parameters
    ----------
    rates, harm
        The fits. Two of imputed codes have the same sets; where one has a single set, its draws are
        spread over the sets of the other.
    most
        Draws that are kept in all, evenly spaced.

    Raises
    ------
    DesignError
        If both are of several sets and these differ in number.
    """
    counts = {len(rates.draws), len(harm.draws)} - {1}
    if len(counts) > 1:
        raise DesignError(
            "two models of imputed codes can be joined where both have the same imputed sets"
        )
    sets = max(counts, default=1)
    chains = min(fit.draws[0].shape[0] for fit in (rates, harm) if len(fit.draws) == sets)
    one, other = _spread(rates.draws, sets), _spread(harm.draws, sets)
    length = min(
        most // (sets * chains), *(d.shape[0] * d.shape[1] // chains for d in (*one, *other))
    )
    each = [rates.designs * sets, harm.designs * sets]
    return [
        (_thinned(a, chains, length), _thinned(b, chains, length), each[0][i], each[1][i])
        for i, (a, b) in enumerate(zip(one, other, strict=True))
    ]


def _spread(draws: list[Draws], sets: int) -> list[Draws]:
    """Draws of a single set dealt out to several; those of several as they are."""
    if len(draws) == sets:
        return draws
    return [_taken(draws[0], np.arange(i, len(draws[0].location), sets), 1) for i in range(sets)]


def _thinned(draws: Draws, chains: int, length: int) -> Draws:
    count = len(draws.location)
    return _taken(draws, np.linspace(0, count - 1, chains * length).round().astype(int), chains)


def _taken(draws: Draws, index: np.ndarray, chains: int) -> Draws:
    arrays = {
        field.name: getattr(draws, field.name)[index]
        for field in fields(draws)
        if field.name != "shape" and getattr(draws, field.name) is not None
    }
    return replace(draws, shape=(chains, len(index) // chains), **arrays)


def judgements_of(task: ChainTask, correlation: float | None = None) -> Judgements:
    """Priors of what no data tell, with the correlation's own or a fixed correlation."""
    return Judgements(task.notoriety, task.transport, correlation, task.eta)


def joined_sets(
    pairs: Sequence[tuple[Draws, Draws, Design, Design]], judgements: Judgements, seed: int
) -> list[HarmChain]:
    """Join each pair; the draws of what no data tell are the same for any fixed correlation."""
    rng = np.random.default_rng(seed)
    return [join(rates, harm, judgements, rng) for rates, harm, _, _ in pairs]


def diagnose_chain(
    rates: FittedModel, harm: FittedModel, task: ChainTask, gate: Gate, ci_prob: float
) -> tuple[pd.DataFrame, list[Check], list[Estimate]]:
    """Summarise the chain of two fits and check its draws.

    Parameters
    ----------
    rates, harm
        The fits.
    task
        Names, priors of what no data tell, and seed.
    gate, ci_prob
        Thresholds and mass of the intervals.

    Returns
    -------
    tuple
        Table in the columns of pooled results and `CHAIN_COLUMNS`; `passed` is of these draws, not
        of the fits that they are made of. The checks of the draws, and the estimates.
    """
    pairs = paired_sets(rates, harm, task.draws)
    judgements = judgements_of(task)
    seed = child_seed(task.seed, task.rates, "chain")
    found = _estimates(joined_sets(pairs, judgements, seed), pairs, seed)
    draws = np.stack([np.stack([e.draws for e in each]) for each in found], axis=1)
    statistics, _, _ = combined_statistics(draws)
    estimates = [
        Estimate(e.outcome, e.group, e.estimand, draws[i].reshape(-1, draws.shape[3]), e.rows)
        for i, e in enumerate(found[0])
    ]
    behind = _behind(estimates, rates.base, harm.base)
    cases = behind.pop("k_cases")
    prior = _prior(rates, harm, judgements, seed)
    table, _ = pooled_table(
        estimates, rates.base, task.rates, gate, ci_prob, True, statistics, behind, prior
    )
    table["frame"] = FRAME
    checks = quantity_checks(statistics, [e.key for e in estimates], gate)
    named = [
        replace(c, check=f"chain_{c.check}", meaning=f"{c.meaning}: with harm") for c in checks
    ]
    return table.assign(harm_model=task.harm, k_cases=cases), named, estimates


def correlation_table(
    rates: FittedModel, harm: FittedModel, task: ChainTask, ci_prob: float
) -> pd.DataFrame:
    """What the correlation of a study's harm with its goal failures does to the product.

    Returns
    -------
    pandas.DataFrame
        Columns model, group, correlation (a number, or lkj for its prior), estimand, median,
        ci_low, ci_high, ci_prob.
    """
    pairs = paired_sets(rates, harm, task.draws)
    seed = child_seed(task.seed, task.rates, "chain")
    tail = (1 - ci_prob) / 2
    rows = []
    for value in task.correlations:
        judged = judgements_of(task, None if value == "lkj" else float(value))
        found = _estimates(joined_sets(pairs, judged, seed), pairs, seed)
        for i, estimate in enumerate(found[0]):
            if estimate.outcome != WHOLE:
                continue
            draws = np.concatenate([each[i].draws.ravel() for each in found])
            low, median, high = np.quantile(draws, [tail, 0.5, 1 - tail])
            rows.append(
                {
                    "model": task.rates, "group": estimate.group, "correlation": str(value),
                    "estimand": estimate.estimand, "median": median, "ci_low": low,
                    "ci_high": high, "ci_prob": ci_prob,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _estimates(
    chains: Sequence[HarmChain],
    pairs: Sequence[tuple[Draws, Draws, Design, Design]],
    seed: int,
) -> list[list[Estimate]]:
    return [
        chain_estimates(chain, a, b, np.random.default_rng([seed, number]))
        for number, (chain, (_, _, a, b)) in enumerate(zip(chains, pairs, strict=True))
    ]


def _prior(
    rates: FittedModel, harm: FittedModel, judgements: Judgements, seed: int
) -> dict[str, np.ndarray] | None:
    """Prior draws of the same quantities, by key; None where either fit has none."""
    if rates.prior is None or harm.prior is None:
        return None
    count = min(len(rates.prior.location), len(harm.prior.location))
    one, other = (_thinned(each, 1, count) for each in (rates.prior, harm.prior))
    rng = np.random.default_rng([seed, 1_000_000])
    chain = join(one, other, judgements, rng)
    return {e.key: e.draws.ravel() for e in chain_estimates(chain, rates.base, harm.base, rng)}


def _behind(estimates: list[Estimate], rates: Design, harm: Design) -> dict[str, list[int]]:
    """Rows behind each quantity: of the product, what is behind capability and goal failure.

    Nothing observes the product with harm, so that no study does directly.
    """
    through = [
        Estimate("capable_goal_failure", e.group, e.estimand, e.draws, e.rows)
        if e.outcome == WHOLE
        else Estimate("harm", e.group, e.estimand, e.draws, e.rows)
        for e in estimates
    ]
    found: dict[str, list[int]] = {}
    for estimate in through:
        design = harm if estimate.outcome == "harm" else rates
        for name, values in evidence_behind([estimate], design).items():
            found.setdefault(name, []).append(values[0])
    found["k_direct"] = [
        0 if e.outcome == WHOLE else k for e, k in zip(estimates, found["k_direct"], strict=True)
    ]
    found["k_cases"] = [_cases(e.group, harm) for e in estimates]
    return found


def _cases(group: str, harm: Design) -> int:
    """Cases that reach harm in a group."""
    name, _, level = group.partition("=")
    inside = np.ones(len(harm.rows), bool)
    for moderator in harm.moderators:
        if moderator.name == name and level in moderator.levels:
            inside = moderator.members[moderator.levels.index(level)]
    last = harm.stage == len(harm.stages) - 1
    return int(harm.trials[last & inside[harm.row]].sum())


def write_chain(
    rates: tuple[Path, Path, FitTask],
    harm: tuple[Path, Path, FitTask],
    task: ChainTask,
    gate: Gate,
    ci_prob: float,
    folder: Path,
) -> None:
    """Join two stored fits; write `pooled.csv`, `diagnostics.csv`, `correlation.csv`, draws.

    Parameters
    ----------
    rates, harm
        Posterior, analysis set and task of each.
    task, gate, ci_prob
        As for `diagnose_chain`.
    folder
        Receives the files.
    """
    one, other = fitted_model(*rates), fitted_model(*harm)
    table, checks, estimates = diagnose_chain(one, other, task, gate, ci_prob)
    write_csv(folder / "pooled.csv", table)
    rows = pd.DataFrame([{"model": task.rates, **check.as_row()} for check in checks])
    write_csv(folder / "diagnostics.csv", rows[DIAGNOSTIC_COLUMNS])
    write_csv(folder / "correlation.csv", correlation_table(one, other, task, ci_prob))
    draws = pd.DataFrame({e.key: e.draws.ravel().astype("float32") for e in estimates})
    with atomic(folder / "draws.parquet") as temporary:
        draws.to_parquet(temporary, index=False)
