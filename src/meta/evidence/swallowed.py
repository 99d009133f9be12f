"""Rows that a misplaced pair of quotes swallowed: legal CSV in which they are only text."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from meta.evidence.problems import Problem
from meta.evidence.raw_table import distinct

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
    problems = []
    for name in header:
        values, codes = distinct(typed.raw.columns[name])
        for value in _suspects(values, len(header) - 1):
            lines = str(values[value].as_py()).splitlines()
            if rows := sum(_could_be_row(line, header, typed, len(lines) > 1) for line in lines):
                found = f"{rows} lines that look like rows" if rows > 1 else "what looks like a row"
                remedy = "take out the quotes around it; if it is text, write it another way"
                problems += [
                    typed.problem(int(row), name, f"the cell holds {found} of the table", remedy)
                    for row in np.flatnonzero(codes == value)
                ]
    return problems


def _suspects(values: Any, commas: int) -> list[int]:
    """Positions of the texts that have several lines, or as many commas as a row."""
    # A cell that begins and ends with a line break is stripped to the one line between.
    broken = pc.match_substring_regex(values, "[\\r\\n]")
    odd = pc.or_(broken, pc.greater_equal(pc.count_substring(values, ","), commas))
    return [int(value) for value in np.flatnonzero(odd.to_numpy(zero_copy_only=False))]


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
