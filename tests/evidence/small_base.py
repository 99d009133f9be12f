"""Small evidence bases, written to a temporary folder."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from meta.evidence.checking import Evidence, check

if TYPE_CHECKING:
    from pathlib import Path

    from meta.evidence.problems import Problem

STUDY = {"study_id": "smith_2024", "title": "A study", "year": "2024"}
ARM = {
    "arm_id": "A1",
    "study_id": "smith_2024",
    "failure_type": "specification_gaming",
    "unit": "run",
    "n_trials": "40",
    "n_capable": "30",
    "conditioning": "given_capability",
    "n_at_risk": "30",
    "n_goal_failure": "10",
    "n_harm": "",
    "sampling_frame": "denominator",
    "role": "main",
    "overlap_set": "",
    "grade": "A",
    "note": "",
}


def arm(arm_id: str = "A1", **changes: str) -> dict[str, str]:
    return {**ARM, "arm_id": arm_id, **changes}


def as_csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(directory: Path, **tables: list[dict[str, str]] | str | bytes) -> Path:
    """Write tables (rows, text or bytes); studies and arms have a valid default."""
    folder = directory / "data" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"studies": [STUDY], "arms": [arm()], **tables}.items():
        if isinstance(content, list):
            content = as_csv(content)
        if isinstance(content, str):
            content = content.encode()
        (folder / f"{name}.csv").write_bytes(content)
    return directory


def checked(directory: Path, **tables: list[dict[str, str]] | str | bytes) -> Evidence:
    return check(write(directory, **tables))


def places(problems: list[Problem]) -> list[tuple[str, int, str, str]]:
    """File, line, column and severity of each problem, without the folder."""
    return [
        (problem.file.rpartition("/")[2], problem.line, problem.column, problem.severity)
        for problem in problems
    ]


def only(evidence: Evidence) -> Problem:
    assert len(evidence.problems) == 1, evidence.problems
    return evidence.problems[0]
