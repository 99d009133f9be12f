"""Printed figures: looked up in the table of claims by what they say, with their rounding.

A figure is found by document, section, quantity, subject and statistic, never by its number in
the table, so that another table of claims cannot be taken for this one.

The last printed digit of a figure is that of its column: the most decimals that any figure of the
same document, section and quantity needs, and at least whole percents for probabilities and
fractions. (The table of claims holds 0.1 for what is printed as 10.0%.) The figure stands for
every number within half a unit of that digit, ends included, since a number half-way between two
digits may have been rounded either way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from meta.errors import MissingRowsError, UserError

KEY = ("document", "section", "quantity", "subject", "statistic")
COLUMN = ("document", "section", "quantity")
PERCENTAGES = ("probability", "fraction")
# Differences of this size are of binary fractions, not of printed digits.
EXACT = 1e-9


@dataclass(frozen=True)
class Figure:
    """One printed figure.

    Attributes
    ----------
    claim_id
        Its row in the table of claims; empty if the table has no such row.
    value
        On the scale of its unit; nan if it is absent or blank.
    decimals
        Decimals of the last printed digit, on that scale.
    unit
        As the table of claims names it.
    note
        What the table of claims says beside it, in words.
    """

    claim_id: str
    value: float
    decimals: int = 0
    unit: str = ""
    note: str = ""

    def noted(self, name: str) -> str:
        """What its note has under a name, ``name: words``; empty where it has nothing."""
        parts = (part.partition(":") for part in self.note.split(";"))
        return next((words.strip() for key, _, words in parts if key.strip() == name), "")

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return not math.isnan(self.value)

    @property
    def half_unit(self) -> float:
        """Half a unit in the last printed digit."""
        return float(0.5 * 10.0**-self.decimals)

    @property
    def text(self) -> str:
        """The figure as printed: percentages as such, ratios with an x."""
        if self.unit in PERCENTAGES:
            return f"{100 * self.value:.{max(self.decimals - 2, 0)}f}%"
        return f"{self.value:.{self.decimals}f}" + ("x" if self.unit == "ratio" else "")

    def agrees(self, low: float, high: float, open_end: str | None = None) -> bool:
        """Whether a recomputed number or range meets the figure within its rounding.

        Parameters
        ----------
        low, high
            Ends of the recomputed range; equal for a number.
        open_end
            ``upper`` for a figure printed as "over", ``lower`` for one printed as "under".
        """
        below = self.value - self.half_unit <= high + EXACT or open_end == "lower"
        above = self.value + self.half_unit >= low - EXACT or open_end == "upper"
        return self.known and below and above


@dataclass(frozen=True)
class Span:
    """The two ends of a printed range; one figure twice where a single number is printed."""

    low: Figure
    high: Figure

    @property
    def ends(self) -> tuple[float, float]:
        """Lower and upper value."""
        return self.low.value, self.high.value

    @property
    def ids(self) -> tuple[str, ...]:
        """Claims behind it."""
        return tuple(dict.fromkeys((self.low.claim_id, self.high.claim_id)))

    @property
    def text(self) -> str:
        """The range in words."""
        return self.low.text if self.low == self.high else f"{self.low.text} to {self.high.text}"


class PrintedFigures:
    """The table of claims of one document, by key.

    Parameters
    ----------
    claims : DataFrame
        Rows of the table of claims: claim_id, document, section, quantity, subject, statistic,
        value, unit, and note if there is one. Further columns are not read.
    document : str
        Name of the document whose figures are wanted.
    """

    def __init__(self, claims: pd.DataFrame, document: str) -> None:
        table = claims.reindex(columns=["claim_id", *KEY, "value", "unit", "note"])
        table = table[(table["document"] == document).fillna(False).astype(bool)]
        values = pd.to_numeric(table["value"], errors="coerce").astype(float).fillna(math.nan)
        self.document = document
        self.table = table.assign(value=values)
        self.absent: list[tuple[str, ...]] = []
        self.doubled: list[tuple[str, ...]] = []
        self.found: dict[Figure, None] = {}
        self._rows: dict[tuple[str, ...], list[Figure]] = {}
        decimals = self._column_decimals()
        for row, digits in zip(self.table.to_dict("records"), decimals, strict=True):
            key = tuple(str(row[name]) for name in KEY[1:])
            unit, note = ("" if pd.isna(row[c]) else str(row[c]) for c in ("unit", "note"))
            figure = Figure(str(row["claim_id"]), float(row["value"]), digits, unit, note)
            self._rows.setdefault(key, []).append(figure)

    def _column_decimals(self) -> list[int]:
        least = self.table["unit"].isin(PERCENTAGES).to_numpy() * 2
        own = pd.Series(
            [max(decimals(v), int(m)) for v, m in zip(self.table["value"], least, strict=True)],
            index=self.table.index,
            dtype=int,
        )
        columns = [self.table[name] for name in COLUMN]
        return [int(n) for n in own.groupby(columns, dropna=False).transform("max")]

    def figure(
        self, section: str, quantity: str, subject: str, statistic: str, blank: bool = False
    ) -> Figure:
        """Look a figure up; one that is absent is noted and has neither claim nor number.

        Parameters
        ----------
        section, quantity, subject, statistic
            What the claim says.
        blank
            Whether the document gives no figure, so that a row without a number is right.
        """
        key = (section, quantity, subject, statistic)
        found = self._rows.get(key, [])
        if len(found) > 1:
            self.doubled.append((*key, " ".join(f.claim_id for f in found)))
        if not found or not (found[0].known or blank):
            self.absent.append(key)
        if len(found) != 1:
            return Figure("", math.nan)
        self.found[found[0]] = None
        return found[0]

    def span(self, section: str, quantity: str, subject: str) -> Span:
        """Look both ends of a range up."""
        low, high = (self.figure(section, quantity, subject, end) for end in ("lower", "upper"))
        return Span(low, high)

    def require_all(self) -> None:
        """Raise if a figure that was looked up is absent, blank, there twice or impossible.

        Raises
        ------
        MissingRowsError
            Naming each that is absent, blank or there twice.
        UserError
            Naming each that is negative, or a probability or fraction above 1.
        """
        lines = [
            f"claims: no value for {_said(key)}, which src/meta/risk/published.yaml names: "
            "restore the row, or take it out of that file"
            for key in dict.fromkeys(self.absent)
        ]
        lines += [
            f"claims: {key[-1]} are the same figure, {_said(key)}: keep one of them"
            for key in dict.fromkeys(self.doubled)
        ]
        if lines:
            raise MissingRowsError("\n".join(lines))
        if lines := [f"claims: {_impossible(f)}" for f in self.found if _impossible(f)]:
            raise UserError("\n".join(lines))


def decimals(value: float) -> int:
    """Decimals that a number needs to be written exactly."""
    if not math.isfinite(value):
        return 0
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return max(-int(exponent), 0)


def ratio(value: float, other: float) -> float:
    """Divide; by zero there is no answer, which is nan."""
    return value / other if other else math.nan


def percent(value: float) -> str:
    """Write a probability as a percentage of one decimal; from 100% without."""
    return f"{100 * value:.0f}%" if abs(value) >= 1 else f"{100 * value:.1f}%"


def percents(low: float, high: float) -> str:
    """Write a range of probabilities, or the one number it is."""
    return percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"


def ids(*figures: Figure | Span) -> tuple[str, ...]:
    """Claims behind figures and ranges, each once and in their order."""
    found: list[str] = []
    for figure in figures:
        found += figure.ids if isinstance(figure, Span) else [figure.claim_id]
    return tuple(dict.fromkeys(found))


def listed(words: Sequence[str]) -> str:
    """Join words with commas and a last `and`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _impossible(figure: Figure) -> str:
    """Say what is wrong with a figure that can be none, as file, claim, value, fault and remedy."""
    if figure.value < 0:
        fault = "less than nothing"
    elif figure.unit in PERCENTAGES and figure.value > 1:
        fault = f"a {figure.unit} above 1"
    else:
        return ""
    return f"{figure.claim_id}: {figure.value:g}: {fault}: copy it from the document again"


def _said(key: tuple[str, ...]) -> str:
    return f"{key[1]} of {key[2]} ({key[3]}) in the section {key[0]!r}"
