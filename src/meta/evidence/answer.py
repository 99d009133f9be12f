"""One answer of a coder, judged before the next is asked for: as the check would judge its cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from meta.evidence.cells import TypedTable, type_table
from meta.evidence.coders import CODER_COLUMNS, undescribed
from meta.evidence.counts import arm_problems, order_problems
from meta.evidence.dates import future_problems
from meta.evidence.dictionary import load_dictionary
from meta.evidence.links import link_problems
from meta.evidence.near_names import nearest_key
from meta.evidence.near_values import STUDY, near_values
from meta.evidence.problems import escaped, show
from meta.evidence.raw_table import TEXT, RawTable
from meta.evidence.reading import read_table
from meta.evidence.row_kinds import how_to_add

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from meta.evidence.append import Contents
    from meta.evidence.dictionary import Field, Table
    from meta.evidence.problems import Problem

# Beyond so many names, looking for a similar one takes longer than it helps.
MOST_NAMES = 20_000


@dataclass(frozen=True)
class Fault:
    """What is wrong with an answer.

    Attributes
    ----------
    said : str
        What is wrong and how to mend it, on one line.
    certain : bool
        Whether no other answer could make it right; otherwise it may be kept.
    """

    said: str
    certain: bool


@dataclass
class Judge:
    """Judges the answers for one new row.

    Attributes
    ----------
    raw : Path
        Folder of the raw tables.
    table : Table
        Table of the row.
    contents : Contents
        Its file.
    day : datetime.date
        The day.
    """

    raw: Path
    table: Table
    contents: Contents
    day: date
    _names: dict[str, set[str]] = field(default_factory=dict)

    def fault(self, column: Field, value: str, given: Mapping[str, str]) -> Fault | None:
        """Say what is wrong with an answer.

        Parameters
        ----------
        column : Field
            The field that was asked for.
        value : str
            The answer; a blank has no fault here.
        given : mapping of str to str
            What was answered before, blanks too.

        Returns
        -------
        Fault or None
            The first thing that is wrong, certain ones first.
        """
        if not value:
            return None
        before, after = self._problems(given), self._problems({**given, column.name: value})
        new = [problem for problem in after if problem not in before]
        own = [p for p in new if p.column == column.name and p.severity == "error"]
        alone = {p.reason for p in self._problems({column.name: value})}
        for problem in own:
            return Fault(_said(problem), problem.reason in alone)
        unknown = self._unknown(column, value) or self._undescribed(column, value)
        if said := unknown or self._taken(column, value, given):
            return Fault(said, certain=True)
        for problem in [p for p in new if p.severity != "note"]:
            about = "" if problem.column == column.name else f"{problem.column} "
            return Fault(f"{about}{_said(problem)}", certain=False)
        said = self._near(column, value, given)
        return Fault(said, certain=False) if said else None

    def certain_faults(self, values: Mapping[str, str]) -> dict[str, str]:
        """Say of each value by itself what is wrong with it, whatever the others will be.

        Parameters
        ----------
        values : mapping of str to str
            Values by field.

        Returns
        -------
        dict of str to str
            Value, fault and remedy by field, of those that are wrong alone.
        """
        known = {n: v for n, v in values.items() if n in self.table.fields}
        faults = {n: self.fault(self.table.fields[n], v, {}) for n, v in known.items()}
        return {
            name: f"{show(known[name])}: {fault.said}"
            for name, fault in faults.items()
            if fault and fault.certain
        }

    def _problems(self, cells: Mapping[str, str]) -> list[Problem]:
        columns = {n: pa.chunked_array([pa.array([v or None], TEXT)]) for n, v in cells.items()}
        raw = RawTable(columns, np.array([2], np.int64), complete=True)
        typed, problems = type_table(raw, self.table, self.table.name)
        problems += order_problems(typed) + link_problems(typed, self.day)
        problems += future_problems(typed, self.day)
        problems += arm_problems(typed) if self.table.name == "arms" else []
        # Of a column that was not asked for yet, a blank says nothing.
        return [p for p in problems if cells.get(p.column) and not _awaited(p, typed)]

    def _unknown(self, column: Field, value: str) -> str:
        """Say that no row has the name that the answer refers to."""
        if not column.references:
            return ""
        known = set().union(*(self._keys(table, key) for table, key in column.references))
        where = " or ".join(f"{table}.csv" for table, _ in column.references)
        if value in known:
            return ""
        near = nearest_key(value, sorted(known)) if len(known) <= MOST_NAMES else None
        said = f"there is no such {column.label.lower()} in {where}"
        add = how_to_add(column, value)
        return escaped(f"{said}: did you mean {near}? if not, {add}" if near else f"{said}: {add}")

    def _undescribed(self, column: Field, value: str) -> str:
        """Say that the coder is not described, where coders are."""
        if CODER_COLUMNS.get(self.table.name) != column.name:
            return ""
        known = self._keys("coders", "coder")
        return "" if value in known or not known else escaped(": ".join(undescribed(value, known)))

    def _keys(self, table: str, key: str) -> set[str]:
        if table not in self._names:
            path = self.raw / f"{table}.csv"
            raw, _ = read_table(path, str(path), load_dictionary()[table])
            cells = raw.columns.get(key)
            self._names[table] = set() if cells is None else set(cells.unique().to_pylist())
        return self._names[table]

    def _taken(self, column: Field, value: str, given: Mapping[str, str]) -> str:
        """Say that a row of the file has the key already."""
        key = self.table.key
        if column.name not in key or any(k not in given for k in key if k != column.name):
            return ""
        wanted = tuple(value if k == column.name else given[k] for k in key)
        if wanted not in set(zip(*(self.contents.column(k) for k in key), strict=False)):
            return ""
        return f"a row of {self.table.name}.csv has this {' and '.join(key)} already: write another"

    def _near(self, column: Field, value: str, given: Mapping[str, str]) -> str:
        """Say that an answer is almost spelt as a value of several rows."""
        if column.type != "category" or column.values is not None:
            return ""
        cells = self.contents.column(column.name)
        if column.source_spelling and given.get(STUDY):
            studies = self.contents.column(STUDY)
            cells = [c for c, s in zip(cells, studies, strict=False) if s == given[STUDY]]
        counts = Counter(cell for cell in cells if cell)
        other = near_values({**counts, value: 1}).get(value) if value not in counts else None
        return f"is almost spelt as {show(other)}, which {counts[other]} rows have" if other else ""


def _awaited(problem: Problem, typed: TypedTable) -> bool:
    """Whether a problem is that a column is blank which is asked for later."""
    needed = typed.table.fields[problem.column].needs
    return needed is not None and not typed.has(needed)


def _said(problem: Problem) -> str:
    return escaped(f"{problem.reason}: {problem.remedy}")
