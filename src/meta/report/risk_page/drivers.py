"""Sections of the risk page on what drives a risk, and what to measure next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from meta.estimands.harm_chain import STAGES
from meta.report.estimates import percent
from meta.report.risk_bars import MOST, PARTS, information_plot, tornado_plot
from meta.report.risk_page.parts import Cell, More, bases_of, lower, title
from meta.report.svg import NOTHING
from meta.report.wording import outcome_name, spell
from meta.risk.named_profiles import DOMAIN

WHOLE, AVERAGE = "harmful_misgeneralization", "rate_mean"
SHIFT, ALL = "shift_type", "all"
RESTS = "It rests on"
#: Kinds of profiles that are compared, by their names for a reader, and inputs shown of each.
KINDS = {SHIFT: "Shift type", DOMAIN: "Domain"}
TOP = 3


def driver_sections(
    risks: pd.DataFrame,
    sensitivity: pd.DataFrame | None,
    information: pd.DataFrame | None,
    percentiles: tuple[float, float],
) -> list[More]:
    """Sections of the tables that a run has.

    Parameters
    ----------
    risks
        Content of `risk.csv`, which says of which shift type there are most studies.
    sensitivity, information
        Content of `risk_sensitivity.csv` and of `value_of_information.csv`; None or empty where
        absent.
    percentiles
        Ends of the tornado's bars.
    """
    found = [
        *_drivers(risks, sensitivity, percentiles),
        *_top_drivers(sensitivity, percentiles),
        *_measurements(information),
        *_known_stages(information),
    ]
    return [section for section in found if section.lines]


def _drivers(
    risks: pd.DataFrame, table: pd.DataFrame | None, percentiles: tuple[float, float]
) -> Iterator[More]:
    if table is None or table.empty:
        return
    shifts = risks[(risks["kind"] == SHIFT) & (risks["estimand"] == AVERAGE)]
    most = shifts["k_studies"].astype(float).argmax()
    shift = str(shifts["profile"].iloc[most])
    rows = table[
        (table["kind"] == SHIFT) & (table["profile"] == shift)
        & (table["outcome"] == WHOLE) & (table["estimand"] == AVERAGE)
    ]  # fmt: skip
    ordered = rows.sort_values("first_order_logit", ascending=False, kind="stable").head(MOST)
    lines = tuple(
        (
            str(row["said"]),
            f"{percent(max(row['first_order_logit'], 0))}, give or take "
            f"{percent(row['first_order_logit_margin'])}",
            f"{percent(row['risk_low'], 1)} and {percent(row['risk_high'], 1)}",
            Cell(bases=bases_of(str(row["basis"]))),
        )
        for row in ordered.to_dict("records")
    )
    low, high = (f"{100 * p:g}" for p in percentiles)
    yield More(
        "drivers",
        "What drives the risk",
        f"Of the average over studies at a {spell(shift)} shift, the shift type with most studies. "
        "Share: how much of the variance of the log odds would go if the input were known; the "
        "inputs overlap, so the shares need not add up to all of it.",
        tornado_plot("fig-drivers", f"What drives the risk at a {spell(shift)} shift", rows,
                     percentiles),
        ("Input", "Share of the variance", f"Median risk at percentiles {low} and {high} of it",
         RESTS),
        lines,
        "risk_sensitivity.csv",
    )  # fmt: skip


def _top_drivers(table: pd.DataFrame | None, percentiles: tuple[float, float]) -> Iterator[More]:
    """The longest bars of the tornado of every shift type and domain."""
    if table is None or table.empty:
        return
    rows = table[
        table["kind"].isin(KINDS) & (table["outcome"] == WHOLE)
        & (table["estimand"] == AVERAGE) & (table["view"] != PARTS)
    ]  # fmt: skip
    lines: list[tuple[str | Cell, ...]] = []
    for (kind, profile), own in rows.groupby(["kind", "profile"], sort=False):
        swing = (own["risk_high"] - own["risk_low"]).abs()
        first = own.loc[swing.sort_values(ascending=False, kind="stable").index].head(TOP)
        cells = [_driver_cell(row) for row in first.to_dict("records")]
        cells += [Cell()] * (TOP - len(cells))
        lines.append((f"{KINDS[str(kind)]}: {lower(title(str(profile)))}", *cells))
    low, high = (f"{100 * p:g}" for p in percentiles)
    yield More(
        "drivers-of-each",
        "What drives the risk of each shift type and domain",
        "The three longest bars of each tornado, of the average over studies: the input, the "
        f"median risk at percentiles {low} and {high} of it, and what the input rests on.",
        NOTHING,
        ("Profile", "First", "Second", "Third"),
        tuple(lines),
        "risk_sensitivity.csv",
    )


def _driver_cell(row: Mapping[Any, Any]) -> Cell:
    ends = f"{percent(row['risk_low'], 1)} and {percent(row['risk_high'], 1)}"
    return Cell(str(row["said"]), ends, bases_of(str(row["basis"])))


def _known_stages(table: pd.DataFrame | None) -> Iterator[More]:
    """What knowing each stage exactly would tell of each risk."""
    if table is None or table.empty:
        return
    rows = table[
        (table["information"] == "perfect") & (table["outcome"] == WHOLE)
        & table["kind"].isin(KINDS) & table["candidate"].isin(STAGES)
    ]  # fmt: skip
    lines: list[tuple[str | Cell, ...]] = []
    for (kind, profile), own in rows.groupby(["kind", "profile"], sort=False):
        by_stage = {row["candidate"]: row for row in own.to_dict("records")}
        cells = [_known_cell(by_stage.get(stage)) for stage in STAGES]
        lines.append((f"{KINDS[str(kind)]}: {lower(title(str(profile)))}", *cells))
    yield More(
        "known-stages",
        "What knowing a stage exactly would tell",
        "The share of the variance of the log odds of harmful failure that would go if the level "
        "of one stage at the profile became known exactly: no measurement of that stage can tell "
        "more. The stages overlap, so the shares need not add up.",
        NOTHING,
        ("Profile", *(outcome_name(stage) for stage in STAGES)),
        tuple(lines),
        "value_of_information.csv",
    )


def _known_cell(row: Mapping[Any, Any] | None) -> Cell:
    if row is None:
        return Cell()
    margin = f"give or take {percent(row['share_logit_margin'])}"
    return Cell(percent(max(row["share_logit"], 0)), margin, bases_of(str(row["basis"])))


def _measurements(table: pd.DataFrame | None) -> Iterator[More]:
    if table is None or table.empty:
        return
    chosen = (table["kind"] == ALL) & (table["outcome"] == WHOLE)
    rows = table[chosen & (table["information"] == "sample")].sort_values("rank").head(MOST)
    lines = tuple(
        (f"{int(row['rank'])}", str(row["sentence"]), Cell(bases=bases_of(str(row["basis"]))))
        for row in rows.to_dict("records")
    )
    yield More(
        "measure-next",
        "What to measure next",
        "What new measurements of a given size are expected to take away of the uncertainty of "
        "harmful failure, averaged over shift types and domains: what to code or run next. The "
        "interval that the average risk would then have is an approximation, as if its log odds "
        "were normal and their median stayed.",
        information_plot("fig-information", "What new measurements would tell", rows),
        ("Rank", "Expected", "What is known now rests on"),
        lines,
        "value_of_information.csv",
    )
