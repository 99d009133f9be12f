"""Small tables of codings."""

from __future__ import annotations

import pandas as pd


def codings(rows: list[tuple[str, str, str | None]], field: str = "harm") -> pd.DataFrame:
    """Codings of one field: unit, coder, code."""
    table = pd.DataFrame(rows, columns=["unit_id", "coder", field], dtype="string")
    return table.assign(confidence="high", rationale="because")


def base(
    rows: list[tuple[str, str, str | None]],
    field: str = "harm",
    arms: dict[str, str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Evidence tables: every unit is a case, but those that `arms` maps to a study."""
    arms = arms or {}
    units = sorted({unit for unit, _, _ in rows} - set(arms))
    return {
        "codings": codings(rows, field),
        "cases": pd.DataFrame(
            {"case_id": units, "title": [f"Case {u}" for u in units]}, dtype="string"
        ).assign(failure_type="specification_gaming"),
        "arms": pd.DataFrame(
            {"arm_id": list(arms), "study_id": list(arms.values())}, dtype="string"
        ).assign(failure_type="goal_misgeneralization", arm_label="arm"),
    }
