"""Keys: each row named once, and every name that is used exists."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from meta.evidence.membership import among
from meta.evidence.near_names import nearest_key
from meta.evidence.problems import Problem
from meta.evidence.raw_table import TEXT
from meta.evidence.row_kinds import how_to_add
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.dictionary import Field

# Beyond so many pairs of names, looking for similar ones takes longer than it helps.
MOST_COMPARISONS = 100_000


def duplicate_problems(typed: TypedTable) -> list[Problem]:
    """Report rows whose key was used before.

    Parameters
    ----------
    typed : TypedTable
        The table.

    Returns
    -------
    list of Problem
        One for each later row, naming the line of the first; a warning where two names differ
        by letter case alone, an error where they are keys of references, which BibTeX does not
        tell apart.
    """
    key = list(typed.table.key)
    needed = [column for column in key if typed.table.fields[column].required]
    named = typed.frame[needed].notna().all(axis="columns").to_numpy(bool)
    rows = np.flatnonzero(named)
    codes = _key_codes(typed.frame, key)[rows]
    problems = []
    repeated = _repeated(codes)
    if len(repeated):
        first = _first_lines(typed, rows, codes)
        names = " and ".join(key)
        remedy = "give the row another name, or remove it"
        if len(key) > 1:
            remedy = (
                f"change {names} so that they differ, or remove the row; what stands there is "
                "mended in corrections.yaml"
            )
        problems += typed.problems(
            rows[repeated].tolist(), key[0],
            lambda row: f"the same {names} already stands on line {first[row]}", remedy,
        )  # fmt: skip
    if len(key) == 1 and typed.table.fields[key[0]].type == "id":
        problems += _case_problems(typed, key[0], rows, codes)
    return problems


def _key_codes(frame: pd.DataFrame, key: list[str]) -> np.ndarray:
    """Number the distinct keys; a blank is a value like any other."""
    codes = np.zeros(len(frame), np.int64)
    for column in key:
        part, found = pd.factorize(frame[column])
        # Numbered anew each time, so that no product of counts overflows.
        codes = pd.factorize(codes * (len(found) + 1) + part + 1)[0]
    return codes


def _repeated(codes: np.ndarray) -> np.ndarray:
    return np.flatnonzero(pd.Series(codes).duplicated().to_numpy())


def _first_lines(typed: TypedTable, rows: np.ndarray, codes: np.ndarray) -> dict[int, int]:
    """Line on which the key of each repeated row stands first."""
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    repeated = _repeated(codes)
    lines = typed.raw.lines[rows[first[which[repeated]]]]
    return dict(zip(rows[repeated].tolist(), lines.tolist(), strict=True))


def _case_problems(
    typed: TypedTable, column: str, rows: np.ndarray, codes: np.ndarray
) -> list[Problem]:
    """Warn of names that a reader, or a database, may take for each other."""
    lower = pd.factorize(typed.frame[column].str.lower())[0][rows]
    new = np.setdiff1d(_repeated(lower), _repeated(codes))
    if not len(new):
        return []
    first = _first_lines(typed, rows, lower)
    return typed.problems(
        rows[new].tolist(), column,
        lambda row: f"differs only by letter case from the {column} on line {first[row]}",
        "correct one of the two, or tell them apart by more than letter case",
        "error" if typed.table.name == "studies" else "warning",
    )  # fmt: skip


def _arrow(column: pd.Series) -> Any:
    return pa.chunked_array(pa.array(column, TEXT))


def reference_problems(typed: TypedTable, tables: Mapping[str, TypedTable]) -> list[Problem]:
    """Report names that no row of the table they refer to has.

    Parameters
    ----------
    typed : TypedTable
        The table whose references are checked.
    tables : mapping of str to TypedTable
        All tables, absent and unreadable ones too.

    Returns
    -------
    list of Problem
        Unknown names; none when the table they refer to could not be read whole.
    """
    problems: list[Problem] = []
    for field in typed.table.fields.values():
        targets = [(tables[table], column) for table, column in field.references]
        present = [(target, column) for target, column in targets if target.raw.present]
        if not targets or not all(target.raw.complete for target, _ in targets):
            continue
        if not all(target.has(column) for target, column in present):
            continue
        known = _known(present)
        used = _arrow(typed.believed(field.name))
        there = pc.or_(pc.is_null(used), pc.is_in(used, known)).to_numpy()
        rows = np.flatnonzero(~there).tolist()
        absent = [target.file for target, _ in targets if not target.raw.present]
        if rows and absent:
            problems.append(_unlooked(typed, field, rows, absent))
        elif rows:
            problems += _unknown(typed, field, rows, known)
    return problems


def ambiguous_problems(tables: Mapping[str, TypedTable], fields: Iterable[Field]) -> list[Problem]:
    """Report names that stand in more than one of the tables that one field refers to.

    Parameters
    ----------
    tables : mapping of str to TypedTable
        All tables, absent ones too.
    fields : iterable of Field
        Fields that may refer to several tables, such as the unit of a coding.

    Returns
    -------
    list of Problem
        Errors on both rows: whatever refers to the name would mean either.
    """
    problems: list[Problem] = []
    for field in fields:
        targets = [(tables[table], column) for table, column in field.references]
        targets = [(typed, column) for typed, column in targets if typed.has(column)]
        for (one, left), (other, right) in permutations(targets, 2):
            shared = among(one.believed(left), other.believed(right))
            if not shared.any():
                continue
            rows = one.rows(shared)
            names = other.believed(right)
            names = names[among(names, one.believed(left)[shared])]
            first = names[~names.duplicated()]
            where = dict(zip(first, other.raw.lines[first.index], strict=True))

            def say(
                row: int, typed: TypedTable = one, column: str = left,
                file: str = other.file, where: dict[str, int] = where,
            ) -> str:  # fmt: skip
                return f"the name stands on line {where[typed.shown(row, column)]} of {file} too"

            remedy = f"give one of them another name; {field.name} could mean either"
            problems += one.problems(rows, left, say, remedy)
    return problems


def _known(present: list[tuple[TypedTable, str]]) -> Any:
    """Names of the tables referred to, with those of rows that could not be read."""
    parts = [pa.array([], TEXT)]
    for target, column in present:
        parts += _arrow(target.frame[column].dropna()).chunks
        parts.append(pa.array(sorted(target.raw.loose), TEXT))
    return pa.concat_arrays(parts)


def _unlooked(typed: TypedTable, field: Field, rows: list[int], absent: list[str]) -> Problem:
    files = " and ".join(absent)
    number = counted(len(rows), "row")
    reason = f"the {field.label.lower()} of {number} is not there without {files}"
    remedy = f"add {files}; without it these rows are not used"
    return typed.problem(rows[0], field.name, reason, remedy, "warning")


def _unknown(typed: TypedTable, field: Field, rows: list[int], known: Any) -> list[Problem]:
    where = " or ".join(f"{table}.csv" for table, _ in field.references)
    used = _arrow(typed.frame[field.name].iloc[rows])
    values = used.unique()
    same = pc.index_in(pc.utf8_lower(values), pc.utf8_lower(known)).to_pylist()
    meant = {
        value: known[position].as_py()
        for value, position in zip(values.to_pylist(), same, strict=True)
        if position is not None
    }
    if len(values) * len(known) <= MOST_COMPARISONS:
        names = sorted(set(known.to_pylist()))
        for value in values.to_pylist():
            if value not in meant and (near := nearest_key(value, names, cutoff=0.8)):
                meant[value] = near
    texts = dict(zip(rows, used.to_pylist(), strict=True))

    def remedy(row: int) -> str:
        near = meant.get(texts[row])
        add = f"{how_to_add(field, texts[row])}, or correct it"
        return f"did you mean {near}? if not, {add}" if near else add

    reason = f"there is no such {field.label.lower()} in {where}"
    return typed.problems(rows, field.name, reason, remedy)
