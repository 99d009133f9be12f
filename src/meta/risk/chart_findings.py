"""Findings on the quadrant chart against the table of shift types."""

from __future__ import annotations

from meta.finding import Finding, Numbers
from meta.risk.chart import equal_points, place
from meta.risk.documents import Documents, Scenario
from meta.risk.printed import Figure, listed
from meta.risk.table_finding import Find, table_finding


def examples_in_other_quadrants(d: Documents) -> Finding | None:
    """Examples of the table that the chart plots under another type."""
    wrong = [s for s in d.scenarios.values() if s.type and place(s, d).type not in (None, s.type)]
    if not wrong:
        return None
    parts = [
        f"{_point(s)}, {'the nearest to ' if s.nearest else ''}the table's example of "
        f"{_title(s.type, d)}, is plotted in the quadrant of {_title(place(s, d).type, d)}"
        for s in wrong
    ]
    numbers = {s.name: [s.type or "", place(s, d).type or ""] for s in wrong}
    return _finding("examples_in_other_quadrants", d, wrong, "; ".join(parts), numbers)


def example_on_a_line(d: Documents) -> Finding | None:
    """Examples of the table that the chart plots between two types."""
    lying = [s for s in d.scenarios.values() if s.type and place(s, d).type is None]
    if not lying:
        return None
    parts = [
        f"{_point(s)}, the table's example of {_title(s.type, d)}, lies on the line between "
        f"{listed([_title(name, d) for name in place(s, d).borders])}"
        for s in lying
    ]
    numbers = {s.name: place(s, d).borders for s in lying}
    return _finding("example_on_a_line", d, lying, "; ".join(parts), numbers)


def scenario_against_code_book(d: Documents) -> Finding | None:
    """Scenarios that only the chart names, plotted under another type than they are coded."""
    wrong = [s for s in d.scenarios.values() if s.coded and place(s, d).type not in (None, s.coded)]
    if not wrong:
        return None
    parts = [
        f"{_point(s)} is plotted in the quadrant of {_title(place(s, d).type, d)}; the code book "
        f"makes it {s.coded} ({_title(s.coded, d)})"
        for s in wrong
    ]
    numbers = {s.name: [s.coded or "", place(s, d).type or ""] for s in wrong}
    return _finding("scenario_against_code_book", d, wrong, "; ".join(parts), numbers)


def empty_quadrant(d: Documents) -> Finding | None:
    """Types in whose quadrant nothing is plotted."""
    plotted: dict[str, list[str]] = {name: [] for name in d.shifts}
    for scenario in d.scenarios.values():
        if (found := place(scenario, d).type) is not None:
            plotted[found].append(scenario.name)
    empty = [name for name, names in plotted.items() if not names]
    if not empty:
        return None
    held = [
        f"{_title(name, d)} has {listed([d.scenarios[each].title for each in names])}"
        for name, names in plotted.items()
        if names
    ]
    sentence = (
        f"Of {len(d.scenarios)} scenarios none is plotted in the quadrant of "
        f"{listed([_title(name, d) for name in empty])}; that of {'; that of '.join(held)}."
    )
    numbers = {"empty": empty, **{name: names for name, names in plotted.items() if names}}
    return _finding("empty_quadrant", d, list(d.scenarios.values()), sentence, numbers)


def points_not_in_table(d: Documents) -> Finding | None:
    """A chart none of whose points is a pair of the table of the same axes."""
    if any(equal_points(scenario, d) for scenario in d.scenarios.values()):
        return None
    sentence = (
        "The chart's axes are the table's capability and goal risk, but no point is the pair of "
        "any type, whether capability is read as succeeding or as failing."
    )
    scenarios = list(d.scenarios.values())
    table = [f for shift in d.shifts.values() for f in (shift.capability, shift.goal)]
    return _finding("points_not_in_table", d, scenarios, sentence, {"equal": 0.0}, table)


CHART_FINDINGS: tuple[Find, ...] = (
    examples_in_other_quadrants, example_on_a_line, scenario_against_code_book, empty_quadrant,
    points_not_in_table,
)  # fmt: skip


def _finding(
    name: str,
    d: Documents,
    scenarios: list[Scenario],
    sentence: str,
    numbers: Numbers,
    others: list[Figure] | None = None,
) -> Finding | None:
    figures = [figure for s in scenarios for figure in (s.x, s.y)] + (others or [])
    return table_finding("chart", name, d, d.structure.chart.section, figures, sentence, numbers)


def _title(shift: str | None, d: Documents) -> str:
    return d.shifts[shift or ""].title


def _point(scenario: Scenario) -> str:
    return f"{scenario.title} ({scenario.x.text}, {scenario.y.text})"
