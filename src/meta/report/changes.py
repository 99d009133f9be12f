"""Section on what changed since the latest release."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meta.plural import counted
from meta.report.estimates import RATES, percent
from meta.report.wording import estimand_name, group_name, outcome_name, spell, study_label

#: Keys listed of one kind of change; the JSON file has all.
MOST_NAMED = 12


@dataclass(frozen=True)
class ChangesSection:
    """Texts and tables of the section: message, changed rows, moved numbers, what moved them."""

    message: str
    rows: list[tuple[str, list[str]]]
    edits: list[tuple[str, str, str, str]]
    models: list[str]
    moved: list[tuple[str, str, str, str]]
    unmoved: str
    movers: list[tuple[str, str, str]]


def changes_section(changes: Mapping[str, Any]) -> ChangesSection | None:
    """Arrange `changes.json` for a reader; None where it was not handed in.

    Parameters
    ----------
    changes : mapping
        The document of `meta.comparison`.
    """
    if not changes:
        return None
    moved = [entry for entry in changes["pooled"] if entry["moved"]]
    return ChangesSection(
        message=changes["message"],
        rows=[(name, _counts(table)) for name, table in changes["rows"].items()],
        edits=[
            (name, key, column, f"{before or '(blank)'} → {after or '(blank)'}")
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
        unmoved=_unmoved(len(changes["pooled"]) - len(moved)),
        movers=[_mover(entry) for entry in changes["attribution"]],
    )


def _unmoved(count: int) -> str:
    """Say how many numbers stayed where they were; empty where none did."""
    if not count:
        return ""
    error = "its" if count == 1 else "their"
    return f"{counted(count, 'pooled number')} moved by no more than {error} Monte Carlo error."


def _counts(table: Mapping[str, Any]) -> list[str]:
    lines = []
    for word in ("added", "removed", "changed"):
        keys = list(table[word])
        if keys:
            more = f" and {len(keys) - MOST_NAMED:,} more" if len(keys) > MOST_NAMED else ""
            lines.append(f"{len(keys):,} {word}: {', '.join(keys[:MOST_NAMED])}{more}")
    if table["other"]:
        lines.append(f"{table['other']:,} edited in columns that no analysis reads")
    return lines


def _moved(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name = f"{outcome_name(entry['outcome'])}, {estimand_name(entry['estimand'])}"
    group = "" if entry["group"] == "all" else f" ({group_name(entry['group'])})"
    before, after = (_summary(entry["estimand"], entry[side]) for side in ("before", "after"))
    return f"{spell(entry['model'])}: {name}{group}", before, after, _in_sd(entry["in_sd"])


def _summary(estimand: str, summary: Mapping[str, float]) -> str:
    parts = [summary[k] for k in ("median", "ci_low", "ci_high")]
    texts = [percent(v, 1) if estimand in RATES else f"{v:.2f}" for v in parts]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def _in_sd(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f} sd"


def _mover(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    name = study_label(entry["id"]) if entry["unit"] == "study" else entry["id"]
    if entry["unit"] == "study" and entry["rows"]:
        name = f"{name} ({', '.join(entry['rows'][:MOST_NAMED])})"
    k = "–" if entry["pareto_k"] is None else f"{entry['pareto_k']:.2f}"
    if not entry["moves"]:
        return name, k, entry["reason"]
    beyond = [m for m in entry["moves"] if abs(m["difference"]) > 2 * m["mcse"]]
    if not beyond:
        return name, k, "moves no number beyond Monte Carlo error"
    largest = sorted(beyond, key=lambda m: -abs(m["in_sd"]))[:3]
    texts = [
        f"{outcome_name(m['outcome'])}, {estimand_name(m['estimand'])}"
        f"{'' if m['group'] == 'all' else ' (' + group_name(m['group']) + ')'}: "
        f"{_in_sd(m['in_sd'])}"
        for m in largest
    ]
    return name, k, "; ".join(texts)
