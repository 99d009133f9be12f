"""Printed figures: the claims table read as points and ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.claims.comparisons import Comparison, Other

#: Claims that agree in these are the ends of one range.
RANGE = ("document", "section", "quantity", "subject")


@dataclass(frozen=True)
class Figure:
    """A point or range as printed; an end that is not printed is infinite.

    Attributes
    ----------
    low, high
        Its ends, equal for a point; NaN where the document gives no figure.
    """

    low: float
    high: float

    @property
    def is_point(self) -> bool:
        """Whether both ends are one value."""
        return self.low == self.high

    @property
    def is_given(self) -> bool:
        """Whether the document gives a figure."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    @property
    def is_closed(self) -> bool:
        """Whether both ends are printed."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def over(self, other: Figure) -> Figure:
        """Divide by another figure: the least and the largest ratio of their values.

        Ends that are not printed leave the ratio without that end.
        """
        if not other.is_given or other.low <= 0:
            return NOT_GIVEN
        low = self.low / other.high if math.isfinite(other.high) else 0.0
        return Figure(low, self.high / other.low)


NOT_GIVEN = Figure(math.nan, math.nan)


def printed_figures(claims: pd.DataFrame) -> dict[str, Figure]:
    """Read each claim as the point or range that it is part of.

    Parameters
    ----------
    claims
        Claims table.

    Returns
    -------
    dict
        By claim. The two ends of a range have the same figure; an end alone, or one of several
        ranges that cannot be told apart, is open on the other side.
    """
    found: dict[str, Figure] = {}
    of = claims.reindex(columns=list(RANGE)).astype(object)
    keys = [of[name].where(of[name].notna(), "") for name in RANGE]
    for _, group in claims.groupby(keys, sort=False):
        rows = group.to_dict("records")
        ends = {s: [r for r in rows if r["statistic"] == s] for s in ("lower", "upper")}
        paired = all(len(of) == 1 for of in ends.values())
        whole = Figure(*sorted(_value(of[0]) for of in ends.values())) if paired else NOT_GIVEN
        for row in rows:
            own = _alone(row)
            in_range = row["statistic"] in ends and whole.is_given
            found[str(row["claim_id"])] = whole if in_range else own
    return found


def _value(row: Mapping[Any, Any]) -> float:
    value = row.get("value")
    return math.nan if value is None or pd.isna(value) else float(value)


def _alone(row: Mapping[Any, Any]) -> Figure:
    value = _value(row)
    if math.isnan(value):
        return NOT_GIVEN
    if row["statistic"] == "lower":
        return Figure(value, math.inf)
    return Figure(-math.inf if row["statistic"] == "upper" else value, value)


def on_scale(
    figure: Figure, comparison: Comparison, claims: pd.DataFrame, figures: Mapping[str, Figure]
) -> Figure:
    """Turn a printed figure into the ratio that its comparison is about, where it is about one.

    Parameters
    ----------
    figure
        As printed.
    comparison
        What it is held against.
    claims, figures
        All claims and their figures, for the range that it is divided by.
    """
    if comparison.ratio is None or not figure.is_given:
        return figure
    if comparison.ratio == "ends":
        if figure.is_point:  # it states no two configurations: it is the ratio itself
            return figure
        if not figure.is_closed or figure.low <= 0:
            return NOT_GIVEN
        return Figure(figure.high / figure.low, figure.high / figure.low)
    return figure.over(_of(comparison.ratio, claims, figures))


def _of(other: Other, claims: pd.DataFrame, figures: Mapping[str, Figure]) -> Figure:
    named = (claims["quantity"] == other.quantity) & (claims["subject"] == other.subject)
    found = {figures[str(name)] for name in claims.loc[named, "claim_id"]}
    return found.pop() if len(found) == 1 else NOT_GIVEN
