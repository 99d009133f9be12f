"""A finding about the documents: what it is, which documents it is of, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What kind of fault, which fault, documents and rows that have it, and the sentence.
COLUMNS = ["kind", "finding", "documents", "rows", "sentence"]
Row = dict[str, object]


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes
    ----------
    kind : {"citation", "goal", "category", "document"}
        What the fault is of.
    finding : str
        Which fault, a short name.
    documents : tuple of str
        Documents that have it.
    rows : tuple of str
        Keys of the rows that it was found in.
    sentence : str
        The fault in words.
    """

    kind: str
    finding: str
    documents: tuple[str, ...]
    rows: tuple[str, ...]
    sentence: str


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Put findings into a table.

    Parameters
    ----------
    findings : iterable of Finding
        In the order to be shown.

    Returns
    -------
    DataFrame
        `COLUMNS`, all text; documents and rows are separated by semicolons.
    """
    records = [
        (f.kind, f.finding, "; ".join(f.documents), "; ".join(f.rows), f.sentence) for f in findings
    ]
    return pd.DataFrame(records, columns=COLUMNS, dtype="string")


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Rows of a table as dictionaries, with None for a blank and for a column that is absent."""
    filled = table.astype(object).where(table.notna(), None)
    return [Row({str(k): v for k, v in row.items()}) for row in filled.to_dict("records")]


def text(row: Row, column: str) -> str:
    """The text of a cell, empty where it is blank or the column is absent."""
    value = row.get(column)
    return "" if value is None else str(value)


def short_names(documents: pd.DataFrame | None) -> dict[str, str]:
    """How sentences call each document.

    Parameters
    ----------
    documents : DataFrame or None
        Table of the documents, if there is one.

    Returns
    -------
    dict of str to str
        ``the`` and the short name, by document; a document that is not there goes by its file.
    """
    rows = [] if documents is None else rows_of(documents)
    return {text(row, "document"): f"the {text(row, 'short_name')}" for row in rows}


def joined(parts: Sequence[str]) -> str:
    """Join words as prose does: ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def sentence(words: str) -> str:
    """Begin with a capital and end with one full stop."""
    return words[:1].upper() + words[1:].rstrip(".") + "."


def quoted(words: str) -> str:
    """Put words between single quotation marks."""
    return f"\N{LEFT SINGLE QUOTATION MARK}{words}\N{RIGHT SINGLE QUOTATION MARK}"
