"""What coders said of each unit, and on how many fields they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from meta.evidence.codes import ADJUDICATOR
from meta.evidence.responses import coded_fields


@dataclass(frozen=True)
class Coding:
    """Codes of one coder for one unit.

    Attributes
    ----------
    coder, confidence, rationale : str
        Who, how sure, and why; the last two may be empty.
    codes : mapping of str to str
        Code by field, those left blank absent.
    line : int
        Line of ``data/raw/codings.csv``.
    """

    coder: str
    confidence: str
    rationale: str
    codes: Mapping[str, str]
    line: int


def codings_of(
    table: pd.DataFrame, lines: Mapping[tuple[str, str], int]
) -> dict[str, list[Coding]]:
    """Collect the codings of each unit, the adjudicator's last.

    Parameters
    ----------
    table
        Codings as text, blanks empty.
    lines
        Line by table and key of the row.

    Returns
    -------
    dict of str to list of Coding
        Units that nobody coded are absent.
    """
    fields = [name for name in coded_fields() if name in table]
    found: dict[str, list[Coding]] = {}
    for row in table.to_dict("records"):
        unit, coder = str(row["unit_id"]), str(row["coder"])
        codes = {name: str(row[name]) for name in fields if row[name]}
        line = lines.get(("codings", f"{unit}; {coder}"), 0)
        sure, why = str(row.get("confidence", "")), str(row.get("rationale", ""))
        found.setdefault(unit, []).append(Coding(coder, sure, why, codes, line))
    for each in found.values():
        each.sort(key=lambda coding: (coding.coder == ADJUDICATOR, coding.coder))
    return found


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """Count the fields on which independent coders agree and differ; settled codes do not count.

    Parameters
    ----------
    table
        Codings as text, blanks empty.

    Returns
    -------
    pandas.DataFrame
        By `unit_id`: `compared`, the fields that two coders or more answered, and `differing`,
        those of them on which not all said the same. Every coded unit has a row.
    """
    units = pd.Index(table["unit_id"].unique() if len(table) else [], name="unit_id")
    counts = pd.DataFrame(0, index=units, columns=["compared", "differing"])
    for name in coded_fields():
        if name not in table:
            continue
        answered = table[table["coder"].ne(ADJUDICATOR) & table[name].ne("")]
        each = (
            answered.groupby("unit_id")[name].agg(["size", "nunique"]).reindex(units, fill_value=0)
        )
        counts["compared"] += each["size"].gt(1)
        counts["differing"] += each["nunique"].gt(1)
    return counts
