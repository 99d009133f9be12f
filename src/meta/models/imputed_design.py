"""Designs of one model under several imputed code sets, all of one shape.

One compiled model then serves all of them: what a code set changes (counts of cells, categories
of moderators) is data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from meta.config import STAGES, ModelSpec
from meta.errors import DesignError
from meta.evidence.imputed_set import AGREED, IMPUTATION
from meta.models.design import Design, build_design
from meta.models.moderators import moderator_columns

#: Groups that hold the fit to agreed codes.
AGREED_GROUPS = {"posterior": "agreed_posterior", "sample_stats": "agreed_sample_stats"}
COUNTS = [f"{kind}_{stage}" for stage in STAGES for kind in ("events", "trials")]


@dataclass(frozen=True)
class ImputedDesign:
    """Designs of a model.

    Attributes
    ----------
    base
        Design with the counts that the imputations have on average; what is compiled.
    sets
        Design of each imputation, with the observations, levels and terms of `base`. An
        observation that a set does not have counts 0 of 0 there, which says nothing.
    agreed
        Rows with agreed codes, for comparison.
    """

    base: Design
    sets: list[Design]
    agreed: pd.DataFrame


def build_imputed_design(table: pd.DataFrame, spec: ModelSpec) -> ImputedDesign:
    """Turn a stacked analysis set into designs of one shape.

    Parameters
    ----------
    table
        See `meta.evidence.imputed_set`.
    spec
        Model specification.

    Raises
    ------
    DesignError
        As `build_design`, if the rows over all imputations cannot identify the model.
    """
    agreed = table[table[IMPUTATION] == AGREED].drop(columns=IMPUTATION).reset_index(drop=True)
    stacked = table[table[IMPUTATION] != AGREED]
    numbers = sorted(stacked[IMPUTATION].unique())
    categories = {
        name: sorted(stacked[name].astype(str).unique())
        for name in spec.moderators
        if not pd.api.types.is_numeric_dtype(stacked[name])
    }
    base = build_design(_average(stacked, len(numbers)), spec, categories)
    each = [stacked[stacked[IMPUTATION] == number].set_index("row_id") for number in numbers]
    return ImputedDesign(base, [_one(base, rows, categories) for rows in each], agreed)


def agreed_design(design: ImputedDesign) -> Design | None:
    """Design of the rows with agreed codes; None where they do not identify the model."""
    try:
        return build_design(design.agreed, design.base.spec)
    except DesignError:
        return None


def _average(stacked: pd.DataFrame, count: int) -> pd.DataFrame:
    """Rows of any imputation, with the mean of their counts; an absent row counts nothing."""
    rows = stacked.drop_duplicates("row_id").sort_values("row_id", ignore_index=True)
    rows = rows.drop(columns=IMPUTATION)
    sums = stacked.groupby("row_id")[COUNTS].sum(min_count=1)
    seen = stacked.groupby("row_id")[COUNTS].count()
    # Counts of arms are missing in every imputation or in none; cells of cases come and go.
    share = sums.astype("Float64") / (count if "n_units" in rows else seen.where(seen > 0))
    for stage in STAGES:
        trials = np.ceil(share[f"trials_{stage}"].round(9)).astype("Int64")
        events = share[f"events_{stage}"].round().astype("Int64")
        rows[f"trials_{stage}"] = trials.loc[rows["row_id"]].array
        events = events.mask((events > trials).fillna(False), trials)
        rows[f"events_{stage}"] = events.loc[rows["row_id"]].array
    return rows


def _one(base: Design, rows: pd.DataFrame, categories: dict[str, list[str]]) -> Design:
    """Design of one imputation on the observations of the base."""
    aligned = base.rows.copy()
    here = rows.reindex(aligned["row_id"])
    for name in base.spec.moderators:
        # A cell that this set does not have keeps the category that made it a cell.
        aligned[name] = here[name].fillna(aligned.set_index("row_id")[name]).array
    for name in COUNTS:
        aligned[name] = here[name].fillna(0).astype("int64").array
    if "n_units" in aligned:
        aligned["n_units"] = here["n_units"].fillna(0).astype("int64").array
    columns = moderator_columns(aligned, base.spec, categories)
    events, trials = (np.empty(len(base.row), np.int64) for _ in range(2))
    for o, stage in enumerate(base.stages):
        seen = base.stage == o
        events[seen] = aligned[f"events_{stage}"].to_numpy()[base.row[seen]]
        trials[seen] = aligned[f"trials_{stage}"].to_numpy()[base.row[seen]]
    return replace(
        base, rows=aligned, x=columns.x, groups=columns.groups, moderators=columns.moderators,
        events=events, trials=trials,
    )  # fmt: skip
