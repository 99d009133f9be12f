"""Diagnosis of the whole chain: a model of rates and one of harm joined, summarised and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from meta.chain_settings import ChainTask
from meta.checks.paired_fits import (
    FittedModel,
    Pair,
    fitted_model,
    paired_fits,
    paired_statistics,
    thinned,
)
from meta.checks.sampler import CHECK_COLUMNS, Check, quantity_checks
from meta.config import FitTask, Gate
from meta.estimands.draws import Estimate
from meta.estimands.harm_chain import (
    WHOLE,
    HarmChain,
    Judgements,
    cells_behind,
    chain_estimates,
    join,
    judged_share,
)
from meta.estimands.notoriety import HARM
from meta.inference.seeds import child_seed
from meta.models.design import Design
from meta.pooled import evidence_behind, pooled_table
from meta.provenance import commit
from meta.storage import atomic, write_csv, write_json

#: Sampling frame of a product of rates and shares of catalogued cases.
FRAME = "denominator and case_series"
#: Outcome and estimand of which the judged share of the variance is told.
TYPICAL_HARM = (HARM, "rate_typical")
#: Columns that the tables of a chain have beside those of pooled results.
CHAIN_COLUMNS = ["harm_model", "k_cases", "judged_share"]


def judgements_of(task: ChainTask, correlation: float | None = None) -> Judgements:
    """Priors of what no data tell, with the correlation's own or a fixed correlation."""
    return Judgements(task.notoriety, task.transport, correlation, task.eta)


def joined_sets(pairs: Sequence[Pair], judgements: Judgements, seed: int) -> list[HarmChain]:
    """Join each pair; the draws of what no data tell are the same for any fixed correlation."""
    rng = np.random.default_rng(seed)
    return [join(pair.rates, pair.harm, judgements, rng) for pair in pairs]


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
        Table in the columns of pooled results and `CHAIN_COLUMNS`: a row passes if its own draws do
        and the sampler's chains of both fits. The checks of the draws, and the estimates.
    """
    paired = paired_fits(rates, harm, task.draws)
    pairs, judgements = paired.sets, judgements_of(task)
    seed = child_seed(task.seed, task.rates, "chain")
    found = _estimates(joined_sets(pairs, judgements, seed), pairs, seed)
    draws = np.stack([np.stack([e.draws for e in each]) for each in found], axis=1)
    statistics = paired_statistics(draws, paired.dealt)
    estimates = [
        replace(e, draws=draws[i].reshape(-1, draws.shape[3])) for i, e in enumerate(found[0])
    ]
    behind = _behind(found, pairs)
    cases = behind.pop("k_cases")
    table, _ = pooled_table(
        estimates, rates.base, task.rates, gate, ci_prob,
        rates.chains_pass and harm.chains_pass, statistics, behind,
        _prior(rates, harm, judgements, seed),
    )  # fmt: skip
    table["frame"] = FRAME
    checks = quantity_checks(statistics, [e.key for e in estimates], gate)
    named = [
        replace(c, check=f"chain_{c.check}", meaning=f"with harm: {c.meaning}") for c in checks
    ]
    share = [
        judged_share(e.draws, judgements) if (e.outcome, e.estimand) == TYPICAL_HARM else np.nan
        for e in estimates
    ]
    table = table.assign(harm_model=task.harm, k_cases=cases, judged_share=share)
    return table, named, estimates


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
    pairs = paired_fits(rates, harm, task.draws).sets
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
    chains: Sequence[HarmChain], pairs: Sequence[Pair], seed: int
) -> list[list[Estimate]]:
    return [
        chain_estimates(
            chain, pair.rates_design, pair.harm_design, np.random.default_rng([seed, number])
        )
        for number, (chain, pair) in enumerate(zip(chains, pairs, strict=True))
    ]


def _prior(
    rates: FittedModel, harm: FittedModel, judgements: Judgements, seed: int
) -> dict[str, Estimate] | None:
    """The same quantities under the prior, by key; None where either fit has none."""
    if rates.prior is None or harm.prior is None:
        return None
    count = min(len(rates.prior.location), len(harm.prior.location))
    one, other = (thinned(each, 1, count) for each in (rates.prior, harm.prior))
    rng = np.random.default_rng([seed, 1_000_000])
    chain = join(one, other, judgements, rng)
    return {e.key: e for e in chain_estimates(chain, rates.base, harm.base, rng)}


def _behind(found: Sequence[list[Estimate]], pairs: Sequence[Pair]) -> dict[str, list[int]]:
    """Evidence behind each quantity, the mean over the sets where codes are imputed.

    Behind the product stands what is behind capability and goal failure. Nothing observes it with
    harm, so that no study does directly.
    """
    each = [
        [_evidence(e, pair.rates_design, pair.harm_design) for e in estimates]
        for estimates, pair in zip(found, pairs, strict=True)
    ]
    return {
        name: np.mean([[e[name] for e in one] for one in each], axis=0).round().astype(int).tolist()
        for name in each[0][0]
    }


def _evidence(estimate: Estimate, rates: Design, harm: Design) -> dict[str, int]:
    design = harm if estimate.outcome == HARM else rates
    through = replace(estimate, outcome="capable_goal_failure") if design is rates else estimate
    seen = {name: values[0] for name, values in evidence_behind([through], design).items()}
    last = harm.stage == len(harm.stages) - 1
    cells = cells_behind(estimate.group, harm)
    cases = int(harm.trials[last & np.isin(harm.row, cells)].sum())
    return {**seen, "k_cases": cases} | ({} if design is harm else {"k_direct": 0})


def write_chain(
    rates: tuple[Path, Path, FitTask],
    harm: tuple[Path, Path, FitTask],
    task: ChainTask,
    gate: Gate,
    ci_prob: float,
    folder: Path,
) -> None:
    """Join two stored fits and write what comes of it.

    Parameters
    ----------
    rates, harm
        Posterior, analysis set and task of each.
    task, gate, ci_prob
        As for `diagnose_chain`.
    folder
        Receives `pooled.csv`, `diagnostics.csv`, `correlation.csv`, `draws.parquet` and
        `chain.json`, the priors of what no data tell.
    """
    one, other = fitted_model(*rates, gate), fitted_model(*harm, gate)
    table, checks, estimates = diagnose_chain(one, other, task, gate, ci_prob)
    write_csv(folder / "pooled.csv", table)
    rows = pd.DataFrame([{"model": task.rates, **check.as_row()} for check in checks])
    write_csv(folder / "diagnostics.csv", rows[CHECK_COLUMNS])
    write_csv(folder / "correlation.csv", correlation_table(one, other, task, ci_prob))
    draws = pd.DataFrame({e.key: e.draws.ravel().astype("float32") for e in estimates})
    with atomic(folder / "draws.parquet") as temporary:
        draws.to_parquet(temporary, index=False)
    write_json(folder / "chain.json", {**task.model_dump(mode="json"), "diagnosed": commit()})
