"""Values of open categories that are probably misspelt: used once, and close to a frequent one.

A category without a vocabulary is "spelt the same way each time", and nothing but the other rows
says how. Distinct values are compared, not rows; neighbours are found by the deletion of single
characters (Mor & Fraenkel 1982, doi:10.1145/358728.358752), so that no pair is looked at in vain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import numpy as np

from meta.evidence.problems import show
from meta.evidence.raw_table import distinct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.dictionary import Field
    from meta.evidence.problems import Problem, Severity

STUDY = "study_id"
#: Rows that make a value frequent, so that a single other one may be a slip of it.
FREQUENT = 3
#: Shorter words differ by one letter in their own right.
SHORTEST_WORD = 5
# A column of more values has no vocabulary, and longer values are sentences.
MOST_VALUES = 50_000
LONGEST_VALUE = 100

_SEPARATORS = re.compile(r"[\s\-_]+")


def near_value_problems(typed: TypedTable) -> list[Problem]:
    """Report values of open categories that are almost spelt as a value of several rows.

    Parameters
    ----------
    typed : TypedTable
        Any table.

    Returns
    -------
    list of Problem
        For a rarer value that differs by letter case, spaces, hyphens or underscores alone, and
        for a value of one row that differs by one letter, or two that are swapped, in a word of
        `SHORTEST_WORD` letters or more. Numbers make values differ in earnest. A warning where
        one row has the value, a note where several do. Fields that sources spell differently are
        compared within each study.
    """
    problems: list[Problem] = []
    for field in typed.table.fields.values():
        if field.type != "category" or field.values is not None or not typed.has(field.name):
            continue
        # What sources spell differently is not compared where the column of sources was lost.
        if not field.source_spelling or typed.has(STUDY) or STUDY not in typed.table.fields:
            problems += _of_column(typed, field)
    return problems


def _of_column(typed: TypedTable, field: Field) -> list[Problem]:
    values, codes = distinct(typed.raw.columns[field.name])
    texts = values.to_pylist()
    # A value of a study is a number of its own; without studies all rows are of the first.
    pair = codes.astype(np.int64)
    if field.source_spelling and typed.has(STUDY):
        pair = pair + len(texts) * distinct(typed.raw.columns[STUDY])[1].astype(np.int64)
    fit = np.flatnonzero((codes >= 0) & ~typed.bad[field.name].to_numpy())
    pairs, used = np.unique(pair[fit], return_counts=True)
    if len(pairs) > MOST_VALUES or not (used >= FREQUENT).any():
        return []
    counts: dict[int, dict[str, int]] = {}
    for each, n in zip(pairs.tolist(), used.tolist(), strict=True):
        study, code = divmod(each, len(texts))
        counts.setdefault(study, {})[texts[code]] = n
    place = {text: code for code, text in enumerate(texts)}
    meant = {
        place[value] + len(texts) * study: (other, known[other])
        for study, known in counts.items()
        for value, other in near_values(known).items()
    }
    rows = fit[np.isin(pair[fit], list(meant))]
    single = dict(zip(pairs.tolist(), (used == 1).tolist(), strict=True))
    problems: list[Problem] = []
    for alone, severity in ((True, "warning"), (False, "note")):
        problems += typed.problems(
            [int(row) for row in rows if single[int(pair[row])] is alone], field.name,
            lambda row: _reason(*meant[int(pair[row])]),
            lambda row: _remedy(meant[int(pair[row])][0]),
            cast("Severity", severity),
        )  # fmt: skip
    return problems


def _reason(other: str, rows: int) -> str:
    return f"is almost spelt as {show(other)}, which {rows} rows have"


def _remedy(other: str) -> str:
    return f"write {show(other)} if it is the same; otherwise nothing to do"


def near_values(counts: Mapping[str, int]) -> dict[str, str]:
    """Find the values that are probably misspelt.

    Parameters
    ----------
    counts : mapping of str to int
        How many rows have each value.

    Returns
    -------
    dict of str to str
        The frequent value that was probably meant, by value.
    """
    frequent = sorted((v for v, n in counts.items() if _comparable(v, n)), key=lambda v: -counts[v])
    folded: dict[str, str] = {}
    near: dict[str, list[str]] = {}
    for value in frequent:
        plain = _plain(value)
        folded.setdefault(plain, value)
        for shorter in _deletions(plain):
            near.setdefault(shorter, []).append(value)
    found = {}
    for value, count in counts.items():
        if not frequent or len(value) > LONGEST_VALUE:
            continue
        plain = _plain(value)
        same = folded.get(plain)
        if same not in (None, value) and count < counts[str(same)]:
            found[value] = str(same)
        elif same is None and count == 1:
            others = (other for shorter in _deletions(plain) for other in near.get(shorter, ()))
            other = next((other for other in others if _misspelt(value, other)), None)
            found |= {} if other is None else {value: other}
    return found


def _comparable(value: str, count: int) -> bool:
    return count >= FREQUENT and len(value) <= LONGEST_VALUE


def _plain(value: str) -> str:
    return _SEPARATORS.sub("", value).casefold()


def _deletions(plain: str) -> Iterator[str]:
    """The text, and the text without each of its characters."""
    yield plain
    for place in range(len(plain)):
        yield plain[:place] + plain[place + 1 :]


def _misspelt(value: str, other: str) -> bool:
    """Whether one of two close values is a slip of the other, rather than a sibling such as B."""
    words, others = (_SEPARATORS.split(text.casefold()) for text in (value, other))
    if len(words) != len(others):
        words, others = [_plain(value)], [_plain(other)]
    differing = [(a, b) for a, b in zip(words, others, strict=True) if a != b]
    return all(
        min(len(a), len(b)) >= SHORTEST_WORD - 1
        and max(len(a), len(b)) >= SHORTEST_WORD
        and re.sub(r"\D", "", a) == re.sub(r"\D", "", b)
        for a, b in differing
    )
