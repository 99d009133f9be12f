"""Numbers of published files at as many digits as can mean something."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

#: Monte Carlo error starts at the third or fourth digit of what is estimated from draws: one more.
DIGITS = 5
#: Digits that tell any two floats apart.
EXACT = 17
#: Digits of a number that is only read.
READ = 4


def significant(value: Any, digits: int = DIGITS) -> Any:
    """Round a number to significant digits.

    Parameters
    ----------
    value
        Anything; what is no float is returned as it is.
    digits
        How many.

    Returns
    -------
    Any
        The number. One that would become whole has as many digits more as it takes: a probability
        such as 0.9999998 must not become certainty, nor an effective sample size look counted.
        A count stored as a float does not change.
    """
    if not isinstance(value, float) or not math.isfinite(value) or value.is_integer():
        return value
    rounded = (float(f"{value:.{few}g}") for few in range(digits, EXACT))
    return next((number for number in rounded if not number.is_integer()), value)


def significant_table(table: pd.DataFrame, digits: int = DIGITS) -> pd.DataFrame:
    """Round every float of a table, as `significant` does; other cells stay."""
    found = table.copy()
    for column in found.columns:
        if found[column].dtype.kind in "fO":
            found[column] = found[column].map(lambda value: significant(value, digits))
    return found


def significant_parts(value: Any, digits: int = DIGITS) -> Any:
    """Round every float within lists and mappings, as `significant` does."""
    if isinstance(value, dict):
        return {key: significant_parts(part, digits) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [significant_parts(part, digits) for part in value]
    return significant(value, digits)


def shortened(text: str, digits: int = READ) -> str:
    """Shorten a number given as text for reading; other text stays."""
    try:
        return f"{float(text):.{digits}g}"
    except ValueError:
        return text


def published_csv(table: pd.DataFrame, digits: int = DIGITS) -> str:
    """Write a table as CSV for readers: rounded, without its index, the same everywhere."""
    return significant_table(table, digits).to_csv(index=False, lineterminator="\n")


def published_json(content: Mapping[str, Any]) -> str:
    """Write a document as JSON for line-wise searches: a line an entry, or a record of a table."""
    return "{\n" + ",\n".join(f"{_compact(k)}:{_lines(v)}" for k, v in content.items()) + "\n}\n"


def _lines(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(_compact, value)) + "\n]"
    if isinstance(value, dict) and list(value) == ["columns", "data"]:
        return f'{{"columns":{_compact(value["columns"])},"data":{_lines(value["data"])}}}'
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
