"""Conclusions stated in the settings, and the publication weight at which each falls."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from meta.checks.zero_events import Reach, flip, summarise
from meta.sensitivity_settings import Conclusion

HOLDS_ALREADY_NOT = "does not hold in the main result"


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
        One row a conclusion about a number that the model reports: outcome, estimand, statistic,
        `now`, `threshold`, `flips_at` (missing where it does not), `reliable`, `verdict`.
    """
    stored = reach.known[0]
    now = summarise(stored, stored.weights(1.0), ci_prob)
    rows = []
    for c in conclusions:
        key = (c.outcome, "all", c.estimand)
        if key not in now:
            continue
        value = now[key][c.statistic]
        threshold = float(c.value) if c.value is not None else float(c.share or 0) * value
        at: float | None = None
        reliable = True
        if value > threshold:
            at, reliable = flip(reach, key, c.statistic, threshold, smallest, ci_prob)
            verdict = f"does not flip down to {smallest:g}" if at is None else f"flips at {at:.2g}"
        else:
            verdict = HOLDS_ALREADY_NOT
        rows.append(
            {
                "outcome": c.outcome, "estimand": c.estimand, "statistic": c.statistic,
                "now": value, "threshold": threshold, "flips_at": at, "reliable": reliable,
                "verdict": verdict if reliable else f"{verdict}; weights not reliable",
            }
        )  # fmt: skip
    columns = ["outcome", "estimand", "statistic", "now", "threshold", "flips_at", "reliable",
               "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
