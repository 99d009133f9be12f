"""The canonical tables that a run exports: one Parquet file a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq


def read_canonical(
    folder: Path, wanted: Mapping[str, Collection[str]] | None = None
) -> dict[str, pd.DataFrame]:
    """Read the canonical tables by name; counts keep their nullable integers.

    Parameters
    ----------
    folder
        Where `meta.evidence.warehouse.export_canonical` wrote them.
    wanted
        Columns by table, of which those that the table has are read; by default all of every
        table.
    """
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        columns = None
        if wanted is not None:
            if path.stem not in wanted:
                continue
            columns = [name for name in pq.read_schema(path).names if name in wanted[path.stem]]
        found[path.stem] = pd.read_parquet(path, columns=columns, dtype_backend="numpy_nullable")
    return found
