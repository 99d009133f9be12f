"""Reading one CSV file into columns of text, whatever a spreadsheet did to it."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meta.evidence.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from meta.evidence.dictionary import Table

LONGEST_CELL = 100_000
# After this many broken records the file is not a table, and more lines would say the same.
MOST_BROKEN_RECORDS = 20

# Typed tables hold the line of each row under this name.
RESERVED = "_line"

SAVE_AS = "save the file as CSV with the encoding UTF-8"


@dataclass(frozen=True)
class RawTable:
    """The cells of one file, as text.

    Attributes
    ----------
    columns : dict of str to list of str
        Stripped cells by column; a blank cell is an empty text.
    lines : list of int
        Physical line on which each record starts.
    present : bool
        Whether there is such a file.
    complete : bool
        Whether every record could be read, so that an absent key is known to be absent.
    loose : frozenset of str
        Cells of the records that were left out: keys that do exist although no row has them.
    """

    columns: dict[str, list[str]] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    present: bool = True
    complete: bool = False
    loose: frozenset[str] = frozenset()

    def cell(self, column: str, row: int) -> str:
        """Return one cell; an empty text if it is blank."""
        return self.columns[column][row]

    def replaced(self, column: str, row: int, value: str) -> RawTable:
        """Return the table with one cell replaced; an empty text blanks it."""
        cells = [*self.columns[column]]
        cells[row] = value.strip()
        return replace(self, columns={**self.columns, column: cells})


@dataclass
class _Records:
    """Records of a file in the making."""

    header: list[str] | None = None
    header_line: int = 1
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    loose: set[str] = field(default_factory=set)
    complete: bool = True


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
    problems: list[Problem] = []
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if table.required:
            problems.append(_missing_file(path, shown_as, table))
        return RawTable(present=False, complete=not table.required), problems
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        return RawTable(), [_whole(shown_as, reason, "check that it is a file you may read")]
    text, problems = _decode(data, shown_as)
    if text is None:
        return RawTable(), problems
    records = _parse(text, shown_as, problems)
    if records.header is None:
        if not problems:
            remedy = f"write the header {','.join(table.required_columns)},... and a row for each"
            problems.append(_whole(shown_as, "the file is empty", remedy))
        return RawTable(), problems
    separator = _wrong_separator(records, table, shown_as)
    if separator is not None:
        return RawTable(), [*problems, separator]
    problems += _header_problems(records, table, shown_as)
    return _columns(records, shown_as, problems), problems


def nearest(name: str, known: list[str], cutoff: float = 0.75) -> str | None:
    """Find the known name that was probably meant.

    Parameters
    ----------
    name : str
        What was written.
    known : list of str
        Names that would be legal.
    cutoff : float, optional
        Similarity, from 0 to 1, below which nothing is suggested.

    Returns
    -------
    str or None
        The nearest known name, if any is near.
    """
    plain = {_plain(candidate): candidate for candidate in reversed(known)}
    found = difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def _whole(shown_as: str, reason: str, remedy: str, line: int = 1) -> Problem:
    return Problem(shown_as, line, "", "", reason, remedy)


def _missing_file(path: Path, shown_as: str, table: Table) -> Problem:
    names = [other.name for other in path.parent.glob("*.csv")] if path.parent.is_dir() else []
    near = nearest(path.name, names)
    remedy = f"add a file {path.name} with the columns {', '.join(table.required_columns)}"
    return _whole(
        shown_as,
        "the required file is missing",
        f"rename {near} to {path.name}" if near else remedy,
    )


def _decode(data: bytes, shown_as: str) -> tuple[str | None, list[Problem]]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None, [_whole(shown_as, "the file is UTF-16, not UTF-8", SAVE_AS)]
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        remedy = "remove them, or export the table again as CSV (this may be a spreadsheet file)"
        return None, [_whole(shown_as, "the file contains NUL bytes", remedy, line)]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        start = error.start
        body = error.object
        line = body.count(b"\n", 0, start) + 1
        context = bytes(body[max(0, start - 12) : start + 12]).decode("utf-8", "backslashreplace")
        reason = f"byte 0x{body[start]:02x} is not UTF-8"
        return None, [Problem(shown_as, line, "", context, reason, SAVE_AS)]


def _parse(text: str, shown_as: str, problems: list[Problem]) -> _Records:
    records = _Records()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    broken = 0
    while broken < MOST_BROKEN_RECORDS:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(_broken_record(shown_as, start, reader.line_num, error))
            records.complete = False
            if records.header is None:
                # Without its header, no later row can be understood.
                break
            broken += 1
            continue
        if not any(cell and not cell.isspace() for cell in row):
            continue
        if records.header is None:
            records.header, records.header_line = [cell.strip() for cell in row], start
        else:
            records.rows.append(row)
            records.lines.append(start)
    return records


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


def _wrong_separator(records: _Records, table: Table, shown_as: str) -> Problem | None:
    header = records.header or []
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        pieces = {_plain(piece.strip('" ')) for piece in separator.join(header).split(separator)}
        known = pieces & set(table.fields)
        if len(known) > 1 and not {_plain(cell) for cell in header} & set(table.fields):
            reason = f"the columns are separated by {name}, not by commas"
            remedy = "save the file as CSV with the comma as separator"
            return _whole(shown_as, reason, remedy, records.header_line)
    return None


def _header_problems(records: _Records, table: Table, shown_as: str) -> list[Problem]:
    header, line = records.header or [], records.header_line
    problems = []
    # The database does not tell columns apart by letter case, so neither may the header.
    folded = [name.lower() for name in header]
    for column in sorted({name for name in folded if name and folded.count(name) > 1}):
        reason = f"the header names the column {folded.count(column)} times"
        remedy = "keep one of them; letter case does not make them differ"
        problems.append(Problem(shown_as, line, column, "", reason, remedy))
    if RESERVED in folded:
        reason = "the column name is reserved for the line of the row"
        problems.append(Problem(shown_as, line, RESERVED, "", reason, "rename the column"))
    absent = [column for column in table.fields if column not in header]
    extra = [
        column
        for column in header
        if column and column not in table.fields and folded.count(column.lower()) == 1
    ]
    renamed = set()
    for column in absent:
        if not table.fields[column].required:
            continue
        near = nearest(column, extra)
        renamed.add(near)
        remedy = f"rename the column {near} to {column}" if near else f"add a column {column}"
        reason = "the required column is missing"
        problems.append(Problem(shown_as, line, column, "", reason, remedy))
    return problems + [
        _extra_column(column, absent, shown_as, line) for column in extra if column not in renamed
    ]


def _extra_column(column: str, absent: list[str], shown_as: str, line: int) -> Problem:
    near = nearest(column, absent)
    if near is not None:
        reason = f"is not a known column; did you mean {near}?"
        remedy = f"rename it to {near}, or its cells are ignored"
        return Problem(shown_as, line, column, "", reason, remedy, "warning")
    reason = "is not a known column; it is kept as text and no model reads it"
    remedy = "nothing to do, or describe it in the field dictionary"
    return Problem(shown_as, line, column, "", reason, remedy, "note")


def _columns(records: _Records, shown_as: str, problems: list[Problem]) -> RawTable:
    header = records.header or []
    rows, lines = _regular_rows(records, shown_as, problems)
    positions: dict[str, int] = {}
    for position, name in enumerate(header):
        cells = zip(lines, (row[position] for row in rows), strict=True)
        if name:
            positions.setdefault(name, position)
        elif filled := next(((line, cell) for line, cell in cells if cell.strip()), None):
            reason = f"the cell is in column {position + 1}, which has no name"
            remedy = "name the column in the header, or empty its cells"
            problems.append(Problem(shown_as, filled[0], "", filled[1], reason, remedy))
    columns = {
        name: [row[position].strip() for row in rows] for name, position in positions.items()
    }
    for name, column in columns.items():
        problems += [
            _long_cell(shown_as, line, name, cell)
            for line, cell in zip(lines, column, strict=True)
            if len(cell) > LONGEST_CELL
        ]
    return RawTable(columns, lines, True, records.complete, frozenset(records.loose))


def _long_cell(shown_as: str, line: int, column: str, cell: str) -> Problem:
    reason = f"the cell is longer than {LONGEST_CELL // 1000} kB"
    return Problem(shown_as, line, column, cell, reason, "shorten it")


def _regular_rows(
    records: _Records, shown_as: str, problems: list[Problem]
) -> tuple[list[list[str]], list[int]]:
    """Keep the records that have as many cells as the header, and report the others."""
    width = len(records.header or [])
    rows, lines = [], []
    for line, row in zip(records.lines, records.rows, strict=True):
        # A spreadsheet writes commas for columns that were once touched.
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) == width:
            rows.append(row)
            lines.append(line)
            continue
        records.loose.update(cell.strip() for cell in row)
        kind = "more" if len(row) > width else "fewer"
        remedy = (
            "put quotes around a cell that contains a comma"
            if len(row) > width
            else "add the missing commas, one for each blank cell"
        )
        reason = f"the row has {len(row)} cells, {kind} than the {width} of the header"
        problems.append(_whole(shown_as, reason, remedy, line))
    return rows, lines
