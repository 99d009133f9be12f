"""The file of corrections: its entries, and everything that is wrong with them.

An entry corrects a cell of located rows, or withdraws a row whole. It is read as text: scalars
stand for what is written, so that ``yes`` and ``1e3`` stay texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import yaml

from meta.evidence.problems import Problem
from meta.evidence.reading import not_a_file
from meta.evidence.suggestion import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from meta.evidence.dictionary import Dictionary, Table

FILE = "data/raw/corrections.yaml"
KEYS = ("table", "where", "rows", "column", "expect", "value", "withdraw", "reason", "date", "by",
        "source")  # fmt: skip
REQUIRED = ("table", "where", "column", "expect", "value", "reason", "date")
#: Of an entry that withdraws a row, who did it is required too: nothing of the row is left to see.
WITHDRAWAL_REQUIRED = ("table", "expect", "reason", "date", "by")
#: What such an entry has no use for.
NOT_WITHDRAWN = ("rows", "column", "value")


@dataclass(frozen=True)
class Correction:
    """One entry of the file.

    Attributes
    ----------
    line : int
        Line of ``corrections.yaml`` on which the entry begins.
    lines : mapping of str to int
        Line of each of its keys.
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
    lines: Mapping[str, int]
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


@dataclass(frozen=True)
class Withdrawal:
    """An entry that takes a row out of the evidence.

    Attributes
    ----------
    line : int
        Line of ``corrections.yaml`` on which the entry begins.
    lines : mapping of str to int
        Line of each of its keys.
    table : str
        The table.
    where : mapping of str to str
        Cells that locate the row: those of its key unless the entry says others.
    expect : mapping of str to str
        What the raw row holds.
    reason, date, by, source : str
        Why, when, by whom and after what; the last may be empty.
    """

    line: int
    lines: Mapping[str, int]
    table: str
    where: Mapping[str, str]
    expect: Mapping[str, str]
    reason: str
    date: str
    by: str
    source: str = ""


def read_corrections(
    path: Path, dictionary: Dictionary, shown_as: str = FILE
) -> tuple[list[Correction | Withdrawal], list[Problem]]:
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
    list of Correction or Withdrawal
        The entries without a problem.
    list of Problem
        Everything wrong with the others, with the line of each.
    """
    if odd := not_a_file(path):
        return [], [problem_of(shown_as, 1, "", odd, "put a file in its place, or remove it")]
    try:
        text = path.read_text(encoding="utf-8-sig")
        # Composing builds no objects: no tag of the file can run anything.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except FileNotFoundError:
        return [], []
    except (OSError, UnicodeDecodeError) as error:
        return [], [problem_of(shown_as, 1, "", f"cannot be read ({error})", "save it as UTF-8")]
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = f"is not YAML: {getattr(error, 'problem', None) or type(error).__name__}"
        return [], [problem_of(shown_as, line, "", reason, "correct the line")]
    if root is None:
        return [], []
    if not isinstance(root, yaml.SequenceNode):
        remedy = "begin each correction with a dash, as in `- table: arms`"
        return [], [problem_of(shown_as, 1, "", "is not a list of corrections", remedy)]
    entries = [_entry(node, dictionary, shown_as) for node in root.value]
    kept = [entry for entry, _ in entries if entry is not None]
    return kept, [problem for _, problems in entries for problem in problems]


def _entry(
    node: yaml.Node, dictionary: Dictionary, shown_as: str
) -> tuple[Correction | Withdrawal | None, list[Problem]]:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        remedy = f"write the keys {', '.join(REQUIRED)}"
        return None, [problem_of(shown_as, line, "", "is not a correction", remedy)]
    problems: list[Problem] = []
    pairs = _pairs(node, shown_as, problems)
    withdraws = "withdraw" in pairs
    problems += _key_problems(pairs, line, shown_as, withdraws)
    where = _cells(pairs, "where", "{arm_id: ARM001}", shown_as, problems)
    expect: dict[str, str] = {}
    if withdraws:
        example = "{arm_id: ARM001, n_goal_failure: 6}"
        expect = _cells(pairs, "expect", example, shown_as, problems)
    blocks = ("where", "expect") if withdraws else ("where",)
    texts = {key: _text(pairs[key], key, shown_as, problems)
             for key in KEYS if key in pairs and key not in blocks}  # fmt: skip
    lines = {key: _line(value) for key, value in pairs.items()}
    if isinstance(block := pairs.get("expect"), yaml.MappingNode):
        lines |= {f"expect.{k.value}": _line(v) for k, v in block.value}
    problems += _content(texts, {"where": where, "expect": expect}, lines, dictionary, shown_as)
    table = dictionary.tables.get(texts.get("table", ""))
    if withdraws and table is not None and expect and "where" not in pairs:
        where = {column: expect[column] for column in table.key if column in expect}
        absent = [c for c in table.key if c in table.required_columns and c not in expect]
        if absent:
            reason = f"does not name the row: it lacks {' and '.join(absent)}"
            remedy = f"write the key of the row there, {' and '.join(table.key)}"
            problems.append(problem_of(shown_as, lines["expect"], "expect", reason, remedy))
    if problems:
        return None, problems
    rows, flag = int(texts.pop("rows", "1")), texts.pop("withdraw", None)
    if flag is not None:
        return Withdrawal(line=line, lines=lines, where=where, expect=expect, **texts), []
    return Correction(line=line, lines=lines, where=where, rows=rows, **texts), []


def _key_problems(
    pairs: Mapping[str, yaml.Node], line: int, shown_as: str, withdraws: bool
) -> list[Problem]:
    """Keys that are unknown, missing, or of the other kind of entry."""
    problems = []
    for key, value in pairs.items():
        if key not in KEYS:
            near = nearest(key, list(KEYS))
            remedy = f"did you mean {near}?" if near else f"known keys: {', '.join(KEYS)}"
            problems.append(problem_of(shown_as, _line(value), key, "is not a known key", remedy))
        elif withdraws and key in NOT_WITHDRAWN:
            reason = "has no place in an entry that withdraws a row"
            remedy = "remove it, or remove withdraw to correct a cell"
            problems.append(problem_of(shown_as, _line(value), key, reason, remedy))
    problems += [
        problem_of(shown_as, line, key, "is missing", f"add a line `{key}: ...`")
        for key in (WITHDRAWAL_REQUIRED if withdraws else REQUIRED)
        if key not in pairs
    ]
    return problems


def _cells(
    pairs: Mapping[str, yaml.Node], key: str, example: str, shown_as: str, problems: list[Problem]
) -> dict[str, str]:
    """Read a block that names cells of a row."""
    node = pairs.get(key)
    found: dict[str, str] = {}
    if isinstance(node, yaml.MappingNode):
        named = _pairs(node, shown_as, problems)
        found = {
            column: _text(value, column, shown_as, problems) for column, value in named.items()
        }
    if node is not None and not found:
        remedy = f"name the cells that locate the row, as in `{key}: {example}`"
        reason = "locates nothing" if key == "where" else "names no cells of the row"
        problems.append(problem_of(shown_as, _line(node), key, reason, remedy))
    return found


def _content(
    texts: dict[str, str],
    cells: Mapping[str, Mapping[str, str]],
    lines: dict[str, int],
    dictionary: Dictionary,
    shown_as: str,
) -> list[Problem]:
    """Check the values of one entry against the dictionary and each other."""
    problems = []

    def wrong(key: str, reason: str, remedy: str) -> None:
        shown = texts.get(key, "")
        problems.append(problem_of(shown_as, lines.get(key, 1), key, reason, remedy, shown))

    table = dictionary.tables.get(texts.get("table", ""))
    if "table" in texts and table is None:
        near = nearest(texts["table"], list(dictionary.tables))
        known = f"tables: {', '.join(dictionary.tables)}"
        wrong("table", "is not a table", f"did you mean {near}?" if near else known)
    if table is not None:
        named = [(key, column) for key, block in cells.items() for column in block]
        for key, column in [("column", texts.get("column", "")), *named]:
            if key in lines and column not in table.fields:
                wrong(key, *_no_column(column, table))
        if texts.get("column") in table.key:
            wrong("column", f"names the rows of {table.name} and may not be corrected",
                  "withdraw the row, and add one with the right name")  # fmt: skip
    if texts.get("withdraw", "true").lower() != "true":
        wrong("withdraw", "is not true", "write `withdraw: true`, or remove the entry")
    for key in ("reason", "date", *(("by",) if "withdraw" in texts else ())):
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


def _no_column(column: str, table: Table) -> tuple[str, str]:
    near = nearest(column, list(table.fields))
    remedy = f"did you mean {near}?" if near else "name a column of the dictionary"
    return f"{column or '(blank)'} is not a column of {table.name}", remedy


def _pairs(node: yaml.MappingNode, shown_as: str, problems: list[Problem]) -> dict[str, yaml.Node]:
    pairs: dict[str, yaml.Node] = {}
    for key_node, value in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "(not a name)"
        if key in pairs:
            reason = f"the key is given twice, first on line {_line(pairs[key])}"
            problems.append(problem_of(shown_as, _line(key_node), key, reason, "keep one of them"))
        pairs.setdefault(key, value)
    return pairs


def _text(node: yaml.Node, key: str, shown_as: str, problems: list[Problem]) -> str:
    if isinstance(node, yaml.ScalarNode):
        if node.value and node.tag == "tag:yaml.org,2002:null":
            reason, remedy = "is YAML's sign for nothing", 'write "" for a blank, or quote the word'
            problems.append(problem_of(shown_as, _line(node), key, reason, remedy, str(node.value)))
        # Cells are read without the spaces around them.
        return str(node.value).strip()
    remedy = "write a text or a number"
    problems.append(problem_of(shown_as, _line(node), key, "is a list or a block", remedy))
    return ""


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-21")


def problem_of(
    file: str, line: int, key: str, reason: str, remedy: str, value: str = ""
) -> Problem:
    """Describe a problem of one entry."""
    return Problem(file, line, key, value, reason, remedy)
