"""A finding about the documents under audit: what is wrong, where, and the figures behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import pandas as pd

#: What a fault is of, in the order in which a reader is shown them.
Kind = Literal[
    "base_rates", "pooled_row", "modifiers", "ranges", "domains", "timeline", "chart",
    "category", "goal", "citation", "document",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Columns of the table of findings.
COLUMNS = [
    "kind", "finding", "documents", "places", "rows", "printed", "sums", "numbers", "sentence",
]  # fmt: skip
#: What a finding computed, by name: a number or a name, or several of either.
Numbers = Mapping[str, object]


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes
    ----------
    kind
        What the fault is of.
    finding
        Which fault, a short name.
    documents
        Documents that have it.
    places
        Sections of theirs that it is in.
    rows
        Keys of the rows that it was found in: claims, citations, pairs of goals or documents.
    sentence
        The fault in words.
    printed
        Printed figures that it rests on, by claim.
    sums
        Sums that show it, written out.
    numbers
        What was computed.
    """

    kind: Kind
    finding: str
    documents: tuple[str, ...]
    places: tuple[str, ...]
    rows: tuple[str, ...]
    sentence: str
    printed: Mapping[str, str] = field(default_factory=dict)
    sums: Sequence[str] = ()
    numbers: Numbers = field(default_factory=dict)

    def row(self) -> dict[str, str]:
        """The finding as a row of text; several values are separated by semicolons."""
        return {
            "kind": self.kind,
            "finding": self.finding,
            "documents": "; ".join(self.documents),
            "places": "; ".join(self.places),
            "rows": "; ".join(self.rows),
            "printed": "; ".join(f"{claim}={text}" for claim, text in self.printed.items()),
            "sums": "; ".join(self.sums),
            "numbers": "; ".join(f"{name}={_written(n)}" for name, n in self.numbers.items()),
            "sentence": self.sentence,
        }


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Put findings into a table.

    Parameters
    ----------
    findings : iterable of Finding
        In any order.

    Returns
    -------
    DataFrame
        `COLUMNS`, all text, by kind in the order of `KINDS` and within it as given.
    """
    ordered = sorted(findings, key=lambda each: KINDS.index(each.kind))
    return pd.DataFrame([each.row() for each in ordered], columns=COLUMNS, dtype="string")


def parts_of(number: object) -> Sequence[object]:
    """Values of one entry of a finding's numbers."""
    several = isinstance(number, Sequence) and not isinstance(number, str)
    return number if several else [number]  # type: ignore[return-value]


def _written(number: object) -> str:
    return " ".join(
        f"{part:.6g}" if isinstance(part, float | int) else str(part) for part in parts_of(number)
    )


def joined(parts: Sequence[str]) -> str:
    """Join words as prose does: ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def sentence(words: str) -> str:
    """Begin with a capital and end with one full stop."""
    return words[:1].upper() + words[1:].rstrip(".") + "."


def quoted(words: str) -> str:
    """Put words between single quotation marks."""
    return f"\N{LEFT SINGLE QUOTATION MARK}{words}\N{RIGHT SINGLE QUOTATION MARK}"
