"""The known key or value that was probably meant, compared word by word and number by number.

Letters alone mislead: ARM01 differs from ARM401 by one, and near_human from below_human by few, but
nobody who writes the one means the other. A number counts by its value, whatever it is padded with,
and a word only for a word that is spelt like it.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from meta.evidence.suggestion import LONGEST_NAME, folded

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Similarity of two words, or of the letters of two keys, from which one may be meant by the other.
ALIKE = 0.7
_PARTS = re.compile(r"\d+|[^\W\d_]+")
_YEAR = re.compile(r"(19|20)\d\d")


def nearest_key(name: str, known: Iterable[str], cutoff: float = ALIKE) -> str | None:
    """Find the known key, such as the name of a row, that was probably meant.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        Keys that there are.
    cutoff : float, optional
        Similarity of the letters, from 0 to 1, below which nothing is suggested.

    Returns
    -------
    str or None
        The key with the same numbers whose letters are most alike; years may differ where the
        letters are the same. None where no key is near.
    """
    if len(name) > LONGEST_NAME:
        return None
    letters, numbers = _letters(name), _numbers(name)
    matcher = difflib.SequenceMatcher(b=letters)
    best: tuple[float, str] | None = None
    for key in known:
        same = letters == _letters(key)
        if numbers != _numbers(key) and not (same and _years_differ(name, key)):
            continue
        matcher.set_seq1(_letters(key))
        if matcher.quick_ratio() < cutoff or (alike := matcher.ratio()) < cutoff:
            continue
        # Of keys as much alike, the one with the same numbers is meant, then the first.
        alike += numbers == _numbers(key)
        if best is None or alike > best[0]:
            best = alike, key
    return best[1] if best else None


def nearest_value(value: str, legal: Iterable[str]) -> str | None:
    """Find the legal value that was probably meant.

    Parameters
    ----------
    value : str
        What was written.
    legal : iterable of str
        Values of the vocabulary.

    Returns
    -------
    str or None
        A value that is the same but for letter case, spaces and hyphens; else the only one that
        begins so; else the one whose words are each spelt alike. None where no value is near.
    """
    values = list(legal)
    plain = folded(value)
    if not plain or len(value) > LONGEST_NAME:
        return None
    if same := [each for each in values if folded(each) == plain]:
        return same[0]
    if len(begins := [each for each in values if folded(each).startswith(plain)]) == 1:
        return begins[0]
    found = [(alike, each) for each in values if (alike := _words_alike(value, each)) >= ALIKE]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _letters(name: str) -> str:
    return "".join(part for part in _PARTS.findall(name.casefold()) if not part.isdigit())


def _numbers(name: str) -> list[int]:
    return [int(part) for part in _PARTS.findall(name) if part.isdecimal()]


def _years_differ(name: str, key: str) -> bool:
    """Whether two names have numbers that differ as years do."""
    pairs = [[p for p in _PARTS.findall(each) if p.isdecimal()] for each in (name, key)]
    return len(pairs[0]) == len(pairs[1]) and all(
        int(a) == int(b) or (_YEAR.fullmatch(a) and _YEAR.fullmatch(b))
        for a, b in zip(*pairs, strict=True)
    )


def _words_alike(value: str, other: str) -> float:
    """Similarity of the words that are least alike; of the whole where they are not as many."""
    words, others = (_PARTS.findall(text.casefold()) for text in (value, other))
    if len(words) != len(others):
        words, others = ["".join(words)], ["".join(others)]
    return min(
        (_alike(word, meant) for word, meant in zip(words, others, strict=True)), default=0.0
    )


def _alike(word: str, other: str) -> float:
    if word.isdigit() or other.isdigit():
        return float(word == other)
    return difflib.SequenceMatcher(a=word, b=other).ratio()
