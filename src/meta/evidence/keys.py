"""Keys: each row named once, and every name that is used exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.evidence.problems import Problem
from meta.evidence.reading import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.dictionary import Field

# Beyond these, looking for a similar name takes longer than it helps.
MOST_SUGGESTIONS = 50
LARGEST_SEARCHED = 20_000


def duplicate_problems(typed: TypedTable) -> list[Problem]:
    """Report rows whose key was used before.

    Parameters
    ----------
    typed : TypedTable
        The table.

    Returns
    -------
    list of Problem
        One for each later row, naming the line of the first.
    """
    key = list(typed.table.key)
    needed = [column for column in key if typed.table.fields[column].required]
    named = typed.frame[needed].notna().all(axis="columns")
    keys = typed.frame.loc[named, [*key, "_line"]]
    repeated = keys.duplicated(key, keep="first")
    if not repeated.any():
        return []
    first = keys.groupby(key, dropna=False, sort=False)["_line"].transform("first")
    names = " and ".join(key)
    remedy = "give the row another name, or remove it"
    if len(key) > 1:
        remedy = f"change {names} so that they differ, or remove the row"
    return [
        typed.problem(
            row, key[0], f"the same {names} already stands on line {int(first[row])}", remedy
        )
        for row in typed.rows(repeated)
    ]


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
        known: set[str] = set()
        for target, column in present:
            known.update(target.frame[column].dropna())
            known.update(target.raw.loose)
        used = typed.believed(field.name)
        rows = typed.rows(used.notna() & ~used.isin(list(known)))
        absent = [target.file for target, _ in targets if not target.raw.present]
        if rows and absent:
            problems.append(_unlooked(typed, field, rows, absent))
        elif rows:
            problems += _unknown(typed, field, rows, sorted(known))
    return problems


def _unlooked(typed: TypedTable, field: Field, rows: list[int], absent: list[str]) -> Problem:
    files = " and ".join(absent)
    reason = f"{len(rows)} rows name a {field.label.lower()} that is not there without {files}"
    remedy = f"add {files}; without it these rows are not used"
    return typed.problem(rows[0], field.name, reason, remedy, "warning")


def _unknown(typed: TypedTable, field: Field, rows: list[int], known: list[str]) -> list[Problem]:
    where = " or ".join(f"{table}.csv" for table, _ in field.references)
    values = typed.frame.loc[rows, field.name]
    distinct = list(values.unique())
    search = len(distinct) <= MOST_SUGGESTIONS and len(known) <= LARGEST_SEARCHED
    remedies = {}
    for value in distinct:
        near = nearest(value, known, cutoff=0.8) if search else None
        add = f"add it to {where}, or correct it"
        remedies[value] = f"did you mean {near}? if not, {add}" if near else add
    reason = f"there is no such {field.label.lower()} in {where}"
    return [typed.problem(row, field.name, reason, remedies[values[row]]) for row in rows]
