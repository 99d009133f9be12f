"""The tables of the document under audit, put together from its structure and the claims."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from meta.risk.printed import Figure, PrintedFigures, Span
from meta.risk.structure import MODIFIERS, Named, Structure, shipped_structure


@dataclass(frozen=True)
class ShiftType:
    """A row of the table of shift types, with its range in the table of risk factors."""

    name: str
    number: int
    capability: Figure
    goal: Figure
    base: Figure
    risk: Span
    capability_word: str
    goal_word: str

    @property
    def title(self) -> str:
        """How sentences call it."""
        return f"Type {self.number}"


@dataclass(frozen=True)
class Modifier:
    """A modifier: its range, and the level and score of the configuration at each end."""

    name: str
    field: str
    span: Span
    low_risk: str
    high_risk: str
    scores: Span | None


@dataclass(frozen=True)
class Level:
    """A level of the specification score with its multipliers."""

    name: str
    score: Span
    multiplier: Span


@dataclass(frozen=True)
class Source:
    """A row of the pooled table."""

    name: str
    capability: Figure
    goal: Figure
    harm: Figure
    failure_type: str = ""
    counts: str = ""

    @property
    def figures(self) -> dict[str, Figure]:
        """Its three columns."""
        return {"capability": self.capability, "goal": self.goal, "harm": self.harm}

    @property
    def product(self) -> float:
        """Product of the three."""
        return self.capability.value * self.goal.value * self.harm.value


@dataclass(frozen=True)
class Domain:
    """An application domain; the two shift types are numbers of the table of shift types."""

    name: str
    title: str
    shift: Span
    score: Figure
    level: str
    now: Span
    later: Span


@dataclass(frozen=True)
class Intervention:
    """An intervention; without a figure its reduction is blank."""

    name: str
    layer: str
    reduction: Span
    modifier: str | None

    @property
    def has_figure(self) -> bool:
        """Whether the document prints a reduction."""
        return self.reduction.low.known and self.reduction.high.known


@dataclass(frozen=True)
class Scenario:
    """A point of the chart and the type under which the table names it, if any."""

    name: str
    x: Figure
    y: Figure
    type: str | None
    nearest: bool
    coded: str | None

    @property
    def title(self) -> str:
        """How sentences call it."""
        return self.name.replace("_", "-")


@dataclass(frozen=True)
class Documents:
    """Every table of the document, with its figures."""

    structure: Structure
    printed: PrintedFigures
    shifts: dict[str, ShiftType]
    harm: Span
    headlines: dict[str, Span]
    repeated: list[tuple[Figure, Figure]]
    modifiers: dict[str, Modifier]
    levels: dict[str, Level]
    sources: dict[str, Source]
    pooled: Source
    cases: Figure
    domains: dict[str, Domain]
    periods: dict[str, Span]
    interventions: dict[str, Intervention]
    unknowns: dict[str, Figure]
    scenarios: dict[str, Scenario]

    @property
    def repeated_in(self) -> list[str]:
        """Section of the first of each pair of repeated figures."""
        return [r.first.section for r in self.structure.repeated for _ in r.statistics]

    def shifts_of(self, domain: Domain) -> tuple[ShiftType, ShiftType] | None:
        """Shift types of a domain, from the lower number; None where a number is no type."""
        by_number = {float(shift.number): shift for shift in self.shifts.values()}
        low, high = (by_number.get(number) for number in domain.shift.ends)
        return (low, high) if low and high else None


def has_figures(claims: pd.DataFrame, structure: Structure | None = None) -> bool:
    """Whether the table of claims holds anything of the document under audit."""
    structure = structure or shipped_structure()
    return not PrintedFigures(claims, structure.document).table.empty


def read_documents(
    claims: pd.DataFrame, structure: Structure | None = None, partial: bool = False
) -> Documents:
    """Put the tables of the document together.

    Parameters
    ----------
    claims : DataFrame
        The table of claims.
    structure : Structure, optional
        What belongs where; by default the shipped file.
    partial : bool, optional
        Whether figures may be absent; they are then nan, and what needs them is left out.

    Raises
    ------
    MissingRowsError
        Naming every figure that the structure names and the claims lack, unless `partial`.
    UserError
        Naming every figure that is impossible, such as a probability above 1, unless `partial`.
    """
    s = structure or shipped_structure()
    p = PrintedFigures(claims, s.document)
    harm = s.shift_types.harm
    documents = Documents(
        structure=s,
        printed=p,
        shifts=_shifts(s, p),
        harm=p.span(s.shift_types.section, harm.quantity, harm.subject),
        headlines=_headlines(s, p),
        repeated=_repeated(s, p),
        modifiers=_modifiers(s, p),
        levels=_levels(s, p),
        sources={
            name: _source(s, p, name, row.failure_type, row.counts)
            for name, row in s.sources.rows.items()
        },
        pooled=_source(s, p, s.sources.pooled),
        cases=p.figure(s.sources.section, s.sources.cases, s.sources.pooled, "lower"),
        domains=_domains(s, p),
        periods=_periods(s, p),
        interventions=_interventions(s, p),
        unknowns={name: _point(p, unknown.multiplier) for name, unknown in s.unknowns.items()},
        scenarios=_scenarios(s, p),
    )
    if not partial:
        p.require_all()
    return documents


def _point(p: PrintedFigures, named: Named, statistic: str = "point") -> Figure:
    return p.figure(named.section, named.quantity, named.subject, statistic)


def _headlines(s: Structure, p: PrintedFigures) -> dict[str, Span]:
    h = s.headlines
    named = {"summary": h.summary, "overview": h.overview, "info_box": h.info_box}
    return {name: p.span(x.section, x.quantity, x.subject) for name, x in named.items()}


def _repeated(s: Structure, p: PrintedFigures) -> list[tuple[Figure, Figure]]:
    return [
        (_point(p, r.first, statistic), _point(p, r.second, statistic))
        for r in s.repeated
        for statistic in r.statistics
    ]


def _levels(s: Structure, p: PrintedFigures) -> dict[str, Level]:
    t = s.specification_levels
    return {
        name: Level(name, p.span(t.section, t.score, name), p.span(t.section, t.multiplier, name))
        for name in t.levels
    }


def _scenarios(s: Structure, p: PrintedFigures) -> dict[str, Scenario]:
    t = s.chart
    found = {}
    for name, row in t.scenarios.items():
        x, y = (p.figure(t.section, quantity, name, "point") for quantity in (t.x, t.y))
        found[name] = Scenario(name, x, y, row.type, row.nearest, row.coded)
    return found


def _shifts(s: Structure, p: PrintedFigures) -> dict[str, ShiftType]:
    t = s.shift_types
    return {
        name: ShiftType(
            name,
            row.number,
            p.figure(t.section, t.capability, name, "point"),
            p.figure(t.section, t.goal, name, "point"),
            p.figure(t.section, t.product, name, "point"),
            p.span(s.risk_ranges.section, s.risk_ranges.quantity, name),
            row.capability_word,
            row.goal_word,
        )
        for name, row in t.types.items()
    }


def _modifiers(s: Structure, p: PrintedFigures) -> dict[str, Modifier]:
    found: dict[str, Modifier] = {}
    for name, row in sorted(s.modifiers.fields.items(), key=lambda item: MODIFIERS.index(item[0])):
        scores = None
        if row.score is not None:
            where, (low, high) = s.modifiers.configurations, row.score_statistics
            scores = Span(
                p.figure(where, row.score, s.modifiers.low_risk, low),
                p.figure(where, row.score, s.modifiers.high_risk, high),
            )
        span = p.span(s.modifiers.section, row.quantity, s.modifiers.subject)
        found[name] = Modifier(name, row.field, span, row.low_risk, row.high_risk, scores)
    return found


def _source(
    s: Structure, p: PrintedFigures, name: str, failure_type: str = "", counts: str = ""
) -> Source:
    quantities = (s.sources.capability, s.sources.goal, s.sources.harm)
    c, g, h = (p.figure(s.sources.section, quantity, name, "point") for quantity in quantities)
    return Source(name, c, g, h, failure_type, counts)


def _domains(s: Structure, p: PrintedFigures) -> dict[str, Domain]:
    t = s.domains
    return {
        name: Domain(
            name,
            row.title,
            p.span(t.section, t.shift, name),
            p.figure(t.section, t.score, name, "point"),
            row.level,
            p.span(t.section, t.now, name),
            p.span(t.section, t.later, name),
        )
        for name, row in t.rows.items()
    }


def _periods(s: Structure, p: PrintedFigures) -> dict[str, Span]:
    found = {}
    for name, row in s.timeline.rows.items():
        ends = [
            p.figure(s.timeline.section, s.timeline.quantity, name, statistic)
            for statistic in row.statistics
        ]
        found[name] = Span(ends[0], ends[-1])
    return found


def _interventions(s: Structure, p: PrintedFigures) -> dict[str, Intervention]:
    t = s.interventions
    found = {}
    for name, row in t.rows.items():
        if row.figure:
            reduction = p.span(t.section, t.quantity, name)
        else:
            blank = p.figure(t.section, t.quantity, name, "point", blank=True)
            reduction = Span(blank, blank)
        found[name] = Intervention(name, row.layer, reduction, row.modifier)
    return found
