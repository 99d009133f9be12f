"""Rows that a misplaced pair of quotes swallowed: legal CSV in which they are only text."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from meta.evidence.problems import Problem

if TYPE_CHECKING:
    from meta.evidence.cells import TypedTable


def swallowed_problems(typed: TypedTable) -> list[Problem]:
    """Report cells of several lines in which a line could be a row of the table.

    Parameters
    ----------
    typed : TypedTable
        The table.

    Returns
    -------
    list of Problem
        One a cell. A line could be a row if it has at least as many cells as the header.
    """
    present = [name for name in typed.table.fields if typed.has(name)]
    present += [
        str(name) for name in typed.frame if name not in typed.table.fields and name != "_line"
    ]
    problems = []
    for name in present:
        cells = typed.frame[name]
        if cells.dtype != "string":
            continue
        for row in typed.rows(cells.str.contains("[\r\n]")):
            rows = sum(_width(line) >= len(present) for line in str(cells[row]).splitlines())
            if rows:
                reason = f"the cell holds {rows} lines that look like rows of the table"
                remedy = "take out the quotes around them; if they are text, put them into one line"
                problems.append(typed.problem(row, name, reason, remedy))
    return problems


def _width(line: str) -> int:
    return len(next(csv.reader([line]), []))
