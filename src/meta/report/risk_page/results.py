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
    sensitivity, information
        Content of `risk_sensitivity.csv` and `value_of_information.csv`; None where absent.
    percentiles
        Ends of the tornado's bars.
    """

    table: pd.DataFrame
    modifiers: pd.DataFrame
    calculator: dict[str, Any] = field(default_factory=dict)
    sensitivity: pd.DataFrame | None = None
    information: pd.DataFrame | None = None
    percentiles: tuple[float, float] = (0.1, 0.9)

    @property
    def tells_what_to_measure(self) -> bool:
        """Whether the page has a list of what to code or run next."""
        return self.information is not None and not self.information.empty


def load_risk(
    table: Path,
    modifiers: Path,
    calculator: Path,
    drivers: tuple[Path, Path] | None = None,
    percentiles: tuple[float, float] = (0.1, 0.9),
) -> RiskResults | None:
    """Read the results of a run.

    Parameters
    ----------
    table, modifiers, calculator
        Files of `risk.csv`, `modifiers.csv` and `calculator.json`.
    drivers
        Files of `risk_sensitivity.csv` and `value_of_information.csv`, if there are any.
    percentiles
        Ends of the tornado's bars.

    Returns
    -------
    RiskResults or None
        None where the table is empty: the claims are not all of the document's.
    """
    found = read_table(table)
    if found.empty:
        return None
    content = json.loads(calculator.read_text(encoding="utf-8"))
    more = [read_table(path) for path in drivers] if drivers else [None, None]
    return RiskResults(found, read_table(modifiers), content, more[0], more[1], percentiles)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table in which `none` is a level and a blank text is a text."""
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    texts = [name for name in ("flags", "note", "interventions", "adjusted_for") if name in table]
    return table.assign(**{name: table[name].astype(object).fillna("") for name in texts})
