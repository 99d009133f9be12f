"""Counts of a row against each other, and what an arm's role allows them to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pandas as pd

from meta.evidence.problems import Problem
from meta.plural import counted

if TYPE_CHECKING:
    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Severity

OBSERVED = ("n_capable", "n_goal_failure", "n_harm")
#: Share of the capable trials at risk below which a note asks for the others.
AT_RISK_SHARE = 0.9
CATALOGUES = ("case_series", "case_control", "anecdote")


def order_problems(typed: TypedTable) -> list[Problem]:
    """Report counts that exceed the count they are part of, or that lack it.

    Parameters
    ----------
    typed : TypedTable
        Any table whose dictionary entry orders its counts.

    Returns
    -------
    list of Problem
        One for each such cell.
    """
    problems: list[Problem] = []
    for field in typed.table.fields.values():
        if field.at_most is not None:
            problems += _exceeding(typed, field.name, field.at_most)
        if field.needs is not None:
            problems += _lacking(typed, field.name, field.needs)
    return problems


def arm_problems(arms: TypedTable) -> list[Problem]:
    """Report arms whose counts cannot be what their role or conditioning says.

    Parameters
    ----------
    arms : TypedTable
        The table of arms.

    Returns
    -------
    list of Problem
        Errors for arms that would corrupt a rate, notes for what is assumed.
    """
    return [*_unobserved(arms), *_conditioning(arms), *_frame(arms), *_grade(arms)]


def _exceeding(typed: TypedTable, part: str, whole: str) -> list[Problem]:
    wholes = typed.believed(whole)
    return typed.problems(
        typed.rows(typed.believed(part) > wholes),
        part,
        lambda row: f"{part} is more than {whole} ({wholes[row]}), of which it is a part",
        f"correct {part} or {whole}",
    )


def _lacking(typed: TypedTable, part: str, whole: str) -> list[Problem]:
    rows = typed.rows(typed.frame[part].notna() & typed.blank(whole))
    remedy = f"write {whole}, the count out of which {part} was counted, or leave {part} blank"
    if rows and not typed.has(whole):
        given = counted(len(rows), "row")
        reason = f"{part} is given on {given} and there is no column {whole}"
        return [Problem(typed.file, 1, whole, "", reason, f"add the column, and {remedy}")]
    reason = f"{part} is given and {whole} is blank"
    return typed.problems(rows, part, reason, remedy)


def _unobserved(arms: TypedTable) -> list[Problem]:
    blank = arms.blank(OBSERVED[0])
    for column in OBSERVED[1:]:
        blank &= arms.blank(column)
    main = arms.believed("role") == "main"
    reason = "the arm has no observed count"
    names = ", ".join(OBSERVED)
    remedy = f"write at least one of {names}, or change the role"
    problems = arms.problems(arms.rows(blank & main), "n_goal_failure", reason, remedy)
    remedy = f"nothing to do; a main arm would need one of {names}"
    rows = arms.rows(blank & ~main)
    return problems + arms.problems(rows, "n_goal_failure", reason, remedy, "note")


def _conditioning(arms: TypedTable) -> list[Problem]:
    at_risk, capable = arms.believed("n_at_risk"), arms.believed("n_capable")
    conditioning = arms.believed("conditioning")
    problems = arms.problems(
        arms.rows((conditioning == "given_capability") & (at_risk > capable)),
        "n_at_risk",
        lambda row: f"n_at_risk is more than n_capable ({capable[row]}) under given_capability",
        "correct one of the two, or write all_trials if all trials were at risk",
    )
    problems += _partly_at_risk(arms) + _capable_at_risk(arms) + _failing_unable(arms)
    unknown = (conditioning == "given_capability") & arms.blank("n_capable")
    unknown &= at_risk.notna() & arms.believed("n_goal_failure").notna()
    problems += arms.problems(
        arms.rows(unknown),
        "n_capable",
        lambda row: (
            f"is blank under given_capability, where n_at_risk ({at_risk[row]}) counts "
            "capable trials: the arm says nothing of capability"
        ),
        "write how many of n_trials were capable (n_at_risk, if each capable trial was at risk), "
        "or nothing if the source does not tell",
        "warning",
    )
    blank = arms.blank("conditioning")
    reason = "conditioning is blank and n_at_risk is at most n_capable: read as given_capability"
    remedy = "write given_capability if so, or all_trials"
    rows = arms.rows(blank & (at_risk <= capable))
    problems += arms.problems(rows, "conditioning", reason, remedy, "note")
    reason = "conditioning is blank and n_at_risk is more than n_capable: read as all_trials"
    remedy = "write all_trials if so, or correct the counts"
    rows = arms.rows(blank & (at_risk > capable))
    return problems + arms.problems(rows, "conditioning", reason, remedy, "note")


def _partly_at_risk(arms: TypedTable) -> list[Problem]:
    """Arms whose trials at risk are said to be all trials, and are not."""
    trials = arms.believed("n_trials")
    fewer = (arms.believed("conditioning") == "all_trials") & (arms.believed("n_at_risk") < trials)
    remedy = (
        "write given_capability if the others were not capable; if they were left out of the "
        "count, leave them out of n_trials too"
    )
    # A selection among the trials would pass for the product of both stages where it is pooled.
    pooled = pooled_rows(arms)
    return [
        problem
        for rows, severity in ((fewer & pooled, "warning"), (fewer & ~pooled, "note"))
        for problem in arms.problems(
            arms.rows(rows), "n_at_risk",
            lambda row: f"n_at_risk is less than n_trials ({trials[row]}) under all_trials, which "
                        "says that every trial was at risk",
            remedy, cast("Severity", severity),
        )
    ]  # fmt: skip


def _capable_at_risk(arms: TypedTable) -> list[Problem]:
    """Arms in which many capable trials were not at risk: nothing is known of the others."""
    at_risk, capable = arms.believed("n_at_risk"), arms.believed("n_capable")
    few = (arms.believed("conditioning") == "given_capability") & (
        at_risk < AT_RISK_SHARE * capable
    )
    few &= capable <= arms.believed("n_trials")
    return arms.problems(
        arms.rows(few), "n_at_risk",
        lambda row: f"is less than n_capable ({capable[row]}) under given_capability: of the other "
                    "capable trials nothing is known",
        "nothing to do if the source leaves them out; else write n_capable", "note",
    )  # fmt: skip


def _failing_unable(arms: TypedTable) -> list[Problem]:
    """Arms with more goal failures than capable trials: models take failures for capable ones."""
    failing, capable = arms.believed("n_goal_failure"), arms.believed("n_capable")
    more = (arms.believed("conditioning") == "all_trials") & (failing > capable)
    return arms.problems(
        arms.rows(more), "n_goal_failure",
        lambda row: f"is more than n_capable ({capable[row]}) under all_trials: some failures are "
                    "of trials without capability, which models take for goal failures",
        "count only failures of capable trials, or leave n_capable blank if the source has another "
        "notion of it", "warning",
    )  # fmt: skip


def _frame(arms: TypedTable) -> list[Problem]:
    frame = arms.believed("sampling_frame")
    main = arms.believed("role") == "main"
    reason = "a main arm needs a denominator, and a catalogue of failures has none"
    remedy = (
        "move the row to cases.csv, or give the count of all trials with sampling_frame "
        "denominator, or another role"
    )
    rows = arms.rows(main & frame.isin(CATALOGUES))
    problems = arms.problems(rows, "sampling_frame", reason, remedy)
    reason = "main arms whose trials were selected on success are shown and never pooled"
    remedy = "nothing to do, or give the count of all trials with sampling_frame denominator"
    rows = arms.rows(main & (frame == "conditioned"))
    return problems + arms.problems(rows, "sampling_frame", reason, remedy, "note")


def _grade(arms: TypedTable) -> list[Problem]:
    wrong = (arms.believed("role") == "main") & (arms.believed("grade") == "D")
    reason = "a main arm may not rest on memory (grade D)"
    remedy = "read the count in a source and grade it A to C, or move it to arms_unverified.csv"
    return arms.problems(arms.rows(wrong), "grade", reason, remedy)


def pooled_rows(arms: TypedTable) -> pd.Series:
    """Rows that the rate models pool, whatever their failure type.

    Parameters
    ----------
    arms : TypedTable
        The table of arms.

    Returns
    -------
    Series of bool
        Main arms with a plain denominator.
    """
    main = arms.believed("role") == "main"
    plain = arms.believed("sampling_frame") == "denominator"
    return (main & plain).fillna(False).astype(bool)
