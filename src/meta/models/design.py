"""Design of a model: the analysis set as the arrays that a likelihood reads.

Every stage's counts are stacked into one vector of observations, so that a model has a single
likelihood call whatever its stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from meta.config import ModelSpec
from meta.errors import DesignError, FrameError
from meta.models.levels import Level, crossed_levels, nested_levels
from meta.models.moderators import Group, Moderator, moderator_columns
from meta.plural import counted

#: Studies without which nothing is pooled: fewer cannot tell how rates or effects vary.
FEWEST_STUDIES = 3


@dataclass(frozen=True)
class Design:
    """Arrays of one model.

    Attributes
    ----------
    spec
        The specification it was made from.
    rows
        The analysis set, R rows.
    stages
        Names of the stages, length O.
    levels
        Nested levels, top level first.
    row_unit
        For each level, the unit of each row, shape (levels, R).
    crossed, row_crossed
        Levels whose units cross those of the nested ones (families of agents), and the unit of
        each row, shape (crossed, R).
    x, terms
        Design matrix of the moderators, shape (R, P), and the names of its columns.
    groups
        Populations to report.
    stage, row, events, trials
        One entry an observation, length N: stage index, row index and counts.
    through_capability
        Whether the observation's rate is the product with the row's capability, length N.
    notes
        What a reader of the fit must be told about the rows.
    moderators
        Where each moderator stands in `x`, and the settings it can be given.
    """

    spec: ModelSpec
    rows: pd.DataFrame
    stages: tuple[str, ...]
    levels: list[Level]
    row_unit: np.ndarray
    x: np.ndarray
    terms: list[str]
    groups: list[Group]
    stage: np.ndarray
    row: np.ndarray
    events: np.ndarray
    trials: np.ndarray
    through_capability: np.ndarray
    notes: list[str] = field(default_factory=list)
    crossed: list[Level] = field(default_factory=list)
    row_crossed: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    moderators: tuple[Moderator, ...] = ()

    def level(self, name: str) -> Level | None:
        """Return a level by name, or None if the model does not have it."""
        return next((lv for lv in self.levels if lv.name == name), None)

    def rows_of_stage(self, stage: int) -> np.ndarray:
        """Indices of the rows that observe a stage (goal failures through capability included)."""
        return self.row[self.stage == stage]


def build_design(
    table: pd.DataFrame, spec: ModelSpec, categories: Mapping[str, list[str]] | None = None
) -> Design:
    """Turn an analysis set into the arrays of a model.

    Parameters
    ----------
    table
        Analysis set (see `meta.evidence.analysis_set`).
    spec
        Model specification.
    categories
        Categories of moderators, where not those of the rows (imputed codes: those of any set).

    Raises
    ------
    FrameError
        If any row's `sampling_frame` is not the model's: a rate must never come from rows
        selected on failure.
    DesignError
        If a stage other than capability is observed nowhere, or fewer than two top-level units
        are left.
    """
    require_frame(table, spec)
    notes: list[str] = []
    observed = _observations(table, spec, notes)
    used = np.unique(observed["row"])
    rows = table.iloc[used].reset_index(drop=True)
    observed["row"] = np.searchsorted(used, observed["row"])
    _require_identified(rows, observed, spec, notes)
    if spec.assumed_capable:
        notes.append("arms that count among all trials are read as if every trial were capable")
    levels, row_unit = nested_levels(rows, spec, notes)
    crossed, row_crossed = crossed_levels(rows, spec, notes)
    columns = moderator_columns(rows, spec, categories)
    return Design(
        spec=spec,
        rows=rows,
        stages=spec.stages,
        levels=levels,
        row_unit=row_unit,
        x=columns.x,
        terms=columns.terms,
        groups=columns.groups,
        stage=observed["stage"],
        row=observed["row"],
        events=observed["events"],
        trials=observed["trials"],
        through_capability=observed["through"],
        notes=notes,
        crossed=crossed,
        row_crossed=row_crossed,
        moderators=columns.moderators,
    )


def require_frame(table: pd.DataFrame, spec: ModelSpec) -> None:
    """Refuse rows whose sampling frame is not the model's.

    Raises
    ------
    FrameError
        Naming the rows.
    """
    wrong = table[table["sampling_frame"] != spec.frame]
    if wrong.empty:
        return
    shown = "; ".join(f"{r.row_id} ({r.sampling_frame})" for r in wrong.head(5).itertuples())
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    why = (
        "rows selected on the outcome have no denominator, so no rate can be estimated from them"
        if spec.frame == "denominator"
        else "a composition describes catalogued failures only"
    )
    raise FrameError(
        f"this model takes rows with sampling_frame={spec.frame}, found {shown}{more}: {why}"
    )


def _observations(table: pd.DataFrame, spec: ModelSpec, notes: list[str]) -> dict[str, np.ndarray]:
    product = "capability_transfer" in spec.stages and not spec.assumed_capable
    parts: dict[str, list[np.ndarray]] = {k: [] for k in ("stage", "row", "events", "trials")}
    through: list[np.ndarray] = []
    for index, stage in enumerate(spec.stages):
        events, trials = table[f"events_{stage}"], table[f"trials_{stage}"]
        empty = (trials == 0).fillna(False)
        if empty.any():
            notes.append(f"{counted(int(empty.sum()), 'row')} with no trial that reached {stage}")
        keep = np.flatnonzero((events.notna() & ~empty).to_numpy(bool))
        parts["row"].append(keep)
        parts["stage"].append(np.full(keep.size, index))
        parts["events"].append(events.iloc[keep].to_numpy(np.int64))
        parts["trials"].append(trials.iloc[keep].to_numpy(np.int64))
        all_trials = (table["conditioning"] == "all_trials").to_numpy(bool)[keep]
        through.append(all_trials & (product and stage == "goal_failure"))
    stacked = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    stacked["through"] = np.concatenate(through)
    return stacked


def _require_identified(
    rows: pd.DataFrame, observed: dict[str, np.ndarray], spec: ModelSpec, notes: list[str]
) -> None:
    for index, stage in enumerate(spec.stages):
        if np.any(observed["stage"] == index):
            continue
        if stage != "capability_transfer":
            raise DesignError(
                f"no row of the analysis set observes {stage}; drop the stage from the spec or add "
                "rows that count it"
            )
        notes.append(
            "no row observes capability: its posterior is the prior, seen through the product with "
            "goal failure"
        )
    studies = rows["study"].nunique()
    if studies < FEWEST_STUDIES:
        raise DesignError(
            f"{counted(studies, spec.top_level.replace('_', ' '))} left: fewer than "
            f"{FEWEST_STUDIES} cannot tell how rates vary between them, so nothing is pooled"
        )
