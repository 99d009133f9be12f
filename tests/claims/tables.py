"""Claims and pooled results made up for the tests of the audit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from meta.claims.comparisons import Comparison, parse_comparisons
from meta.claims.estimates import Estimates

CLAIM = {
    "document": "doc.txt", "section": "Summary", "quantity": "rate", "subject": "all",
    "statistic": "point", "value": 0.5, "unit": "probability",
}  # fmt: skip
POOLED = {
    "model": "rates", "primary": True, "outcome": "goal_failure", "group": "all",
    "estimand": "rate_mean", "mean": 0.5, "sd": 0.02, "median": 0.5, "ci_low": 0.46,
    "ci_high": 0.54, "ci_prob": 0.95, "k_studies": 9, "k_rows": 20, "n_trials": 4000,
    "frame": "denominator", "passed": True, "contraction": 0.9, "k_direct": 9,
}  # fmt: skip
RATE = {
    "quantities": ["rate"], "words": "the rate", "model": "rates", "outcome": "goal_failure",
    "group": "all", "estimand": "rate_mean",
}  # fmt: skip
NO_SUMS = pd.DataFrame({"claim_id": [], "reproduced": [], "sentence": []})


def claims(*rows: dict[str, Any]) -> pd.DataFrame:
    """Claims table of rows that say only how they differ from `CLAIM`."""
    named = [{"claim_id": f"C{n:03d}", **CLAIM, **row} for n, row in enumerate(rows, 1)]
    return pd.DataFrame(named)


def pooled(*rows: dict[str, Any]) -> pd.DataFrame:
    """Pooled results of rows that say only how they differ from `POOLED`."""
    return pd.DataFrame([{**POOLED, **row} for row in rows])


def estimates(*rows: dict[str, Any], **draws: np.ndarray) -> Estimates:
    """Pooled results found by what a comparison names; draws by the estimand of `POOLED`."""
    of = {("rates", "goal_failure", "all", name): values for name, values in draws.items()}
    return Estimates(pooled(*(rows or ({},))), of)


def comparisons(*entries: dict[str, Any]) -> list[Comparison]:
    """Map whose entries say only how they differ from `RATE`."""
    return parse_comparisons([{**RATE, **entry} for entry in entries or ({},)])


def sums(**holds: bool) -> pd.DataFrame:
    """Arithmetic of one row a claim."""
    rows = [
        {"claim_id": name, "reproduced": held, "sentence": f"Sum of {name}."}
        for name, held in holds.items()
    ]
    return pd.DataFrame(rows)
