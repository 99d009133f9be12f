"""Turning cells into numbers and dates, and saying why one is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from meta.evidence.problems import Problem

if TYPE_CHECKING:
    from meta.evidence.dictionary import Field

# More digits would overflow a 64-bit count.
WHOLE = r"[+-]?[0-9]{1,18}"
DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
FORMULA = r"(?s)[=@].*|[+\-][^0-9.].*"

NOT_OBSERVED = {"na", "n/a", "nan", "null", "none", "-", "--", "?", "unknown", "not reported"}


def parse(cells: pd.Series, field: Field) -> tuple[pd.Series, pd.Series]:
    """Turn the cells of one column into their type.

    Parameters
    ----------
    cells : Series
        Text with blanks as NA.
    field : Field
        What the column holds.

    Returns
    -------
    Series
        Typed values; NA where a cell is blank or illegal.
    Series of bool
        Where a cell is illegal.
    """
    if field.is_text:
        return cells, cells.isna() & False
    pattern = {"integer": WHOLE, "number": DECIMAL, "date": DATE}[field.type]
    legal = cells.str.fullmatch(pattern).fillna(False).astype(bool)
    kept = cells.where(legal)
    if field.type == "date":
        real = pd.to_datetime(kept, format="%Y-%m-%d", errors="coerce").notna()
        return cells.where(real), cells.notna() & ~real
    return _numbers(kept, dtype(field)), cells.notna() & ~legal


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


def _numbers(cells: pd.Series, kind: str) -> pd.Series:
    values = pd.Series(pd.NA, index=cells.index, dtype=kind)
    filled = cells.dropna()
    if len(filled):
        # An object array keeps 18-digit counts exact where a float would not.
        native = "int64" if kind == "Int64" else "float64"
        values.loc[filled.index] = filled.to_numpy(dtype=object).astype(native)
    return values


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
    if re.fullmatch(FORMULA, value) and value.lower() not in NOT_OBSERVED:
        return formula_reason()
    if field.type == "date":
        return "is not a date", "write it as year-month-day, such as 2026-11-21"
    kind = "a whole number" if field.type == "integer" else "a number"
    reason = f"is not {kind}"
    if value.lower() in NOT_OBSERVED:
        return reason, "leave the cell blank if it was not observed"
    return reason, _number_remedy(value, field)


def formula_reason() -> tuple[str, str]:
    """Say what is wrong with a spreadsheet formula.

    Returns
    -------
    tuple of str
        The reason and the remedy.
    """
    return "is a spreadsheet formula", "write the value itself, or do not begin it with this sign"


def _number_remedy(value: str, field: Field) -> str:
    compact = re.sub(r"(?<=[0-9])[,\s'\u00a0\u202f](?=[0-9]{3}(?![0-9]))", "", value)
    if compact != value and re.fullmatch(DECIMAL, compact):
        return f"write it without separators: {compact}"
    if re.fullmatch("[+-]?[0-9]+", value):
        return "correct it: no count has so many digits"
    if field.type == "integer" and re.fullmatch(DECIMAL, value):
        return _whole_remedy(value)
    if value.endswith("%"):
        return "write the count, not the percentage" if field.type == "integer" else "drop the %"
    digits = value.translate(str.maketrans("oOlI", "0011"))
    if digits != value and re.fullmatch(DECIMAL, digits):
        return f"replace the letter by a digit, perhaps {digits}"
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", value):
        return f"write the decimal point as a point: {value.replace(',', '.')}"
    plain = "digits only" if field.type == "integer" else "a plain number"
    return f"write {plain}, or leave the cell blank if it was not observed"


def _whole_remedy(value: str) -> str:
    number = float(value)
    if number.is_integer() and abs(number) < 1e15:
        return f"write it without a decimal point or exponent: {int(number)}"
    return "a count has no fraction; write the number of trials"


def range_problems(values: pd.Series, field: Field, file: str, lines: pd.Series) -> list[Problem]:
    """Report numbers outside the legal range.

    Parameters
    ----------
    values : Series
        Typed numbers.
    field : Field
        What the column holds.
    file : str
        How problems name the file.
    lines : Series
        Line of each row.

    Returns
    -------
    list of Problem
        One for each number out of range.
    """
    problems = []
    for bound, word, outside in (
        (field.minimum, "less", values.lt),
        (field.maximum, "more", values.gt),
    ):
        if bound is None:
            continue
        wrong = outside(bound).fillna(False).astype(bool)
        edge = "smallest" if word == "less" else "largest"
        for row in values.index[wrong]:
            reason = f"is {word} than {bound:g}, the {edge} possible value"
            remedy = f"correct the number{', or leave it blank' if not field.required else ''}"
            problems.append(
                Problem(file, int(lines[row]), field.name, str(values[row]), reason, remedy)
            )
    return problems
