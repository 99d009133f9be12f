"""Prior-to-posterior contraction: how much of a number comes from the data.

Of a risk ratio or difference it is the contraction of the comparison, not of the ratio's own draws:
these narrow as the overall level becomes known, whether or not the data tell the settings apart
(`meta.estimands.risk_ratio`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import logit

from meta.estimands.draws import Estimate, LogOddsRatio

#: Columns that the contraction adds to a pooled table.
PRIOR_COLUMNS = ["prior_median", "prior_ci_low", "prior_ci_high", "contraction"]
#: Rates and shares are compared within these bounds: nearer to 0 or 1 the logit has no end.
FLOOR = 1e-4
#: Estimands by the scale that they are compared on; rates and shares may have a prefix instead.
LOG_SCALE = frozenset(
    {"tau", "omega", "kappa", "phi", "gap", "tau_delta", "median_odds_ratio", "risk_ratio",
     "odds_ratio", "odds_ratio_new", "odds_ratio_new_pair", "study_odds_ratio"}
)  # fmt: skip
LOGIT_SCALE = frozenset(
    {"study_rate", "baseline_rate", "icc", "upper_share", "split", "upper_probability"}
)
LOGIT_PREFIXES = ("rate_", "share_above_")
Z_SCALE = frozenset({"stage_correlation"})
AS_THEY_ARE = frozenset(
    {"risk_difference", "log_odds_ratio", "log_odds_ratio_new", "log_odds_ratio_new_pair",
     "study_log_odds_ratio"}
)  # fmt: skip


def comparison_scale(estimand: str, draws: np.ndarray) -> np.ndarray:
    """Draws of an estimand on the scale on which prior and posterior variances are compared.

    Parameters
    ----------
    estimand
        Its name: rates, shares and the intra-class correlation go to logits (within `FLOOR` of 0
        and 1 they are cut off), ratios and scales to logarithms, correlations to Fisher's z;
        differences stay.
    draws
        Any shape.

    Raises
    ------
    ValueError
        If no scale is stated for the estimand.
    """
    if estimand in LOG_SCALE:
        return np.asarray(np.log(np.maximum(draws, 1e-12)))
    if estimand in Z_SCALE:
        return np.asarray(np.arctanh(np.clip(draws, -1 + FLOOR, 1 - FLOOR)))
    if estimand.startswith(LOGIT_PREFIXES) or estimand in LOGIT_SCALE:
        return np.asarray(logit(np.clip(draws, FLOOR, 1 - FLOOR)))
    if estimand in AS_THEY_ARE:
        return draws
    raise ValueError(f"{estimand}: no scale is stated on which prior and posterior are compared")


def contraction(estimand: str, posterior: np.ndarray, prior: np.ndarray) -> float:
    """Contraction of one number: 1 - posterior variance / prior variance on `comparison_scale`.

    Near 1 the data decide, near 0 the prior does; below 0 the posterior is the wider one (Schad,
    Betancourt & Vasishth 2021, doi:10.1037/met0000275).

    Parameters
    ----------
    estimand
        Name of the estimand.
    posterior, prior
        Draws of it.

    Returns
    -------
    float
        Not a number where the prior does not vary.
    """
    before = float(comparison_scale(estimand, prior).var())
    after = float(comparison_scale(estimand, posterior).var())
    return 1 - after / before if before > 0 else float("nan")


def comparison_contraction(posterior: LogOddsRatio, prior: LogOddsRatio) -> float:
    """Contraction of what two settings differ by on the log odds, the level apart.

    Parameters
    ----------
    posterior, prior
        Draws of it by stage. Both are weighed as the posterior says, where stages are multiplied.

    Returns
    -------
    float
        1 - posterior variance / prior variance; below 0 where the posterior is the wider one, not
        a number where the prior does not vary.
    """
    before = float((prior.draws @ posterior.weight).var())
    after = float((posterior.draws @ posterior.weight).var())
    return 1 - after / before if before > 0 else float("nan")


def prior_columns(
    estimates: Sequence[Estimate], prior: Mapping[str, Estimate] | None, ci_prob: float
) -> pd.DataFrame:
    """Prior median and interval of each number, and its contraction.

    Parameters
    ----------
    estimates
        Numbers with their posterior draws.
    prior
        The same numbers under the prior, by key; None where there are none.
    ci_prob
        Mass of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        `PRIOR_COLUMNS`, one row a number; missing where a number has no prior draws.
    """
    tail = (1 - ci_prob) / 2
    rows = []
    for estimate in estimates:
        before = (prior or {}).get(estimate.key)
        if before is None:
            rows.append([np.nan] * len(PRIOR_COLUMNS))
            continue
        low, median, high = np.quantile(before.draws, [tail, 0.5, 1 - tail])
        rows.append([median, low, high, _share(estimate, before)])
    return pd.DataFrame(rows, columns=PRIOR_COLUMNS)


def _share(posterior: Estimate, prior: Estimate) -> float:
    if posterior.log_odds is None or prior.log_odds is None:
        return contraction(posterior.estimand, posterior.draws, prior.draws)
    return comparison_contraction(posterior.log_odds, prior.log_odds)
