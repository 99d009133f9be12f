"""Cells of a catalogue: agreed counts by stage, and what the coders' disagreement could do."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.report.estimates import percent
from meta.report.inputs import Fit
from meta.report.wording import STAGES, outcome_name, spell, study_label


@dataclass(frozen=True)
class StageCount:
    """Cases of a cell that reached a stage.

    Attributes
    ----------
    events, agreed : int
        Cases whose agreed code is yes, and cases with an agreed code.
    unresolved : int or None
        Cases without an agreed clear code; None where that was not recorded.
    """

    events: int
    agreed: int
    unresolved: int | None

    @property
    def shown(self) -> str:
        """The agreed counts, and how many cases they leave out."""
        missing = "unknown number" if self.unresolved is None else f"{self.unresolved:,}"
        return f"{self.events:,}/{self.agreed:,}, {missing} unresolved"

    @property
    def bounds(self) -> str:
        """Share if all unresolved cases were no, and if all were yes."""
        if self.unresolved is None:
            return "bounds not known"
        reached = self.agreed + self.unresolved
        if not reached:
            return "no case reached it"
        low, high = self.events / reached, (self.events + self.unresolved) / reached
        return f"{percent(low)} to {percent(high)}" if self.unresolved else percent(low)

    def __add__(self, other: "StageCount") -> "StageCount":
        """Add the counts of another cell; unknown stays unknown."""
        known = self.unresolved is not None and other.unresolved is not None
        return StageCount(
            self.events + other.events,
            self.agreed + other.agreed,
            (self.unresolved or 0) + (other.unresolved or 0) if known else None,
        )


@dataclass(frozen=True)
class Cell:
    """One list and failure type: a heading, its cases, one count a stage, and the list."""

    heading: str
    cases: int | None
    stages: tuple[StageCount, ...]
    listed: str = ""


@dataclass(frozen=True)
class CellTable:
    """Cells of a catalogue with the names of their stages; the last line is their sum."""

    columns: tuple[str, ...]
    cells: tuple[Cell, ...]


def cell_table(fit: Fit) -> CellTable:
    """Tabulate the agreed codes of a catalogue by list and failure type.

    Parameters
    ----------
    fit : Fit
        A composition model.

    Returns
    -------
    CellTable
        Without cells where the analysis rows were not handed in.
    """
    rows = fit.rows
    stages = [s for s in STAGES if rows is not None and f"trials_{s}" in rows and s in fit.stages]
    names = tuple(outcome_name(stage) for stage in stages)
    if rows is None or rows.empty or not stages:
        return CellTable(names, ())
    by = [name for name in ("study", "failure_type") if name in rows]
    cells = [_cell(key, part, stages) for key, part in rows.groupby(by, sort=True, dropna=False)]
    total = cells[0]
    for cell in cells[1:]:
        known = total.cases is not None and cell.cases is not None
        total = Cell(
            "All lists",
            (total.cases or 0) + (cell.cases or 0) if known else None,
            tuple(a + b for a, b in zip(total.stages, cell.stages, strict=True)),
        )
    return CellTable(names, (*cells, total) if len(cells) > 1 else tuple(cells))


def _cell(key: Any, part: pd.DataFrame, stages: list[str]) -> Cell:
    listed, *kind = [str(value) for value in key]
    heading = ": ".join([study_label(listed), *(spell(value) for value in kind)])
    counts = tuple(_count(part, stage) for stage in stages)
    return Cell(heading, _total(part, "n_units"), counts, listed)


def _count(part: pd.DataFrame, stage: str) -> StageCount:
    return StageCount(
        _total(part, f"events_{stage}") or 0,
        _total(part, f"trials_{stage}") or 0,
        _total(part, f"unresolved_{stage}"),
    )


def _total(part: pd.DataFrame, column: str) -> int | None:
    """Sum a column; None where it is absent or has a gap that makes the sum unknown."""
    if column not in part:
        return None
    values = pd.to_numeric(part[column])
    if column.startswith(("events_", "trials_")):
        return int(values.fillna(0).sum())
    return None if values.isna().any() else int(values.sum())
