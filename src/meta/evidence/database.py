"""Connections to the warehouse, whose cells were written by anyone: no way out of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

#: A statement may read and write no other file, load no extension, and not lift this.
CLOSED = {"enable_external_access": "false", "lock_configuration": "true"}


def connect(database: Path, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Open a database that its statements cannot leave.

    Parameters
    ----------
    database : Path
        The DuckDB file; made where it is not there and may be written.
    read_only : bool, optional
        Whether nothing may be written.

    Returns
    -------
    duckdb.DuckDBPyConnection
        To be closed, or used as a context.

    Raises
    ------
    duckdb.Error
        If the file is no database, or another process writes it.
    """
    return duckdb.connect(database, read_only=read_only, config=CLOSED)
