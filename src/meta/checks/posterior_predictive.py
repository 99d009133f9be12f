"""Posterior predictive check: would new studies of this population look like the ones observed.

Replicates draw every study, agent set and arm anew (see `meta.checks.predictive`), and the
statistics are ones that a wrong likelihood or population distorts (Gabry, Simpson, Vehtari,
Betancourt & Gelman 2019, doi:10.1111/rssa.12378), not the pooled mean, which any hierarchical
model reproduces.

A two-sided tail probability below the threshold (settings, `checks.tail_probability`) in any stage
fails the check of that name. Those of the primary model gate, those of any other warn: over a dozen
models with some ten statistics each, a right analysis would often fail somewhere. Of every model it
gates that each statistic which its rows define was compared (`computed_check`). How often a right
model fails at most is computed (`false_alarm_rate`) and stored with the checks; it is less in
truth, because statistics go together and because the hyperparameters were fitted to the same
counts, which pulls tail probabilities towards one. A failure therefore means misfit beyond chance:
pooled numbers that average over a population which the counts contradict. The converse does not
hold: what passes may still be wrong where these statistics do not look.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from meta.checks.predictive import STATISTICS, Comparison, Part, compare
from meta.checks.sampler import Check

#: Check that what could be compared was.
COMPUTED = "posterior_predictive_computed"
#: Replicates; at a tail probability of .005 the Monte Carlo error is then about .0015.
REPLICATES = 4000
COLUMNS = [
    "outcome", "statistic", "meaning", "observed", "low", "median", "high", "tail_low",
    "tail_high", "tail_probability", "mcse", "replicates",
]  # fmt: skip


def posterior_predictive(
    parts: Sequence[Part], seed: int, ci_prob: float = 0.95, replicates: int = REPLICATES
) -> pd.DataFrame:
    """Tabulate each statistic of the data beside that of replicated new studies.

    Parameters
    ----------
    parts
        Posterior draws with the design or designs that were fitted.
    seed
        Seed of the replicates.
    ci_prob
        Mass of the equal-tailed interval of replicates.
    replicates
        Replicates at most.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, one row a stage and statistic that its rows define; `observed` is the mean over
        imputed code sets where these count differently.
    """
    return comparison_table(compare(parts, seed, replicates), ci_prob)


def comparison_table(
    comparisons: Sequence[Comparison], ci_prob: float, meanings: Mapping[str, str] = STATISTICS
) -> pd.DataFrame:
    """Tabulate comparisons, in `COLUMNS`."""
    tail = (1 - ci_prob) / 2
    rows = []
    for each in comparisons:
        low, median, high = np.quantile(each.replicated, [tail, 0.5, 1 - tail])
        values = [each.observed.mean(), low, median, high, *each.tails, each.tail_probability]
        values += [each.mcse, each.replicated.size]
        rows.append([each.stage, each.statistic, meanings[each.statistic], *values])
    return pd.DataFrame(rows, columns=COLUMNS)


def false_alarm_rate(table: pd.DataFrame, threshold: float) -> float:
    """Largest probability that a right model fails any statistic of any stage (Bonferroni).

    Parameters
    ----------
    table
        Of `posterior_predictive`.
    threshold
        Smallest two-sided tail probability that passes.
    """
    return min(1.0, threshold * len(table))


def computed_check(table: pd.DataFrame, expected: Collection[tuple[str, str]]) -> Check:
    """Check that every statistic that the design defines has a tail probability.

    Parameters
    ----------
    table
        In `COLUMNS`.
    expected
        Stage and name of each statistic, from the design: a statistic that was never computed has
        no row by which it could be counted. At least one is required.
    """
    finite = np.isfinite(table["tail_probability"].to_numpy(float))
    pairs = zip(table["outcome"], table["statistic"], strict=True)
    known = {pair for pair, is_finite in zip(pairs, finite, strict=True) if is_finite}
    lost = sorted(set(expected) - known)
    value, needed = float(len(known & set(expected))), float(max(1, len(expected)))
    meaning = "statistics compared with replicates, of those that the rows define"
    worst = f"{lost[0][0]}: {lost[0][1]}" if lost else ""
    return Check(COMPUTED, value, needed, ">=", worst, meaning)


def tail_checks(table: pd.DataFrame, threshold: float, source: str = "posterior") -> list[Check]:
    """Check each statistic at its worst stage.

    Parameters
    ----------
    table
        Of `posterior_predictive`, or the statistics of `prior_predictive`.
    threshold
        Smallest two-sided tail probability that passes.
    source
        `posterior` or `prior`: where the replicates come from.

    Returns
    -------
    list of Check
        One a statistic; a single failed one if the table is empty. A tail probability that is
        missing fails.
    """
    if table.empty:
        meaning = "no statistic of the counts could be computed"
        return [Check(f"{source}_predictive", None, threshold, ">=", "", meaning)]
    found = []
    for name, rows in table.groupby("statistic", sort=False):
        values = rows["tail_probability"].to_numpy(float)
        lost = np.flatnonzero(~np.isfinite(values))
        at = int(lost[0] if lost.size else values.argmin())
        row = rows.iloc[at]
        meaning = (
            f"{row['meaning']}: observed {row['observed']:.4g}, replicates of new studies under "
            f"the {source} {row['low']:.4g} to {row['high']:.4g}; two-sided tail probability"
        )
        value = None if lost.size else float(values[at])
        check = f"{source}_predictive_{name}"
        found.append(Check(check, value, threshold, ">=", str(row["outcome"]), meaning))
    return found
