"""Gate: fail a run whose fits do not meet their checks, and say which and by how much."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from meta.errors import GateError
from meta.plural import counted


def gate(diagnostics: list[Path]) -> str:
    """Pass if every check of every model holds.

    Parameters
    ----------
    diagnostics
        `diagnostics.csv` of each model.

    Returns
    -------
    str
        A line that says what passed.

    Raises
    ------
    GateError
        Naming each failed check; also when a file holds no check at all.
    """
    tables = [pd.read_csv(path, keep_default_na=True) for path in diagnostics]
    empty = [str(p) for p, t in zip(diagnostics, tables, strict=True) if t.empty]
    if empty or not tables:
        raise GateError(f"no check found in {', '.join(empty) or 'any file'}: nothing was proven")
    every = pd.concat(tables, ignore_index=True)
    failed = every[every["passed"].astype(str) != "True"]
    if failed.empty:
        models = counted(every["model"].nunique(), "model")
        return f"passed: {counted(len(every), 'check')} of {models}"
    lines = [f"gate: {len(failed):,} of {counted(len(every), 'check')} failed"]
    lines += [_describe(row) for row in failed.to_dict("records")]
    lines.append("The draft report is written and stamped; do not cite its numbers.")
    raise GateError("\n".join(lines))


def _describe(row: dict[Hashable, Any]) -> str:
    value = "missing or not finite" if pd.isna(row["value"]) else f"{row['value']:.6g}"
    rule = row.get("rule")
    wanted = f"{rule if isinstance(rule, str) else ''} {row['threshold']:g}".strip()
    where = f" at {row['worst']}" if isinstance(row["worst"], str) and row["worst"] else ""
    return (
        f"  {row['model']}: {row['check']}: value {value}, wanted {wanted}{where} "
        f"({row['meaning']})"
    )
