"""Errors of the system: a full disk or a missing permission, in words that say what to do."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from meta.errors import UserError

REMEDIES = {
    errno.ENOSPC: "free some space (`df -h` shows where), then run again",
    errno.EDQUOT: "free some space (`quota` shows how much), then run again",
    errno.EACCES: "give yourself access (`ls -ld` shows whose it is), then run again",
    errno.EPERM: "give yourself access (`ls -ld` shows whose it is), then run again",
    errno.EFBIG: "allow larger files (`ulimit -f` shows the limit), then run again",
    errno.EROFS: "let results go elsewhere with `snakemake --directory DIR`, then run again",
}


#: Bytes without which Snakemake cannot even keep its own notes, and fails in many words.
LEAST_ROOM = 1 << 20
#: Where it keeps them, and where it removes old results before a step makes new ones.
PLACES = (".snakemake", "reports", "data/processed")


class PlaceError(UserError):
    """A directory in which a run cannot even begin."""


def require_place(directory: Path) -> None:
    """Refuse to begin where Snakemake can neither keep its notes nor replace results.

    Parameters
    ----------
    directory
        Where results go.

    Raises
    ------
    PlaceError
        If it may not be written, or if less than `LEAST_ROOM` bytes are free.
    """
    if shutil.disk_usage(directory).free < LEAST_ROOM:
        raise PlaceError(_message(str(directory), errno.ENOSPC))
    there = [directory / name for name in PLACES if (directory / name).is_dir()]
    below = [
        path
        for place in (p for p in there if p.name != PLACES[0])
        for path in sorted(place.rglob("*/"))
    ]
    places = [*([] if directory / PLACES[0] in there else [directory]), *there, *below]
    closed = [place for place in places if not os.access(place, os.W_OK | os.X_OK)]
    if closed:
        raise PlaceError("\n".join(_message(str(place), errno.EACCES) for place in closed))


def _message(place: str | None, number: int) -> str:
    what = os.strerror(number).lower()
    return ": ".join([*([place] if place else []), what, REMEDIES[number]])


def explain(error: BaseException) -> str | None:
    """Say what of the system made something fail, and what to do.

    Libraries wrap the system's errors in ones of their own, so that causes and texts count too.

    Parameters
    ----------
    error
        What was raised.

    Returns
    -------
    str or None
        One line: file (if known), what is wrong, what to do. None if it is another kind of error.
    """
    for each in _causes(error):
        number = getattr(each, "errno", None)
        if number not in REMEDIES:
            said = str(each)
            number = next((n for n in REMEDIES if os.strerror(n) in said), None)
        if number is not None:
            named = getattr(each, "filename", None) or _quoted_path(str(each))
            return _message(str(named) if named else None, number)
    return None


def silence_repeats() -> None:
    """Drop what libraries print of files that the system did not let them close.

    They say it with a traceback for every open object, beside the error that is raised and told.
    """
    shown, unraisable = sys.excepthook, sys.unraisablehook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if explain(error) is None:
            shown(kind, error, trace)

    def show_unraisable(caught: sys.UnraisableHookArgs) -> None:
        if caught.exc_value is None or explain(caught.exc_value) is None:
            unraisable(caught)

    sys.excepthook, sys.unraisablehook = show, show_unraisable


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _quoted_path(text: str) -> str | None:
    """Path that a library's message has in quotes."""
    found = re.search(r"""["']([^"']*/[^"']*)["']""", text)
    return found.group(1) if found else None
