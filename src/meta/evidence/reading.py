"""Reading one CSV file into columns of text, whatever a spreadsheet did to it."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from meta.evidence.csv_careful import read_careful
from meta.evidence.csv_regular import LONGEST_CELL, Records, read_regular
from meta.evidence.dictionary import load_dictionary
from meta.evidence.encoding import foreign_bytes, text_of
from meta.evidence.header import header_problems, misplaced_header
from meta.evidence.problems import Problem
from meta.evidence.raw_table import CODED, TEXT, RawTable, strip
from meta.evidence.suggestion import nearest

if TYPE_CHECKING:
    from pathlib import Path

    from meta.evidence.dictionary import Table

__all__ = ["RawTable", "nearest", "read_table"]

# Fields of these types have many distinct values; of all others, few.
SCATTERED = ("text", "id")


def read_table(path: Path, shown_as: str, table: Table) -> tuple[RawTable, list[Problem]]:
    """Read one CSV file.

    Parameters
    ----------
    path : Path
        The file.
    shown_as : str
        How problems name the file.
    table : Table
        What the dictionary says of it.

    Returns
    -------
    RawTable
        The cells that could be read.
    list of Problem
        Everything wrong with the form of the file.
    """
    odd = not_a_file(path)
    if odd:
        return RawTable(), [_whole(shown_as, odd, "put a file in its place, or remove it")]
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        missing = [_missing_file(path, shown_as, table)] if table.required else []
        return RawTable(present=False, complete=not table.required), missing
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        return RawTable(), [_whole(shown_as, reason, "check that it is a file you may read")]
    return read_bytes(data, shown_as, table)


def not_a_file(path: Path) -> str | None:
    """Say what stands in the place of a file, if it is anything else: reading it might hang."""
    if path.is_dir():
        return "cannot be read: it is a folder"
    if path.is_symlink() and not path.exists():
        return "cannot be read: it is a link to a file that is not there"
    return "cannot be read: it is not a file" if path.exists() and not path.is_file() else None


def read_bytes(
    data: bytes, shown_as: str, table: Table, careful: bool = False
) -> tuple[RawTable, list[Problem]]:
    """Read the content of one CSV file.

    Parameters
    ----------
    data : bytes
        The content.
    shown_as : str
        How problems name the file.
    table : Table
        What the dictionary says of it.
    careful : bool, optional
        Read even a regular file record by record; the result is the same.

    Returns
    -------
    RawTable
        The cells that could be read.
    list of Problem
        Everything wrong with the form of the file.
    """
    text, problems = text_of(data, shown_as)
    if text is None:
        return RawTable(), problems
    records = None if careful else read_regular(text, lambda name: _coded(name, table))
    if records is None:
        problems = foreign_bytes(text, shown_as)
        if problems:
            return RawTable(), problems
        records, problems = read_careful(text, shown_as)
    if records.header is None:
        if not problems:
            remedy = f"write the header {','.join(table.required_columns)},... and a row for each"
            problems.append(_whole(shown_as, "the file is empty", remedy))
        return RawTable(), problems
    misplaced = misplaced_header(records, table, shown_as)
    if misplaced is not None:
        return RawTable(), [misplaced]
    problems += header_problems(records, table, shown_as)
    return _columns(records, table, shown_as, problems), problems


def _coded(name: str, table: Table) -> bool:
    return name in table.fields and table.fields[name].type not in SCATTERED


def _whole(shown_as: str, reason: str, remedy: str, line: int = 1) -> Problem:
    return Problem(shown_as, line, "", "", reason, remedy)


def _missing_file(path: Path, shown_as: str, table: Table) -> Problem:
    known = {f"{other.name}.csv" for other in load_dictionary()}
    files = path.parent.glob("*.csv") if path.parent.is_dir() else []
    # Another table of the base is in its own place already.
    names = [other.name for other in files if other.name not in known]
    near = nearest(path.name, names)
    remedy = f"add a file {path.name} with the columns {', '.join(table.required_columns)}"
    return _whole(
        shown_as,
        "the required file is missing",
        f"rename {near} to {path.name}" if near else remedy,
    )


def _columns(records: Records, table: Table, shown_as: str, problems: list[Problem]) -> RawTable:
    """Name the columns, strip their cells and leave out the rows that are blank throughout."""
    cells = [strip(column) for column in records.cells]
    lines = records.lines
    filled = _filled(cells)
    if filled is not None:
        cells = [column.filter(pa.array(filled)) for column in cells]
        lines = lines[filled]
    columns: dict[str, Any] = {}
    for position, name in enumerate(records.header or []):
        if name:
            coded = _coded(name, table) and cells[position].type != CODED
            column = cells[position].dictionary_encode().cast(CODED) if coded else cells[position]
            columns.setdefault(name, column)
        elif cells[position].null_count < len(lines):
            row = int(np.flatnonzero(cells[position].is_valid().to_numpy())[0])
            reason = f"the cell is in column {position + 1}, which has no name"
            remedy = "name the column in the header, or empty its cells"
            value = cells[position][row].as_py()
            problems.append(Problem(shown_as, int(lines[row]), "", value, reason, remedy))
    for name, column in columns.items():
        problems += _long_cells(shown_as, name, column, lines)
    return RawTable(columns, lines, True, records.complete, frozenset(records.loose))


def _filled(cells: list[Any]) -> np.ndarray | None:
    """Which rows have any cell that is not blank, or None if all have."""
    if not cells or any(column.null_count == 0 for column in cells):
        return None
    some = reduce(pc.or_, (column.is_valid() for column in cells)).to_numpy()
    return None if some.all() else some


def _long_cells(shown_as: str, name: str, column: Any, lines: np.ndarray) -> list[Problem]:
    parts = [chunk.dictionary if column.type == CODED else chunk for chunk in column.chunks]
    longest = [pc.max(pc.binary_length(part)).as_py() or 0 for part in parts]
    if max(longest, default=0) <= LONGEST_CELL:
        return []
    text = column.cast(TEXT)
    reason, remedy = f"the cell is longer than {LONGEST_CELL // 1000} kB", "shorten it"
    long = pc.greater(pc.utf8_length(text), LONGEST_CELL).fill_null(False).to_numpy()
    return [
        Problem(shown_as, int(lines[row]), name, text[int(row)].as_py(), reason, remedy)
        for row in np.flatnonzero(long)
    ]
