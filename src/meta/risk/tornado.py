"""Tornado: the risk that would be believed if an input were known to be low, or high.

Inputs of a posterior depend on each other. To move one and leave the others where they are would
ask for combinations that the evidence contradicts: where arms count goal failures among all trials,
capability and goal failure trade off, and neither can rise alone. The bars are therefore
conditional medians, given the input at a percentile of its own draws: the median over the draws
nearest to it in rank, which are as many as `WINDOW` of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Share of the draws, nearest in rank to a percentile, whose median is taken.
WINDOW = 0.1


@dataclass(frozen=True)
class Bar:
    """One bar of a tornado.

    Attributes
    ----------
    input_low, input_high
        The input at the lower and at the upper percentile.
    risk_low, risk_high
        Median risk given each.
    """

    input_low: float
    input_high: float
    risk_low: float
    risk_high: float

    @property
    def swing(self) -> float:
        """Length of the bar."""
        return abs(self.risk_high - self.risk_low)


def tornado_bar(values: np.ndarray, risk: np.ndarray, percentiles: tuple[float, float]) -> Bar:
    """Median risk given an input at two percentiles of its draws.

    Parameters
    ----------
    values, risk
        Draws, shape (D,).
    percentiles
        At least half of `WINDOW` from 0 and 1.
    """
    low, high = np.quantile(values, percentiles)
    medians = [conditional_median(values, risk, p) for p in percentiles]
    return Bar(float(low), float(high), *medians)


def conditional_median(values: np.ndarray, risk: np.ndarray, percentile: float) -> float:
    """Median risk over the draws whose input is nearest in rank to a percentile of it.

    Raises
    ------
    ValueError
        If the percentile is nearer to 0 or 1 than half of `WINDOW`.
    """
    if not WINDOW / 2 <= percentile <= 1 - WINDOW / 2:
        raise ValueError(f"no window of {WINDOW:.0%} of the draws lies around {percentile:g}")
    order = np.argsort(values, kind="stable")
    width = max(1, round(WINDOW * len(order)))
    start = min(max(0, round(percentile * len(order) - width / 2)), len(order) - width)
    return float(np.median(risk[order[start : start + width]]))
