"""What the risk page is made of: the tables of a run, and what the calculator works with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class RiskResults:
    """Risk of profiles as a run left it.

    Attributes
    ----------
    table
        Content of `risk.csv`.
    modifiers
        Content of `modifiers.csv`.
    calculator
        Content of `calculator.json`.
    """

    table: pd.DataFrame
    modifiers: pd.DataFrame
    calculator: dict[str, Any] = field(default_factory=dict)


def load_risk(table: Path, modifiers: Path, calculator: Path) -> RiskResults | None:
    """Read the results of a run.

    Returns
    -------
    RiskResults or None
        None where the table is empty: the claims are not all of the document's.
    """
    found = read_table(table)
    if found.empty:
        return None
    content = json.loads(calculator.read_text(encoding="utf-8"))
    return RiskResults(found, read_table(modifiers), content)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table in which `none` is a level and a blank text is a text."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    texts = [name for name in ("flags", "note", "interventions", "adjusted_for") if name in table]
    return table.assign(**{name: table[name].astype(object).fillna("") for name in texts})
