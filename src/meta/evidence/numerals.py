"""Turning cells into numbers and dates, and saying why one is not."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from meta.evidence.spreadsheet import cell_fault, date_fault, day_of

if TYPE_CHECKING:
    from meta.evidence.dictionary import Field

# More digits would overflow a 64-bit count.
WHOLE = r"[+-]?[0-9]{1,18}"
DECIMAL = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
PATTERNS = {"integer": WHOLE, "number": DECIMAL, "date": DATE}

NOT_OBSERVED = {"na", "n/a", "nan", "null", "none", "-", "--", "?", "unknown", "not reported"}

# Comma, point, apostrophes and the spaces that are printed between thousands.
_SEPARATORS = ",.'\u2019 \u00a0\u2009\u202f"
_THOUSANDS = re.compile(f"([+-]?[0-9]{{1,3}})(?:([{_SEPARATORS}])[0-9]{{3}})(?:\\2[0-9]{{3}})*")
# Beyond this a cell is no mistyped number, and looking closer takes longer than it helps.
_LONGEST_NUMBER = 40


def parse(values: Any, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Turn distinct texts into the type of their column.

    Parameters
    ----------
    values : pyarrow.Array
        Texts, none of them blank.
    field : Field
        What the column holds: integers, numbers or dates.

    Returns
    -------
    typed : ndarray
        int64, float64, or the text of the date; meaningless where illegal.
    legal : ndarray of bool
        Which values are of the type.
    """
    pattern = f"^(?:{PATTERNS[field.type]})$"
    legal = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False).copy()
    texts = np.array(values.to_pylist(), dtype=object)
    if field.type == "date":
        legal[legal] = [_is_day(text) for text in texts[legal]]
        return texts, legal
    kind = np.int64 if field.type == "integer" else np.float64
    typed = np.zeros(len(texts), kind)
    # An object array keeps 18-digit counts exact where a float would not.
    typed[legal] = texts[legal].astype(kind)
    if field.type == "number":
        legal &= np.isfinite(typed)
        typed[typed == 0] = 0  # no negative zero
    return typed, legal


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def dtype(field: Field) -> str:
    """Name the pandas type of a column.

    Parameters
    ----------
    field : Field
        What the column holds.

    Returns
    -------
    str
        A type that tells a blank from a value; dates stay ISO text.
    """
    return {"integer": "Int64", "number": "Float64"}.get(field.type, "string")


def explain(value: str, field: Field) -> tuple[str, str]:
    """Say why a cell is not of its type, and what to write.

    Parameters
    ----------
    value : str
        The illegal cell.
    field : Field
        What the column holds.

    Returns
    -------
    tuple of str
        The reason and the remedy.
    """
    if value.lower() not in NOT_OBSERVED and (fault := cell_fault(value)):
        return fault
    if field.type == "date":
        return _date_fault(value)
    kind = "a whole number" if field.type == "integer" else "a number"
    reason = f"is not {kind}"
    if value.lower() in NOT_OBSERVED:
        return reason, "leave the cell blank if it was not observed"
    if len(value) > _LONGEST_NUMBER:
        if re.fullmatch("[+-]?[0-9]+", value):
            return reason, "correct it: no count has so many digits"
        return reason, _plainly(field)
    return date_fault(value) or (reason, _number_remedy(value, field))


def _date_fault(value: str) -> tuple[str, str]:
    reason, write = "is not a date", "write it as year-month-day, such as"
    if day := day_of(value):
        return f"{reason} but a spreadsheet's number of the day {day}", f"write {day}"
    if parts := re.fullmatch(r"([0-9]{1,4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,4})", value):
        days = _days(*(int(part) for part in parts.groups()))
        if len(days) > 1:
            return reason, f"{write} {days[0]} or {days[1]}, whichever is meant"
        if days:
            return reason, f"{write} {days[0]}"
    return reason, f"{write} 2026-11-21"


def _days(first: int, second: int, third: int) -> list[date]:
    """Days that three numbers may mean: year first, or else day or month first."""
    year = third if third > 99 else 2000 + third
    orders = [(first, second, third)] if first > 31 else []
    orders = orders or [(year, second, first), (year, first, second)]
    days = []
    for order in orders:
        try:
            days.append(date(*order))
        except ValueError:
            continue
    return list(dict.fromkeys(days))


def _number_remedy(value: str, field: Field) -> str:
    unquoted = value.strip("\"'\u2018\u2019\u201c\u201d`")
    if unquoted != value and re.fullmatch(DECIMAL, unquoted):
        return f"write it without quotes: {unquoted}"
    match = _THOUSANDS.fullmatch(value)
    # No thousands begin with a zero.
    if match and not value.lstrip("+-").startswith("0"):
        return _separated(value, match[2], field)
    if re.fullmatch("[+-]?[0-9]+", value):
        return "correct it: no count has so many digits"
    if field.type == "integer" and re.fullmatch(r"[+-]?[0-9]*,[0-9]+", value):
        return _whole_remedy(value.replace(",", "."), field)
    if re.fullmatch(DECIMAL, value):
        return (
            _whole_remedy(value, field)
            if field.type == "integer"
            else "correct it: it is too large"
        )
    if value.endswith("%"):
        return "write the count, not the percentage" if field.type == "integer" else "drop the %"
    ascii_digits = _ascii_digits(value)
    if ascii_digits != value and re.fullmatch(DECIMAL, ascii_digits):
        return f"write it with the digits 0 to 9: {ascii_digits}"
    digits = value.translate(str.maketrans("oOlI", "0011"))
    if digits != value and re.fullmatch(DECIMAL, digits):
        return f"replace the letter by a digit, perhaps {digits}"
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", value):
        return f"write the decimal point as a point: {value.replace(',', '.')}"
    return _plainly(field)


def _plainly(field: Field) -> str:
    plain = "digits only" if field.type == "integer" else "a plain number"
    return f"write {plain}, or leave the cell blank if it was not observed"


def _separated(value: str, separator: str, field: Field) -> str:
    """Remedy for what may be thousands or a fraction, without deciding which."""
    whole = value.replace(separator, "")
    if separator == "." and field.type == "integer":
        fraction = " if the point separates thousands; a count has no fraction"
        return f"write {whole}{fraction}"
    if separator == "," and field.type == "number" and value.count(",") == 1:
        return f"write {whole} or {value.replace(',', '.')}, whichever is meant"
    return f"write it without separators: {whole}"


def _whole_remedy(value: str, field: Field) -> str:
    number = float(value)
    if math.isfinite(number) and number.is_integer() and abs(number) < 1e15:
        return f"write it without a decimal point or exponent: {int(number)}"
    if not field.is_count:
        return "write a whole number"
    if 0 < number < 1:
        return f"write a count: if {value} is a proportion, the number of trials it stands for"
    return "write a count: how many there were, not a mean or a percentage"


def _ascii_digits(value: str) -> str:
    return "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() else "-" if c in "−－" else c for c in value
    )
