"""Typing the cells of one table and checking each of them on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from meta.evidence import numerals
from meta.evidence.problems import Problem, Severity
from meta.evidence.reading import nearest

if TYPE_CHECKING:
    from meta.evidence.dictionary import Field, Table
    from meta.evidence.reading import RawTable


@dataclass(frozen=True)
class TypedTable:
    """A table with typed columns, and which of its cells may not be believed.

    Attributes
    ----------
    table : Table
        What the dictionary says of it.
    file : str
        How problems name its file.
    raw : RawTable
        The text it was read from.
    frame : DataFrame
        Typed columns of the dictionary, then extra columns as text, then ``_line``.
    bad : DataFrame of bool
        Cells that already have a problem, so that no further rule stumbles over them.
    """

    table: Table
    file: str
    raw: RawTable
    frame: pd.DataFrame
    bad: pd.DataFrame

    def has(self, column: str) -> bool:
        """Whether the file has the column at all."""
        return column in self.raw.columns

    def blank(self, column: str) -> pd.Series:
        """Rows in which the cell is really blank, not merely illegal."""
        return self.frame[column].isna() & ~self.bad[column]

    def believed(self, column: str) -> pd.Series:
        """Values of a column, NA where a cell already has a problem."""
        return self.frame[column].mask(self.bad[column])

    def rows(self, wrong: pd.Series) -> list[int]:
        """Positions of the rows for which a test holds; NA counts as not."""
        mask = wrong.fillna(False).astype(bool)
        return [int(row) for row in mask.index[mask]]

    def line(self, row: int) -> int:
        """Line of the file on which a row starts."""
        return self.raw.lines[row]

    def problem(
        self, row: int, column: str, reason: str, remedy: str, severity: Severity = "error"
    ) -> Problem:
        """Describe a problem of one cell."""
        shown = self.raw.columns[column][row] if self.has(column) else ""
        return Problem(self.file, self.line(row), column, shown, reason, remedy, severity)


def type_table(raw: RawTable, table: Table, file: str) -> tuple[TypedTable, list[Problem]]:
    """Type every cell of a table and check it on its own.

    Parameters
    ----------
    raw : RawTable
        Cells as text.
    table : Table
        What the dictionary says of the table.
    file : str
        How problems name the file.

    Returns
    -------
    TypedTable
        The typed cells.
    list of Problem
        Illegal cells, and blanks where a value is required.
    """
    lines = pd.Series(raw.lines, dtype="int64")
    columns: dict[str, pd.Series] = {}
    bad: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for name, field in table.fields.items():
        if name not in raw.columns:
            columns[name] = pd.Series(pd.NA, index=lines.index, dtype=numerals.dtype(field))
            bad[name] = pd.Series(False, index=lines.index)
            continue
        cells = _text(raw.columns[name])
        columns[name], bad[name], found = _check_column(cells, field, file, lines)
        problems += found
        if field.required:
            problems += _required_blanks(cells, field, file, lines)
    for name in [name for name in raw.columns if name not in table.fields]:
        columns[name] = _text(raw.columns[name])
        problems += _formulas(columns[name], name, file, lines)[1]
    columns["_line"] = lines
    frame = pd.DataFrame(columns, index=lines.index)
    return TypedTable(table, file, raw, frame, pd.DataFrame(bad, index=lines.index)), problems


def _text(cells: list[str]) -> pd.Series:
    series = pd.Series(cells, dtype="string")
    return series.mask(series == "")


def _check_column(
    cells: pd.Series, field: Field, file: str, lines: pd.Series
) -> tuple[pd.Series, pd.Series, list[Problem]]:
    values, bad = numerals.parse(cells, field)
    bad = bad.astype(bool)
    problems = []
    for row in bad.index[bad]:
        reason, remedy = numerals.explain(cells[row], field)
        problems.append(_problem(cells, row, field.name, reason, remedy, file, lines))
    if field.type in ("integer", "number"):
        out_of_range = numerals.range_problems(values, field, file, lines)
        problems += out_of_range
        bad = bad | lines.isin([problem.line for problem in out_of_range])
    if field.is_text:
        bad, problems = _formulas(cells, field.name, file, lines)
        if field.values is not None:
            unknown = cells.notna() & ~cells.isin(list(field.values)).astype(bool) & ~bad
            problems += _vocabulary(cells, unknown, field, file, lines)
            bad = bad | unknown
    return values, bad, problems


def _problem(
    cells: pd.Series, row: int, column: str, reason: str, remedy: str, file: str, lines: pd.Series
) -> Problem:
    return Problem(file, int(lines[row]), column, str(cells[row]), reason, remedy)


def _formulas(
    cells: pd.Series, column: str, file: str, lines: pd.Series
) -> tuple[pd.Series, list[Problem]]:
    formula = cells.str.fullmatch(numerals.FORMULA).fillna(False).astype(bool)
    reason, remedy = numerals.formula_reason()
    rows = formula.index[formula]
    return formula, [_problem(cells, row, column, reason, remedy, file, lines) for row in rows]


def _required_blanks(cells: pd.Series, field: Field, file: str, lines: pd.Series) -> list[Problem]:
    reason = "a required cell is blank"
    remedy = f"write {_legal(field)}"
    return [
        Problem(file, int(lines[row]), field.name, "", reason, remedy)
        for row in cells.index[cells.isna()]
    ]


def _vocabulary(
    cells: pd.Series, unknown: pd.Series, field: Field, file: str, lines: pd.Series
) -> list[Problem]:
    legal = list(field.values or {})
    remedies = {}
    for value in cells[unknown].unique():
        near = nearest(value, legal, cutoff=0.6)
        remedies[value] = (
            f"did you mean {near}? legal values: {', '.join(legal)}"
            if near
            else f"write {_legal(field)}"
        )
    reason = f"is not a legal {field.label.lower()}"
    return [
        _problem(cells, row, field.name, reason, remedies[cells[row]], file, lines)
        for row in unknown.index[unknown]
    ]


def _legal(field: Field) -> str:
    if field.values is not None:
        return f"one of {', '.join(field.values)}"
    kind = {"integer": "a whole number", "number": "a number", "date": "a date"}
    return f"{kind.get(field.type, 'a text')} such as {field.example}"
