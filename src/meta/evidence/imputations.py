"""Imputed code sets as stored: one row a unit and field, one column a set, written by field.

Codes are dictionary-encoded, so that a code costs a byte of memory, and fields are written and
read one at a time: cost follows units, not units times sets times fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CODE = pa.dictionary(pa.int8(), pa.string())
#: Probability of the likeliest code below which a unit counts as unsure.
SURE = 0.9


def imputation_schema(count: int) -> pa.Schema:
    """Columns of stored code sets: `unit_id`, `field`, `imputation_1` to `imputation_<count>`."""
    sets = [(f"imputation_{number}", CODE) for number in range(1, count + 1)]
    return pa.schema([("unit_id", pa.string()), ("field", CODE), *sets])


def imputation_table(
    field: str, classes: Sequence[str], unit_ids: pa.Array, codes: np.ndarray
) -> pa.Table:
    """Code sets of one field.

    Parameters
    ----------
    field
        Codebook field.
    classes
        Its codes.
    unit_ids
        Units, length U.
    codes
        Index of the class in each set, shape (U, M), int8.
    """
    names = pa.array(classes, pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(np.ascontiguousarray(codes[:, m])), names)
        for m in range(codes.shape[1])
    ]
    label = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(len(unit_ids), np.int8)), pa.array([field], pa.string())
    )
    schema = imputation_schema(codes.shape[1])
    return pa.Table.from_arrays([unit_ids.cast(pa.string()), label, *columns], schema=schema)


def stored_imputations(path: Path, fields: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Read code sets one at a time: columns `unit_id`, `field`, `code` of the fields asked for."""
    names = [n for n in pq.read_schema(path).names if n.startswith("imputation_")]
    asked = pc.field("field").isin(list(fields))
    # All sets are of the same units: their names are read once.
    frame = pq.read_table(path, columns=["unit_id", "field"], filters=asked).to_pandas()
    frame = frame.astype({"unit_id": "string", "field": "category"})
    for name in names:
        codes = pq.read_table(path, columns=[name], filters=asked)[name].to_pandas()
        yield frame.assign(code=codes.astype("category"))
