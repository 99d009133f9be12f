"""Typing the cells of one table and checking each of them on its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from meta.evidence import numerals, spreadsheet
from meta.evidence.listing import list_problems
from meta.evidence.near_names import nearest_value
from meta.evidence.problems import Problem, Severity
from meta.evidence.raw_table import TEXT, distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    from meta.evidence.dictionary import Field, Table
    from meta.evidence.raw_table import RawTable

    Wording = str | Callable[[int], str]


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
        bad = self.bad[column]
        return self.frame[column].mask(bad) if bad.any() else self.frame[column]

    def rows(self, wrong: pd.Series) -> list[int]:
        """Positions of the rows for which a test holds; NA counts as not.

        The test may be of some rows only: its index says of which.
        """
        mask = wrong.fillna(False).astype(bool).to_numpy()
        return [int(row) for row in wrong.index[mask]]

    def line(self, row: int) -> int:
        """Line of the file on which a row starts."""
        return int(self.raw.lines[row])

    def shown(self, row: int, column: str) -> str:
        """Text of a cell, as the file has it."""
        return self.raw.cell(column, row) if self.has(column) else ""

    def problem(
        self, row: int, column: str, reason: str, remedy: str, severity: Severity = "error"
    ) -> Problem:
        """Describe a problem of one cell."""
        shown = self.shown(row, column)
        return Problem(self.file, self.line(row), column, shown, reason, remedy, severity)

    def problems(
        self,
        rows: list[int],
        column: str,
        reason: Wording,
        remedy: Wording,
        severity: Severity = "error",
    ) -> list[Problem]:
        """Describe one problem of many cells, however many there are.

        Parameters
        ----------
        rows : list of int
            Positions of the rows.
        column : str
            The column.
        reason, remedy : str or callable
            Text, or a function of the row's position.
        severity : {"error", "warning", "note"}, optional
            How bad it is.

        Returns
        -------
        list of Problem
            One for each row, or for each value where the rows are very many.
        """

        def say(row: int) -> tuple[str, str]:
            return (
                reason if isinstance(reason, str) else reason(row),
                remedy if isinstance(remedy, str) else remedy(row),
            )

        cells = self.raw.columns[column].take(rows) if self.has(column) and rows else None
        shown = {} if cells is None else dict(zip(rows, cells.to_pylist(), strict=True))
        return list_problems(
            self.file, column, self.raw.lines, np.array(rows, np.int64),
            lambda row: shown.get(row) or "", say, severity,
        )  # fmt: skip


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
    index = pd.RangeIndex(len(raw.lines))
    columns: dict[str, pd.Series] = {}
    bad: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    for name, field in table.fields.items():
        bad[name] = np.zeros(len(index), bool)
        if name not in raw.columns:
            columns[name] = pd.Series(pd.NA, index=index, dtype=numerals.dtype(field))
            continue
        column = _Column(raw.columns[name], field, name, file, raw.lines)
        columns[name] = pd.Series(column.typed(), index=index)
        bad[name], found = column.bad, column.problems
        problems += found
    for name in [name for name in raw.columns if name not in table.fields]:
        column = _Column(raw.columns[name], None, name, file, raw.lines)
        columns[name] = pd.Series(column.typed(), index=index)
        problems += column.problems
    columns["_line"] = pd.Series(raw.lines, index=index, dtype="int64")
    frame = pd.DataFrame(columns, index=index)
    return TypedTable(table, file, raw, frame, pd.DataFrame(bad, index=index)), problems


class _Column:
    """One column on its way from text to type."""

    def __init__(
        self, cells: Any, field: Field | None, name: str, file: str, lines: np.ndarray
    ) -> None:
        self.cells, self.field, self.name = cells, field, name
        self.file, self.lines = file, lines
        self.bad = np.zeros(len(lines), bool)
        self.problems: list[Problem] = []

    def typed(self) -> Any:
        """Type the cells as a pandas array, and note their problems."""
        field = self.field
        if field is not None and field.required and self.cells.null_count:
            remedy = f"write {_legal(field)}"
            rows = np.flatnonzero(self.cells.is_null().to_numpy())
            self._report(rows, lambda _: "", lambda _: ("a required cell is blank", remedy))
        if field is None or field.type in ("text", "id"):
            return self._check_text()
        values, codes = distinct(self.cells)
        if field.type == "category":
            self._check_categories(values, codes, field)
            return _strings(self.cells)
        return self._check_typed(values, codes, field)

    def _check_text(self) -> Any:
        text = _strings(self.cells)
        start = 0
        for chunk in self.cells.chunks:
            plain = chunk.cast(TEXT)
            faulty = spreadsheet.faulty(plain)
            self._report_at(plain, faulty, start, spreadsheet.cell_fault)
            self.bad[start + faulty] = True
            self._report_at(
                plain, spreadsheet.once_other(plain), start, spreadsheet.date_fault, "warning"
            )
            if self.field is not None and self.field.type == "id":
                odd = np.setdiff1d(spreadsheet.oddly_written(plain), faulty)
                self._report_at(plain, odd, start, spreadsheet.odd_character)
                if pattern := self.field.pattern:
                    told = np.union1d(odd, faulty)
                    wrong = np.setdiff1d(spreadsheet.misnamed(plain, pattern), told)
                    say = partial(spreadsheet.name_fault, pattern=pattern)
                    self._report_at(plain, wrong, start, say)
            start += len(chunk)
        return text

    def _check_categories(self, values: Any, codes: np.ndarray, field: Field) -> None:
        texts = values.to_pylist()
        legal = field.values
        faults: dict[int, tuple[str, str]] = {}
        warned: dict[int, tuple[str, str]] = {}
        for code, value in enumerate(texts):
            if legal is not None and value in legal:
                continue
            if fault := spreadsheet.cell_fault(value):
                faults[code] = fault
            elif legal is not None:
                faults[code] = ("", "")
            elif fault := spreadsheet.odd_character(value):
                look_alike = "looks like" in fault[0]
                (warned if look_alike else faults)[code] = fault
            elif fault := spreadsheet.date_fault(value):
                warned[code] = fault
        self.bad = self._report_codes(
            texts, codes, faults, lambda value, said: said if said[0] else _unknown(value, field)
        )
        self._report_codes(texts, codes, warned, lambda _, said: said, "warning")

    def _check_typed(self, values: Any, codes: np.ndarray, field: Field) -> Any:
        typed, legal = numerals.parse(values, field)
        texts = values.to_pylist()
        illegal = dict.fromkeys(np.flatnonzero(~legal).tolist(), ("", ""))
        wrong = self._report_codes(
            texts, codes, illegal, lambda value, _: numerals.explain(value, field)
        )
        blank = codes < 0
        if field.type == "date":
            self.bad = wrong
            text = _strings(self.cells)
            return pd.Series(text).mask(wrong).array if wrong.any() else text
        outside = _outside(typed, legal, field)
        self.bad = wrong | self._report_codes(texts, codes, outside, lambda _, said: said)
        padded = np.append(typed, typed.dtype.type(0))
        kind = pd.arrays.IntegerArray if field.type == "integer" else pd.arrays.FloatingArray
        numbers = padded[codes]
        numbers[blank | wrong] = 0
        return kind(numbers, blank | wrong)

    def _report_codes(
        self,
        texts: list[str],
        codes: np.ndarray,
        faults: dict[int, tuple[str, str]],
        say: Callable[[str, tuple[str, str]], tuple[str, str]],
        severity: Severity = "error",
    ) -> np.ndarray:
        """Report the rows of faulty values, and return which rows they are."""
        if not faults:
            return np.zeros(len(codes), bool)
        faulty = np.zeros(len(texts) + 1, bool)
        faulty[list(faults)] = True
        wrong = faulty[codes]
        said: dict[int, tuple[str, str]] = {}

        def explained(row: int) -> tuple[str, str]:
            code = int(codes[row])
            if code not in said:
                said[code] = say(texts[code], faults[code])
            return said[code]

        self._report(np.flatnonzero(wrong), lambda row: texts[codes[row]], explained, severity)
        return wrong

    def _report_at(
        self,
        chunk: Any,
        found: np.ndarray,
        start: int,
        say: Callable[[str], tuple[str, str] | None],
        severity: Severity = "error",
    ) -> None:
        if not len(found):
            return
        texts = dict(zip((found + start).tolist(), chunk.take(found).to_pylist(), strict=True))
        self._report(
            found + start, lambda row: texts[row], lambda row: say(texts[row]) or ("", ""), severity
        )

    def _report(
        self,
        rows: np.ndarray,
        value: Callable[[int], str],
        say: Callable[[int], tuple[str, str]],
        severity: Severity = "error",
    ) -> None:
        self.problems += list_problems(self.file, self.name, self.lines, rows, value, say, severity)


def _strings(cells: Any) -> Any:
    return pd.array(cells.cast(TEXT), dtype="string")


def _outside(typed: np.ndarray, legal: np.ndarray, field: Field) -> dict[int, tuple[str, str]]:
    """Say which distinct numbers lie outside the legal range."""
    blank = "" if field.required else ", or leave it blank"
    said = {}
    for bound, word, edge, wrong in (
        (field.minimum, "less", "smallest", np.less),
        (field.maximum, "more", "largest", np.greater),
    ):
        if bound is not None:
            reason = f"is {word} than {bound:g}, the {edge} possible value"
            for code in np.flatnonzero(legal & wrong(typed, bound)).tolist():
                said[code] = reason, f"correct the number{blank}"
    return said


def _unknown(value: str, field: Field) -> tuple[str, str]:
    """Say why a value is not in its closed vocabulary."""
    legal = list(field.values or {})
    reason = f"is not a legal {field.label.lower()}"
    if odd := spreadsheet.odd_character(value):
        return f"{reason}: it {odd[0]}", odd[1]
    truth = {"true": "yes", "false": "no"}.get(value.lower())
    if truth in legal:
        return reason, f"write {truth}, which a spreadsheet may have turned into {value}"
    near = nearest_value(value, legal)
    if near:
        return reason, f"did you mean {near}? legal values: {', '.join(legal)}"
    return reason, f"write {_legal(field)}"


def _legal(field: Field) -> str:
    if field.values is not None:
        return f"one of {', '.join(field.values)}"
    kind = {"integer": "a whole number", "number": "a number", "date": "a date"}
    return f"{kind.get(field.type, 'a text')} such as {field.example}"
