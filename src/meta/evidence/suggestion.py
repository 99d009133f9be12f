"""The known name that was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Longer names are no misspellings of anything, and comparing them takes long.
LONGEST_NAME = 200


def nearest(name: str, known: list[str], cutoff: float = 0.75) -> str | None:
    """Find the known name that was probably meant.

    Parameters
    ----------
    name : str
        What was written.
    known : list of str
        Names that would be legal.
    cutoff : float, optional
        Similarity, from 0 to 1, below which nothing is suggested.

    Returns
    -------
    str or None
        The nearest known name, if any is near.
    """
    if len(name) > LONGEST_NAME:
        return None
    plain = {folded(candidate): candidate for candidate in reversed(known)}
    found = difflib.get_close_matches(folded(name), list(plain), n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def folded(name: str) -> str:
    """Return a name without the differences of letter case, spaces and hyphens."""
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def did_you_mean(word: str, known: Iterable[object]) -> str:
    """Return the end of a message on an unknown name: the nearest one, or all that are known."""
    names = [str(name) for name in known]
    near = nearest(str(word), names, cutoff=0.5)
    return f"; did you mean {near}?" if near else f"; known: {', '.join(names)}"
