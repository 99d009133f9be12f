"""The careful reader: any file, record by record, with everything that is wrong with its form."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from meta.evidence.csv_regular import LONGEST_CELL, Records
from meta.evidence.header import SEPARATORS
from meta.evidence.problems import Problem
from meta.evidence.raw_table import TEXT
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

# After this many broken records the file is not a table, and more lines would say the same.
MOST_BROKEN_RECORDS = 20
# Rows of a wrong length that are told one by one.
MOST_RAGGED_RECORDS = 1000
# Cells of such rows that are remembered as keys that do exist.
MOST_LOOSE_CELLS = 1_000_000
# Of fewer columns, a row with two unquoted commas looks like two rows.
FEWEST_CELLS = 4
# Records turned into Arrow arrays at a time.
BATCH = 8192

SMART_QUOTES = "“”„‟«»"


def read_careful(data: bytes, shown_as: str) -> tuple[Records, list[Problem]]:
    """Read the records of a file of any form.

    Parameters
    ----------
    data : bytes
        UTF-8 text without byte order mark and NUL.
    shown_as : str
        How problems name the file.

    Returns
    -------
    Records
        The records that have as many cells as the header; the header is None if there is none.
    list of Problem
        Quotes that do not fit, cells that are too long, rows that are too long or too short.
    """
    return _CarefulReader(data, shown_as).read()


class _CarefulReader:
    """State of one pass over a file."""

    def __init__(self, data: bytes, shown_as: str) -> None:
        self.data, self.shown_as = data, shown_as
        self.records = Records()
        self.problems: list[Problem] = []
        self.rows: list[list[str]] = []
        self.lines: list[int] = []
        self.batches: list[list[Any]] = []
        self.ragged: dict[int, list[int]] = {}

    def read(self) -> tuple[Records, list[Problem]]:
        for line, row in self._parsed():
            if not any(cell and not cell.isspace() for cell in row):
                continue
            if self.records.header is None:
                self.records.header = [cell.strip() for cell in row]
                self.records.header_line = line
                continue
            self._add(line, row)
        self._close_batch()
        width = len(self.records.header or [])
        pieces = [[batch[i] for batch in self.batches] for i in range(width)]
        self.records.cells = [pa.chunked_array(chunks, TEXT) for chunks in pieces]
        self.records.lines = np.array(self.lines, np.int64)
        return self.records, [*self.problems, *self._unlisted()]

    def _parsed(self) -> Iterator[tuple[int, list[str]]]:
        """Records with their lines; after a broken one, reading goes on at the next line."""
        broken, skipped = 0, 0
        reader = _reader(self.data)
        while broken < MOST_BROKEN_RECORDS:
            start = skipped + reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                end = skipped + reader.line_num
                self.problems.append(_broken_record(self.shown_as, start, end, error))
                self.records.complete = False
                if self.records.header is None:
                    # Without its header, no later row can be understood.
                    return
                broken += 1
                if end > start:
                    # The quote has swallowed lines that may well be records of their own.
                    reader, skipped = _reader(self.data, start), start
                continue
            yield start, row
        reason = f"reading stops after {broken} broken records; what follows is not checked"
        line = skipped + reader.line_num
        self.problems.append(_whole(self.shown_as, reason, "mend these first", line))

    def _add(self, line: int, row: list[str]) -> None:
        width = len(self.records.header or [])
        # A spreadsheet writes commas for columns that were once touched.
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) != width:
            self._ragged(line, row, width)
            return
        self.rows.append(row)
        self.lines.append(line)
        if len(self.rows) == BATCH:
            self._close_batch()

    def _close_batch(self) -> None:
        if self.rows:
            columns = zip(*self.rows, strict=True)
            self.batches.append([pa.array(column, TEXT) for column in columns])
            self.rows = []

    def _ragged(self, line: int, row: list[str], width: int) -> None:
        if len(self.records.loose) < MOST_LOOSE_CELLS:
            self.records.loose.update(cell.strip() for cell in row)
        else:
            # Which keys are absent can no longer be known.
            self.records.complete = False
        told = sum(len(lines) for lines in self.ragged.values())
        if told >= MOST_RAGGED_RECORDS and len(row) in self.ragged:
            self.ragged[len(row)].append(line)
            return
        self.ragged.setdefault(len(row), []).append(line)
        if told < MOST_RAGGED_RECORDS:
            self.problems.append(_wrong_width(self.shown_as, line, row, width))

    def _unlisted(self) -> list[Problem]:
        """Rows of a wrong length beyond those told one by one, grouped by their length."""
        listed = {problem.line for problem in self.problems}
        width, problems = len(self.records.header or []), []
        for size, lines in self.ragged.items():
            left = [line for line in lines if line not in listed]
            if left:
                first = _wrong_width(self.shown_as, left[0], [""] * size, width)
                problems.append(
                    Problem(
                        first.file, left[0], "", "", first.reason, first.remedy,
                        also_on=tuple(left[1:]),
                    )
                )  # fmt: skip
        return problems


def _reader(data: bytes, skip: int = 0) -> Any:
    """Start a reader behind a number of lines."""
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    for _ in range(skip):
        next(lines)
    return csv.reader(lines, strict=True)


def _whole(shown_as: str, reason: str, remedy: str, line: int) -> Problem:
    return Problem(shown_as, line, "", "", reason, remedy)


def _broken_record(shown_as: str, start: int, end: int, error: csv.Error) -> Problem:
    if "field limit" in str(error):
        reason = f"a cell is longer than {LONGEST_CELL // 1000} kB"
        remedy = "shorten it, or close the quote that opens it"
    elif "unexpected end" in str(error):
        reason = "a quoted cell is opened here and never closed"
        remedy = 'close it with ", and write a quote inside a quoted cell as ""'
    else:
        reason = f"a stray or unclosed quote in the record on lines {start} to {end}"
        if start == end:
            reason = "a stray quote in the record"
        remedy = 'close the quoted cell with ", and write a quote inside it as ""'
    return _whole(shown_as, reason, remedy, start)


def _wrong_width(shown_as: str, line: int, row: list[str], width: int) -> Problem:
    kind = "more" if len(row) > width else "fewer"
    reason = f"the row has {counted(len(row), 'cell')}, {kind} than the {width} of the header"
    remedy = _remedy_for_more(row, width) if len(row) > width else _remedy_for_fewer(row, width)
    return _whole(shown_as, reason, remedy, line)


def _remedy_for_more(row: list[str], width: int) -> str:
    if any(cell.strip()[:1] in SMART_QUOTES for cell in row if cell.strip()):
        return 'put straight quotes (") around a cell that contains a comma, not curly ones'
    quotes = "put quotes around a cell that contains a comma"
    # The last cell of one row and the first of the next are one where no comma is between them.
    if width >= FEWEST_CELLS and len(row) in (2 * width - 1, 2 * width):
        return (
            f"two rows stand on one line: begin the second on a line of its own; if not, {quotes}"
        )
    return quotes


def _remedy_for_fewer(row: list[str], width: int) -> str:
    line = ",".join(row)
    for separator, name in SEPARATORS.items():
        pieces = len(line.split(separator))
        if pieces > len(row) and 2 * pieces >= width:
            return f"the row is separated by {name}: write commas between its cells instead"
    return "add the missing commas, one for each blank cell"
