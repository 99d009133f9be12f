"""What the document under audit says by its structure, read from ``published.yaml``.

The table of claims holds the printed figures; this holds which of them make up which table, what
the rows are called, and which configuration, level or quadrant is meant. No figure stands here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from meta.errors import SettingsError
from meta.evidence.dictionary import load_dictionary
from meta.priors import Strict

PUBLISHED = Path(__file__).parent / "published.yaml"
MODIFIERS = ("specification", "capability", "diversity", "alignment")

Statistic = Literal["point", "lower", "upper"]
FailureType = Literal["goal_misgeneralization", "specification_gaming"]
Shift = Literal["superficial", "moderate", "significant", "extreme"]
Unit = Annotated[float, Field(gt=0, lt=1)]


class Named(Strict):
    """A figure of the document, without its statistic."""

    section: str
    quantity: str
    subject: str


class Within(Strict):
    """A figure of a table whose section is known."""

    quantity: str
    subject: str


class ShiftRow(Strict):
    """A row of the table of shift types: its number and the words beside its percentages."""

    number: int
    capability_word: str
    goal_word: str


class ShiftTable(Strict):
    """Base probabilities by shift type."""

    section: str
    capability: str
    goal: str
    product: str
    harm: Within
    heading: str
    heading_names_harm: bool
    words: list[str]
    types: dict[Shift, ShiftRow]

    @model_validator(mode="after")
    def _words_are_ordered(self) -> ShiftTable:
        used = {w for row in self.types.values() for w in (row.capability_word, row.goal_word)}
        if strange := sorted(used - set(self.words)):
            raise ValueError(f"not among `words`: {', '.join(strange)}")
        return self


class Column(Strict):
    """One quantity of a section, by subject."""

    section: str
    quantity: str


class Headline(Named):
    """A range given outside the tables."""

    open: Literal["lower", "upper"] | None = None
    type: Shift | None = None


class Headlines(Strict):
    """The three ranges given outside the tables."""

    summary: Headline
    overview: Headline
    info_box: Headline

    @model_validator(mode="after")
    def _box_has_a_type(self) -> Headlines:
        if self.info_box.type is None:
            raise ValueError("info_box: name the shift `type` that it is about")
        return self


class Repeated(Strict):
    """A figure that is printed in two places."""

    first: Named
    second: Named
    statistics: list[Statistic]


class ModifierRow(Strict):
    """A modifier: the code book's field and what its two printed configurations are in it."""

    quantity: str
    field: str
    low_risk: str
    high_risk: str
    score: str | None = None
    score_statistics: tuple[Statistic, Statistic] = ("point", "point")

    @model_validator(mode="after")
    def _configurations(self) -> ModifierRow:
        known = load_dictionary().tables["codings"].fields.get(self.field)
        if known is None or known.values is None:
            raise ValueError(f"{self.field} is no coded field")
        for level in (self.low_risk, self.high_risk):
            if level not in known.values:
                raise ValueError(
                    f"{level!r} is no level of {self.field}; known: {', '.join(known.values)}"
                )
        return self


class ModifierTable(Strict):
    """The ranges of the four modifiers and the configurations at their ends."""

    section: str
    subject: str
    configurations: str
    low_risk: str
    high_risk: str
    fields: dict[Literal["specification", "capability", "diversity", "alignment"], ModifierRow]

    @model_validator(mode="after")
    def _all_four(self) -> ModifierTable:
        if missing := [name for name in MODIFIERS if name not in self.fields]:
            raise ValueError(f"no entry for {', '.join(missing)}")
        return self


class LevelTable(Strict):
    """Levels of the specification score, from the lowest score to the highest."""

    section: str
    score: str
    multiplier: str
    levels: list[str]


class SourceRow(Strict):
    """A row of the pooled table: what the cases are, what they were drawn from, and their list."""

    failure_type: FailureType
    counts: Literal["experiments", "catalogue", "examples"]
    list: str = ""


class SourceTable(Strict):
    """The table that pools three sources."""

    section: str
    capability: str
    goal: str
    harm: str
    cases: str
    pooled: str
    count_prefix: str
    rows: dict[str, SourceRow]


class CaseStudy(Strict):
    """A notable case of the document and the case of the evidence that it is."""

    case: str
    failure_type: FailureType


class DomainRow(Strict):
    """An application domain: its name in words and the level of specification meant."""

    title: str
    level: str


class DomainTable(Strict):
    """Application domains now and at the end of a period of the timeline."""

    section: str
    shift: str
    score: str
    now: str
    later: str
    later_period: str
    rows: dict[str, DomainRow]


class PeriodRow(Strict):
    """A period of the timeline: whether its multiplier is a point or a range."""

    statistics: list[Statistic]


class Timeline(Column):
    """Multipliers by period."""

    rows: dict[str, PeriodRow]


class InterventionRow(Strict):
    """An intervention: its layer, whether a figure is printed, and the modifier it acts on."""

    layer: Literal["prevention", "detection", "response"]
    figure: bool = True
    modifier: Literal["specification", "capability", "diversity", "alignment"] | None = None


class InterventionTable(Column):
    """Reductions of risk by intervention."""

    rows: dict[str, InterventionRow]


class Unknown(Strict):
    """A multiplier that the list of unknowns gives, and where else it is printed."""

    multiplier: Named
    modifier: Literal["specification", "capability", "diversity", "alignment"]
    intervention: str


class Scenario(Strict):
    """A point of the chart: the type under which the table names it, else the code book's."""

    type: Shift | None = None
    nearest: bool = False
    coded: Shift | None = None


class Quadrants(Strict):
    """The shift type written into each quadrant."""

    right_top: Shift
    left_top: Shift
    left_bottom: Shift
    right_bottom: Shift


class Chart(Strict):
    """The quadrant chart."""

    section: str
    x: str
    y: str
    division: Unit
    quadrants: Quadrants
    scenarios: dict[str, Scenario]


class Structure(Strict):
    """The whole of ``published.yaml``."""

    document: str
    shift_types: ShiftTable
    risk_ranges: Column
    headlines: Headlines
    repeated: list[Repeated]
    modifiers: ModifierTable
    specification_levels: LevelTable
    sources: SourceTable
    case_studies: dict[str, CaseStudy]
    domains: DomainTable
    timeline: Timeline
    interventions: InterventionTable
    unknowns: dict[Literal["interpretability"], Unknown]
    chart: Chart

    @model_validator(mode="after")
    def _names_agree(self) -> Structure:
        faults = [
            f"domains.rows.{name}: {row.level} is no level of specification"
            for name, row in self.domains.rows.items()
            if row.level not in self.specification_levels.levels
        ]
        if self.domains.later_period not in self.timeline.rows:
            faults.append(f"domains.later_period: {self.domains.later_period} is no period")
        faults += [
            f"unknowns.{name}: {unknown.intervention} is no intervention"
            for name, unknown in self.unknowns.items()
            if unknown.intervention not in self.interventions.rows
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self


def read_structure(content: Any, shown_as: str = PUBLISHED.name) -> Structure:
    """Check what a structure file holds.

    Parameters
    ----------
    content
        The file, parsed.
    shown_as
        Name of the file in messages.

    Raises
    ------
    SettingsError
        With every problem: unknown or missing keys, names that are declared nowhere.
    """
    try:
        return Structure.model_validate(content)
    except ValidationError as error:
        lines = [
            f"{shown_as}: {'.'.join(str(step) for step in e['loc']) or 'file'}: "
            + ("unknown key" if e["type"] == "extra_forbidden" else e["msg"])
            for e in error.errors()
        ]
        raise SettingsError("\n".join(lines)) from None


@cache
def shipped_structure() -> Structure:
    """Structure of the document under audit, as shipped."""
    return read_structure(yaml.safe_load(PUBLISHED.read_text(encoding="utf-8")))
