"""The quadrant chart of shift types against the table that gives the same scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from meta.risk.documents import Documents, Scenario
from meta.risk.printed import EXACT
from meta.risk.table_claims import claims_text


@dataclass(frozen=True)
class Place:
    """Where a scenario is plotted: its quadrant's type, or none on a dividing line."""

    type: str | None
    borders: tuple[str, ...]


def quadrant_area(
    documents: Documents, shift: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of the two axes in which the chart writes a shift type, dividing lines included."""
    half = documents.structure.chart.division
    below, above = (0.0, half), (half, 1.0)
    quadrants = documents.structure.chart.quadrants
    return {
        quadrants.right_top: (above, above),
        quadrants.left_top: (below, above),
        quadrants.left_bottom: (below, below),
        quadrants.right_bottom: (above, below),
    }[shift]  # type: ignore[index]


def place(scenario: Scenario, documents: Documents) -> Place:
    """Find the quadrant of a scenario.

    Returns
    -------
    Place
        On a dividing line the type is None and `borders` names the types it separates there.
    """
    inside = []
    for shift in documents.shifts:
        (left, right), (low, high) = quadrant_area(documents, shift)
        x, y = scenario.x.value, scenario.y.value
        if left - EXACT <= x <= right + EXACT and low - EXACT <= y <= high + EXACT:
            inside.append(shift)
    return Place(inside[0], ()) if len(inside) == 1 else Place(None, tuple(inside))


def chart_table(documents: Documents) -> pd.DataFrame:
    """Hold every plotted scenario against the table of shift types.

    Returns
    -------
    DataFrame
        Columns scenario, x, y, plotted (type of its quadrant; blank on a dividing line), borders
        (types on either side of that line), table_type (blank where the table does not name the
        scenario), agrees (blank then and on a line), table_x and table_y (capability and goal
        risk printed for table_type) and equals_table (whether the point is the pair of any type,
        or that with the probability that capability fails), claims.
    """
    rows = []
    for scenario in documents.scenarios.values():
        where = place(scenario, documents)
        shift = documents.shifts.get(scenario.type or "")
        row: dict[str, object] = {
            "scenario": scenario.name,
            "x": scenario.x.value,
            "y": scenario.y.value,
            "plotted": where.type or "",
            "borders": " ".join(where.borders),
            "table_type": scenario.type or "",
            "agrees": where.type == shift.name if shift and where.type else None,
            "table_x": shift.capability.value if shift else float("nan"),
            "table_y": shift.goal.value if shift else float("nan"),
            "equals_table": bool(equal_points(scenario, documents)),
            "claims": claims_text(scenario.x, scenario.y),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def equal_points(scenario: Scenario, documents: Documents) -> list[str]:
    """Shift types whose printed pair a scenario's point is, read either way on the first axis."""
    return [
        shift.name
        for shift in documents.shifts.values()
        if scenario.y.agrees(shift.goal.value, shift.goal.value)
        and any(
            scenario.x.agrees(value, value)
            for value in (shift.capability.value, 1 - shift.capability.value)
        )
    ]
