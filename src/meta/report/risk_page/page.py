"""Sections of the risk page: published figures beside the evidence, each number with its basis."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from markupsafe import Markup

from meta.report.risk_page.drivers import driver_sections
from meta.report.risk_page.figures import (
    RiskEstimate,
    comparison_plot,
    estimate_of,
    printed_estimate,
)
from meta.report.risk_page.modifiers import modifier_section
from meta.report.risk_page.parts import (
    ARITHMETIC,
    BASES,
    PRINTED,
    Cell,
    Line,
    RiskSection,
    Row,
    bases_of,
    is_number,
    listed,
    lower,
    title,
)
from meta.report.risk_page.results import RiskResults
from meta.report.scripts import content_policy, script
from meta.report.wording import outcome_name, spell
from meta.risk.flags import flag_sentences
from meta.risk.named_profiles import DOMAIN, INTERVENTION, LATER, PERIOD
from meta.risk.printed import percents
from meta.risk.profile_risk import EVIDENCE_MODE, FORMULA, SHIFT, STAGE

WHOLE = "harmful_misgeneralization"
FORMULA_LABEL, AVERAGE, NEW = "by the formula", "average", "a new study"
ESTIMANDS = {"rate_mean": AVERAGE, "rate_new": NEW}


def risk_context(results: RiskResults, stamped: str) -> dict[str, Any]:
    """Everything that the template of the page shows.

    Parameters
    ----------
    results
        Tables of a run, and the content of the calculator.
    stamped
        Stamp of the figures where a check of a model behind them failed; empty for none.
    """
    profiles = _profiles(results.table)
    scripts = [script("risk_calculator.js")] if results.calculator else []
    return {
        "bases": BASES,
        "interval": results.table.loc[
            results.table["mode"] == EVIDENCE_MODE, "interval"
        ].iloc[0],
        "shifts": shift_section(
            profiles[SHIFT], stamped, results.calculator.get("stages", {})
        ),
        "domains": [
            (heading, profile_section(f"fig-{kind}", kind, profiles[kind], stamped))
            for kind, heading in ((DOMAIN, "Now"), (LATER, "In 2026-2027"))
            if kind in profiles
        ],
        "periods": profile_section("fig-periods", PERIOD, profiles.get(PERIOD, {}), stamped),
        "remedies": profile_section(
            "fig-remedies", INTERVENTION, profiles.get(INTERVENTION, {}), stamped
        ),
        "modifiers": modifier_section(results.modifiers, stamped),
        "more": driver_sections(
            results.table, results.sensitivity, results.information, results.percentiles
        ),
        "calculator": results.calculator,
        "data": page_data(results.calculator),
        "scripts": scripts,
        "policy": content_policy(scripts),
    }  # fmt: skip


def page_data(content: Mapping[str, Any]) -> Markup:
    """Content of the calculator as JSON that may stand inside a script element."""
    named = dict(content)
    if named:
        named["names"] = {outcome: outcome_name(outcome) for outcome in content["outcomes"]}
    text = json.dumps(named, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def _profiles(table: pd.DataFrame) -> dict[str, dict[str, list[Row]]]:
    """Rows by kind and profile, in the order of the table."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in table.to_dict("records"):
        named = {str(key): value for key, value in row.items()}
        found.setdefault(row["kind"], {}).setdefault(str(row["profile"]), []).append(named)
    return found


def _find(rows: Iterable[Row], outcome: str, estimand: str) -> Row | None:
    return next((r for r in rows if (r["outcome"], r["estimand"]) == (outcome, estimand)), None)


def shift_section(
    shifts: Mapping[str, list[Row]], stamped: str, stages: Mapping[str, Any]
) -> RiskSection:
    """Every stage and the product by shift type, as printed and by the evidence.

    Parameters
    ----------
    shifts
        Rows by shift type.
    stamped
        Stamp of the figure; empty for none.
    stages
        Printed figures of each shift type with their claims, as the calculator has them.
    """
    blocks, lines = [], []
    for name, rows in shifts.items():
        heading = title(name)
        blocks.append((heading, _lines(rows, formula=f"{PRINTED} base")))
        outcomes = ("capability_transfer", "goal_failure", "harm", WHOLE)
        for i, outcome in enumerate(outcomes):
            printed = _find(rows, outcome, FORMULA if outcome == WHOLE else STAGE)
            claims = stages.get(name, {}).get(outcome, {}).get("claims", ())
            said = _stage_product(rows) if outcome == WHOLE else ""
            cells = [_printed_figure(printed, claims, said), *_evidence_cells(rows, outcome)]
            remarks = _remarks(rows) if i == 0 else ()
            lines.append(Line(f"{heading}: {lower(outcome_name(outcome))}", remarks, tuple(cells)))
    named = "Harmful failure by shift type: printed, and by the evidence"
    figure = comparison_plot("fig-shifts", named, blocks, stamped)
    columns = ("Shift type and stage", "Published", "Average over studies", "A new study")
    said = _places("printed base risk", [(title(n), r, False) for n, r in shifts.items()])
    return RiskSection(figure, columns, tuple(lines), said)


def profile_section(
    name: str, kind: str, profiles: Mapping[str, list[Row]], stamped: str
) -> RiskSection | None:
    """Risk of harmful failure of profiles of one kind; None where there are none."""
    if not profiles:
        return None
    domains = kind in (DOMAIN, LATER)
    shared = set.intersection(*(set(_remarks(rows)) for rows in profiles.values()))
    blocks, lines = [], []
    for profile, rows in profiles.items():
        heading = title(profile)
        blocks.append((heading, _lines(rows, formula=FORMULA_LABEL)))
        cells = [_published_cell(_find(rows, WHOLE, FORMULA)), *_evidence_cells(rows, WHOLE)]
        if domains:
            cells.insert(0, _printed_cell(rows[0]))
        own = [remark for remark in _remarks(rows) if remark not in shared]
        lines.append(Line(heading, (*_settings(rows, kind), *own), tuple(cells)))
    first = {DOMAIN: "Domain", LATER: "Domain", PERIOD: "Period", INTERVENTION: "Remedy"}[kind]
    named = f"Harmful failure by {first.lower()}: published, and by the evidence"
    columns = (first, *(("Printed",) if domains else ()), "By the published formula",
               "Average over studies", "A new study")  # fmt: skip
    figure = comparison_plot(name, named, blocks, stamped)
    order = [text for text in _remarks(next(iter(profiles.values()))) if text in shared]
    placed = [(title(n), rows, domains) for n, rows in profiles.items()]
    said = _places("printed range" if domains else "product of the formula", placed)
    return RiskSection(figure, columns, tuple(lines), said, tuple(order))


def _places(what: str, profiles: Sequence[tuple[str, list[Row], bool]]) -> str:
    """Say for which profiles a printed figure lies inside, above or below the average's interval.

    Parameters
    ----------
    what
        The figure, in words.
    profiles
        Name, rows, and whether the figure is the range that is printed for the profile, not the
        product of the formula.
    """
    found: dict[str, list[str]] = {"inside": [], "above": [], "below": []}
    for name, rows, printed in profiles:
        average, base = _find(rows, WHOLE, "rate_mean"), _find(rows, WHOLE, FORMULA)
        ends = (rows[0]["printed_low"], rows[0]["printed_high"]) if printed else (
            (base["value"],) * 2 if base else (math.nan,) * 2
        )  # fmt: skip
        if average is None or not all(map(is_number, ends)):
            continue
        above, below = ends[0] > average["high"], ends[1] < average["low"]
        found["above" if above else "below" if below else "inside"].append(lower(name))
    meets = "meets" if any(printed for *_, printed in profiles) else "lies inside"
    parts = [
        f"{verb} for {listed(names)}"
        for verb, names in (
            (f"{meets} the interval of the evidence's average over studies", found["inside"]),
            ("lies above it", found["above"]),
            ("lies below it", found["below"]),
        )
        if names
    ]
    return f"The {what} {'; it '.join(parts)}." if parts else ""


def _lines(rows: list[Row], formula: str) -> list[tuple[str, RiskEstimate]]:
    """Lines of a block: what is printed, what the formula gives, what the evidence gives."""
    found = []
    head = rows[0]
    base = _find(rows, WHOLE, FORMULA)
    if is_number(head["printed_low"]):
        found.append((f"{PRINTED} range", printed_estimate(head)))
    if base is not None and is_number(base["value"]):
        found.append((formula, estimate_of(base)))
    for estimand, label in ESTIMANDS.items():
        if (row := _find(rows, WHOLE, estimand)) is not None:
            found.append((label, estimate_of(row)))
    return found


def _published_cell(row: Row | None) -> Cell:
    if row is None or not is_number(row["low"]):
        return Cell()
    estimate = estimate_of(row)
    if not is_number(row["value"]):
        return Cell(estimate.interval, "", (ARITHMETIC,))
    interval = "" if estimate.low == estimate.high else estimate.interval
    remark = "exceeds 100%: no probability" if row["high"] > 1 else ""
    return Cell(estimate.shown, interval, (ARITHMETIC,), remark)


def _printed_figure(row: Row | None, claims: Sequence[str], remark: str) -> Cell:
    """A figure that the document prints itself, which no sum of ours is behind."""
    cell = _published_cell(row)
    if not cell.value:
        return cell
    remark = "; ".join(filter(None, [remark, cell.remark]))
    return replace(cell, bases=(PRINTED,), remark=remark, claims=tuple(claims))


def _stage_product(rows: Sequence[Row]) -> str:
    """Say what the printed stages of a shift type multiply to, which the printed base need not be.

    The claims page holds the two against each other; a reader of the base alone must know of it.
    """
    stages = [row for row in rows if row["estimand"] == STAGE]
    ends = [math.prod(float(row[end]) for row in stages) for end in ("low", "high")]
    if not stages or not all(map(math.isfinite, ends)):
        return ""
    return f"as printed; its stages multiply to {percents(*ends)}"


def _printed_cell(row: Row) -> Cell:
    if not is_number(row["printed_low"]):
        return Cell()
    return Cell(printed_estimate(row).interval, "", (PRINTED,))


def _evidence_cells(rows: Iterable[Row], outcome: str) -> list[Cell]:
    rows = list(rows)
    found = []
    for estimand in ESTIMANDS:
        row = _find(rows, outcome, estimand)
        if row is None:
            found.append(Cell())
            continue
        estimate = estimate_of(row)
        bases = bases_of(str(row["basis"]))
        share = row["contraction"]
        remark = f"data’s share {share:.2f}" if is_number(share) else ""
        found.append(Cell(estimate.shown, estimate.interval, bases, remark))
    return found


def _remarks(rows: Iterable[Row]) -> tuple[str, ...]:
    """Flags of a profile, in words."""
    flags = (flag for row in rows for flag in str(row["flags"]).split())
    return tuple(map(spell, flag_sentences(flags)))


def _settings(rows: Sequence[Row], kind: str) -> list[str]:
    """Settings of a profile that its name does not say, or what its scenario rests on."""
    row = rows[0]
    if kind in (DOMAIN, LATER):
        shift = spell(str(row["shift"]).replace("; ", " to "))
        return [f"{shift} shift, score {float(row['specification']):g}"]
    notes = [str(row["note"]) for row in rows if row["note"]]
    return [spell(note.partition(": ")[2]) for note in notes[:1]]
