"""What becomes of each proposed row: which models' rows it changes, or why none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from meta.config import Settings
    from meta.evidence.proposal import Proposal


def row_fates(
    proposal: Proposal, settings: Settings, changed: Mapping[str, Mapping[str, list[str]]]
) -> list[dict[str, str]]:
    """Say of each proposed row which models' rows it changes, or why none.

    Parameters
    ----------
    proposal
        The proposed rows and the checked tables with them.
    settings
        Settings in force.
    changed
        Names of the rows that are added, removed and changed, by model.

    Returns
    -------
    list of dict
        `table`, `id`, `action` and `fate` of each row.
    """
    used: dict[str, list[str]] = {}
    for model, rows in changed.items():
        for names in rows.values():
            for name in names:
                used.setdefault(name, []).append(model)
    fates = []
    for row in proposal.rows:
        if row.table == "arms" and row.key in used:
            fate = f"changes what {', '.join(used[row.key])} pools"
        elif row.table == "arms":
            fate = _why_not_pooled(proposal.evidence.tables["arms"], row.key, settings)
        elif row.table == "studies":
            fate = "is a study; its arms are what is pooled"
        elif row.table in ("codings", "coders"):
            fate = _fate_of_codes(settings, used, row.key)
        else:
            fate = f"no rate model reads {row.table}: no rate moves"
        fates.append({"table": row.table, "id": row.key, "action": row.action, "fate": fate})
    return fates


def _fate_of_codes(settings: Settings, used: Mapping[str, list[str]], key: str) -> str:
    """Say what a coding, or the description of a coder, moves."""
    readers = {
        name: spec
        for name, spec in settings.models.items()
        if spec.frame == "denominator" and spec.coded_fields
    }
    if not readers:
        return "no rate model reads codes: no rate moves"
    imputing = [name for name, spec in readers.items() if spec.imputes]
    parts = []
    if imputing:
        parts.append(f"may change the imputed codes of {', '.join(imputing)}: a run shows how")
    unit = key.split(" / ")[0]
    if pooled := [name for name in used.get(unit, []) if name in readers]:
        parts.append(f"changes what {', '.join(pooled)} pools")
    return "; ".join(parts) or f"changes no agreed code that {', '.join(readers)} reads"


def _why_not_pooled(arms: pd.DataFrame, name: str, settings: Settings) -> str:
    found = arms[arms["arm_id"] == name]
    if found.empty:
        return "was not pooled: nothing moves"
    row = found.iloc[0]
    for column, values in settings.models[settings.primary].row_filter.items():
        if column in row and str(row[column]) not in values:
            value = "blank" if pd.isna(row[column]) else row[column]
            return (
                f"is not pooled, because {column} is {value} (pooled: {', '.join(values)}): "
                "nothing moves"
            )
    return "changes nothing that a model reads: nothing moves"
