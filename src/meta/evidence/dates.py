"""Dates and years that cannot be: in the future, or before what they describe."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem

#: Tables whose rows are units of the codings, and their keys.
UNIT_TABLES = {"cases": "case_id", "arms": "arm_id"}


def future_problems(typed: TypedTable, today: date) -> list[Problem]:
    """Report dates and years that have not come yet.

    Parameters
    ----------
    typed : TypedTable
        Any table.
    today : date
        Day of the check. A date of the next day is legal: it may be that day elsewhere.

    Returns
    -------
    list of Problem
        Warnings: the clock of the checking machine may be wrong.
    """
    problems: list[Problem] = []
    tomorrow = (today + timedelta(days=1)).isoformat()
    for field in typed.table.fields.values():
        if field.type == "date" and typed.has(field.name):
            # ISO dates sort as text.
            future = typed.believed(field.name) > tomorrow
            reason, remedy = f"is after today ({today})", "correct the date"
        elif field.format == "year" and typed.has(field.name):
            future = typed.believed(field.name) > today.year
            reason, remedy = f"is after this year ({today.year})", "correct the year"
        else:
            continue
        problems += typed.problems(typed.rows(future), field.name, reason, remedy, "warning")
    return problems


def order_of_dates(tables: Mapping[str, TypedTable]) -> list[Problem]:
    """Report rows that were written before the year of the study that they come from.

    Parameters
    ----------
    tables : mapping of str to TypedTable
        All tables.

    Returns
    -------
    list of Problem
        Warnings, one for each such date.
    """
    studies = tables["studies"]
    years = _lookup(studies.believed("study_id"), studies.believed("year"))
    problems: list[Problem] = []
    for name in UNIT_TABLES:
        typed = tables[name]
        if typed.has("added_on") and typed.has("study_id"):
            of_row = typed.believed("study_id")
            problems += _too_early(typed, "added_on", of_row, years)
    codings = tables["codings"]
    if codings.has("coded_on"):
        early = _maybe_early(codings.believed("coded_on"), years)
        if early.any():
            study_of = pd.concat([_studies_of(tables[n], key) for n, key in UNIT_TABLES.items()])
            study_of = study_of[~study_of.index.duplicated()]
            of_row = codings.believed("unit_id").map(study_of)
            problems += _too_early(codings, "coded_on", of_row, years)
    return problems


def _lookup(keys: pd.Series, values: pd.Series) -> pd.Series:
    usable = keys.notna() & values.notna() & ~keys.duplicated()
    return pd.Series(values[usable].to_numpy(), index=keys[usable].to_numpy())


def _studies_of(typed: TypedTable, key: str) -> pd.Series:
    return _lookup(typed.believed(key), typed.believed("study_id"))


def _maybe_early(dates: pd.Series, years: pd.Series) -> pd.Series:
    """Rows dated before the youngest study: mostly none, which spares the look-up of each row."""
    if years.empty:
        return dates.isna() & False
    return (dates < f"{int(years.max()):04d}").fillna(False).astype(bool)


def _too_early(
    typed: TypedTable, column: str, studies: pd.Series, years: pd.Series
) -> list[Problem]:
    dates = typed.believed(column)
    early = _maybe_early(dates, years)
    if not early.any():
        return []
    year = studies[early].map(years).astype("Int64")
    wrong = dates[early].str.slice(0, 4).astype("Int64") < year
    remedy = "correct the date, or the year of the study"
    problems = []
    for row in typed.rows(wrong):
        reason = f"is before the year of the study ({year[row]})"
        problems.append(typed.problem(row, column, reason, remedy, "warning"))
    return problems
