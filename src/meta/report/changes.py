"""Section on what changed since the latest release."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meta.plural import counted
from meta.pooled_changes import unpacked
from meta.report.estimates import RATES, estimated_percent, plain
from meta.report.wording import (
    estimand_name,
    group_name,
    outcome_name,
    spell,
    study_label,
    unit_of,
)

#: Keys listed of one kind of change; the JSON file has all.
MOST_NAMED = 12


#: Kind of row on the evidence page, by table. A coding is led to by what it codes.
KIND_OF = {"arms": ("arm",), "studies": ("study",), "cases": ("case",), "codings": ("arm", "case")}

#: Address of a row by its name and kind; empty where the evidence page has no such row.
Address = Callable[[str, str], str]
#: Name of a row and its address.
Named = tuple[str, str]


@dataclass(frozen=True)
class RowsLine:
    """Rows of one table that changed in one way: how many, the first of them, how many more."""

    table: str
    said: str
    named: list[Named]
    more: int = 0


@dataclass(frozen=True)
class Mover:
    """A study or row, the rows of it that changed, and what they moved."""

    name: Named
    rows: list[Named]
    pareto_k: str
    text: str


@dataclass(frozen=True)
class ChangesSection:
    """Texts and tables of the section: message, changed rows, moved numbers, what moved them.

    `alone` has the pooled numbers that only one side has: number, which side, summary.
    """

    message: str
    rows: list[RowsLine]
    edits: list[tuple[str, Named, str, str]]
    models: list[str]
    moved: list[tuple[str, str, str, str]]
    unmoved: str
    alone: list[tuple[str, str, str]]
    alone_more: str
    movers: list[Mover]
    no_movers: str


def changes_section(
    changes: Mapping[str, Any], address: Address = lambda *_: ""
) -> ChangesSection | None:
    """Arrange `changes.json` for a reader; None where it was not handed in.

    Parameters
    ----------
    changes : mapping
        The document of `meta.comparison`.
    address : callable, optional
        Gives the address of a row on the evidence page by its name and kind, empty without one.
    """
    if not changes:
        return None
    numbers = list(unpacked(changes["pooled"]))
    moved = sorted((entry for entry in numbers if entry["moved"]), key=_away, reverse=True)
    reason = changes["attribution_reason"]
    alone, more = _alone(changes)
    return ChangesSection(
        message=changes["message"],
        rows=[
            line
            for name, table in changes["rows"].items()
            for line in _lines(name, table, address)
        ],
        edits=[
            (name, _named(name, key, address), column,
             f"{before or '(blank)'} → {after or '(blank)'}")
            for name, table in changes["rows"].items()
            for key, cells in list(table["changed"].items())[:MOST_NAMED]
            for column, (before, after) in cells.items()
        ],
        models=[
            f"{spell(word)}: {', '.join(spell(name) for name in names)}"
            for word, names in changes["models"].items()
            if names
        ],
        moved=[_moved(entry) for entry in moved],
        unmoved=_unmoved(len(numbers) - len(moved)),
        alone=alone,
        alone_more=more,
        movers=[_mover(entry, address) for entry in changes["attribution"]],
        no_movers=f"Not attributed to rows: {reason}." if changes["release"] and reason else "",
    )  # fmt: skip


def _away(entry: Mapping[str, Any]) -> float:
    """How far a number moved, in sd; farther than any where the sd was zero."""
    return math.inf if entry["in_sd"] is None else abs(entry["in_sd"])


def _unmoved(count: int) -> str:
    """Say how many numbers stayed where they were; empty where none did."""
    if not count:
        return ""
    error = "its" if count == 1 else "their"
    return f"{counted(count, 'pooled number')} moved by no more than {error} Monte Carlo error."


def _alone(changes: Mapping[str, Any]) -> tuple[list[tuple[str, str, str]], str]:
    """Pooled numbers of one side alone, and how many of them are not listed."""
    found, left = [], []
    for table, side, word in (
        ("pooled_added", "after", "new"), ("pooled_removed", "before", "gone"),
    ):  # fmt: skip
        entries: Sequence[Mapping[str, Any]] = changes.get(table, [])
        found += [
            (_number_name(entry), word, _summary(entry["estimand"], entry[side]))
            for entry in entries[:MOST_NAMED]
        ]
        if len(entries) > MOST_NAMED:
            left.append(f"{len(entries) - MOST_NAMED:,} more {word}")
    return found, ", ".join(left)


def _named(table: str, key: str, address: Address) -> Named:
    """Name of a row, with its address on the evidence page."""
    unit = key.split(" / ")[0] if table == "codings" else key
    found = (address(unit, kind) for kind in KIND_OF.get(table, ()))
    return key, next((each for each in found if each), "")


def _lines(name: str, table: Mapping[str, Any], address: Address) -> list[RowsLine]:
    lines = []
    for word in ("added", "removed", "changed"):
        keys = list(table[word])
        if keys:
            # A row that is gone is not on the page.
            found = (lambda *_: "") if word == "removed" else address
            named = [_named(name, key, found) for key in keys[:MOST_NAMED]]
            more = max(0, len(keys) - MOST_NAMED)
            lines.append(RowsLine(name, f"{len(keys):,} {word}", named, more))
    if table["other"]:
        said = f"{table['other']:,} edited in columns that no analysis reads"
        lines.append(RowsLine(name, said, []))
    return lines


def _moved(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    before, after = (_summary(entry["estimand"], entry[side]) for side in ("before", "after"))
    return _number_name(entry), before, after, _in_sd(entry["in_sd"])


def _number_name(entry: Mapping[str, Any]) -> str:
    name = f"{outcome_name(entry['outcome'])}, {estimand_name(entry['estimand'])}"
    group = "" if entry["group"] == "all" else f" ({group_name(entry['group'])})"
    return f"{spell(entry['model'])}: {name}{group}"


def _summary(estimand: str, summary: Mapping[str, float]) -> str:
    parts = [summary[k] for k in ("median", "ci_low", "ci_high")]
    if estimand == "risk_difference":
        texts = [plain(100 * v, 1) for v in parts]
        return f"{texts[0]} ({texts[1]} to {texts[2]}) {unit_of(estimand)}"
    texts = [estimated_percent(v, 1) if estimand in RATES else f"{v:.2f}" for v in parts]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def _in_sd(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f} sd"


def _mover(entry: Mapping[str, Any], address: Address) -> Mover:
    study = entry["unit"] == "study"
    name = study_label(entry["id"]) if study else entry["id"]
    rows = [(row, address(row, "arm")) for row in entry["rows"][:MOST_NAMED]] if study else []
    k = "–" if entry["pareto_k"] is None else f"{entry['pareto_k']:.2f}"
    named = (name, address(entry["id"], "study" if study else "arm"))
    return Mover(named, rows, k, _moved_by(entry))


def _moved_by(entry: Mapping[str, Any]) -> str:
    """The largest moves beyond Monte Carlo error, or why there are none."""
    if not entry["moves"]:
        return str(entry["reason"])
    beyond = [m for m in entry["moves"] if abs(m["difference"]) > 2 * m["mcse"]]
    if not beyond:
        return "moves no number beyond Monte Carlo error"
    largest = sorted(beyond, key=lambda m: -abs(m["in_sd"]))[:3]
    return "; ".join(
        f"{outcome_name(m['outcome'])}, {estimand_name(m['estimand'])}"
        f"{'' if m['group'] == 'all' else ' (' + group_name(m['group']) + ')'}: "
        f"{_in_sd(m['in_sd'])}"
        for m in largest
    )
