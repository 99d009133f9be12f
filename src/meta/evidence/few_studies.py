"""Studies of a base that has too few to pool: each is shown with its own counts instead."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from meta.config import ModelSpec
from meta.models.design import FEWEST_STUDIES


def unpooled_studies(table: pd.DataFrame, spec: ModelSpec) -> str:
    """Say what the studies counted that are too few to be pooled.

    Parameters
    ----------
    table
        Analysis set of a model.
    spec
        Its specification.

    Returns
    -------
    str
        One line an arm with a count, each begun by a line break; empty where there are enough
        studies, so that something else is wrong.
    """
    stages = [stage for stage in spec.stages if f"events_{stage}" in table]
    counted = table[table[[f"events_{stage}" for stage in stages]].notna().any(axis=1)]
    if counted["study"].nunique() >= FEWEST_STUDIES:
        return ""
    return "".join(f"\n  {_shown(row, stages)}" for _, row in counted.iterrows())


def _shown(row: pd.Series, stages: Sequence[str]) -> str:
    counts = [
        f"{stage.replace('_', ' ')} {row[f'events_{stage}']:,} of {row[f'trials_{stage}']:,}"
        for stage in stages
        if pd.notna(row[f"events_{stage}"])
    ]
    return f"{row['study']}, {row['row_id']}: {', '.join(counts)}"
