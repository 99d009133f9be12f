"""A small evidence base with codings, and a run whose primary model pools some of its arms."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meta.evidence.checking import check
from meta.evidence.warehouse import build_warehouse
from meta.report.evidence_page.tables import load_evidence
from tests.evidence.small_base import arm, write
from tests.report.conftest import Base
from tests.report.made_up_checks import checks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from meta.report.inputs import ReportInputs

STUDIES = [
    {"study_id": "smith_2024", "title": "Racing boats", "authors": "Smith; Doe", "year": "2024",
     "url_or_id": "https://example.org/boats; arXiv:2105.14111"},
    {"study_id": "jones_2022", "title": "Mazes and cheese", "authors": "Jones", "year": "2022",
     "url_or_id": "arXiv:2201.03544"},
]  # fmt: skip
ARMS = [
    arm("A1", arm_label="boat, as trained", environment="boat", n_at_risk="30",
        n_goal_failure="3", note="a note\nof two lines"),
    arm("A2", arm_label="boat, mirrored", environment="boat", n_at_risk="30",
        n_goal_failure="12", note=""),
    arm("A3", arm_label="maze", environment="maze", study_id="jones_2022",
        failure_type="goal_misgeneralization", n_at_risk="20", n_goal_failure="19", grade="B",
        note=""),
    arm("A4", arm_label="maze, no cheese", environment="maze", study_id="jones_2022",
        failure_type="goal_misgeneralization", n_at_risk="20", n_goal_failure="1", grade="B",
        role="control", note=""),
]  # fmt: skip
CASES = [
    {"case_id": "K1", "title": "Boat in circles", "failure_type": "specification_gaming",
     "year": "2016", "source_url": "https://example.org/circles", "grade": "C",
     "evidence_kind": "observed_behaviour", "sampling_frame": "case_series", "study_id": ""},
]  # fmt: skip
CODINGS = [
    {"unit_id": unit, "coder": coder, "codebook_version": "1", "shift_type": shift,
     "elicitation": "none", "confidence": "low", "rationale": f"{coder} on {unit}"}
    for unit, coder, shift in (
        ("A3", "coder_a", "moderate"), ("A3", "coder_b", "none"),
        ("A1", "coder_a", "none"), ("A1", "coder_b", "none"), ("A2", "coder_a", "unclear"),
    )
]  # fmt: skip
CODERS = [{"coder": "coder_a", "kind": "human"}, {"coder": "coder_b", "kind": "machine_assisted"}]
TABLES = {"studies": STUDIES, "arms": ARMS, "cases": CASES, "codings": CODINGS, "coders": CODERS}
POOLED = ("A1", "A2", "A3")


def evidence_run(
    folder: Path, pooled: Sequence[str] = POOLED, **tables: list[dict[str, str]]
) -> ReportInputs:
    """Write a base, build its warehouse, and make up a run whose primary model reads some arms."""
    raw = {name: rows for name, rows in {**TABLES, **tables}.items() if rows}
    database = folder / "evidence.duckdb"
    build_warehouse(check(write(folder, **raw)), database)
    evidence = load_evidence(database)
    base = Base(folder / "base")
    base.studies = [row["study_id"] for row in raw["studies"]][:2]
    base.fit("rates", ("capability_transfer", "goal_failure"), primary=True)
    run = base.load()
    (fit,) = run.fits
    rows = fit.rows.groupby("study").head(2).head(len(pooled)).assign(row_id=list(pooled))
    fit = replace(fit, rows=rows, checks=checks(base.studies))
    return replace(run, fits=(fit,), evidence=evidence)


def unpacked(text: str) -> dict[str, Any]:
    """What the evidence page holds as compressed text."""
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text, validate=True)))
    return found
