"""The text of one file by column, before anything is known of its meaning.

Columns are Arrow arrays, so that a million rows cost their bytes and not a million objects. Columns
of few distinct values are dictionary-encoded: what is true of a value is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
CODED = pa.dictionary(pa.int32(), TEXT)
# Bytes of anything but printable ASCII.
_UNUSUAL = np.ones(256, bool)
_UNUSUAL[32:127] = False


@dataclass(frozen=True)
class RawTable:
    """The cells of one file, as text.

    Attributes
    ----------
    columns : dict of str to pyarrow.ChunkedArray
        Stripped cells by column, of type `TEXT` or `CODED`; a blank cell is null.
    lines : ndarray of int64
        Physical line on which each record starts.
    present : bool
        Whether there is such a file.
    complete : bool
        Whether every record could be read, so that an absent key is known to be absent.
    loose : frozenset of str
        Cells of the records that were left out: keys that do exist although no row has them.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    lines: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    present: bool = True
    complete: bool = False
    loose: frozenset[str] = frozenset()

    def cell(self, column: str, row: int) -> str:
        """Return one cell; an empty text if it is blank."""
        return self.columns[column][row].as_py() or ""

    def kept(self, rows: np.ndarray) -> RawTable:
        """Return the table with those rows alone for which an array of bool holds."""
        mask = pa.array(rows)
        columns = {name: cells.filter(mask) for name, cells in self.columns.items()}
        return replace(self, columns=columns, lines=self.lines[rows])

    def replaced(self, column: str, row: int, value: str) -> RawTable:
        """Return the table with one cell replaced; an empty text blanks it.

        Raises
        ------
        KeyError
            If there is no such column.
        IndexError
            If there is no such row.
        """
        cells = self.columns[column]
        if not 0 <= row < len(cells):
            raise IndexError(f"no row at position {row} of {len(cells)}")
        new = pa.array([value.strip() or None], TEXT)
        if pa.types.is_dictionary(cells.type):
            new = new.dictionary_encode().cast(CODED)
        pieces = [*cells.slice(0, row).chunks, new, *cells.slice(row + 1).chunks]
        return replace(self, columns={**self.columns, column: pa.chunked_array(pieces, cells.type)})


def distinct(cells: Any) -> tuple[Any, np.ndarray]:
    """Encode a column by its distinct values.

    Parameters
    ----------
    cells : pyarrow.ChunkedArray
        Text, encoded or not.

    Returns
    -------
    values : pyarrow.Array
        Distinct texts; some may belong to no row any more.
    codes : ndarray of int32
        Position in `values` of each row, -1 where it is blank.
    """
    coded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    whole = coded.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        # A column of no chunks, or of more text than one chunk holds.
        if whole.num_chunks == 0:
            return pa.array([], TEXT), np.empty(0, np.int32)
        codes = np.concatenate([_codes(chunk) for chunk in whole.chunks])
        return whole.chunk(0).dictionary.cast(TEXT), codes
    return whole.dictionary.cast(TEXT), _codes(whole)


def _codes(chunk: Any) -> np.ndarray:
    return chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)


def strip(cells: Any) -> Any:
    """Strip white space from every cell, and turn what is left blank into null.

    Parameters
    ----------
    cells : pyarrow.ChunkedArray
        Text, encoded or not.

    Returns
    -------
    pyarrow.ChunkedArray
        The same array where there is nothing to strip.
    """
    if pa.types.is_dictionary(cells.type):
        dictionaries = [chunk.dictionary for chunk in cells.chunks]
        if all(_stripped(values) is None for values in dictionaries):
            return cells
        return strip(cells.cast(TEXT)).dictionary_encode().cast(CODED)
    chunks = []
    for chunk in cells.chunks:
        changed = _stripped(chunk)
        chunks.append(chunk if changed is None else changed)
    return pa.chunked_array(chunks, TEXT)


def _stripped(cells: Any) -> Any | None:
    """Stripped cells, or None if none has white space around it or is empty."""
    stripped = pc.utf8_trim_whitespace(cells)
    same = pc.sum(pc.binary_length(stripped)).as_py() == pc.sum(pc.binary_length(cells)).as_py()
    if same and pc.min(pc.binary_length(cells)).as_py() != 0:
        return None
    return pc.if_else(pc.equal(stripped, ""), pa.scalar(None, TEXT), stripped)


def lengths(cells: Any) -> np.ndarray:
    """Bytes of each cell, 0 where it is blank; `cells` is an array of text, not encoded."""
    return np.diff(_offsets(cells))


def byte_at(cells: Any, position: int, rows: np.ndarray | None = None) -> np.ndarray:
    """Return one byte of each cell.

    What a cell may be is often told by its first byte, and telling costs nothing here.

    Parameters
    ----------
    cells : pyarrow.Array
        Text, not encoded.
    position : int
        Which byte.
    rows : ndarray of int64, optional
        Positions of the cells to look at; all by default.

    Returns
    -------
    ndarray of uint8
        The byte, 0 beyond the end of a cell and in blank cells.
    """
    offsets, text = _offsets(cells), _bytes(cells)
    starts, ends = offsets[:-1], offsets[1:]
    if rows is not None:
        starts, ends = starts[rows], ends[rows]
    if not len(text):
        return np.zeros(len(starts), np.uint8)
    found = text[np.minimum(starts + position, len(text) - 1)]
    found[starts + position >= ends] = 0
    return found


def _offsets(cells: Any) -> np.ndarray:
    rows, buffer = len(cells), cells.buffers()[1]
    if not rows or buffer is None:
        return np.zeros(rows + 1, np.int64)
    return np.frombuffer(buffer, np.int64)[cells.offset : cells.offset + rows + 1]


def _bytes(cells: Any) -> np.ndarray:
    data = cells.buffers()[2]
    return np.empty(0, np.uint8) if not data else np.frombuffer(data, np.uint8)


def unusual(cells: Any) -> np.ndarray:
    """Positions of the cells that hold anything but printable ASCII.

    Parameters
    ----------
    cells : pyarrow.Array
        Text, not encoded.

    Returns
    -------
    ndarray of int64
        Positions in ascending order.
    """
    return holding(cells, _UNUSUAL)


def holding(cells: Any, wanted: np.ndarray) -> np.ndarray:
    """Positions of the cells that hold any of some bytes.

    Parameters
    ----------
    cells : pyarrow.Array
        Text, not encoded.
    wanted : ndarray of bool
        Whether each of the 256 bytes is looked for.

    Returns
    -------
    ndarray of int64
        Positions in ascending order.
    """
    offsets = _offsets(cells)
    text = _bytes(cells)[offsets[0] : offsets[-1]]
    places = np.flatnonzero(wanted[text])
    return np.unique(np.searchsorted(offsets, places + offsets[0], side="right") - 1)
