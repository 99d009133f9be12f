"""Withdrawn rows: taken out of the evidence, kept for the record, and nothing left behind them.

A row that should never have been used is not deleted from its file. An entry of the corrections
names it by what it holds, says why, and takes it out; rows that refer to it have to go too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from meta.evidence.corrections import COLUMNS, Corrected, located
from meta.evidence.corrections_file import FILE, Correction, Withdrawal, problem_of
from meta.evidence.raw_table import TEXT
from meta.evidence.taxonomies import NO_UNIT, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meta.evidence.dictionary import Dictionary, Table
    from meta.evidence.problems import Problem
    from meta.evidence.raw_table import RawTable

# Rows named in a message; the others are counted.
MOST_NAMED = 12


def withdraw_rows(
    entries: Iterable[Correction | Withdrawal],
    tables: Mapping[str, RawTable],
    dictionary: Dictionary,
    corrected: Corrected,
) -> None:
    """Take rows out of the corrected tables.

    Parameters
    ----------
    entries : iterable of Correction or Withdrawal
        Entries in file order; corrections have been applied.
    tables : mapping of str to RawTable
        Tables as read, which the entries are held against.
    dictionary : Dictionary
        The keys of the tables, and what refers to them.
    corrected : Corrected
        Receives the tables without the rows, the rows themselves, a record of each, and what is
        wrong with the entries. An entry with a problem takes nothing out.
    """
    gone: dict[str, dict[int, Withdrawal]] = {}
    withdrawals = [entry for entry in entries if isinstance(entry, Withdrawal)]
    for entry in withdrawals:
        raw = tables[entry.table]
        if raw.present and not raw.columns:
            continue  # nothing of the file could be read, which is a problem of its own
        rows, problem = located(entry, raw, (*entry.where, *entry.expect), 1)
        problem = problem or (_unfit(entry, raw, rows[0], gone, corrected) if rows else None)
        if problem is not None:
            corrected.problems.append(problem)
        elif rows:
            gone.setdefault(entry.table, {})[rows[0]] = entry
            corrected.applied.append(_record(entry, raw, rows[0]))
    for name, entries_of_rows in gone.items():
        leaving = np.zeros(len(tables[name].lines), bool)
        leaving[list(entries_of_rows)] = True
        corrected.withdrawn[name] = corrected.tables[name].kept(leaving)
        corrected.tables[name] = corrected.tables[name].kept(~leaving)
    done = [entry for rows in gone.values() for entry in rows.values()]
    corrected.problems += _left_behind(done, tables, dictionary, corrected)


def _left_behind(
    entries: Iterable[Withdrawal],
    tables: Mapping[str, RawTable],
    dictionary: Dictionary,
    corrected: Corrected,
) -> list[Problem]:
    """Report rows that refer to a withdrawn row, at its entry."""
    problems = []
    for entry in entries:
        table = dictionary[entry.table]
        if len(table.key) != 1:
            continue  # nothing refers to a row by several cells
        (key,) = table.key
        name = tables[entry.table].cell(key, located(entry, tables[entry.table], (), 1)[0][0])
        named = [text for other in dictionary for text in _referring(other, table, name, corrected)]
        if named:
            more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
            reason = f"rows refer to the withdrawn row: {', '.join(named[:MOST_NAMED])}{more}"
            remedy = "withdraw them too, or correct what they refer to"
            problems.append(problem_of(FILE, entry.line, key, reason, remedy, name))
    return problems


def told_already(problem: Problem, corrected: Corrected, dictionary: Dictionary) -> bool:
    """Whether a problem is an unknown name of which the withdrawal of its row tells already."""
    if problem.code != "unknown-key" or not corrected.withdrawn:
        return False
    name = problem.file.rpartition("/")[2].removesuffix(".csv")
    field = dictionary[name].fields.get(problem.column)
    return field is not None and any(
        _holds(corrected.withdrawn.get(table), column, problem.value)
        for table, column in field.references
    )


def of_withdrawn_unit(problem: Problem, corrected: Corrected) -> Problem:
    """Say of a taxonomy item's unit that its row is withdrawn, where that is why it is missing."""
    unit = problem.reason.removeprefix(NO_UNIT)
    if unit == problem.reason or not any(
        _holds(corrected.withdrawn.get(table), column, unit) for table, column in UNITS.items()
    ):
        return problem
    return replace(
        problem,
        reason=f"{unit} is withdrawn in {FILE}, and the item still lists it",
        remedy=f"take {unit} out of the list by a correction of this cell in {FILE}",
    )


def withdrawn_frames(corrected: Corrected) -> dict[str, pd.DataFrame]:
    """Withdrawn rows by table, as text, with their ``_line``."""
    return {
        name: pd.DataFrame(
            {
                **{
                    c: pd.array(cells.cast(TEXT), dtype="string")
                    for c, cells in raw.columns.items()
                },
                "_line": raw.lines,
            }
        )
        for name, raw in corrected.withdrawn.items()
    }


def _unfit(
    entry: Withdrawal,
    raw: RawTable,
    row: int,
    gone: Mapping[str, Mapping[int, Withdrawal]],
    corrected: Corrected,
) -> Problem | None:
    """Say why a row is not the one that the entry was written for."""
    file, line = f"data/raw/{entry.table}.csv", int(raw.lines[row])
    earlier = gone.get(entry.table, {}).get(row)
    if earlier is not None:
        reason = f"{file} line {line} is already withdrawn on line {earlier.line}"
        return problem_of(FILE, entry.line, "withdraw", reason, "keep one of the two", "true")
    at = [where for (name, n, _), where in corrected.cells.items() if (name, n) == (file, line)]
    if at:
        reason = f"{file} line {line} is withdrawn here and already corrected on line {at[0]}"
        return problem_of(FILE, entry.line, "withdraw", reason, "keep one of the two", "true")
    for column, value in entry.expect.items():
        there = raw.cell(column, row)
        if there != value:
            reason = f"is stale: {column} of {file} line {line} holds {there or '(blank)'}"
            remedy = "look at the row again, then write what stands there, or remove the entry"
            at_cell = entry.lines.get(f"expect.{column}", entry.lines["expect"])
            return problem_of(FILE, at_cell, "expect", reason, remedy, value)
    return None


def _record(entry: Withdrawal, raw: RawTable, row: int) -> dict[str, str | int]:
    named = {**entry.where, **entry.expect}
    cells = "; ".join(f"{column} = {value or '(blank)'}" for column, value in named.items())
    key = "; ".join(entry.where.values())
    values = (entry.table, key, int(raw.lines[row]), "", cells, "", entry.reason, entry.date,
              entry.by, entry.source, entry.line)  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _referring(other: Table, table: Table, name: str, corrected: Corrected) -> list[str]:
    """Rows of a table that refer to a name, such as ``ARM001 of arms (line 2)``."""
    raw = corrected.tables[other.name]
    found = []
    for field in other.fields.values():
        if (table.name, table.key[0]) not in field.references or field.name not in raw.columns:
            continue
        if any(_holds(corrected.tables[where], column, name) for where, column in field.references):
            continue  # another row has the name
        same = pc.equal(raw.columns[field.name].cast(TEXT), pa.scalar(name, TEXT)).fill_null(False)
        for row in np.flatnonzero(same.to_numpy()):
            key = " / ".join(raw.cell(c, int(row)) for c in other.key if c in raw.columns)
            found.append(f"{key} of {other.name} (line {int(raw.lines[row])})")
    return found


def _holds(raw: RawTable | None, column: str, name: str) -> bool:
    """Whether a column of a table holds a text."""
    if raw is None or column not in raw.columns:
        return False
    return bool(pc.any(pc.equal(raw.columns[column].cast(TEXT), name)).as_py())
