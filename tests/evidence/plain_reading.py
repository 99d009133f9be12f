"""What a reader that knows nothing but CSV, YAML and the dictionary's types sees in the tables."""

from __future__ import annotations

import csv
import io
from functools import cache

import pandas as pd
import yaml

from meta.config import DENOMINATOR_FILTER
from meta.evidence.dictionary import load_dictionary

FILTER = {column: set(values) for column, values in DENOMINATOR_FILTER.items()}
COUNTS = ("n_trials", "n_capable", "n_at_risk", "n_goal_failure", "n_harm")

Rows = list[dict[str, str]]
#: Study, conditioning and counts of each arm that would be pooled, by name.
Pooled = dict[str, tuple[str | int | None, ...]]


def read_plainly(data: bytes) -> Rows:
    """Rows as the csv module reads them; blank records and cells without a column left out."""
    text = data.decode("utf-8-sig")
    records = [
        [cell.strip() for cell in row]
        for row in csv.reader(io.StringIO(text, newline=""))
        if any(cell.strip() for cell in row)
    ]
    if not records:
        return []
    header = records[0]
    return [
        {name: row[i] if i < len(row) else "" for i, name in enumerate(header) if name}
        for row in records[1:]
    ]


def pooled(rows: Rows) -> Pooled:
    """Arms that would be pooled: their study, counts and conditioning by name."""
    return {
        row["arm_id"]: (
            row["study_id"],
            row.get("conditioning") or None,
            *(int(row[name]) if row.get(name) else None for name in COUNTS),
        )
        for row in rows
        if all(row.get(column, "") in legal for column, legal in FILTER.items())
    }


def accepted(frame: pd.DataFrame) -> Rows:
    """Typed rows as texts; what is not there is a blank."""
    return [
        {str(name): "" if pd.isna(value) else str(value) for name, value in row.items()}
        for row in frame.drop(columns="_line").to_dict("records")
    ]


@cache
def entries(data: bytes) -> list[dict]:
    """Corrections as a plain YAML reader sees them, all texts; none if it cannot read them."""
    try:
        read = yaml.load(data.decode("utf-8-sig"), yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return []
    return [e for e in read if isinstance(e, dict)] if isinstance(read, list) else []


def correct(rows: Rows, name: str, written: list[dict], applied: list[dict]) -> Rows:
    """Rows with the written corrections that are said to have been applied."""
    for entry in written:
        where, texts = entry.get("where"), {k: v for k, v in entry.items() if k != "where"}
        if not isinstance(where, dict) or not all(
            isinstance(text, str) for text in (*where.values(), *texts.values())
        ):
            continue
        where = {key: text.strip() for key, text in where.items()}
        texts = {key: text.strip() for key, text in texts.items()}
        column, value = texts.get("column", ""), texts.get("value", "")
        said = {"table": texts.get("table"), "column": column, "to_value": value}
        if said["table"] != name or not any(said.items() <= one.items() for one in applied):
            continue
        for row in rows:
            if where.items() <= row.items() and row[column] == texts.get("expect"):
                row[column] = value
    return rows


def unlike(name: str, rows: Rows, seen: Rows) -> str:
    """Say where the accepted rows are not what stands in the file; empty if nowhere."""
    if len(rows) != len(seen):
        return f"{len(seen)} rows accepted, {len(rows)} in the file"
    fields = load_dictionary()[name].fields
    for number, (row, typed) in enumerate(zip(rows, seen, strict=True)):
        for column, value in typed.items():
            cell = row.get(column, "")
            kind = fields[column].type if column in fields else "text"
            same = cell == value
            if kind in ("integer", "number") and cell and value:
                number = int if kind == "integer" else float
                same = cell.isascii() and "_" not in cell and number(cell) == number(value)
            if not same:
                return f"row {number}, {column}: {value!r} accepted, {cell!r} in the file"
    return ""


@cache
def _lines(name: str, data: bytes) -> tuple[str, list[tuple[str, tuple[str, ...]]]]:
    """Header of a file without line breaks in cells, and its other lines with their keys."""
    key = load_dictionary()[name].key
    header, *lines = data.decode().splitlines()
    rows = [dict(zip(header.split(","), next(csv.reader([e])), strict=False)) for e in lines]
    keys = [tuple(row.get(column, "") for column in key) for row in rows]
    return header, list(zip(lines, keys, strict=True))


def lost(name: str, before: bytes, after: bytes, seen: Rows) -> str:
    """Name a record whose line stands untouched in the file and which was not read."""
    lines = set(after.decode("utf-8-sig").splitlines())
    header, records = _lines(name, before)
    if header not in lines:
        return ""
    key = load_dictionary()[name].key
    there = {tuple(row.get(column, "") for column in key) for row in seen}
    for line, name_of in records:
        if line in lines and name_of not in there:
            return f"the line of {name_of} stands in the file, and no row has it"
    return ""
