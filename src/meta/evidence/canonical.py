"""The canonical tables that a run exports: one Parquet file a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def read_canonical(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the canonical tables by name; counts keep their nullable integers.

    Parameters
    ----------
    folder
        Where `meta.evidence.warehouse.export_canonical` wrote them.
    """
    paths = sorted(folder.glob("*.parquet"))
    return {path.stem: pd.read_parquet(path, dtype_backend="numpy_nullable") for path in paths}
