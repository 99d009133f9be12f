"""Coders: the column of each table that names them, and names that coders.csv does not describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.evidence.findings import told_once
from meta.evidence.near_names import nearest_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem

#: Column that names the coder of a row, by table.
CODER_COLUMNS = {
    "codings": "coder", "contrasts": "coder_id", "taxonomy": "coder_id", "citations": "coder_id",
    "goal_pairs": "coder_id",
}  # fmt: skip
#: What codes of the kinds of problem that `undescribed_coders` reports end in.
UNDESCRIBED = "coder-undescribed"
# More coders than these are told together.
MOST_NAMED = 20
DESCRIBE = (
    "describe the coder first: `meta new coder`, or a row of coders.csv with the coder and the "
    "kind human, machine_assisted or machine"
)


def undescribed_coders(typed: TypedTable, coders: TypedTable, code: str) -> list[Problem]:
    """Report rows whose coder the table of coders does not describe.

    Parameters
    ----------
    typed : TypedTable
        One of the tables of `CODER_COLUMNS`.
    coders : TypedTable
        The table of coders.
    code : str
        Short name of the kind of problem.

    Returns
    -------
    list of Problem
        A warning for each name; none where the table of coders could not be read whole.
    """
    column = CODER_COLUMNS[typed.table.name]
    if not typed.has(column):
        return []
    if coders.raw.present and not (coders.raw.complete and coders.has("coder")):
        return []
    known = described_coders(coders)
    coder = typed.believed(column)
    unknown = coder.notna() & ~coder.isin(list(known))
    names = coder[unknown].unique()
    if len(names) > MOST_NAMED:
        reason = f"one of {len(names):,} coders who are not described in {coders.file}"
        return told_once(typed, unknown, column, reason, DESCRIBE, "warning", code)
    problems: list[Problem] = []
    for name in names:
        reason, remedy = undescribed(str(name), known)
        problems += told_once(typed, coder == name, column, reason, remedy, "warning", code)
    return problems


def described_coders(coders: TypedTable) -> set[str]:
    """Names that the table of coders describes, those of rows that could not be read too."""
    return {*coders.frame["coder"].dropna(), *coders.raw.loose} if coders.raw.present else set()


def undescribed(name: str, known: Iterable[str]) -> tuple[str, str]:
    """Say that a coder is not described, who was probably meant, and what to do.

    Parameters
    ----------
    name : str
        The coder.
    known : iterable of str
        The coders that are described.

    Returns
    -------
    tuple of str
        The reason and the remedy.
    """
    names = sorted(map(str, known))
    reason = f"the coder {name} is not described in data/raw/coders.csv"
    if near := nearest_value(name, names):
        return reason, f"did you mean {near}? if not, {DESCRIBE}"
    listed = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
    return f"{reason} (known: {listed or 'nobody'})", DESCRIBE


def coded_by(kinds: Mapping[str, str]) -> str:
    """Say who coded in a few words, so that machines are flagged wherever their codes are used.

    Parameters
    ----------
    kinds : mapping of str to str
        Kind of each coder, as `meta.evidence.responses.coder_kinds` gives it.

    Returns
    -------
    str
        Such as ``by coder_a (machine assisted), coder_b (human); none adjudicated``.
    """
    shown = {name: f"({kind.replace('_', ' ')})" for name, kind in kinds.items()}
    named = [f"{name} {kind}" for name, kind in shown.items() if name != "adjudicated"]
    by = f"by {', '.join(named)}" if named else "by no independent coder"
    if "adjudicated" in shown:
        return f"{by}; some settled by an adjudicator {shown['adjudicated']}"
    return f"{by}; none adjudicated"
