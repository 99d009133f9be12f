"""Rows of the audit's tables as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, object]
#: Where something is known from, in words.
KNOWN_FROM = {
    "document": "by the document's own entry or list",
    "secondary": "by a secondary text",
    "memory": "from memory, not looked up",
}


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Rows of a table as dictionaries, with None for a blank and for a column that is absent."""
    filled = table.astype(object).where(table.notna(), None)
    return [Row({str(k): v for k, v in row.items()}) for row in filled.to_dict("records")]


def text(row: Row, column: str) -> str:
    """The text of a cell, empty where it is blank or the column is absent."""
    value = row.get(column)
    return "" if value is None else str(value)


def known_from(row: Row, column: str) -> str:
    """Say where something is known from."""
    return KNOWN_FROM.get(text(row, column), "where that is known from is not said")


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
