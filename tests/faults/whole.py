"""Whether files under their final names are whole, whatever happened to their writer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import h5py
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

#: Written by the shell after the results that they speak for; one that is cut short is not current.
STAMP = ".stamp"


def results(folder: Path) -> Iterator[Path]:
    """Final files of a run; names with a dot in front are temporary."""
    for part in ("data/processed", "reports"):
        for path in sorted((folder / part).rglob("*")):
            hidden = any(name.startswith(".") for name in path.relative_to(folder).parts)
            if path.is_file() and not hidden and path.suffix != STAMP:
                yield path


def half_written(folder: Path) -> list[str]:
    """Final files that cannot be read to their end, and why."""
    found = []
    for path in results(folder):
        try:
            _read(path)
        except Exception as error:
            found.append(f"{path.relative_to(folder)}: {type(error).__name__}: {error}")
    return found


def _read(path: Path) -> None:
    match path.suffix:
        case ".nc":
            with h5py.File(path) as tree:
                tree.visititems(
                    lambda _, node: node[()] if isinstance(node, h5py.Dataset) else None
                )
        case ".duckdb":
            with duckdb.connect(path, read_only=True) as connection:
                for (table,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall():
                    connection.sql(f'SELECT * FROM "{table}"').fetchall()
        case ".parquet":
            pq.read_table(path, page_checksum_verification=True)
        case ".json":
            json.loads(path.read_text(encoding="utf-8"))
        case ".csv":
            pd.read_csv(path)
            _ends(path, "\n")
        case ".html":
            _ends(path, "</html>\n", "</html>")
        case ".svg":
            _ends(path, "</svg>\n", "</svg>")
        case ".png":
            with Image.open(path) as image:
                image.load()
        case _:
            _ends(path, "")


def _ends(path: Path, *ends: str) -> None:
    text = path.read_text(encoding="utf-8")
    if not text or not text.endswith(ends):
        raise ValueError("it ends too early")
