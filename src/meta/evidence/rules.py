"""Rules of the evidence beyond types, keys and counts: one call for all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meta.evidence.arm_sets import arm_set_problems
from meta.evidence.codings import coding_problems
from meta.evidence.contrasts import contrast_problems
from meta.evidence.dates import future_problems, order_of_dates
from meta.evidence.duplicates import duplicate_arms, duplicate_cases, duplicate_studies
from meta.evidence.findings import told_once
from meta.evidence.links import link_problems
from meta.evidence.near_values import near_value_problems
from meta.evidence.orphans import orphan_problems
from meta.evidence.printed_figures import printed_problems
from meta.evidence.taxonomies import audit_problems
from meta.evidence.templates import worked_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from meta.evidence.cells import TypedTable
    from meta.evidence.dictionary import Dictionary
    from meta.evidence.problems import Problem


def rule_problems(
    tables: Mapping[str, TypedTable],
    dictionary: Dictionary,
    found: Iterable[Problem] = (),
    today: date | None = None,
) -> list[Problem]:
    """Hold all tables against the rules that need more than one cell or a judgement.

    Parameters
    ----------
    tables : mapping of str to TypedTable
        Every table of the dictionary, absent ones too.
    dictionary : Dictionary
        The dictionary that they were typed by.
    found : iterable of Problem, optional
        What other checks found. While there are errors, no notes are added to them: a row with
        an error may be what a note would miss.
    today : date, optional
        Day of the check; by default the present day in UTC.

    Returns
    -------
    list of Problem
        Errors, warnings and notes.
    """
    day = today or datetime.now(UTC).date()
    problems: list[Problem] = []
    for typed in tables.values():
        problems += link_problems(typed, day)
        problems += future_problems(typed, day)
        problems += _long_texts(typed)
        problems += _worked_rows(typed)
        problems += near_value_problems(typed)
    problems += [
        *order_of_dates(tables),
        *duplicate_studies(tables["studies"]),
        *duplicate_arms(tables["arms"]),
        *duplicate_cases(tables["cases"]),
        *printed_problems(tables["arms"]),
        *arm_set_problems(tables["arms"]),
        *coding_problems(tables, dictionary.codebook),
        *contrast_problems(tables),
        *audit_problems(tables),
        *orphan_problems(tables),
    ]
    if any(problem.severity == "error" for problem in (*found, *problems)):
        return [problem for problem in problems if problem.severity != "note"]
    return problems


def _worked_rows(typed: TypedTable) -> list[Problem]:
    """Rows left over from a template: an invented study must not be pooled unnoticed."""
    examples = worked_row(typed.table)
    present = [name for name in examples if typed.has(name)]
    if not present:
        return []
    key = typed.table.key[0]
    rows = typed.rows(typed.believed(key) == examples[key]) if typed.has(key) else []
    reason = "the row is the worked row of the template, which is invented"
    return [
        typed.problem(row, key, reason, "remove the row", "warning")
        for row in rows
        if all(typed.raw.cell(name, row) == examples[name] for name in present)
    ]


def _long_texts(typed: TypedTable) -> list[Problem]:
    problems: list[Problem] = []
    for field in typed.table.fields.values():
        if field.longest is None or not typed.has(field.name):
            continue
        wrong = typed.believed(field.name).str.len() > field.longest
        reason = f"{field.name} is longer than {field.longest} characters"
        remedy = "shorten it; a long argument belongs into a note of the unit"
        problems += told_once(typed, wrong, field.name, reason, remedy, "warning", "long-text")
    return problems
