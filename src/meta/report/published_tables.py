"""The reproduced tables of the published risk model, written for a reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.report.wording import spell, study_label

Record = Mapping[Any, Any]


@dataclass(frozen=True)
class Cell:
    """Text of a cell, and a remark where something is wrong with it."""

    text: str
    remark: str = ""


@dataclass(frozen=True)
class Line:
    """A row: what it is of, the claims behind it, and its cells."""

    heading: str
    claims: list[str]
    cells: list[Cell]


@dataclass(frozen=True)
class View:
    """A table for a reader, with the file that holds it in full."""

    name: str
    title: str
    lead: str
    columns: list[str]
    lines: list[Line]


def published_views(tables: Mapping[str, pd.DataFrame]) -> list[View]:
    """Write the reproduced tables for a reader.

    Parameters
    ----------
    tables
        As of `meta.risk.tables.published_tables`.

    Returns
    -------
    list of View
        In the order in which the document's argument runs; empty without tables.
    """
    return [_view(name, write, tables) for name, write in WRITERS.items() if name in tables]


def _view(name: str, write: Writer, tables: Mapping[str, pd.DataFrame]) -> View:
    lines = [
        Line(write.heading(row), _claims(row), write.cells(row))
        for row in tables[name].to_dict("records")
    ]
    return View(name, write.title, write.lead, list(write.columns), lines)


def _claims(row: Record) -> list[str]:
    claims = row.get("claims")
    return claims.split("; ") if isinstance(claims, str) and claims else []


def share(value: float) -> str:
    """Write a probability as a percentage; what exceeds 1 stays as it is."""
    return "" if pd.isna(value) else f"{100 * value:.3g}%"


def factor(value: float) -> str:
    """Write a multiplier, ``0.5x``."""
    return "" if pd.isna(value) else f"{value:.3g}x"


def plain(value: float) -> str:
    """Write a score or a coordinate."""
    return "" if pd.isna(value) else f"{value:g}"


def multiple(value: float) -> str:
    """Write how many times a base a figure is, ``0.28x``."""
    return "" if pd.isna(value) else f"{value:.2f}x"


def filled(text: str, *parts: str) -> str:
    """Fill a text in with its parts; empty where one of them is."""
    return text.format(*parts) if all(parts) else ""


def span(row: Record, low: str, high: str, write: Callable[[float], str] = share) -> str:
    """Write a range, or the one value it is; empty where there is none."""
    ends = list(dict.fromkeys(write(row[end]) for end in (low, high)))
    return "" if "" in ends else " to ".join(ends)


def _flagged(value: float) -> Cell:
    return Cell(share(value), "no probability" if value > 1 else "")


def _type(row: Record) -> str:
    return spell(str(row["shift_type"])).capitalize()


def _base_rate(row: Record) -> list[Cell]:
    outside = "" if row["within_band"] else "outside the stated band"
    factors = [share(row[name]) for name in ("capability", "goal", "without_harm")]
    allowed = span(row, "implied_harm_low", "implied_harm_high")
    implied = filled("{} ({} by rounding)", share(row["implied_harm"]), allowed)
    return [
        Cell(filled("{} x {} = {}", *factors)),
        Cell(share(row["printed"])),
        Cell(implied, outside if implied else ""),
        Cell(span(row, "stated_low", "stated_high")),
        Cell(share(row["pooled_harm"])),
    ]


def _pooled_name(row: Record) -> str:
    name = str(row["row"])
    return study_label(name) if "_" in name else name.capitalize()


def _pooled(row: Record) -> list[Cell]:
    return [Cell(share(row[name]) or "–") for name in ("capability", "goal", "harm", "product")]


def _modifier(row: Record) -> list[Cell]:
    cells = []
    for end in ("low", "high"):
        level, score = row[f"{end}_risk"], row[f"{end}_risk_score"]
        parts = [spell(level)] if isinstance(level, str) else []
        parts += [] if pd.isna(score) else [f"score {plain(score)}"]
        named = f"({', '.join(parts)})" if parts else ""
        cells.append(Cell(" ".join(filter(None, (factor(row[end]), named)))))
    return cells


def _level(row: Record) -> list[Cell]:
    ends = [plain(row[end]) for end in ("score_low", "score_high")]
    if row["gap"]:
        return [Cell(filled("between {} and {}", *ends)), Cell("none", "a gap")]
    return [Cell(filled("{} to {}", *ends)), Cell(span(row, "low", "high", factor))]


def _modified(row: Record) -> list[Cell]:
    return [Cell(share(row["base"])), Cell(share(row["low"])), _flagged(row["high"])]


def _range(row: Record) -> list[Cell]:
    return [
        Cell(share(row["base"])),
        Cell(span(row, "low", "high")),
        Cell(span(row, "low_multiplier", "high_multiplier", multiple)),
    ]


def _domain(row: Record) -> list[Cell]:
    shifts = span(row, "shift_low", "shift_high", plain)
    implied, now = span(row, "implied_low", "implied_high"), span(row, "now_low", "now_high")
    wrong = implied and now and not row["reproduced"]
    return [
        Cell(filled("types {}, score {}", shifts, plain(row["score"]))),
        Cell(implied),
        Cell(now, "not what the tables give" if wrong else ""),
        Cell(span(row, "projected_low", "projected_high")),
        Cell(span(row, "later_low", "later_high")),
    ]


def _period(row: Record) -> list[Cell]:
    shifts = [name.removesuffix("_high") for name in row if str(name).endswith("_high")]
    over = [row[f"{shift}_high"] > 1 for shift in shifts]
    return [
        Cell(span(row, "low", "high", factor)),
        *(
            Cell(span(row, f"{shift}_low", f"{shift}_high"), "no probability" if above else "")
            for shift, above in zip(shifts, over, strict=True)
        ),
    ]


def _intervention(row: Record) -> list[Cell]:
    reduction = span(row, "reduction_low", "reduction_high")
    left = span(row, "remaining_low", "remaining_high")
    together = "multiplied" in str(row["intervention"])
    return [
        Cell(str(row["layer"])),
        Cell(reduction or "no figure", "no rule is printed" if together else ""),
        Cell(left or "–"),
        *(Cell(str(row.get(name) or "–")) for name in ("cost", "priority")),
    ]


def _scenario(row: Record) -> list[Cell]:
    line = filled("between {}", " and ".join(str(row["borders"]).split()))
    disagrees = row["agrees"] is not None and not pd.isna(row["agrees"]) and not row["agrees"]
    return [
        Cell(filled("{}, {}", plain(row["x"]), plain(row["y"]))),
        Cell(str(row["plotted"]) or line, "" if row["plotted"] or not line else "on a line"),
        Cell(str(row["table_type"]) or "not named", "another type" if disagrees else ""),
    ]


@dataclass(frozen=True)
class Writer:
    """How one table is written."""

    title: str
    lead: str
    columns: tuple[str, ...]
    heading: Callable[[Record], str]
    cells: Callable[[Record], list[Cell]]


def _capital(words: str) -> str:
    """Begin with a capital and leave the rest, such as AI, as it is."""
    return words[:1].upper() + words[1:]


def _named(column: str) -> Callable[[Record], str]:
    return lambda row: _capital(re.sub(r"\bai\b", "AI", spell(str(row[column]))))


WRITERS = {
    "base_rates": Writer(
        "Base probability by shift type",
        "The document multiplies three probabilities: that capability carries over, that the goal "
        "fails though it does, and that harm follows. It prints the first two and the product. The "
        "product divided by the two is the harm factor that it must have used; its note states one "
        "band of harm for all types.",
        ("Shift type", "Capability x goal fails", "Printed", "Implied harm", "Stated band gives",
         "Pooled harm gives"), _type, _base_rate,
    ),
    "pooled": Writer(
        "The pooled row",
        "Three sources and the row that pools them. The row is set beside the plain mean of the "
        "three, which takes no account of how many cases each has.",
        ("Row", "Capability", "Goal fails", "Harm", "Product"), _pooled_name, _pooled,
    ),
    "modifiers": Writer(
        "Modifiers",
        "Four multipliers of the base probability, each printed as a range between a low-risk and "
        "a high-risk configuration. The last row is their product.",
        ("Modifier", "Low-risk configuration", "High-risk configuration"),
        _named("modifier"), _modifier,
    ),
    "specification_levels": Writer(
        "Levels of the specification score",
        "The score from 0 to 1 is cut into levels, each with a multiplier. Scores between two "
        "levels have none.",
        ("Level", "Scores", "Multiplier"),
        lambda row: str(row["level"]).capitalize() or "No level", _level,
    ),
    "base_times_modifiers": Writer(
        "Base probability times all modifiers",
        "The document's own formula at the lowest and the highest end of every modifier. Nothing "
        "is cut off: what exceeds 100% is no probability.",
        ("Shift type", "Base", "Lowest", "Highest"), _type, _modified,
    ),
    "risk_ranges": Writer(
        "Printed risk ranges",
        "The range printed for each shift type, and the multiples of its base probability that "
        "the two ends are.",
        ("Shift type", "Base", "Printed range", "Multiples of the base"), _type, _range,
    ),
    "domains": Writer(
        "Application domains, now and later",
        "What base probability times specification multiplier gives for each domain, and what "
        "the timeline makes of the printed risk, each beside the range that is printed.",
        ("Domain", "Settings", "Now, by the tables", "Now, printed", "Later, by the timeline",
         "Later, printed"), lambda row: _capital(str(row["title"])), _domain,
    ),
    "timeline": Writer(
        "Timeline",
        "Each period's multiplier, applied to the base probability of each shift type.",
        ("Period", "Multiplier", "Superficial", "Moderate", "Significant", "Extreme"),
        lambda row: str(row["period"]).capitalize(), _period,
    ),
    "interventions": Writer(
        "Interventions",
        "The printed reductions, and the share of the risk that is left. The document gives no "
        "rule for several at once; the last rows multiply them as if each worked alone. Costs and "
        "priorities are its words: nothing of them is computed or tested.",
        ("Intervention", "Layer", "Printed reduction", "Risk left", "Cost", "Priority"),
        _named("intervention"), _intervention,
    ),
    "chart": Writer(
        "Quadrant chart",
        "Where the chart puts each scenario, and the type under which the table of shift types "
        "names it.",
        ("Scenario", "Point", "Plotted as", "Type in the table"), _named("scenario"), _scenario,
    ),
}  # fmt: skip
