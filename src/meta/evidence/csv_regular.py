"""The fast reader: files that are proved to be regular, parsed by Arrow.

A file is regular if it is UTF-8 without NUL, its quotes open only where a cell begins and close
only where it ends, its lines end in one of the two usual ways, none is blank and each has as many
cells as the header (RFC 4180). Of such a file every reader makes the same cells. Any other file is
left to the careful reader, which can say what is wrong with it.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from meta.evidence.raw_table import CODED, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_CELL = 100_000

QUOTE, COMMA, NEWLINE, RETURN = (ord(character) for character in '",\n\r')
# Bytes looked at in one step, which bounds the memory of the comparisons.
STEP = 1 << 18
BLOCK = 1 << 22


@dataclass
class Records:
    """Records of a file, not yet known by the names of their columns.

    Attributes
    ----------
    header : list of str or None
        Stripped cells of the first record that is not blank.
    header_line : int
        Its line.
    cells : list of pyarrow.ChunkedArray
        One for each column of the header.
    lines : ndarray of int64
        Line on which each record starts.
    loose : set of str
        Cells of records that have not as many as the header.
    complete : bool
        Whether every record could be read.
    """

    header: list[str] | None = None
    header_line: int = 1
    cells: list[Any] = field(default_factory=list)
    lines: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    loose: set[str] = field(default_factory=set)
    complete: bool = True


def read_regular(data: bytes, coded: Callable[[str], bool]) -> Records | None:
    """Read a file if it is regular.

    Parameters
    ----------
    data : bytes
        Text without byte order mark and NUL.
    coded : callable
        Whether a column of that name is to be dictionary-encoded.

    Returns
    -------
    Records or None
        None if the file is not regular.
    """
    ends = record_ends(data)
    if ends is None or len(ends[0]) < 2:
        return None
    after, lines = ends
    try:
        text = data[: after[0]].decode()
    except UnicodeDecodeError:
        return None
    header = next(csv.reader(io.StringIO(text), strict=True))
    header = [name.strip() for name in header]
    if len(header) < 2 or not any(header):
        return None
    types = {str(i): CODED if coded(name) else TEXT for i, name in enumerate(header)}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(after[0], after[-1] - after[0])),
            arrow_csv.ReadOptions(block_size=BLOCK, column_names=list(types)),
            arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(lines):
        return None
    return Records(header, 1, table.columns, lines)


def record_ends(data: bytes) -> tuple[np.ndarray, np.ndarray] | None:
    """Find where the records of a regular file end.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    tuple of ndarray of int64, or None
        Offset behind each record, the header first, and the line on which each record after the
        header starts; None if quotes or line ends are not regular, or a record is longer than a
        cell may be. (A blank line is a record of one cell, which is too few.)
    """
    size = len(data)
    while size and data[size - 1] in (NEWLINE, RETURN):
        size -= 1
    body = np.frombuffer(data, np.uint8)[:size]
    quotes, newlines = _places(body, QUOTE), _places(body, NEWLINE)
    returns = _places(body, RETURN) if b"\r" in data else newlines[:0]
    if not size or np.any(body[returns + 1] != NEWLINE) or not _quotes_fit(body, quotes):
        return None
    # Behind an odd number of quotes a line end belongs to a cell.
    between = np.flatnonzero(np.searchsorted(quotes, newlines) % 2 == 0)
    after = np.append(newlines[between] + 1, size)
    if np.diff(after, prepend=0).max() > LONGEST_CELL:
        return None
    return after, between + 2


def _places(body: np.ndarray, byte: int) -> np.ndarray:
    """Positions of a byte, ascending."""
    found = [
        np.flatnonzero(body[start : start + STEP] == byte) + start
        for start in range(0, len(body), STEP)
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _quotes_fit(body: np.ndarray, quotes: np.ndarray) -> bool:
    """Whether quotes open and close at the edges of cells, or stand doubled within them."""
    if len(quotes) % 2:
        return False
    if not len(quotes):
        return True
    opening, closing = quotes[::2], quotes[1::2]
    doubled = np.append(closing[:-1] + 1 == opening[1:], False)
    opens = np.isin(body[opening - 1], (COMMA, NEWLINE)) | (opening == 0)
    opens[1:] |= doubled[:-1]
    last = closing == len(body) - 1
    closes = np.isin(body[np.where(last, 0, closing + 1)], (COMMA, NEWLINE, RETURN))
    return bool(np.all(opens) and np.all(closes | doubled | last))
