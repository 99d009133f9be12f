"""Conclusions stated in the settings, and the publication weight at which each falls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from meta.checks.zero_events import Reach, flip, summarise
from meta.sensitivity_settings import Conclusion

HOLDS_ALREADY_NOT = "does not hold in the main result"
NOT_REPORTED = "the model does not report this number"
COLUMNS = [
    "outcome", "estimand", "statistic", "now", "threshold", "flips_at", "reliable", "verdict",
    "smallest_weight", "at_smallest",
]  # fmt: skip


def flip_table(
    reach: Reach, conclusions: Sequence[Conclusion], smallest: float, ci_prob: float
) -> pd.DataFrame:
    """Weight of publication of studies without events at which each conclusion falls.

    Parameters
    ----------
    reach
        Posteriors to weight from, the stored one first.
    conclusions
        What is concluded.
    smallest
        Smallest weight looked at.
    ci_prob
        Mass of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row a conclusion: outcome, estimand, statistic, `now`, `threshold`, `flips_at` (missing
        where it does not), `reliable`, `verdict`, `smallest_weight`, and the statistic
        `at_smallest` of it (missing where weights do not reach it).
    """
    stored = reach.known[0]
    now = summarise(stored, stored.weights(1.0), ci_prob)
    last, weights, _ = reach.at(smallest)
    least = summarise(last, weights, ci_prob)
    rows = []
    for c in conclusions:
        key = (c.outcome, "all", c.estimand)
        known = key in now
        value = now[key][c.statistic] if known else np.nan
        at, reliable, verdict = _falls(reach, c, value, smallest, ci_prob)
        rows.append(
            {
                "outcome": c.outcome, "estimand": c.estimand, "statistic": c.statistic,
                "now": value, "threshold": c.value, "flips_at": at, "reliable": reliable,
                "verdict": verdict, "smallest_weight": smallest,
                "at_smallest": least[key][c.statistic] if known and weights.reliable else np.nan,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _falls(
    reach: Reach, c: Conclusion, now: float, smallest: float, ci_prob: float
) -> tuple[float | None, bool, str]:
    """Weight at which a conclusion falls, whether the weights there are reliable, and in words."""
    if np.isnan(now):
        return None, True, NOT_REPORTED
    if now <= c.value:
        return None, True, HOLDS_ALREADY_NOT
    key = (c.outcome, "all", c.estimand)
    at, reliable = flip(reach, key, c.statistic, c.value, smallest, ci_prob)
    verdict = f"does not flip down to {smallest:g}" if at is None else f"flips at {at:.2g}"
    return at, reliable, verdict if reliable else f"{verdict}; weights not reliable"
