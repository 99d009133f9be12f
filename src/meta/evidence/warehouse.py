"""The database of checked evidence, and the canonical tables exported from it."""

from __future__ import annotations

import glob
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from meta.evidence.corrections import COLUMNS
from meta.evidence.database import connect
from meta.evidence.dictionary import load_dictionary
from meta.evidence.problems import EvidenceError
from meta.evidence.schema import columns, create_table, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pandas as pd

    from meta.evidence.checking import Evidence
    from meta.evidence.dictionary import Dictionary, Table

#: Line on which each row starts, by its position in its table: two numbers, since a base may have
#: millions of rows. The view `source_rows` names them.
SOURCE_LINES = (
    'CREATE TABLE source_lines ("table" VARCHAR NOT NULL, position BIGINT NOT NULL, '
    "file_line BIGINT NOT NULL)"
)


def build_warehouse(evidence: Evidence, database: Path) -> None:
    """Write the evidence to a database, whole or not at all.

    Every table of the dictionary is created; a table whose file is absent stays empty. Beside them
    stand ``corrections``, one row a corrected cell, and the view ``source_rows``: ``table``,
    ``row_key`` as in the corrections, and ``file_line``, the line of ``data/raw/<table>.csv`` on
    which the row starts.

    Parameters
    ----------
    evidence : Evidence
        Checked evidence without errors.
    database : Path
        The DuckDB file to write or replace.

    Raises
    ------
    EvidenceError
        If the evidence has errors; nothing is written.
    """
    if evidence.errors:
        raise EvidenceError(evidence.problems)
    dictionary = load_dictionary()
    database.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(database) as unfinished, connect(unfinished, read_only=False) as connection:
        connection.execute(SOURCE_LINES)
        for table in dictionary:
            _load(connection, table, dictionary, evidence.tables.get(table.name))
        connection.execute(_source_rows(dictionary))
        _load_corrections(connection, evidence.corrections)
        # Closing a database writes what is not in its file yet, and is silent where the disk is
        # full: the file would be put in place without its tables.
        connection.execute("CHECKPOINT")


def export_canonical(database: Path, folder: Path) -> None:
    """Export what the analysis reads: one Parquet file a table, the same bytes for the same rows.

    Columns that no model reads are left out, and rows are ordered by key, so that neither an
    edited note nor a moved row changes a file.

    Parameters
    ----------
    database : Path
        A database written by `build_warehouse`.
    folder : Path
        Where ``<table>.parquet`` is written or replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with connect(database) as connection:
        for table in load_dictionary():
            rows = _canonical(connection, table)
            with _replacing(folder / f"{table.name}.parquet") as unfinished:
                pq.write_table(rows, unfinished, compression="zstd")


def _load(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    dictionary: Dictionary,
    frame: pd.DataFrame | None,
) -> None:
    if frame is None:
        connection.execute(create_table(table, dictionary))
        return
    rows = frame.drop(columns="_line")
    extra = [name for name in rows.columns if name not in table.fields]
    connection.execute(create_table(table, dictionary, extra))
    connection.register("incoming", pa.Table.from_pandas(rows, preserve_index=False))
    names = columns(rows.columns)
    connection.execute(f"INSERT INTO {quote(table.name)} ({names}) SELECT {names} FROM incoming")
    connection.unregister("incoming")
    _load_lines(connection, table, frame["_line"].to_numpy())


def _load_lines(
    connection: duckdb.DuckDBPyConnection, table: Table, lines: npt.NDArray[np.int64]
) -> None:
    """Keep where each row stands in its file, apart from it: a row that moves has not changed."""
    positions = np.arange(len(lines))
    connection.register("incoming", pa.table({"position": positions, "file_line": lines}))
    connection.execute(
        "INSERT INTO source_lines SELECT ?, position, file_line FROM incoming", [table.name]
    )
    connection.unregister("incoming")


def _source_rows(dictionary: Dictionary) -> str:
    """View of the line of each row by its key; rows are numbered in the order they came in."""
    parts = []
    for table in dictionary:
        key = ", ".join(f"coalesce({quote(column)}::VARCHAR, '')" for column in table.key)
        name = quote(table.name)
        parts.append(
            f"SELECT \"table\", concat_ws('; ', {key}) AS row_key, file_line FROM {name} "
            f"JOIN source_lines ON \"table\" = '{table.name}' AND position = {name}.rowid"
        )
    return f"CREATE VIEW source_rows AS {' UNION ALL '.join(parts)}"


def _load_corrections(
    connection: duckdb.DuckDBPyConnection, corrections: list[dict[str, str | int]]
) -> None:
    """Keep what was corrected beside the corrected tables."""
    typed = ", ".join(
        f"{quote(name)} {'BIGINT' if name.endswith('_line') else 'VARCHAR'} NOT NULL"
        for name in COLUMNS
    )
    connection.execute(f"CREATE TABLE corrections ({typed})")
    marks = ", ".join("?" * len(COLUMNS))
    for record in corrections:
        values = [record[name] for name in COLUMNS]
        connection.execute(f"INSERT INTO corrections VALUES ({marks})", values)


def _canonical(connection: duckdb.DuckDBPyConnection, table: Table) -> Any:
    order = ", ".join(f"{quote(column)} NULLS FIRST" for column in table.key)
    query = f"SELECT {columns(table.analysis_columns)} FROM {quote(table.name)} ORDER BY {order}"
    return connection.sql(query).to_arrow_table()


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a temporary file beside the target, which takes its place only on success.

    What runs that were killed have left beside it is removed.
    """
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.tmp*"):
        if not _running(path.name.removeprefix(f".{target.name}.").split(".")[0]):
            path.unlink(missing_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    leftovers = [unfinished, Path(f"{unfinished}.wal")]
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        for path in leftovers:
            path.unlink(missing_ok=True)


def _running(process: str) -> bool:
    """Whether another process of that number is running, as far as one may know."""
    if not process.isdigit() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
