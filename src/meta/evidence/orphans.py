"""Orphans: rows that nothing else in the base names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.evidence.coders import CODER_COLUMNS
from meta.evidence.dates import UNIT_TABLES
from meta.evidence.findings import told_once
from meta.evidence.membership import among

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem


def orphan_problems(tables: Mapping[str, TypedTable]) -> list[Problem]:
    """Report studies without any row, units without any coding, and coders without one.

    Parameters
    ----------
    tables : mapping of str to TypedTable
        All tables.

    Returns
    -------
    list of Problem
        Notes, one for each table; none where the table that might name the rows is absent or
        could not be read whole.
    """
    return [*_studies(tables), *_units(tables), *_coders(tables)]


def _studies(tables: Mapping[str, TypedTable]) -> list[Problem]:
    studies = tables["studies"]
    used: set[str] = set()
    for typed in tables.values():
        if typed.table.name == "studies":
            continue
        if not _readable(typed):
            return []
        for name in ("study_id", "study_id_or_source"):
            if name in typed.table.fields:
                used.update(typed.frame[name].dropna().unique())
    names = studies.believed("study_id")
    reason = "no arm, case or other row names the study"
    remedy = "nothing to do, or add what it reports"
    wrong = names.notna() & ~names.isin(list(used))
    return told_once(studies, wrong, "study_id", reason, remedy, "note", "study-unused")


def _units(tables: Mapping[str, TypedTable]) -> list[Problem]:
    codings = tables["codings"]
    if not codings.raw.present or not _readable(codings):
        return []
    coded = codings.frame["unit_id"]
    problems: list[Problem] = []
    for name, key in UNIT_TABLES.items():
        typed = tables[name]
        ids = typed.believed(key)
        known = among(ids, coded)
        # A base that codes its cases alone has not forgotten its arms.
        wrong = ids.notna() & ~known & bool(known.any())
        reason = "no coding is of the unit"
        remedy = "nothing to do, or code them; models that use codes leave them out"
        problems += told_once(typed, wrong, key, reason, remedy, "note", "uncoded")
    return problems


def _coders(tables: Mapping[str, TypedTable]) -> list[Problem]:
    coders = tables["coders"]
    if not all(_readable(tables[name]) for name in CODER_COLUMNS):
        return []
    names = coders.believed("coder")
    wrong = names.notna()
    for name, column in CODER_COLUMNS.items():
        wrong &= ~among(names, tables[name].frame[column])
    reason = "no coding, contrast or row of the audit is by the coder"
    remedy = "nothing to do, or write the name as in codings.csv"
    return told_once(coders, wrong, "coder", reason, remedy, "note", "coder-unused")


def _readable(typed: TypedTable) -> bool:
    """Whether every row that might name another could be read."""
    return not typed.raw.present or (typed.raw.complete and not typed.raw.loose)
