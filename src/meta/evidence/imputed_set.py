"""Analysis set under every imputed code set: the rows of a model, once for each imputation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from meta.config import ModelSpec
from meta.evidence.analysis_set import Tables, analysis_set
from meta.evidence.canonical import read_canonical
from meta.evidence.codes import imputed_codes
from meta.evidence.imputations import stored_imputations
from meta.storage import atomic

#: Column that tells imputations apart.
IMPUTATION = "imputation"
#: Its value for the rows with agreed codes, kept beside the imputed ones for comparison.
AGREED = 0


def imputed_set(
    tables: Tables, imputations: Iterable[pd.DataFrame], model: str, spec: ModelSpec
) -> pd.DataFrame:
    """Stack a model's analysis set for the agreed codes and for each imputed code set.

    Parameters
    ----------
    tables
        Checked evidence tables by name.
    imputations
        Imputed codes, one table a set: `unit_id`, `field`, `code`.
    model, spec
        The model.

    Returns
    -------
    pandas.DataFrame
        Columns of the analysis set and `imputation` (from 1; `AGREED` for agreed codes).
    """
    parts = [analysis_set(tables, model, spec).assign(**{IMPUTATION: AGREED})]
    for number, rows in enumerate(imputations, start=1):
        table = analysis_set(tables, model, spec, imputed_codes(rows))
        parts.append(table.assign(**{IMPUTATION: number}))
    return pd.concat(parts, ignore_index=True)


def write_imputed_set(
    tables_folder: Path, imputations: Path, model: str, spec: ModelSpec, output: Path
) -> None:
    """Write the stacked analysis set of one model as Parquet."""
    tables = read_canonical(tables_folder)
    sets = stored_imputations(imputations, spec.coded_fields)
    table = imputed_set(tables, sets, model, spec)
    with atomic(output) as temporary:
        table.to_parquet(temporary, index=False)
