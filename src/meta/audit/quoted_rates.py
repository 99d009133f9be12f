"""Rates that a published table quotes from studies, held against the counts of the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.audit.rows import rows_of, short_names, text
from meta.finding import joined
from meta.plural import counted
from meta.risk.documents import has_figures, read_documents
from meta.risk.printed import percent
from meta.risk.table_finding import source_name, table_finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from meta.audit.rows import Row
    from meta.finding import Finding
    from meta.risk.documents import Documents, Source
    from meta.risk.structure import Structure

#: Count of an arm that a column of the table needs, and the column in words.
NEEDED = {
    "capability": ("n_capable", "capability transfer"),
    "goal": ("n_goal_failure", "goal failure"),
}
#: What the rows of a source that lists failures only are called.
CATALOGUE = "catalogue"


def quoted_findings(
    tables: Mapping[str, pd.DataFrame], structure: Structure | None = None
) -> list[Finding]:
    """Find quoted rates that the evidence has elsewhere, or has no count of.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``claims``, ``documents``, ``goal_pairs``, ``cases``, ``arms_unverified`` and ``arms``, of
        which the counts are numbers.
    structure : Structure, optional
        What belongs where; by default the shipped file.

    Returns
    -------
    list of Finding
        Of kind ``pooled_row``: `rate_of_another_experiment` (a study has the quoted rate in
        another environment than the document shows of it), `quoted_without_counts` (no arm of the
        study has the count that the rate needs; of a study without any arm with what is kept of it
        unverified), `harm_never_counted` (no arm at all counts harm) and `cases_not_counted` (the
        catalogue has another number of cases than is printed). A catalogue's rates are left to the
        findings on the tables as such.
    """
    claims = tables["claims"]
    if not has_figures(claims, structure):
        return []
    d = read_documents(claims, structure, partial=True)
    name = short_names(tables["documents"]).get(d.structure.document, "the document")
    sources = [source for source in d.sources.values() if source.counts != CATALOGUE]
    found = [_harm_never_counted(d, tables["arms"])]
    found += [
        _cases_not_counted(d, row.list, tables["cases"], name)
        for row in d.structure.sources.rows.values()
        if row.list
    ]
    for source in sources:
        arms = rows_of(tables["arms"][tables["arms"]["study_id"].eq(source.name).fillna(False)])
        cases = int(tables["cases"]["study_id"].eq(source.name).sum())
        unverified = [
            row
            for row in rows_of(tables["arms_unverified"])
            if text(row, "study_id") == source.name
        ]
        shown = _environments(source, d.structure.document, tables["goal_pairs"])
        found += [
            _another_experiment(d, source, arms, shown, name),
            _without_counts(d, source, arms, (cases, unverified), name),
        ]
    return [each for each in found if each is not None]


def _environments(source: Source, document: str, pairs: pd.DataFrame) -> list[str]:
    """Environments of a study that a document tells the goals of."""
    told = [
        text(row, "environment")
        for row in rows_of(pairs)
        if text(row, "document") == document and text(row, "study_id") == source.name
    ]
    return list(dict.fromkeys(told))


def _another_experiment(
    d: Documents, source: Source, arms: list[Row], shown: list[str], name: str
) -> Finding | None:
    rates = [(arm, _rate(arm)) for arm in arms]
    counts = [(arm, rate) for arm, rate in rates if rate is not None]
    equal = [arm for arm, rate in counts if source.goal.agrees(rate, rate)]
    if not shown or not equal or any(_is_of(arm, shown) for arm in equal):
        return None
    own = [arm for arm, _ in counts if _is_of(arm, shown)]
    there = f"what it counts of {joined(shown)} is {_listed(own) if own else 'nothing'}"
    words = (
        f"{name} gives {source.goal.text} for {source_name(source)}, of which it shows "
        f"{joined(shown)} alone. In the evidence that is the rate of {_listed(equal)}; {there}"
    )
    sums = [
        f"{text(arm, 'environment')}: {arm['n_goal_failure']} / {arm['n_at_risk']} = "
        f"{percent(rate)}"
        for arm, rate in counts
    ]
    numbers = {text(arm, "arm_id"): rate for arm, rate in counts}
    return table_finding(
        "pooled_row", "rate_of_another_experiment", d, d.structure.sources.section, [source.goal],
        words, numbers, sums,
    )  # fmt: skip


def _rate(arm: Row) -> float | None:
    """Share of goal failures among the trials that were at risk of one."""
    failures, at_risk = arm.get("n_goal_failure"), arm.get("n_at_risk")
    if failures is None or at_risk is None or not int(str(at_risk)):
        return None
    return int(str(failures)) / int(str(at_risk))


def _is_of(arm: Row, environments: list[str]) -> bool:
    named = text(arm, "environment").casefold()
    return any(named.startswith(each.casefold()) for each in environments)


def _listed(arms: list[Row]) -> str:
    return joined(
        [f"{text(a, 'environment')} ({a['n_goal_failure']} of {a['n_at_risk']})" for a in arms]
    )


def _without_counts(
    d: Documents, source: Source, arms: list[Row], others: tuple[int, list[Row]], name: str
) -> Finding | None:
    cases, unverified = others
    lacking = [
        column
        for column, (count, _) in NEEDED.items()
        if all(arm.get(count) is None for arm in arms)
    ]
    if not lacking:
        return None
    given = joined([f"{NEEDED[each][1]} ({source.figures[each].text})" for each in lacking])
    numbers_of = (("arm", len(arms)), ("documented case", cases))
    has = joined([counted(n, noun) if n else f"no {noun}" for noun, n in numbers_of])
    words = (
        f"{name} gives shares for {source_name(source)} of which the evidence has no count: "
        f"{given}. It has {has} of that study"
    )
    if unverified and not arms:
        words += f". What is kept of it, unverified: {joined([_told(row) for row in unverified])}"
    figures = [source.figures[each] for each in lacking]
    numbers = {"arms": len(arms), "cases": cases, "without_counts": lacking}
    return table_finding(
        "pooled_row", "quoted_without_counts", d, d.structure.sources.section, figures, words,
        numbers,
    )  # fmt: skip


def _told(row: Row) -> str:
    """What is told of a study and could not be read."""
    figure, why = text(row, "claimed_figure"), text(row, "why_unverified")
    return f"{text(row, 'case_env')}, {figure}" + (f" ({why})" if why else "")


def _cases_not_counted(d: Documents, listed: str, cases: pd.DataFrame, name: str) -> Finding | None:
    """A number of cases that is not that of the catalogue which is named for them."""
    count = int(cases["list_membership"].eq(listed).sum())
    if not count or not d.cases.known or d.cases.agrees(count, count):
        return None
    words = (
        f"{name} rests its pooled row on {d.cases.text} or more cases and lists none of them. The "
        f"catalogue that it names has {count} in the evidence, all of them failures: which of them "
        f"were analysed is not said"
    )
    return table_finding(
        "pooled_row", "cases_not_counted", d, d.structure.sources.section, [d.cases], words,
        {"catalogue": listed, "in_the_evidence": count},
    )  # fmt: skip


def _harm_never_counted(d: Documents, arms: pd.DataFrame) -> Finding | None:
    if arms["n_harm"].notna().any():
        return None
    rows = [*d.sources.values(), d.pooled]
    given = joined([f"{each.harm.text} ({source_name(each)})" for each in d.sources.values()])
    words = (
        f"None of the {len(arms)} arms of the evidence counts harm among goal failures. The "
        f"printed P(harm), {given}, the pooled {d.pooled.harm.text} and the assumed "
        f"{d.harm.text} are judgements"
    )
    figures = [*(each.harm for each in rows), d.harm.low, d.harm.high]
    return table_finding(
        "pooled_row", "harm_never_counted", d, d.structure.sources.section, figures, words,
        {"arms": len(arms), "with_harm": 0},
    )  # fmt: skip
