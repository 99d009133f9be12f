"""What proposed rows change in one model, found before any draw is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meta.checks.reweighting import Change, NotReweightableError, compare
from meta.errors import DesignError, MissingRowsError
from meta.evidence.analysis_set import analysis_set
from meta.evidence.changes import TableChanges, compare_rows
from meta.models.specification import design_of
from meta.preview.results import ModelPreview
from meta.stored import NoResultsError, StoredModel, read_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from meta.config import Settings
    from meta.models.design import Design


@dataclass(frozen=True)
class ModelPlan:
    """One model, and what the rows change in it.

    Attributes
    ----------
    model, primary
        Which model.
    reason
        Why nothing is to be computed, or why its draws cannot be reweighted; empty otherwise.
    stored
        The model of the last run; None where nothing is to be computed.
    design
        Design of the new rows.
    change
        Rows that differ; None where the draws cannot be reweighted to them.
    rows
        Names of the rows that are added, removed and changed.
    warnings
        Checks that the stored fit failed.
    """

    model: str
    primary: bool
    reason: str = ""
    stored: StoredModel | None = None
    design: Design | None = None
    change: Change | None = None
    rows: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def preview(self, method: str, reason: str, **found: Any) -> ModelPreview:
        """Describe what was found by a method; `found` are fields of `ModelPreview`."""
        head = {"rows": self.rows, "warnings": self.warnings} | found
        return ModelPreview(self.model, self.primary, method, reason, **head)


def plan_model(
    directory: Path, settings: Settings, name: str, tables: Mapping[str, pd.DataFrame]
) -> ModelPlan:
    """Find what proposed rows change in one model.

    Parameters
    ----------
    directory
        Evidence base with the results of a run.
    settings
        Settings in force.
    name
        A rate model.
    tables
        The checked tables with the proposed rows in them.
    """
    spec = settings.models[name]
    table = stored = None
    try:
        stored = read_model(directory, settings, name)
        table = analysis_set(tables, name, spec)
        design = design_of(table, spec)
    except (NoResultsError, DesignError, MissingRowsError) as error:
        rows = {} if stored is None or table is None else _differing(stored, table)
        return ModelPlan(name, spec.primary, f"cannot be previewed: {error}", rows=rows)
    warnings = failed_checks(stored)
    try:
        change = compare(stored.design, design)
    except NotReweightableError as error:
        rows = _differing(stored, table)
        return ModelPlan(name, spec.primary, str(error), stored, design, None, rows, warnings)
    if change.empty:
        reason = "no row that it pools changes: nothing moves"
        return ModelPlan(name, spec.primary, reason, warnings=warnings)
    return ModelPlan(name, spec.primary, "", stored, design, change, _rows_of(change), warnings)


def _differing(stored: StoredModel, table: pd.DataFrame) -> dict[str, list[str]]:
    return _rows_of(compare_rows(stored.rows, table, ("row_id",)))


def _rows_of(change: TableChanges | Change) -> dict[str, list[str]]:
    return {kind: list(getattr(change, kind)) for kind in ("added", "removed", "changed")}


def failed_checks(stored: StoredModel) -> list[str]:
    """Warn of a stored fit that did not pass its checks."""
    failed = [name for name, c in stored.record.get("checks", {}).items() if not c["passed"]]
    if stored.record.get("passed") and not failed:
        return []
    which = ", ".join(failed) or "no check recorded"
    return [f"the stored fit did not pass its checks ({which}): do not cite what follows"]
