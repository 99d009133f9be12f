"""Duplicates: the same study, arm or case under two names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from meta.config import TARGET_TYPES
from meta.evidence.counts import pooled_rows
from meta.evidence.links import identifiers

if TYPE_CHECKING:
    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem, Severity

COUNTS = ["n_trials", "n_capable", "n_at_risk", "n_goal_failure", "n_harm"]
DESCRIBING = ["environment", "agent", "condition"]
TOLD_BY = "study, environment, agent, condition"
#: What also has to agree before two pooled rows are certainly the same trials.
REST = ["arm_label", "unit", "n_agents", "agent_set", "conditioning", "overlap_set"]


def duplicate_arms(arms: TypedTable) -> list[Problem]:
    """Report arms that say the same of the same study under two names.

    Rows of different roles are not compared: a second definition of failure may well give the
    same counts. Nor are rows that no text describes, since counts alone may agree by chance.

    Parameters
    ----------
    arms : TypedTable
        The table of arms.

    Returns
    -------
    list of Problem
        An error where both rows are pooled and agree in everything that tells arms apart, their
        label included; a warning where the label agrees or is blank, or where only the labels of
        two rows differ that a rate would pool. Of two main rows of a neighbouring failure type
        whose labels differ it is a note: no rate counts their trials twice, and variants of one
        small test (6 of 10 under two wordings) agree by chance.
    """
    frame = arms.frame
    same = ["study_id", "failure_type", "role", *DESCRIBING, *COUNTS]
    described = frame[[*DESCRIBING, "arm_label"]].notna().any(axis="columns")
    usable = described & frame["n_trials"].notna() & frame["study_id"].notna()
    rows = frame[usable & frame.duplicated(same, keep=False)]
    if rows.empty:
        return []
    pooled = pooled_rows(arms)
    targets = arms.believed("failure_type").isin(TARGET_TYPES)
    alike = _firsts(rows, [*same, "arm_label"])
    alike_in_all = _firsts(rows, [*same, *REST, "sampling_frame"])
    alike_but_label = _firsts(rows[pooled[rows.index]], same)
    labelled = rows["arm_label"].dropna()
    problems: list[Problem] = []
    for row, first in alike_but_label.items():
        if row not in alike:
            problems.append(_arm_of_other_label(arms, row, first, targets[row]))
    for row, first in alike.items():
        named = row in labelled.index
        surely = row in alike_in_all and pooled[row] and pooled[alike_in_all[row]] and named
        problems.append(_arm(arms, row, first, "error" if surely else "warning"))
    return problems


def duplicate_cases(cases: TypedTable) -> list[Problem]:
    """Report cases with the same title, environment and study under two names.

    Parameters
    ----------
    cases : TypedTable
        The table of cases.

    Returns
    -------
    list of Problem
        Warnings: a composition would count the case twice.
    """
    columns = ["title", "study_id", "environment"]
    if not cases.has("title"):
        return []
    titles = cases.believed("title").str.lower()
    numbers, distinct = pd.factorize(titles)
    if len(distinct) == titles.count():
        return []
    number = pd.Series(numbers, index=titles.index)
    rows = cases.frame[titles.notna() & number.duplicated(keep=False)]
    keys = rows[["study_id", "environment", "_line"]].assign(title=titles[rows.index])
    remedy = "remove one of them, or say in the title what tells them apart"
    problems = []
    for row, first in _firsts(keys, columns).items():
        other = _named(cases, first)
        reason = f"the case has the title, study and environment of {other}"
        problems.append(cases.problem(row, "title", reason, remedy, "warning"))
    return problems


def duplicate_studies(studies: TypedTable) -> list[Problem]:
    """Report sources that stand under two names, so that one study would count as two.

    Parameters
    ----------
    studies : TypedTable
        The table of studies.

    Returns
    -------
    list of Problem
        Warnings for the same DOI or arXiv identifier, or the same title of the same year.
    """
    titles = studies.believed("title").str.lower().str.replace(r"\W+", " ", regex=True).str.strip()
    keys = pd.DataFrame({"title": titles, "year": studies.believed("year")}).dropna()
    problems: list[Problem] = []
    for row, first in _firsts(keys[keys["title"] != ""], ["title", "year"]).items():
        problems.append(_study(studies, row, first, "title", "title and year"))
    cells = studies.believed("url_or_id").dropna()
    found: dict[str, int] = {}
    for row, cell in zip(cells.index.tolist(), cells.tolist(), strict=True):
        for identifier in identifiers(cell):
            first = found.setdefault(identifier, row)
            if first != row:
                what = f"identifier {identifier}"
                problems.append(_study(studies, row, first, "url_or_id", what))
    return problems


def _firsts(rows: pd.DataFrame, columns: list[str]) -> dict[int, int]:
    """Position of each later row of a set of equal rows, and of the first of the set."""
    repeated = rows[rows.duplicated(columns, keep=False)]
    if repeated.empty:
        return {}
    numbers = repeated.groupby(columns, dropna=False, sort=False).ngroup()
    first = numbers.drop_duplicates()
    position = pd.Series(first.index, index=first.to_numpy())
    pairs = zip(numbers.index, numbers.map(position), strict=True)
    return {int(row): int(other) for row, other in pairs if row != other}


def _arm(arms: TypedTable, row: int, first: int, severity: Severity) -> Problem:
    reason = f"{TOLD_BY}, label and counts are the same as in {_named(arms, first)}"
    remedy = "remove one of them, or write what tells them apart in condition or arm_label"
    return arms.problem(row, "arm_id", reason, remedy, severity)


def _arm_of_other_label(arms: TypedTable, row: int, first: int, pooled: bool) -> Problem:
    other = _named(arms, first)
    reason = f"only the arm_label differs from {other}: {TOLD_BY} and counts are the same"
    if not pooled:
        remedy = "nothing to do if they are different trials"
        return arms.problem(row, "arm_label", reason, remedy, "note")
    remedy = "remove one of them if they are the same trials, else write in condition what differs"
    return arms.problem(row, "arm_label", reason, remedy, "warning")


def _study(studies: TypedTable, row: int, first: int, column: str, what: str) -> Problem:
    remedy = "use one study_id for both, or correct what makes them look the same"
    reason = f"the study has the {what} of {_named(studies, first)}"
    return studies.problem(row, column, reason, remedy, "warning")


def _named(typed: TypedTable, row: int) -> str:
    (key,) = typed.table.key
    return f"{typed.frame.loc[row, key]!s} on line {typed.line(row)}"
