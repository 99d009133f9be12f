"""Pooled numbers as the page shows them: looked up by key, rounded, never recomputed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.report.wording import NO_ARM, NO_CASE, NO_DATA, NO_DATA_SHARE, STAGES

#: Below any rate that is written, above the rounding of a float at 1.
LEAST = 1e-12
RATES = ("rate_typical", "rate_mean", "rate_new", "rate_new_arm", "study_rate")


@dataclass(frozen=True)
class Estimate:
    """One row of ``pooled.csv``.

    Attributes
    ----------
    model, outcome, group, estimand : str
        What is estimated; together the key.
    median, low, high : float
        Posterior median and ends of the equal-tailed interval.
    prob : float
        Probability the interval holds.
    mcse : float
        Monte Carlo standard error of the mean.
    rows : int
        Rows that observe the outcome in the group; none means the number is not from data.
    is_rate : bool
        Whether the number comes from rows with a denominator.
    prior : tuple of float
        Median and ends of the interval under the prior; not numbers where that was not drawn.
    contraction : float
        Share of the prior's variance that the data took away; of a risk ratio or difference, of
        the log odds that it compares.
    studies, direct : int
        Studies with those rows, and those of them that observe the outcome itself rather than its
        product with capability; below zero where results of an earlier version do not say.
    missing : str or None
        What to say of missing data, where rows and studies do not tell.
    """

    model: str
    outcome: str
    group: str
    estimand: str
    median: float
    low: float
    high: float
    prob: float
    mcse: float
    rows: int
    is_rate: bool
    prior: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    contraction: float = math.nan
    studies: int = -1
    direct: int = -1
    missing: str | None = None

    @property
    def key(self) -> str:
        """Address of the number: ``model/outcome/group/estimand``."""
        return f"{self.model}/{self.outcome}/{self.group}/{self.estimand}"

    @property
    def shown(self) -> str:
        """The median, rounded to the digits the Monte Carlo error allows."""
        return self._text(self.median)

    @property
    def interval(self) -> str:
        """The interval, rounded like the median."""
        return f"{self._text(self.low)} to {self._text(self.high)}"

    @property
    def no_data(self) -> str:
        """What to say where no row observes the outcome itself; empty where one does."""
        if self.missing is not None:
            return self.missing
        # The forest plot draws a study that counts the product alone with hollow marks.
        unseen = self.direct == 0 and self.estimand != "study_rate"
        if self.rows > 0 and not unseen:
            return ""
        return NO_DATA if self.is_rate else NO_DATA_SHARE

    @property
    def prior_shown(self) -> str:
        """Median and interval under the prior; empty where that was not drawn."""
        if any(math.isnan(value) for value in self.prior):
            return ""
        median, low, high = (self._text(value) for value in self.prior)
        return f"{median} ({low} to {high})"

    @property
    def record(self) -> dict[str, Any]:
        """The number as a row of a figure's table: its key, and all of its digits."""
        return {
            "model": self.model, "outcome": self.outcome, "group": self.group,
            "estimand": self.estimand, "median": self.median, "ci_low": self.low,
            "ci_high": self.high, "ci_prob": self.prob, "k_rows": self.rows,
            "remark": self.no_data,
        }  # fmt: skip

    def _text(self, value: float) -> str:
        if self.estimand == "risk_difference":
            return f"{plain(100 * value, 0)}"
        if self.estimand in (*RATES, "baseline_rate") or self.estimand.startswith("share_above_"):
            return estimated_percent(value, percent_decimals(self.median, self.mcse))
        if self.estimand.removeprefix("study_").startswith("odds_ratio"):
            # The error of a skewed mean says nothing of the digits of a ratio's median.
            return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
        return plain(value, plain_decimals(self.mcse))


def index_estimates(tables: Iterable[pd.DataFrame]) -> dict[str, Estimate]:
    """Index pooled rows by ``model/outcome/group/estimand``.

    Parameters
    ----------
    tables : iterable of pandas.DataFrame
        Contents of the ``pooled.csv`` files.

    Returns
    -------
    dict of str to Estimate
        In the order of the tables.

    Raises
    ------
    ValueError
        Where two rows share a key: the page could show either.
    """
    found: dict[str, Estimate] = {}
    for table in tables:
        for record in table.to_dict("records"):
            estimate = _estimate(record)
            if estimate.key in found:
                raise ValueError(f"pooled.csv: {estimate.key}: two rows share this key")
            found[estimate.key] = estimate
    return found


def _estimate(record: dict[Any, Any]) -> Estimate:
    return Estimate(
        model=str(record["model"]),
        outcome=str(record["outcome"]),
        group=str(record["group"]),
        estimand=str(record["estimand"]),
        median=float(record["median"]),
        low=float(record["ci_low"]),
        high=float(record["ci_high"]),
        prob=float(record["ci_prob"]),
        mcse=float(record["mcse_mean"]),
        rows=int(record["k_rows"]),
        is_rate=str(record["frame"]) == "denominator",
        prior=(_prior(record, "median"), _prior(record, "ci_low"), _prior(record, "ci_high")),
        contraction=float(record.get("contraction", math.nan)),
        studies=int(record["k_studies"]),
        direct=_direct(record.get("k_direct")),
        missing=_missing(record),
    )


def _prior(record: dict[Any, Any], name: str) -> float:
    """Number under the prior; results of an earlier version have none."""
    return float(record.get(f"prior_{name}", math.nan))


def _direct(count: Any) -> int:
    """Studies that observe an outcome directly; results of an earlier version do not say."""
    return -1 if count is None or math.isnan(float(count)) else int(count)


def _missing(record: dict[Any, Any]) -> str | None:
    """What to say of a number of a chain with harm that has no arms or no cases.

    Nothing observes the product with harm, so that direct observation is no mark of data there.
    """
    cases = float(record.get("k_cases", math.nan))
    if math.isnan(cases):
        return None
    if record["k_rows"] == 0 and record["outcome"] != STAGES[-1]:
        return NO_ARM
    return "" if cases > 0 else NO_CASE


def percent_decimals(rate: float, mcse: float) -> int:
    """Decimals of a percentage: one near 0 or 100 where the Monte Carlo error allows it."""
    near_bound = min(rate, 1 - rate) < 0.1
    return 1 if near_bound and 100 * mcse < 0.05 else 0


def plain_decimals(mcse: float) -> int:
    """Decimals of a number, two at most, such that the last one exceeds twice the MCSE."""
    if not math.isfinite(mcse):
        return 1
    return 2 if mcse <= 0 else max(0, min(2, math.floor(-math.log10(2 * mcse))))


def percent(rate: float, decimals: int = 0) -> str:
    """Write a proportion as a percentage, with ``<`` and ``>`` rather than a false 0 or 100."""
    if not math.isfinite(rate):
        return "not available"
    step = 10.0**-decimals
    if 0 < 100 * rate < step / 2:
        return f"<{step:.{decimals}f}%"
    if 100 - step / 2 < 100 * rate < 100:
        return f">{100 - step:.{decimals}f}%"
    return f"{100 * rate:.{decimals}f}%"


def estimated_percent(rate: float, decimals: int = 0) -> str:
    """Write an estimated proportion, as `percent` does: it is never certain.

    Draws so near to 0 or 1 that a float holds no difference would else be a plain 0% or 100%,
    which are kept for what is counted.
    """
    return percent(min(max(rate, LEAST), 1 - LEAST) if 0 <= rate <= 1 else rate, decimals)


def plain(value: float, decimals: int) -> str:
    """Write a number with a fixed count of decimals and no negative zero."""
    if not math.isfinite(value):
        return "not available"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"
