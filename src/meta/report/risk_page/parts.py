"""What a section of the risk page is made of: cells with their bases, lines, names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meta.report.svg import Drawing
from meta.report.wording import spell
from meta.risk.scenarios import AND, EVIDENCE, JUDGEMENT

PRINTED, ARITHMETIC = "printed", "arithmetic"
#: Words beside a number: what it rests on.
BASES = {
    PRINTED: "a figure as the document prints it, whether or not its own sums give it, which the "
    "claims page judges; nothing was measured here",
    ARITHMETIC: "the document's own figures, multiplied; nothing was measured here",
    EVIDENCE: "posterior draws of the models: counts of evaluations, codes of cases",
    JUDGEMENT: "a prior or a printed figure that somebody chose, where no arm and no case tells",
}
#: Row of a table of results, by column.
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A number as text, its interval, and the bases of it; all empty where there is none.

    `claims` are those that the claims page judges a printed number by.
    """

    value: str = ""
    interval: str = ""
    bases: tuple[str, ...] = ()
    remark: str = ""
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A row of a table: heading, what must be said below it, cells."""

    heading: str
    remarks: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class RiskSection:
    """A figure with its table.

    Attributes
    ----------
    figure, columns, lines
        The figure, and the table.
    said
        What it comes to, in a sentence.
    shared
        What must be said of all rows.
    """

    figure: Drawing
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    said: str = ""
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class More:
    """A section that other tables of a run add to the page.

    Attributes
    ----------
    anchor, title, text
        Address within the page, heading, and what a reader must know.
    figure
        The figure.
    columns, lines
        A table of cells; the first of a line is its heading.
    file
        The table with all numbers.
    """

    anchor: str
    title: str
    text: str
    figure: Drawing
    columns: tuple[str, ...]
    lines: tuple[tuple[str | Cell, ...], ...]
    file: str


def bases_of(basis: str) -> tuple[str, ...]:
    """Tags of what a number rests on, as the tables of a run write it."""
    return tuple(basis.split(AND))


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the last after "and"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def title(name: str) -> str:
    """Name of a profile for a reader."""
    text = re.sub(r"\bai\b", "AI", spell(name))
    return text[:1].upper() + text[1:]


def lower(text: str) -> str:
    """Text that goes on a sentence; what begins with an abbreviation stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def is_number(value: Any) -> bool:
    """Whether a cell holds a number."""
    return isinstance(value, int | float) and math.isfinite(value)
