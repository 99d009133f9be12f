"""Sections of the risk page on what drives a risk, and what to measure next."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from meta.report.estimates import percent
from meta.report.risk_bars import MOST, information_plot, tornado_plot
from meta.report.risk_page.parts import Cell, More, bases_of
from meta.report.wording import spell

WHOLE, AVERAGE = "harmful_misgeneralization", "rate_mean"
SHIFT, ALL = "shift_type", "all"
RESTS = "It rests on"


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
    found = [*_drivers(risks, sensitivity, percentiles), *_measurements(information)]
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
        "harmful failure, averaged over shift types and domains: what to code or run next.",
        information_plot("fig-information", "What new measurements would tell", rows),
        ("Rank", "Expected", "What is known now rests on"),
        lines,
        "value_of_information.csv",
    )
