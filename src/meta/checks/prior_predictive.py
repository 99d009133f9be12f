"""Prior predictive check: what the priors say of rates before any count is seen.

A prior that looks vague on the logit scale may put most of its mass on rates near 0 and 1. The
table shows what the priors imply for each reported rate on the scale of probability, and for the
statistics of the posterior predictive check. Data in the extreme tail of the prior predictive
distribution mean that prior and data disagree (Box 1980, doi:10.2307/2982063; Evans & Moshonov
2006, doi:10.1214/06-BA129); the check only warns, since data that surprise a prior may be right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from meta.checks.posterior_predictive import COLUMNS as STATISTIC_COLUMNS
from meta.checks.posterior_predictive import REPLICATES, comparison_table
from meta.checks.predictive import Part, compare
from meta.estimands import Estimate

#: Rates this close to 0 or 1 count as extreme.
EXTREME = 0.05
QUANTITY_COLUMNS = ["outcome", "group", "estimand", "low", "median", "high"]
SHARE_COLUMNS = ["below_05", "middle", "above_95"]


def prior_quantities(estimates: Sequence[Estimate], ci_prob: float = 0.95) -> pd.DataFrame:
    """Summarise what the priors imply for the populations' quantities.

    Parameters
    ----------
    estimates
        Quantities under draws of the prior (see `meta.estimands.all_estimates`); those of single
        studies in the evidence are left out.
    ci_prob
        Mass of the equal-tailed interval.

    Returns
    -------
    pandas.DataFrame
        `QUANTITY_COLUMNS` and `SHARE_COLUMNS`: shares of prior mass below .05, between and above
        .95, missing for what is not a rate.
    """
    tail = (1 - ci_prob) / 2
    rows = []
    for each in estimates:
        if each.estimand == "study_rate":
            continue
        draws = each.draws.ravel()
        shares = [np.nan] * 3
        if each.estimand.startswith("rate_"):
            below, above = float((draws < EXTREME).mean()), float((draws > 1 - EXTREME).mean())
            shares = [below, 1 - below - above, above]
        quantiles = np.quantile(draws, [tail, 0.5, 1 - tail])
        rows.append([each.outcome, each.group, each.estimand, *quantiles, *shares])
    return pd.DataFrame(rows, columns=[*QUANTITY_COLUMNS, *SHARE_COLUMNS])


def prior_statistics(
    parts: Sequence[Part], seed: int, ci_prob: float = 0.95, replicates: int = REPLICATES
) -> pd.DataFrame:
    """Tabulate each statistic of the data beside that of new studies under the prior.

    Parameters
    ----------
    parts
        Prior draws with the designs.
    seed, ci_prob, replicates
        As for `posterior_predictive`.

    Returns
    -------
    pandas.DataFrame
        Columns as `posterior_predictive`.
    """
    return comparison_table(compare(parts, seed, replicates), ci_prob)


def prior_table(quantities: pd.DataFrame, statistics: pd.DataFrame) -> pd.DataFrame:
    """Join both tables into one, told apart by the column `kind`."""
    shown = statistics[[c for c in STATISTIC_COLUMNS if c != "meaning"]]
    return pd.concat(
        [quantities.assign(kind="quantity"), shown.assign(kind="statistic", group="all")],
        ignore_index=True,
    )
