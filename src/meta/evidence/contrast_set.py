"""Analysis set of a model of contrasts: each arm of a contrast once, and what it is held against.

A baseline that several arms share is one row, so that its noise is shared by construction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from meta.errors import MissingRowsError
from meta.evidence.analysis_set import (
    COUNT_COLUMNS,
    KEY_COLUMNS,
    arm_counts,
    filtered_arms,
    require_known_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.config import ModelSpec
    from meta.evidence.contrast_graph import Edge

#: Contrasts of this intervention have nothing in common but the name.
MIXED = "other_ablation"
#: Columns of the contrasts that a filter may name.
FILTERS = ("contrast_id", "intervention", "direction_expected")
#: Holds `intervention@baseline` of each contrast of the arm, separated by this.
AGAINST, SEPARATOR = "against", "; "


def contrast_set(tables: Mapping[str, pd.DataFrame], model: str, spec: ModelSpec) -> pd.DataFrame:
    """Select the contrasts of one model and the arms that take part in them.

    Parameters
    ----------
    tables
        Checked evidence tables by name.
    model
        Name of the model, for messages.
    spec
        Its specification. The filter may name `FILTERS` besides columns of arms and studies; a
        contrast stays if both of its arms do. Contrasts of other_ablation are left out unless the
        filter names them.

    Returns
    -------
    pandas.DataFrame
        Sorted by `row_id`; columns `KEY_COLUMNS`, `against` (see `read_edges`) and `COUNT_COLUMNS`.

    Raises
    ------
    SettingsError
        If the filter names no column, or a value outside its vocabulary.
    MissingRowsError
        If there are no contrasts, or none is left.
    """
    if "contrasts" not in tables or tables["contrasts"].empty:
        raise MissingRowsError("a model of contrasts needs the table contrasts")
    require_known_values(model, spec)
    of_arms = {name: values for name, values in spec.filter.items() if name not in FILTERS}
    arms = filtered_arms(tables, model, spec.model_copy(update={"filter": of_arms}))
    counts = arm_counts(arms)
    seen = (counts["trials_goal_failure"] > 0).fillna(False)
    arms, counts = arms[seen].reset_index(drop=True), counts[seen].reset_index(drop=True)
    pairs = _pairs(tables["contrasts"], spec, set(arms["arm_id"]))
    if pairs.empty:
        raise MissingRowsError(f"no contrast is left by models.{model}.filter")
    words = pairs["intervention"].astype(str) + "@" + pairs["baseline_arm_id"].astype(str)
    against = words.groupby(pairs["arm_id"]).agg(lambda each: SEPARATOR.join(sorted(each)))
    table = pd.DataFrame(
        {
            "row_id": arms["arm_id"],
            "study": arms["study_id"],
            "agent_set": arms["agent_set"].astype("string").fillna(arms["arm_id"])
            if "agent_set" in arms
            else arms["arm_id"],
            **{name: arms[name] for name in KEY_COLUMNS[3:6]},
            "conditioning": counts["conditioning"],
            AGAINST: arms["arm_id"].map(against).astype("string"),
        }
    )
    table = table.join(counts[COUNT_COLUMNS])
    used = table["row_id"].isin([*pairs["arm_id"], *pairs["baseline_arm_id"]])
    return table[used].sort_values("row_id", ignore_index=True)


def _pairs(contrasts: pd.DataFrame, spec: ModelSpec, arms: set[str]) -> pd.DataFrame:
    keep = contrasts["arm_id"].isin(arms) & contrasts["baseline_arm_id"].isin(arms)
    for name in FILTERS:
        if name in spec.filter:
            keep &= contrasts[name].isin(spec.filter[name])
    if "intervention" not in spec.filter:
        keep &= contrasts["intervention"] != MIXED
    return contrasts[keep]


def read_edges(table: pd.DataFrame) -> list[Edge]:
    """Arm, baseline arm and intervention of each contrast in an analysis set, in its order."""
    edges = []
    for arm, cell in zip(table["row_id"], table[AGAINST], strict=True):
        for part in [] if pd.isna(cell) else str(cell).split(SEPARATOR):
            intervention, _, baseline = part.partition("@")
            edges.append((str(arm), baseline, intervention))
    return edges
