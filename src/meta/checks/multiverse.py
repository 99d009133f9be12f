"""Multiverse: every pooled number under every specification of the declared axes.

One structure is compiled once, for the widest rows; a cell empties the rows that it does not
count. Each row of the result carries the diagnostics of its own short fit: a cell that fails them
is shown as failing and never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meta.checks.multiverse_axes import AXES, FILTERS, primary_choice
from meta.checks.multiverse_cells import Cell, cell_rows, plan, spec_of, widest
from meta.checks.refits import COLUMNS, Fit, refitting
from meta.config import FitTask, Settings
from meta.evidence.canonical import read_canonical
from meta.inference.compilations import Compilations
from meta.inference.refit import without_rows
from meta.models.design import Design, build_design
from meta.plural import counted
from meta.progress import progress
from meta.storage import atomic

RESULT = ["cell", "primary", *AXES, "reason", *COLUMNS]


def fit_structure(
    tables: Mapping[str, pd.DataFrame], settings: Settings, structure: str, fit: Fit
) -> pd.DataFrame:
    """Fit every cell of one structure.

    Parameters
    ----------
    tables
        Canonical tables.
    settings
        Settings in force.
    structure
        Name of the structure (see `meta.checks.multiverse_cells.structures`).
    fit
        Fits and summarises.

    Returns
    -------
    pandas.DataFrame
        Columns `RESULT`: one row a cell and pooled number; a cell that is not fitted has one row,
        with the reason.
    """
    cells = [c for c in plan(tables, settings) if c.structure == structure]
    own = primary_choice(settings)
    parts = []
    for cell in progress(cells, structure, "cells"):
        table = pd.DataFrame([{}]) if cell.reason else _fit_cell(cell, tables, settings, fit)
        shown = {axis: _text(cell.choice[axis]) for axis in AXES}
        is_primary = all(cell.choice[axis] == own[axis] for axis in AXES)
        about: dict[str, Any] = {
            "cell": cell.name,
            "primary": is_primary,
            **shown,
            "reason": cell.reason,
        }
        parts.append(table.assign(**about).reindex(columns=RESULT))
    if not parts:
        return pd.DataFrame(columns=RESULT)
    return pd.concat([p.astype(object) for p in parts], ignore_index=True)


def _fit_cell(
    cell: Cell, tables: Mapping[str, pd.DataFrame], settings: Settings, fit: Fit
) -> pd.DataFrame:
    choice = dict(cell.choice)
    wide = {axis: widest(settings)[axis] for axis in FILTERS}
    everything = {**choice, **wide, "counted": "all", "unclear": ()}
    design = cell_design(cell_rows(everything, tables, settings), cell, settings)
    base = settings.task(settings.primary)
    task = FitTask(
        model=base.model,
        spec=design.spec,
        priors=settings.alternative_priors(settings.primary, str(choice["priors"])),
        sampler=base.sampler,
        seed=base.seed,
    )
    return fit(design, task, f"multiverse {cell.name}")


def cell_design(table: pd.DataFrame, cell: Cell, settings: Settings) -> Design:
    """Design of the widest rows with those emptied that a cell does not count.

    Parameters
    ----------
    table
        Rows of every cell.
    cell
        The cell.
    settings
        Settings in force.
    """
    design = build_design(table, spec_of(cell.choice, settings))
    names = design.rows["row_id"].astype(str)
    emptied = without_rows(design, np.flatnonzero(~names.isin(cell.rows)))
    notes = [f"{len(cell.rows)} of {counted(len(names), 'row')} counted"]
    return replace(emptied, notes=notes)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "+".join(value) if value else "none"
    return str(value)


def run_structure(
    folder: Path, settings: Settings, structure: str, cores: int, output: Path
) -> None:
    """Fit the cells of one structure and write them as CSV.

    Parameters
    ----------
    folder
        Canonical Parquet tables.
    settings
        Settings in force.
    structure
        Name of the structure.
    cores
        Chains sampled at the same time.
    output
        CSV to write.
    """
    fit = refitting(
        Compilations(cores), settings.multiverse.refits, settings.gate, settings.ci_prob
    )
    table = fit_structure(read_canonical(folder), settings, structure, fit)
    _write(table, output)


def gather(parts: Iterable[Path], output: Path) -> None:
    """Join the structures' tables, the primary first."""
    tables = [pd.read_csv(path, keep_default_na=True) for path in parts]
    every = pd.concat([t for t in tables if not t.empty], ignore_index=True)
    _write(every.sort_values("primary", ascending=False, kind="stable"), output)


def _write(table: pd.DataFrame, output: Path) -> None:
    with atomic(output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
