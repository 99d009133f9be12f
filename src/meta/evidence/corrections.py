"""Corrections of raw cells: located, justified, and refused once they are stale.

Raw rows are never edited for an analysis. A correction names one cell, what stands there now
(``expect``) and what should; it is applied to the text, so that the corrected value is checked
like any other, and it fails as soon as the source is mended. A withdrawal takes a row out whole,
and everything that refers to it has to go with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from meta.evidence.corrections_file import FILE, Correction, Withdrawal, problem_of
from meta.evidence.dictionary import load_dictionary
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meta.evidence.dictionary import Dictionary, Table
    from meta.evidence.problems import Problem
    from meta.evidence.raw_table import RawTable

#: Columns of the table of corrections in the database and in the report. Of a row that was
#: withdrawn, `column` and `to_value` are empty and `from_value` has the cells that named it.
COLUMNS = ("table", "row_key", "file_line", "column", "from_value", "to_value", "reason", "date",
           "by", "source", "yaml_line")  # fmt: skip


@dataclass
class Corrected:
    """Tables after correction.

    Attributes
    ----------
    tables : dict of str to RawTable
        Tables in which the corrected cells hold their new text, without the withdrawn rows.
    applied : list of dict
        One record a corrected cell or withdrawn row, with the keys of `COLUMNS`.
    problems : list of Problem
        What is wrong with the corrections.
    cells : dict
        Line of ``corrections.yaml`` by file, line and column of the corrected cell.
    withdrawn : dict of str to RawTable
        Rows that were withdrawn, by table.
    """

    tables: dict[str, RawTable]
    applied: list[dict[str, str | int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    cells: dict[tuple[str, int, str], int] = field(default_factory=dict)
    withdrawn: dict[str, RawTable] = field(default_factory=dict)

    def explain(self, problem: Problem) -> Problem:
        """Say of a problem whether a correction put the value there.

        Parameters
        ----------
        problem : Problem
            A problem of any cell.

        Returns
        -------
        Problem
            The same, with the line of the correction where its row was corrected.
        """
        direct = self.cells.get((problem.file, problem.line, problem.column))
        if direct is not None:
            note = f"the value comes from {FILE} line {direct}"
            return replace(problem, reason=f"{problem.reason} ({note})")
        others = [
            f"{column} of this row comes from {FILE} line {line}"
            for (file, row, column), line in self.cells.items()
            if (file, row) == (problem.file, problem.line) and problem.severity != "note"
        ]
        return replace(problem, reason=f"{problem.reason} ({'; '.join(others)})") if others else (
            problem
        )  # fmt: skip


def apply_corrections(
    entries: list[Correction | Withdrawal],
    tables: Mapping[str, RawTable],
    dictionary: Dictionary,
) -> Corrected:
    """Put the corrected values in the place of the raw ones.

    Parameters
    ----------
    entries : list of Correction or Withdrawal
        Entries in file order; `meta.evidence.withdrawals` sees to those that withdraw a row.
    tables : mapping of str to RawTable
        Cells as text by table; left as they are.
    dictionary : Dictionary
        The keys of the tables.

    Returns
    -------
    Corrected
        New tables; a correction with a problem changes nothing.
    """
    corrected = Corrected(dict(tables))
    for entry in entries:
        if isinstance(entry, Withdrawal):
            continue
        problem = _apply(entry, tables[entry.table], dictionary[entry.table], corrected)
        if problem is not None:
            corrected.problems.append(problem)
    return corrected


def _apply(
    correction: Correction, raw: RawTable, table: Table, corrected: Corrected
) -> Problem | None:
    if raw.present and not raw.columns:
        return None  # nothing of the file could be read, which is a problem of its own
    rows, problem = located(
        correction, raw, (*correction.where, correction.column), correction.rows
    )
    if problem is not None or not rows:
        return problem
    file = f"data/raw/{table.name}.csv"
    for row in rows:
        problem = _stale(correction, raw, row, file, corrected)
        if problem is not None:
            return problem
    _replace(correction, rows, table, file, corrected)
    return None


def located(
    entry: Correction | Withdrawal, raw: RawTable, columns: Sequence[str], wanted: int
) -> tuple[list[int], Problem | None]:
    """Find the rows that an entry names.

    Parameters
    ----------
    entry : Correction or Withdrawal
        The entry.
    raw : RawTable
        The table as read.
    columns : sequence of str
        Columns that the file must have.
    wanted : int
        How many rows there must be.

    Returns
    -------
    list of int
        Positions of the rows; empty where there is a problem, or one that the file itself has.
    Problem or None
        Why they are not those rows.
    """
    file, key = f"data/raw/{entry.table}.csv", "where" if "where" in entry.lines else "expect"

    def wrong(key: str, value: str, reason: str, remedy: str) -> tuple[list[int], Problem]:
        line = entry.lines.get(key, entry.line)
        return [], problem_of(FILE, line, key, reason, remedy, value)

    absent = [column for column in columns if column not in raw.columns]
    if raw.present and set(absent) & set(load_dictionary()[entry.table].required_columns):
        return [], None  # the header of the table says so already
    if absent:
        reason = f"{file} has no column {absent[0]}" if raw.present else f"there is no {file}"
        return wrong("column", absent[0], reason, "remove the correction, or correct the name")
    rows = _rows(entry, raw)
    if len(rows) == wanted:
        return rows, None
    if not raw.complete or raw.loose:
        return [], None  # the table's own problems come first; the row may be among them
    said = ", ".join(f"{column} = {value or '(blank)'}" for column, value in
                     entry.where.items())  # fmt: skip
    numbers = ", ".join(str(int(raw.lines[row])) for row in rows[:12])
    reason = (
        f"locates {counted(len(rows), 'row')} of {file}"
        f"{f' (lines {numbers})' if rows else ''}, not {wanted}"
    )
    remedy = "correct the cells that locate the row"
    if rows:
        several = ", or say how many rows: N" if isinstance(entry, Correction) else ""
        remedy = f"name cells that only the row has{several}"
    return wrong(key, said, reason, remedy)


def _stale(
    correction: Correction, raw: RawTable, row: int, file: str, corrected: Corrected
) -> Problem | None:
    """Say why a cell is not the one that the correction was written for."""
    there, line = raw.cell(correction.column, row), int(raw.lines[row])
    earlier = corrected.cells.get((file, line, correction.column))
    if earlier is not None:
        reason = f"{file} line {line} is already corrected on line {earlier}"
        column, remedy = correction.column, "keep one of the two"
        return problem_of(FILE, correction.line, column, reason, remedy, correction.value)
    if there == correction.expect:
        return None
    reason = f"is stale: {file} line {line} holds {there or '(blank)'}"
    remedy = "look at the source again, then write what stands there as expect, or remove it"
    if there == correction.value:
        reason += ", which is the corrected value already"
        remedy = "remove the correction"
    at = correction.lines.get("expect", correction.line)
    return problem_of(FILE, at, "expect", reason, remedy, correction.expect)


def _replace(
    correction: Correction, rows: list[int], table: Table, file: str, corrected: Corrected
) -> None:
    raw = corrected.tables[table.name]
    column = correction.column
    for row in rows:
        line = int(raw.lines[row])
        key = "; ".join(raw.cell(name, row) for name in table.key if name in raw.columns)
        values = (table.name, key, line, column, raw.cell(column, row),
                  correction.value, correction.reason, correction.date, correction.by,
                  correction.source, correction.line)  # fmt: skip
        corrected.applied.append(dict(zip(COLUMNS, values, strict=True)))
        corrected.cells[file, line, column] = correction.line
        raw = raw.replaced(column, row, correction.value)
    corrected.tables[table.name] = raw


def _rows(correction: Correction | Withdrawal, raw: RawTable) -> list[int]:
    found = np.ones(len(raw.lines), dtype=bool)
    for column, value in correction.where.items():
        cells = raw.columns[column]
        same = pc.equal(cells, value).fill_null(False) if value else cells.is_null()
        found &= same.to_numpy()
    return [int(row) for row in np.flatnonzero(found)]
