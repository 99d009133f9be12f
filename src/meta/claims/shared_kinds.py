"""Whether two settings that a ratio compares are seen in one kind of failure.

Kinds of failure differ in how their evaluations were built. Where all studies of one setting are of
one kind and all of the other setting of another, a ratio of the settings is one of the kinds, and
no model that lacks the kind can tell them apart: the settings are confounded with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from meta.claims.comparisons import Comparison
from meta.models.moderators import AGAINST

KIND, STUDY = "failure_type", "study"


def studies_of_one_kind(rows: pd.DataFrame, group: str) -> int:
    """Count the studies at each of two settings within one kind of failure.

    Parameters
    ----------
    rows
        Analysis set of a model: `study`, `failure_type` and the field of the group, with codes that
        all coders agree on: one that is imputed for a coder's word against another's shows nothing.
    group
        ``field=setting vs setting``.

    Returns
    -------
    int
        Studies at the setting that has fewer, in the kind of failure that has most of them.
    """
    field, _, settings = group.partition("=")
    if field not in rows:
        return 0
    kinds = [rows] if field == KIND or KIND not in rows else [of for _, of in rows.groupby(KIND)]
    counts = [
        [of.loc[of[field] == setting, STUDY].nunique() for setting in settings.split(AGAINST)]
        for of in kinds
    ]
    return max((min(each) for each in counts), default=0)


def read_shared_kinds(
    sets: Iterable[Path], comparisons: Iterable[Comparison]
) -> dict[tuple[str, str], int]:
    """Count, for each compared pair of settings, the studies of one kind of failure.

    Parameters
    ----------
    sets
        Parquet files of analysis rows, named after their models.
    comparisons
        What is compared, its subjects filled in.

    Returns
    -------
    dict
        By model and group; without pairs whose model has no set among them.
    """
    files = {path.stem: path for path in sets}
    pairs = {(each.model, each.group) for each in comparisons if AGAINST in each.group}
    return {
        (model, group): studies_of_one_kind(pd.read_parquet(files[model]), group)
        for model, group in sorted(pairs)
        if model in files
    }
