"""Pooled numbers before and after, as a table of `changes.json` that does not repeat its names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SUMMARIES = ("mean", "median", "ci_low", "ci_high")
SIDES = ("before", "after")
NAMED = ("model", "outcome", "group", "estimand")
MOVED = ("difference", "in_sd", "mcse", "moved")
COLUMNS = (*NAMED, *(f"{each}_{side}" for side in SIDES for each in SUMMARIES), *MOVED)


def packed(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Lay entries out as a table: `columns`, and `data` with one list an entry.

    Parameters
    ----------
    entries
        Each with the keys `NAMED`, `before` and `after` (of `SUMMARIES`), and `MOVED`.
    """
    data = [
        [
            *(entry[name] for name in NAMED),
            *(entry[side][each] for side in SIDES for each in SUMMARIES),
            *(entry[name] for name in MOVED),
        ]
        for entry in entries
    ]
    return {"columns": list(COLUMNS), "data": data}


def unpacked(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Entries of a table that `packed` made."""
    for line in table["data"]:
        cells = dict(zip(table["columns"], line, strict=True))
        sides = {s: {each: cells[f"{each}_{s}"] for each in SUMMARIES} for s in SIDES}
        yield {**{name: cells[name] for name in (*NAMED, *MOVED)}, **sides}
