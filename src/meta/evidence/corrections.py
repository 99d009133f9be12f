"""Corrections of raw cells: located, justified, and refused once they are stale.

Raw rows are never edited for an analysis. A correction names one cell, what stands there now
(``expect``) and what should; it is applied to the text, so that the corrected value is checked
like any other, and it fails as soon as the source is mended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
import yaml

from meta.evidence.problems import Problem
from meta.evidence.reading import not_a_file
from meta.evidence.suggestion import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from meta.evidence.dictionary import Dictionary, Table
    from meta.evidence.raw_table import RawTable

FILE = "data/raw/corrections.yaml"
KEYS = ("table", "where", "rows", "column", "expect", "value", "reason", "date", "by", "source")
REQUIRED = ("table", "where", "column", "expect", "value", "reason", "date")
#: Columns of the table of corrections in the database and in the report.
COLUMNS = ("table", "row_key", "file_line", "column", "from_value", "to_value", "reason", "date",
           "by", "source", "yaml_line")  # fmt: skip


@dataclass(frozen=True)
class Correction:
    """One entry of the file.

    Attributes
    ----------
    line : int
        Line of ``corrections.yaml`` on which the entry begins.
    table, column : str
        The column that is corrected.
    where : mapping of str to str
        Cells that locate the rows.
    rows : int
        How many rows that must be.
    expect, value : str
        What the raw cell holds, and what it should; an empty text is a blank.
    reason, date, by, source : str
        Why, when, by whom and after what; the last two may be empty.
    """

    line: int
    table: str
    column: str
    where: Mapping[str, str]
    rows: int
    expect: str
    value: str
    reason: str
    date: str
    by: str = ""
    source: str = ""


@dataclass
class Corrected:
    """Tables after correction.

    Attributes
    ----------
    tables : dict of str to RawTable
        Tables in which the corrected cells hold their new text.
    applied : list of dict
        One record a corrected cell, with the keys of `COLUMNS`.
    problems : list of Problem
        What is wrong with the corrections.
    cells : dict
        Line of ``corrections.yaml`` by file, line and column of the corrected cell.
    """

    tables: dict[str, RawTable]
    applied: list[dict[str, str | int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    cells: dict[tuple[str, int, str], int] = field(default_factory=dict)

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


def read_corrections(
    path: Path, dictionary: Dictionary, shown_as: str = FILE
) -> tuple[list[Correction], list[Problem]]:
    """Read the file of corrections, if there is one.

    Parameters
    ----------
    path : Path
        The YAML file: a list of entries with the keys `KEYS`. Scalars are read as they are
        written, so that ``yes`` and ``1e3`` stay texts.
    dictionary : Dictionary
        Tables and columns that may be corrected.
    shown_as : str, optional
        How problems name the file.

    Returns
    -------
    list of Correction
        The entries without a problem.
    list of Problem
        Everything wrong with the others, with the line of each.
    """
    if odd := not_a_file(path):
        return [], [_problem(shown_as, 1, "", odd, "put a file in its place, or remove it")]
    try:
        text = path.read_text(encoding="utf-8-sig")
        # Composing builds no objects: no tag of the file can run anything.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except FileNotFoundError:
        return [], []
    except (OSError, UnicodeDecodeError) as error:
        return [], [_problem(shown_as, 1, "", f"cannot be read ({error})", "save it as UTF-8")]
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = f"is not YAML: {getattr(error, 'problem', None) or type(error).__name__}"
        return [], [_problem(shown_as, line, "", reason, "correct the line")]
    if root is None:
        return [], []
    if not isinstance(root, yaml.SequenceNode):
        remedy = "begin each correction with a dash, as in `- table: arms`"
        return [], [_problem(shown_as, 1, "", "is not a list of corrections", remedy)]
    entries = [_entry(node, dictionary, shown_as) for node in root.value]
    kept = [entry for entry, _ in entries if entry is not None]
    return kept, [problem for _, problems in entries for problem in problems]


def apply_corrections(
    corrections: list[Correction], tables: Mapping[str, RawTable], dictionary: Dictionary
) -> Corrected:
    """Put the corrected values in the place of the raw ones.

    Parameters
    ----------
    corrections : list of Correction
        Entries in file order.
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
    for correction in corrections:
        raw = tables[correction.table]
        problem = _apply(correction, raw, dictionary[correction.table], corrected)
        if problem is not None:
            corrected.problems.append(problem)
    return corrected


def _apply(
    correction: Correction, raw: RawTable, table: Table, corrected: Corrected
) -> Problem | None:
    file = f"data/raw/{table.name}.csv"

    def wrong(key: str, value: str, reason: str, remedy: str) -> Problem:
        return _problem(FILE, correction.line, key, reason, remedy, value)

    if raw.present and not raw.columns:
        return None  # nothing of the file could be read, which is a problem of its own
    absent = [c for c in (*correction.where, correction.column) if c not in raw.columns]
    if absent:
        reason = f"{file} has no column {absent[0]}" if raw.present else f"there is no {file}"
        return wrong("column", absent[0], reason, "remove the correction, or correct the name")
    rows = _rows(correction, raw)
    said = ", ".join(f"{column} = {value or '(blank)'}" for column, value in
                     correction.where.items())  # fmt: skip
    if len(rows) != correction.rows:
        if not raw.complete or raw.loose:
            return None  # the table's own problems come first; the row may be among them
        lines = (
            f" (lines {', '.join(str(int(raw.lines[row])) for row in rows[:12])})" if rows else ""
        )
        reason = f"locates {len(rows)} rows of {file}{lines}, not {correction.rows}"
        remedy = "name cells that only the row has, or say how many rows: N" if rows else (
            "correct the cells that locate the row"
        )  # fmt: skip
        return wrong("where", said, reason, remedy)
    for row in rows:
        problem = _stale(correction, raw, row, file, corrected)
        if problem is not None:
            return problem
    _replace(correction, rows, table, file, corrected)
    return None


def _stale(
    correction: Correction, raw: RawTable, row: int, file: str, corrected: Corrected
) -> Problem | None:
    """Say why a cell is not the one that the correction was written for."""
    there, line = raw.cell(correction.column, row), int(raw.lines[row])
    earlier = corrected.cells.get((file, line, correction.column))
    if earlier is not None:
        reason = f"{file} line {line} is already corrected on line {earlier}"
        column, remedy = correction.column, "keep one of the two"
        return _problem(FILE, correction.line, column, reason, remedy, correction.value)
    if there == correction.expect:
        return None
    reason = f"is stale: {file} line {line} holds {there or '(blank)'}"
    remedy = "look at the source again, then write what stands there as expect, or remove it"
    if there == correction.value:
        reason += ", which is the corrected value already"
        remedy = "remove the correction"
    return _problem(FILE, correction.line, "expect", reason, remedy, correction.expect)


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


def _rows(correction: Correction, raw: RawTable) -> list[int]:
    found = np.ones(len(raw.lines), dtype=bool)
    for column, value in correction.where.items():
        cells = raw.columns[column]
        same = pc.equal(cells, value).fill_null(False) if value else cells.is_null()
        found &= same.to_numpy()
    return [int(row) for row in np.flatnonzero(found)]


def _entry(
    node: yaml.Node, dictionary: Dictionary, shown_as: str
) -> tuple[Correction | None, list[Problem]]:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        remedy = f"write the keys {', '.join(REQUIRED)}"
        return None, [_problem(shown_as, line, "", "is not a correction", remedy)]
    problems: list[Problem] = []
    pairs = _pairs(node, shown_as, problems)
    for key, value in pairs.items():
        near = nearest(key, list(KEYS)) if key not in KEYS else None
        remedy = f"did you mean {near}?" if near else f"known keys: {', '.join(KEYS)}"
        if key not in KEYS:
            problems.append(_problem(shown_as, _line(value), key, "is not a known key", remedy))
    problems += [
        _problem(shown_as, line, key, "is missing", f"add a line `{key}: ...`")
        for key in REQUIRED
        if key not in pairs
    ]
    where: dict[str, str] = {}
    locator = pairs.get("where")
    if isinstance(locator, yaml.MappingNode):
        located = _pairs(locator, shown_as, problems)
        where = {key: _text(value, key, shown_as, problems) for key, value in located.items()}
    if locator is not None and not where:
        remedy = "name the cells that locate the row, as in `where: {arm_id: ARM001}`"
        problems.append(_problem(shown_as, _line(locator), "where", "locates nothing", remedy))
    texts = {key: _text(pairs[key], key, shown_as, problems)
             for key in KEYS if key in pairs and key != "where"}  # fmt: skip
    lines = {key: _line(value) for key, value in pairs.items()}
    problems += _content(texts, where, lines, dictionary, shown_as)
    if problems:
        return None, problems
    rows = int(texts.pop("rows", "1"))
    return Correction(line=line, where=where, rows=rows, **texts), []


def _content(
    texts: dict[str, str],
    where: dict[str, str],
    lines: dict[str, int],
    dictionary: Dictionary,
    shown_as: str,
) -> list[Problem]:
    """Check the values of one entry against the dictionary and each other."""
    problems = []

    def wrong(key: str, reason: str, remedy: str) -> None:
        shown = texts.get(key, "")
        problems.append(_problem(shown_as, lines.get(key, 1), key, reason, remedy, shown))

    table = dictionary.tables.get(texts.get("table", ""))
    if "table" in texts and table is None:
        near = nearest(texts["table"], list(dictionary.tables))
        known = f"tables: {', '.join(dictionary.tables)}"
        wrong("table", "is not a table", f"did you mean {near}?" if near else known)
    if table is not None:
        for key, column in [("column", texts.get("column", "")), *(("where", c) for c in where)]:
            if key in lines and column not in table.fields:
                near = nearest(column, list(table.fields))
                remedy = f"did you mean {near}?" if near else "name a column of the dictionary"
                wrong(key, f"{column or '(blank)'} is not a column of {table.name}", remedy)
        if texts.get("column") in table.key:
            wrong("column", f"names the rows of {table.name} and may not be corrected",
                  "remove the correction and add a row with the right name")  # fmt: skip
    for key in ("reason", "date"):
        if key in texts and not texts[key]:
            wrong(key, "is blank", f"write the {key}")
    if texts.get("date") and not _is_date(texts["date"]):
        wrong("date", "is not a date", "write it as year-month-day, such as 2026-11-21")
    elif texts.get("date", "") > (datetime.now(UTC) + timedelta(days=1)).date().isoformat():
        # The next day is legal: it may be that day elsewhere.
        wrong("date", "is after today", "write the day on which the correction was made")
    if not re.fullmatch(r"[1-9][0-9]{0,8}", texts.get("rows", "1")):
        wrong("rows", "is not a number of rows", "write a whole number, or leave the key out")
    if {"expect", "value"} <= set(texts) and texts["expect"] == texts["value"]:
        wrong("value", "is the same as expect", "write the new value, or remove the correction")
    return problems


def _pairs(node: yaml.MappingNode, shown_as: str, problems: list[Problem]) -> dict[str, yaml.Node]:
    pairs: dict[str, yaml.Node] = {}
    for key_node, value in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "(not a name)"
        if key in pairs:
            reason = f"the key is given twice, first on line {_line(pairs[key])}"
            problems.append(_problem(shown_as, _line(key_node), key, reason, "keep one of them"))
        pairs.setdefault(key, value)
    return pairs


def _text(node: yaml.Node, key: str, shown_as: str, problems: list[Problem]) -> str:
    if isinstance(node, yaml.ScalarNode):
        if node.value and node.tag == "tag:yaml.org,2002:null":
            reason, remedy = "is YAML's sign for nothing", 'write "" for a blank, or quote the word'
            problems.append(_problem(shown_as, _line(node), key, reason, remedy, str(node.value)))
        # Cells are read without the spaces around them.
        return str(node.value).strip()
    remedy = "write a text or a number"
    problems.append(_problem(shown_as, _line(node), key, "is a list or a block", remedy))
    return ""


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-21")


def _problem(file: str, line: int, key: str, reason: str, remedy: str, value: str = "") -> Problem:
    return Problem(file, line, key, value, reason, remedy)
