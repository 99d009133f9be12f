"""Rate against number of trials: a description of how small arms differ from large ones.

The slope of an arm's observed rate on 1/n, by least squares with errors robust to clustering by
study, after the regression on 1/n of Peters et al. (2006, doi:10.1001/jama.295.6.676). It is no
test of bias: small arms may differ because of what they study, and with proportions a plot against
the standard error is asymmetric by construction (Hunter et al. 2014,
doi:10.1016/j.jclinepi.2014.03.003).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from meta.checks.arm_counts import counts_by_outcome
from meta.models.design import FEWEST_STUDIES, Design

#: Trials at which the fitted rate is given beside that of a large arm, or those of the smallest
#: arm where it has more: the line is not carried beyond the arms.
SMALL = 10


def small_study(design: Design, ci_prob: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Regress observed rates on 1/n, by outcome.

    Parameters
    ----------
    design
        The counts.
    ci_prob
        Mass of the interval of the difference.

    Returns
    -------
    tuple of pandas.DataFrame
        By outcome: k_studies, k_rows, `rate_large` (fitted as n grows), `rate_small` (fitted at
        `n_small` trials), `difference` of the two with `ci_low` and `ci_high` (missing for fewer
        than three studies or where all arms have the same n). And the points: row_id, study,
        outcome, events, trials, rate.
    """
    points = counts_by_outcome(design)
    points["rate"] = points["events"] / points["trials"]
    rows = [
        {"outcome": outcome, **_slope(part, ci_prob)}
        for outcome, part in points.groupby("outcome", sort=False)
    ]
    return pd.DataFrame(rows), points


def _slope(part: pd.DataFrame, ci_prob: float) -> dict[str, float]:
    studies = part["study"].nunique()
    small = max(SMALL, int(part["trials"].min()))
    row: dict[str, float] = {"k_studies": studies, "k_rows": len(part), "n_small": small}
    missing = dict.fromkeys(
        ("rate_large", "rate_small", "difference", "ci_low", "ci_high"), float("nan")
    )
    inverse = 1 / part["trials"].to_numpy(float)
    if studies < FEWEST_STUDIES or np.ptp(inverse) == 0:
        return row | missing
    codes = pd.factorize(part["study"])[0]
    fit = sm.OLS(part["rate"].to_numpy(), sm.add_constant(inverse)).fit(
        cov_type="cluster", cov_kwds={"groups": codes}
    )
    difference, error = fit.params[1] / small, fit.bse[1] / small
    reach = stats.t.ppf((1 + ci_prob) / 2, studies - 1) * error
    return row | {
        "rate_large": float(fit.params[0]),
        "rate_small": float(fit.params[0] + difference),
        "difference": float(difference),
        "ci_low": float(difference - reach),
        "ci_high": float(difference + reach),
    }
