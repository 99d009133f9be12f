"""Cells of the multiverse: which specifications there are, and why others are not fitted.

Every combination of the axes in the settings is listed (Steegen, Tuerlinckx, Gelman & Vanpaemel
2016, doi:10.1177/1745691616658637). A combination that is impossible, or equal to one before it,
is kept in the list with the reason. The primary and every specification one step from it are always
fitted, since they say what each choice does alone; of more than `most` the rest are drawn at random
(Simonsohn, Simmons & Nelson 2020, doi:10.1038/s41562-020-0912-z).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from meta.checks.multiverse_axes import (
    AXES,
    FILTERS,
    axes,
    primary_choice,
    structure_name,
    with_family,
)
from meta.config import ModelSpec, Settings
from meta.errors import MissingRowsError
from meta.evidence.analysis_set import analysis_set
from meta.inference.seeds import child_seed
from meta.models.design import FEWEST_STUDIES
from meta.plural import counted

NOT_DRAWN = "not drawn"
UNCLEAR = "unclear"
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Cell:
    """One combination of the axes.

    Attributes
    ----------
    choice
        Value of each axis.
    rows
        Rows that it counts.
    reason
        Why it is not fitted; empty where it is.
    same_as
        Name of the cell before it that it equals, if any.
    """

    choice: Mapping[str, Any]
    rows: frozenset[str] = field(default=frozenset(), repr=False)
    reason: str = ""
    same_as: str = ""

    @property
    def name(self) -> str:
        """Short name, stable under a change of the other cells."""
        text = "|".join(f"{axis}={self.choice[axis]}" for axis in AXES)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def structure(self) -> str:
        """Name of what has to be compiled for it."""
        return structure_name(self.choice)


def spec_of(choice: Mapping[str, Any], settings: Settings) -> ModelSpec:
    """Specification of a cell: the primary's, with the cell's choices in place of its own."""
    primary = settings.models[settings.primary]
    levels: list[str] = [lv for lv in primary.levels if lv != "arm"]
    if choice["likelihood"] == "binomial":
        levels.append("arm")
    update: dict[str, Any] = {
        "levels": levels,
        "likelihood": choice["likelihood"],
        "random_effects": choice["random_effects"],
        "assumed_capable": choice["assumed_capable"],
        "correlation": choice["correlation"],
        "filter": {**primary.filter, **{axis: list(choice[axis]) for axis in FILTERS}},
    }
    return ModelSpec.model_validate(primary.model_dump() | update)


def widest(settings: Settings) -> dict[str, Any]:
    """The choice that keeps every row of any cell."""
    named = axes(settings)
    wide = {axis: tuple(sorted({v for values in named[axis] for v in values})) for axis in FILTERS}
    return primary_choice(settings) | wide


def plan(tables: Tables, settings: Settings) -> list[Cell]:
    """List every cell with its rows, or with why it is not fitted; the primary first.

    Parameters
    ----------
    tables
        Canonical tables.
    settings
        Settings in force.
    """
    seen: dict[tuple[Any, ...], str] = {}
    sets: dict[tuple[Any, ...], pd.DataFrame] = {}
    cells = []
    for choice in _combinations(settings):
        which = tuple(choice[axis] for axis in (*FILTERS, "counted", "unclear"))
        if which not in sets:
            sets[which] = cell_rows(choice, tables, settings)
        cells.append(_cell(choice, seen, sets[which], settings))
    keep = _drawn(cells, settings)
    return [c if c.reason or c.name in keep else Cell(c.choice, c.rows, NOT_DRAWN) for c in cells]


def _combinations(settings: Settings) -> Iterator[dict[str, Any]]:
    named = axes(settings)
    for values in product(*(named[axis] for axis in AXES)):
        yield with_family(dict(zip(AXES, values, strict=True)), settings)


def _cell(
    choice: dict[str, Any],
    seen: dict[tuple[Any, ...], str],
    table: pd.DataFrame,
    settings: Settings,
) -> Cell:
    rows = frozenset(table["row_id"].astype(str))
    through = (table["conditioning"] == "all_trials") & table["trials_goal_failure"].notna()
    chain = "capability_transfer" in settings.models[settings.primary].stages
    # Where every arm counts among the capable, assuming capability changes nothing.
    assumed = bool(choice["assumed_capable"]) and chain and bool(through.any())
    model = tuple(choice[a] for a in ("priors", "likelihood", "random_effects", "correlation"))
    reason = _impossible(table)
    key = (rows, assumed, *model)
    twin = "" if reason else seen.get(key, "")
    if twin:
        reason = f"equals {twin}: the same counts under the same model"
    cell = Cell(choice, rows, reason, twin)
    if not reason:
        seen[key] = cell.name
    return cell


def _impossible(table: pd.DataFrame) -> str:
    studies = table.loc[table["trials_goal_failure"].fillna(0) > 0, "study"].nunique()
    if studies < FEWEST_STUDIES:
        some = counted(studies, "study")
        return f"goal failures counted by {some}: fewer than {FEWEST_STUDIES} are not pooled"
    return ""


def cell_rows(choice: Mapping[str, Any], tables: Tables, settings: Settings) -> pd.DataFrame:
    """Analysis set of a cell.

    Parameters
    ----------
    choice
        Value of each axis.
    tables
        Canonical tables.
    settings
        Settings in force.
    """
    try:
        table = analysis_set(tables, settings.primary, spec_of(choice, settings))
    except MissingRowsError:
        table = analysis_set(tables, settings.primary, spec_of(widest(settings), settings)).iloc[:0]
    if choice["counted"] == "given_capability":
        table = table[table["conditioning"] == "given_capability"]
    left_out = unclear_units(tables, choice["unclear"])
    return table[~table["row_id"].isin(left_out)].reset_index(drop=True)


def unclear_units(tables: Tables, fields: tuple[str, ...]) -> set[str]:
    """Units to which any coder gave the code `unclear` in any of the fields."""
    codings = tables.get("codings")
    if codings is None or not fields:
        return set()
    known = [name for name in fields if name in codings]
    unclear = (codings[known].astype("string") == UNCLEAR).fillna(False).any(axis=1)
    return set(codings.loc[unclear, "unit_id"].astype(str))


def steps(choice: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """On how many axes two choices differ."""
    return sum(choice[axis] != other[axis] for axis in AXES)


def _drawn(cells: list[Cell], settings: Settings) -> set[str]:
    """Names of the cells to fit: the primary, those one step from it, and a random part.

    A cell one step away that equals one before it is represented by that one.
    """
    primary, *_ = cells
    near = (c for c in cells if steps(c.choice, primary.choice) <= 1)
    always = list(dict.fromkeys(c.same_as or c.name for c in near if not c.reason or c.same_as))
    others = [c.name for c in cells if not c.reason and c.name not in always]
    free = max(0, settings.multiverse.most - len(always))
    if len(others) <= free:
        return {*always, *others}
    rng = np.random.default_rng(child_seed(settings.seed, "multiverse", "cells"))
    return {*always, *map(str, rng.permutation(others)[:free])}
