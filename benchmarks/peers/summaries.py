"""Summaries of repeated measurements: spreads, ratios, growth, and tables of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def spread(values: Iterable[float], digits: int = 1) -> str:
    """Minimum, median and maximum in one cell of a table."""
    found = sorted(values)
    if not found:
        return ""
    shown = (found[0], statistics.median(found), found[-1])
    if len(found) == 1:
        return f"{found[0]:,.{digits}f}"
    return " / ".join(f"{value:,.{digits}f}" for value in shown)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Quotients of every pair, the first over the second."""
    return [a / b for a in ours for b in theirs]


def per_second(fits: Iterable[dict[str, Any]]) -> list[float]:
    """Smallest bulk effective sample size per second of sampling, of each fit."""
    return [fit["ess"] / fit["sampling"] for fit in fits]


def growth(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Exponent of growth: slope of log seconds on log size, by least squares."""
    slope, _ = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return float(slope)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
