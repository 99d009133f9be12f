"""The header of a file: which columns it names, and which it ought to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.evidence.problems import Problem, show
from meta.evidence.spreadsheet import odd_character
from meta.evidence.suggestion import folded, nearest

if TYPE_CHECKING:
    from meta.evidence.csv_regular import Records
    from meta.evidence.dictionary import Table

#: How the problem of a file without a header begins.
NO_HEADER = "the first line names no column"
# Typed tables hold the line of each row under this name.
RESERVED = "_line"
#: What programs write between cells in place of commas.
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# Rows behind the first in which the real header is looked for.
ROWS_SEARCHED = 5


def misplaced_header(records: Records, table: Table, shown_as: str) -> Problem | None:
    """Say why the first record is no header of this table at all.

    Parameters
    ----------
    records : Records
        The file as read.
    table : Table
        What the dictionary says of the table.
    shown_as : str
        How problems name the file.

    Returns
    -------
    Problem or None
        Another separator, or a title above the header; None if the first record names columns.
    """
    header, line = records.header or [], records.header_line
    if {folded(cell) for cell in header} & set(table.fields):
        return None
    if said := other_separator(header, table):
        return Problem(shown_as, line, "", "", *said)
    for row in range(min(ROWS_SEARCHED, len(records.lines))):
        if len(_named(records, row, table)) > 1:
            reason = f"the header stands on line {int(records.lines[row])}, below other text"
            remedy = "remove the lines above it"
            return Problem(shown_as, line, "", ", ".join(filter(None, header)), reason, remedy)
    if len({folded(cell) for cell in records.loose} & set(table.required_columns)) > 1:
        reason = "the line names no column, and the header seems to stand below it"
        remedy = "remove the lines above the header"
        return Problem(shown_as, line, "", ", ".join(filter(None, header)), reason, remedy)
    return _no_header(records, table, shown_as)


def _no_header(records: Records, table: Table, shown_as: str) -> Problem | None:
    """Say that the first record has no name that is like one of a column."""
    header, line = records.header or [], records.header_line
    text = ",".join(header)
    names = list(table.fields)
    # No column is called by a number, and a row has some.
    if not any(cell.isdecimal() for cell in header) and any(nearest(c, names) for c in header if c):
        return None
    written = [name for mark, name in SEPARATORS.items() if text.count(mark) > text.count(",")]
    reason = f"{NO_HEADER} of {table.name}" + "".join(
        f", and what it has is separated by {name}, not by commas" for name in written[:1]
    )
    first = ",".join(table.required_columns[:3])
    remedy = (
        f"put the header above the rows: {first},... as in data/templates/{table.name}.csv, "
        "separated by commas"
    )
    return Problem(shown_as, line, "", text, reason, remedy)


def other_separator(header: list[str], table: Table) -> tuple[str, str] | None:
    """Say that a header is separated by anything but commas.

    Parameters
    ----------
    header : list of str
        Its cells, as commas separate them.
    table : Table
        What the dictionary says of the table.

    Returns
    -------
    tuple of str or None
        The reason and the remedy.
    """
    if {folded(cell) for cell in header} & set(table.fields):
        return None
    for separator, name in SEPARATORS.items():
        pieces = {folded(piece.strip('" ')) for piece in separator.join(header).split(separator)}
        if len(pieces & set(table.fields)) > 1:
            reason = f"the columns are separated by {name}, not by commas"
            return reason, "save the file as CSV with the comma as separator"
    return None


def header_problems(records: Records, table: Table, shown_as: str) -> list[Problem]:
    """Report columns that are missing, unknown, named twice or named on two lines.

    Parameters
    ----------
    records : Records
        The file as read.
    table : Table
        What the dictionary says of the table.
    shown_as : str
        How problems name the file.

    Returns
    -------
    list of Problem
        Errors, and notes on columns that nothing reads.
    """
    header, line = records.header or [], records.header_line
    problems = []
    # The database does not tell columns apart by letter case, so neither may the header.
    lower = [name.lower() for name in header]
    for column in sorted({name for name in lower if name and lower.count(name) > 1}):
        reason = f"the header names the column {lower.count(column)} times"
        remedy = "keep one of them; letter case does not make them differ"
        problems.append(Problem(shown_as, line, column, "", reason, remedy))
    if RESERVED in lower:
        reason = "the column name is reserved for the line of the row"
        problems.append(Problem(shown_as, line, RESERVED, "", reason, "rename the column"))
    for column in header:
        if odd := odd_character(column):
            problems.append(Problem(shown_as, line, column, "", f"the name {odd[0]}", odd[1]))
    absent = [column for column in table.fields if column not in header]
    extra = [c for c in header if c and c not in table.fields and lower.count(c.lower()) == 1]
    renamed = set()
    for column in absent:
        if not table.fields[column].required:
            continue
        near = nearest(column, extra)
        renamed.add(near)
        rename = f"rename the column {show(near)} to {column}" if near else ""
        lost = f"restore {shown_as}: the cells of a key cannot be made anew"
        remedy = rename or (lost if column in table.key else f"add a column {column}")
        reason = "the required column is missing"
        problems.append(Problem(shown_as, line, column, "", reason, remedy))
    problems += [
        _extra_column(column, absent, table, shown_as, line)
        for column in extra
        if column not in renamed and not odd_character(column)
    ]
    return problems + _second_header(records, table, shown_as)


def _extra_column(
    column: str, absent: list[str], table: Table, shown_as: str, line: int
) -> Problem:
    if column.lower() in absent:
        reason = f"differs from the column {column.lower()} by letter case"
        remedy = f"rename it to {column.lower()}"
        return Problem(shown_as, line, column, "", reason, remedy)
    near = nearest(column, absent)
    if near is not None and table.fields[near].is_count:
        # Counts under another name would be lost, and the rows pooled without them.
        reason = f"is not a known column, and the column of counts {near} is missing"
        remedy = f"rename it to {near}; if it holds something else, give it a name less like it"
        return Problem(shown_as, line, column, "", reason, remedy)
    if near is not None:
        reason = f"is not a known column; did you mean {near}?"
        remedy = f"rename it to {near}, or its cells are ignored"
        return Problem(shown_as, line, column, "", reason, remedy, "warning")
    reason = "is not a known column; it is kept as text and no model reads it"
    remedy = "nothing to do, or describe it in the field dictionary"
    return Problem(shown_as, line, column, "", reason, remedy, "note")


def _second_header(records: Records, table: Table, shown_as: str) -> list[Problem]:
    """Point out a first row that names columns again, as merged cells leave it."""
    if not len(records.lines):
        return []
    named = _named(records, 0, table)
    filled = sum(bool((column[0].as_py() or "").strip()) for column in records.cells)
    if len(named) < 2 or 2 * len(named) < filled:
        return []
    reason = "the row names columns again: a header of two lines"
    remedy = "keep one header line; merged cells have no place in CSV"
    return [Problem(shown_as, int(records.lines[0]), "", ", ".join(named), reason, remedy)]


def _named(records: Records, row: int, table: Table) -> list[str]:
    known = set(table.fields) | {folded(field.label) for field in table.fields.values()}
    cells = [column[row].as_py() or "" for column in records.cells]
    return [cell.strip() for cell in cells if folded(cell) in known]
