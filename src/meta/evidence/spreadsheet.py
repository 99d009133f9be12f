"""What spreadsheets leave in cells: formulas, errors, dates in place of fractions, odd characters.

A cell that begins with = + - or @ may be run as a formula by whoever opens the file (CWE-1236), so
it is refused wherever it stands; a number, or a text that begins with one, is not a formula.
Control characters other than tabs and line breaks may command the terminal that prints them
(CWE-150), and are refused wherever they stand too.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from meta.evidence.raw_table import byte_at, holding, lengths, unusual

if TYPE_CHECKING:
    from collections.abc import Callable

    from meta.evidence.dictionary import Pattern

# Spreadsheets look behind white space, quotes and characters that cannot be seen.
_LEAD = "[\\s\"'\u2018\u201c\u200b-\u200f\u2060\ufeff]*"
# Possessive throughout: a cell of a hundred thousand digits is read once.
_NUMBER = r"(?>[0-9][0-9,]*+(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+%?+"
FORMULA = re.compile(
    f"{_LEAD}(?:[=@＝＠]|[+\\-＋－](?:[^0-9.]|{_NUMBER}\\s*+[-+*/^&=<>|!]\\s*+\\S))", re.DOTALL
)
ERROR_CELL = re.compile(
    r"#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!"
    r"|UNKNOWN!|GETTING_DATA|BUSY!|ERROR!)|#{2,}|Err:5[0-9]{2}"
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = f"({'|'.join(_MONTHS)})"
_DAY_MONTH = re.compile(f"([0-9]{{1,2}})-{_MONTH}(?:-[0-9]{{2,4}})?", re.IGNORECASE)
_MONTH_YEAR = re.compile(f"{_MONTH}-([0-9]{{2,4}})", re.IGNORECASE)

# Day 0 of spreadsheets, which hold that 1900 was a leap year; days after February 1900 are right.
_EPOCH = date(1899, 12, 30)
_PLAUSIBLE_DAYS = (32874, 73050)  # 1990 to 2099

# Letters of other scripts that look like Latin ones.
_LOOK_ALIKE = set("АВЕЅІЈКМНОРСТХУаеорсухіјѕԁԛԝһΑΒΕΖΗΙΚΜΝΟΡΤΥΧο")

# First bytes of cells that `cell_fault` may refuse, full-width signs, curly quotes and what cannot
# be seen among them.
_SUSPECT = np.zeros(256, bool)
_SUSPECT[list(b"=+-@\"'\t \xe2\xef#E")] = True

# Control characters (C0, DEL, C1) that have no place in any text, and the bytes that begin them.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTROL_BYTES = np.zeros(256, bool)
_CONTROL_BYTES[[*(n for n in range(32) if chr(n) not in "\t\n\r"), 0x7F, 0xC2]] = True
Say = tuple[str, str]


def formula_reason() -> Say:
    """Say what is wrong with a spreadsheet formula.

    Returns
    -------
    tuple of str
        The reason and the remedy.
    """
    return "is a spreadsheet formula", "write the value itself, or do not begin it with this sign"


def is_formula(value: str) -> bool:
    """Whether a spreadsheet may run the cell."""
    return FORMULA.match(value) is not None


def cell_fault(value: str) -> Say | None:
    """Say what makes a cell illegal in any column.

    A formula, a spreadsheet's error, or a control character other than a tab or a line break.

    Parameters
    ----------
    value : str
        The cell.

    Returns
    -------
    tuple of str or None
        The reason and the remedy.
    """
    if control := _CONTROL.search(value):
        at = f"{_name(control[0])} at character {control.start() + 1}"
        return f"contains {at}, a control character", "remove it, or type the text anew"
    if is_formula(value):
        return formula_reason()
    if ERROR_CELL.fullmatch(value):
        wide = "; the column was too narrow to show the value" if value[:2] == "##" else ""
        return "is a spreadsheet's error, not a value", f"write the value that stood here{wide}"
    return None


def date_made_of(value: str) -> str | None:
    """Return the fraction or code of which a spreadsheet made a date, such as 3/24 of Mar-24."""
    if match := _DAY_MONTH.fullmatch(value):
        return f"{_MONTHS.index(match[2].lower()) + 1}/{match[1]}"
    if match := _MONTH_YEAR.fullmatch(value):
        return f"{_MONTHS.index(match[1].lower()) + 1}/{match[2]}"
    return None


def date_fault(value: str) -> Say | None:
    """Say that a cell looks like a date that was once something else."""
    fraction = date_made_of(value)
    if fraction is None:
        return None
    reason = f"looks like a date that a spreadsheet made of something else, perhaps of {fraction}"
    return reason, "write what stands in the source, in a cell formatted as text"


def day_of(number: str) -> date | None:
    """Return the day that a spreadsheet means by a number, if it is of our time."""
    whole = re.fullmatch(r"([0-9]{5})(?:\.[0-9]*)?", number)
    if whole is None or not _PLAUSIBLE_DAYS[0] <= int(whole[1]) <= _PLAUSIBLE_DAYS[1]:
        return None
    return _EPOCH + timedelta(days=int(whole[1]))


def odd_character(value: str) -> Say | None:
    """Name a character that cannot be seen, or that looks like another.

    Parameters
    ----------
    value : str
        A name: an id or a category.

    Returns
    -------
    tuple of str or None
        The reason, with the code point, and the remedy.
    """
    latin = any(c.isascii() and c.isalnum() for c in value)
    for place, c in enumerate(value, start=1):
        kind = unicodedata.category(c)
        at = f"{_name(c)} at character {place}"
        if kind[0] in "CZ" and c != " ":
            return f"contains {at}, which cannot be seen", f"write {_plain(value)}"
        if (kind == "Nd" and not c.isascii()) or "\uff01" <= c <= "\uff5e":
            return f"contains {at}", f"write {_plain(value)}"
        if c in _LOOK_ALIKE and latin:
            return f"contains {at}, which looks like a Latin letter", "type the letter anew"
    if not unicodedata.is_normalized("NFC", value):
        return "is spelt with combining characters (not in Unicode form NFC)", "type it anew"
    return None


def name_fault(value: str, pattern: Pattern) -> Say | None:
    r"""Say which character may not stand in a name.

    Parameters
    ----------
    value : str
        A name.
    pattern : Pattern
        How such names are written. A letter may carry marks: they are taken for letters here, as
        the standard of Table Schema does and Python's ``\w`` does not.

    Returns
    -------
    tuple of str or None
        The reason, with the code point, and the remedy.
    """
    unmarked = "".join("a" if unicodedata.category(c)[0] == "M" else c for c in value)
    fits = re.compile(pattern.regex).fullmatch
    if fits(unmarked):
        return None
    remedy = f"use {pattern.words} only"
    for place, c in enumerate(unmarked):
        if not fits(c):
            reason = f"contains {_name(value[place])} at character {place + 1}"
            return f"{reason}, which may not stand in a name", remedy
    return "is not written as such names are", remedy


@cache
def _not_plain(pattern: Pattern) -> np.ndarray:
    """Whether each byte is anything but an ASCII character that may stand in a name."""
    fits = re.compile(pattern.regex).fullmatch
    return np.array([n > 127 or not fits(chr(n)) for n in range(256)])


def _plain(value: str) -> str:
    cleaned = (" " if unicodedata.category(c)[0] == "Z" else c for c in value)
    kept = "".join(c for c in cleaned if unicodedata.category(c)[0] != "C")
    return " ".join(unicodedata.normalize("NFKC", kept).split())


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".strip()


def faulty(cells: Any) -> np.ndarray:
    """Positions of the cells that `cell_fault` refuses.

    Parameters
    ----------
    cells : pyarrow.Array
        Text, not encoded.
    """
    first = byte_at(cells, 0)
    rows = np.flatnonzero(_SUSPECT[first])
    errors = rows[(first[rows] == ord("E")) & (byte_at(cells, 1, rows) != ord("r"))]
    rows = np.setdiff1d(rows, errors, assume_unique=True)
    rows = np.union1d(rows, holding(cells, _CONTROL_BYTES))
    return _matching(cells, rows, lambda value: cell_fault(value) is not None)


def once_other(cells: Any) -> np.ndarray:
    """Positions of the cells that `date_fault` points out."""
    size = lengths(cells)
    rows = np.flatnonzero((size >= len("1-Mar")) & (size <= len("24-Mar-2024")))
    dash = ord("-")
    second, third, fourth = (byte_at(cells, place, rows) == dash for place in (1, 2, 3))
    rows = rows[second | third | fourth]
    return _matching(cells, rows, lambda value: date_made_of(value) is not None)


def oddly_written(cells: Any) -> np.ndarray:
    """Positions of the names that `odd_character` points out."""
    rows = unusual(cells)
    return _matching(cells, rows, lambda value: odd_character(value) is not None)


def misnamed(cells: Any, pattern: Pattern) -> np.ndarray:
    """Positions of the names that `name_fault` points out."""
    suspect = holding(cells, _not_plain(pattern))
    return _matching(cells, suspect, lambda value: name_fault(value, pattern) is not None)


def _matching(cells: Any, rows: np.ndarray, test: Callable[[str], bool]) -> np.ndarray:
    """Rows of those whose text passes a test: one verdict a text, and blank cells never pass."""
    if not len(rows):
        return rows
    coded = cells.take(pa.array(rows)).dictionary_encode()
    passed = [test(value) for value in coded.dictionary.to_pylist()]
    # The last place is that of blank cells.
    codes = coded.indices.fill_null(len(passed)).to_numpy(zero_copy_only=False)
    return rows[np.array([*passed, False], bool)[codes]]
