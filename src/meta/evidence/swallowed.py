"""Rows that a misplaced pair of quotes swallowed: legal CSV in which they are only text."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meta.evidence.problems import Problem
from meta.evidence.raw_table import TEXT, distinct

if TYPE_CHECKING:
    from meta.evidence.cells import TypedTable
    from meta.evidence.dictionary import Field

NUMBER = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")


def swallowed_problems(typed: TypedTable) -> list[Problem]:
    """Report cells that hold what could be rows of the table.

    Parameters
    ----------
    typed : TypedTable
        The table.

    Returns
    -------
    list of Problem
        One a cell. Of a cell of several lines, a line could be a row if it has at least as many
        cells as the header; a cell of one line, if it has as many and all of them are legal.
    """
    header = list(typed.raw.columns)
    remedy = "take out the quotes around it; if it is text, write it another way"
    problems = []
    for name in header:
        rows, texts = _suspects(typed.raw.columns[name], len(header) - 1)
        found = _rows_within(texts, header, typed)
        wrong = pc.is_in(texts, pa.array(list(found), TEXT))
        held = [found[text] for text in texts.filter(wrong).to_pylist()]
        reasons = dict(zip(rows[wrong.to_numpy()].tolist(), map(_reason, held), strict=True))
        problems += typed.problems(list(reasons), name, reasons.__getitem__, remedy)
    return problems


def _reason(rows: int) -> str:
    what = f"{rows} lines that look like rows" if rows > 1 else "what looks like a row"
    return f"the cell holds {what} of the table"


def _suspects(cells: Any, commas: int) -> tuple[np.ndarray, Any]:
    """Rows and texts of the cells that have as many commas as a row: no others need a look."""
    if pa.types.is_dictionary(cells.type):
        values, codes = distinct(cells)
        # The last place is that of blank cells, which are numbered -1.
        rows = np.flatnonzero(np.append(_at_least(values, commas), False)[codes])
        return rows, pa.chunked_array([values.take(pa.array(codes[rows]))], TEXT)
    many = np.concatenate([np.empty(0, bool), *(_at_least(c, commas) for c in cells.chunks)])
    return np.flatnonzero(many), cells.filter(pa.array(many))


def _at_least(texts: Any, commas: int) -> np.ndarray:
    enough = pc.greater_equal(pc.count_substring(texts, ","), commas)
    return np.asarray(pc.fill_null(enough, False).to_numpy(zero_copy_only=False))


def _rows_within(texts: Any, header: list[str], typed: TypedTable) -> dict[str, int]:
    """Number of lines that could be rows, of each distinct text that has any."""
    found = {}
    # Where a column was lost, a row that was swallowed has more cells than the header.
    whole = all(typed.has(column) for column in typed.table.required_columns)
    for text in texts.unique().to_pylist():
        # A cell that begins and ends with a line break is stripped to the one line between.
        lines = text.splitlines()
        several = len(lines) > 1
        judged = lines if several or whole else []
        rows = sum(_could_be_row(line, header, typed, several) for line in judged)
        if rows:
            found[text] = rows
    return found


def _could_be_row(line: str, header: list[str], typed: TypedTable, several: bool) -> bool:
    cells = [cell.strip() for cell in next(csv.reader([line]), [])]
    if several or len(cells) != len(header):
        return several and len(cells) >= len(header)
    fields = [typed.table.fields.get(name) for name in header]
    return all(_is_legal(cell, field) for cell, field in zip(cells, fields, strict=True))


def _is_legal(cell: str, field: Field | None) -> bool:
    if field is None or not cell:
        return field is None or not field.required
    if field.values is not None:
        return cell in field.values
    return field.is_text or field.type == "date" or NUMBER.fullmatch(cell) is not None
