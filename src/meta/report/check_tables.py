"""Stored checks of a fit against data, as the report reads them; what is missing has failed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class CheckTables:
    """Checks of one model against data.

    Attributes
    ----------
    gates, warnings : pandas.DataFrame
        Checks that fail a run, and those that only warn; every cell as text.
    prior, predictive, loo, pit, bands, influence, studies : pandas.DataFrame
        The tables written by ``meta check-fit``; empty where one is missing.
    summary : dict
        Content of ``summary.json``.
    """

    gates: pd.DataFrame
    warnings: pd.DataFrame
    prior: pd.DataFrame
    predictive: pd.DataFrame
    loo: pd.DataFrame
    pit: pd.DataFrame
    bands: pd.DataFrame
    influence: pd.DataFrame
    studies: pd.DataFrame
    summary: dict[str, Any]


FILES = {
    "prior": "prior_predictive",
    "predictive": "posterior_predictive",
    "loo": "leave_one_out",
    "pit": "loo_pit",
    "bands": "loo_pit_bands",
    "influence": "influence",
    "studies": "influence_by_study",
}


def load_check_tables(folder: Path, model: str) -> CheckTables:
    """Read the checks of one model.

    Parameters
    ----------
    folder : Path
        Output of ``meta check-fit``.
    model : str
        Name of the model.

    Returns
    -------
    CheckTables
        With a failed check for every file that is not there.
    """
    names = {**FILES, "gates": "diagnostics", "warnings": "warnings"}
    paths = {key: folder / f"{name}.csv" for key, name in names.items()}
    summary = folder / "summary.json"
    missing = [path.name for path in [*paths.values(), summary] if not path.is_file()]
    tables = {key: _table(path) for key, path in paths.items() if key in FILES}
    gates, warnings = (read_text_table(paths[key]) for key in ("gates", "warnings"))
    lost = [
        {"model": model, "check": f"{name} present", "value": "", "threshold": "required",
         "rule": "", "passed": "False", "worst": "",
         "meaning": "the checks against data are not whole"}
        for name in missing
    ]  # fmt: skip
    if lost:
        gates = pd.concat([gates, pd.DataFrame(lost)], ignore_index=True)
    content = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else {}
    return CheckTables(gates=gates, warnings=warnings, summary=content, **tables)


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a CSV file with every cell as text; empty where it is not there."""
    if not path.is_file():
        return pd.DataFrame()
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()
