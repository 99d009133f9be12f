"""Intended and learned goals as documents tell them, compared with each other and the cases."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from meta.audit.rows import known_from, rows_of, short_names, text
from meta.finding import Finding, joined, quoted, sentence
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from meta.audit.rows import Row


def goal_findings(pairs: pd.DataFrame, documents: pd.DataFrame | None = None) -> list[Finding]:
    """Find documents that tell an environment's goals otherwise than its study, or each other.

    A document is held against what the study itself says. Where no row says that, it is held
    against what most rows of the environment say; where they are divided evenly, all of them
    stand out.

    Parameters
    ----------
    pairs : DataFrame
        Table of the goals; rows without a document are what studies themselves say.
    documents : DataFrame, optional
        Table of the documents, for their short names.

    Returns
    -------
    list of Finding
        Of kind ``goal``: `swapped_goals` (intended and learned change places),
        `other_intended_goal`, `other_learned_goal`, and `unknown_environment` (told as shown,
        with neither a study nor a case behind it).
    """
    names = short_names(documents)
    environments: dict[str, list[Row]] = {}
    for row in rows_of(pairs):
        environments.setdefault(text(row, "environment"), []).append(row)
    found = []
    for rows in environments.values():
        right = _agreed_goals(rows)
        for row in rows:
            if not text(row, "document"):
                continue
            if _codes(row) not in right:
                found.append(_differing(row, rows, right, names))
            elif _is_unknown(row, rows):
                found.append(_unknown(row, names))
    return found


def category_findings(
    pairs: pd.DataFrame, cases: pd.DataFrame, documents: pd.DataFrame | None = None
) -> list[Finding]:
    """Find documents that count cases as another kind of failure than they are coded as.

    Parameters
    ----------
    pairs : DataFrame
        Table of the goals, with the kind of failure that each telling is counted as.
    cases : DataFrame
        Table of the documented cases, with their kind of failure.
    documents : DataFrame, optional
        Table of the documents: which of them tell the kinds apart.

    Returns
    -------
    list of Finding
        Of kind ``category``: `counted_as_another_kind`, one finding a document and pair of kinds.
    """
    names = short_names(documents)
    separating = [
        text(row, "document")
        for row in ([] if documents is None else rows_of(documents))
        if text(row, "separates_gaming") == "yes"
    ]
    coded = dict(zip(cases["case_id"], cases["failure_type"], strict=True))
    told: dict[tuple[str, str], list[Row]] = {}
    for row in rows_of(pairs):
        if text(row, "document") and text(row, "counted_as") and text(row, "case_id") in coded:
            told.setdefault((text(row, "document"), text(row, "counted_as")), []).append(row)
    found = []
    for (document, kind), rows in told.items():
        others: dict[str, list[Row]] = {}
        for row in rows:
            if (truly := str(coded[text(row, "case_id")])) != kind:
                others.setdefault(truly, []).append(row)
        for truly, wrong in others.items():
            said = (
                f"{names.get(document, document)} counts {_listed(wrong)} as {_kind(kind)}, "
                f"{len(wrong)} of the {counted(len(rows), 'case')} that it counts so, though they "
                f"are coded as {_kind(truly)}{_apart(document, separating, names)}"
            )
            found.append(_miscounted(document, wrong, said))
    return found


def _miscounted(document: str, rows: list[Row], said: str) -> Finding:
    keys = tuple(text(row, "pair_id") for row in rows)
    return Finding(
        "category", "counted_as_another_kind", (document,), _places(rows), keys, sentence(said)
    )


def _codes(row: Row) -> tuple[str, str]:
    return text(row, "intended_code"), text(row, "learned_code")


def _agreed_goals(rows: list[Row]) -> set[tuple[str, str]]:
    """The goals that rows of one environment are held against; none where rows are divided."""
    studies = {_codes(row) for row in rows if not text(row, "document")}
    if studies:
        return studies
    number = Counter(_codes(row) for row in rows)
    most = max(number.values())
    leading = {codes for codes, n in number.items() if n == most}
    return leading if len(leading) == 1 else set()


def _differing(
    row: Row, rows: list[Row], right: set[tuple[str, str]], names: Mapping[str, str]
) -> Finding:
    intended, learned = _codes(row)
    against = [other for other in rows if _codes(other) in right]
    against = against or [other for other in rows if _codes(other) != _codes(row)]
    finding = "other_learned_goal"
    if (learned, intended) in {_codes(other) for other in against}:
        finding = "swapped_goals"
    elif intended not in {_codes(other)[0] for other in against}:
        finding = "other_intended_goal"
    said = f"{_teller(row, names)} gives {text(row, 'environment')} {_goals(row)}"
    told = {_goals(other): None for other in against}
    verb = "gives" if len(against) == 1 else "give"
    who = joined(list(dict.fromkeys(_teller(other, names) for other in against)))
    rest = "the reverse" if finding == "swapped_goals" else joined(list(told))
    said = f"{said}; {who} {verb} {rest}"
    keys = (text(row, "pair_id"), *(text(other, "pair_id") for other in against))
    return Finding("goal", finding, (text(row, "document"),), _places([row]), keys, sentence(said))


def _is_unknown(row: Row, rows: list[Row]) -> bool:
    known = any(text(other, "study_id") or text(other, "case_id") for other in rows)
    return text(row, "told_as") == "demonstrated" and not known


def _unknown(row: Row, names: Mapping[str, str]) -> Finding:
    said = (
        f"{_teller(row, names)} gives {text(row, 'environment')} {_goals(row)}, "
        "as something that was shown, but no study or case of the evidence shows it"
    )
    key = (text(row, "pair_id"),)
    return Finding(
        "goal", "unknown_environment", (text(row, "document"),), _places([row]), key, sentence(said)
    )


def _goals(row: Row) -> str:
    intended = text(row, "intended_goal") or text(row, "intended_code")
    learned = text(row, "learned_goal") or text(row, "learned_code")
    return f"{quoted(intended)} as the intended and {quoted(learned)} as the learned goal"


def _teller(row: Row, names: Mapping[str, str]) -> str:
    """Who tells the goals: a document and the place in it, or the study itself."""
    document, place = text(row, "document"), text(row, "place")
    if document:
        return f"{names.get(document, document)}{f' ({place})' if place else ''}"
    return f"the study {text(row, 'study_id')} ({known_from(row, 'known_from')})"


def _places(rows: list[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (text(row, "place") for row in rows))))


def _listed(rows: list[Row]) -> str:
    return joined(list(dict.fromkeys(text(row, "environment") for row in rows)))


def _kind(failure_type: str) -> str:
    return failure_type.replace("_", " ")


def _apart(document: str, separating: list[str], names: Mapping[str, str]) -> str:
    """Which documents tell the kinds apart, last the one that counts them alike."""
    who = [names.get(other, other) for other in separating if other != document]
    who += [f"{names.get(document, document)} itself"] if document in separating else []
    return f"; {joined(who)} {'tell' if len(who) > 1 else 'tells'} the two apart" if who else ""
