"""`meta preview` on a finished run: what it says, and that a refit says the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from meta.errors import UserError
from meta.inference import quick
from meta.preview import ModelPreview, preview
from tests.workflow.conftest import Pipeline

pytestmark = pytest.mark.pipeline

HEADER = (
    "arm_id,study_id,failure_type,agent_set,unit,n_trials,n_capable,conditioning,n_at_risk,"
    "n_goal_failure,sampling_frame,role,grade\n"
)
KNOWN = "N1,carol_2024,specification_gaming,carol:3,run,30,,all_trials,30,24,denominator,main,A\n"
NEW = (
    "N2,golf_2026,goal_misgeneralization,golf:1,run,40,36,given_capability,36,30,denominator,"
    "main,A\n"
)
NEW_TWIN = (
    "N3,golf_2026,goal_misgeneralization,golf:1,run,40,,all_trials,40,22,denominator,main,A\n"
)
CONTROL = "N4,carol_2024,specification_gaming,,run,30,,all_trials,30,24,denominator,control,A\n"
ABSURD = (
    "N5,carol_2024,specification_gaming,carol:1,run,100000,,all_trials,100000,97000,"
    "denominator,main,A\n"
)
STUDIES = "study_id,title,year\ngolf_2026,A new study,2026\n"


@pytest.fixture
def base(finished: Pipeline, tmp_path: Path) -> Path:
    """A copy of the finished evidence base."""
    folder = tmp_path / "base"
    shutil.copytree(finished.base, folder, ignore=shutil.ignore_patterns(".snakemake"))
    return folder


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def rates(found: object) -> ModelPreview:
    return next(m for m in found.models if m.primary)  # type: ignore[attr-defined]


def test_reweighted_numbers_are_those_of_a_refit(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An arm of a known study, a new study of two arms that share agents, and an arm removed."""
    arms = write(tmp_path, "arms.csv", HEADER + KNOWN + NEW + NEW_TWIN)
    studies = write(tmp_path, "studies.csv", STUDIES)
    files = {arms: None, studies: "studies"}
    before = {p: p.read_bytes() for p in base.rglob("*") if p.is_file()}
    weighed = rates(preview(base, files, remove=["M08"]))
    assert weighed.method == "reweighted", weighed.reason
    assert weighed.rows == {"added": ["N1", "N2", "N3"], "removed": ["M08"], "changed": []}
    assert {p: p.read_bytes() for p in base.rglob("*") if p.is_file()} == before
    monkeypatch.setattr(quick, "DRAWS", 2500)
    monkeypatch.setattr(quick, "TUNE", 1000)
    monkeypatch.setattr("meta.checks.importance.LARGEST_K", -9.0)
    fitted = rates(preview(base, files, remove=["M08"]))
    assert fitted.method == "refitted"
    again = {(m.outcome, m.group, m.estimand): m for m in fitted.estimates}
    assert len(weighed.estimates) > 10
    moved = 0
    for m in weighed.estimates:
        other = again[m.outcome, m.group, m.estimand]
        error = (m.mcse**2 + other.mcse**2) ** 0.5
        assert m.difference == pytest.approx(other.difference, abs=4.5 * error), m
        moved += abs(m.difference) > 4.5 * error
    assert moved > 5, "a test in which nothing moves proves nothing"


def test_an_absurd_arm_has_a_large_k_and_leads_to_a_refit(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = pd.read_csv(base / "data/processed/fits/rates/pooled.csv")
    monkeypatch.setattr(quick, "quick_fit", lambda *_: quick.QuickFit(stored, 4000, ["r_hat 1.2"]))
    found = rates(preview(base, {write(tmp_path, "rows.csv", HEADER + ABSURD): None}))
    assert "r_hat 1.2" in found.warnings[0]
    assert found.method == "refitted"
    assert found.pareto_k > 0.7 or found.ess < 200
    assert "Pareto k" in found.reason or "effective draws" in found.reason
    assert found.estimates


def test_command_line(finished: Pipeline, base: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(finished.checkout, base)
    control = write(tmp_path, "control.csv", HEADER + CONTROL)
    done = pipeline.meta("preview", str(control))
    assert done.returncode == 0, done.stderr
    assert "N4 (added): is not pooled, because role is control (pooled: main)" in done.stdout
    assert "nothing moves" in done.stdout
    wrong = write(tmp_path, "wrong.csv", HEADER + KNOWN.replace("30,24", "30,240"))
    done = pipeline.meta("preview", str(wrong))
    assert done.returncode == 1
    assert f"{wrong}:2: n_goal_failure: 240" in done.stderr
    assert done.stdout == ""
    with pytest.raises(UserError, match="did you mean M01"):
        preview(base, {}, remove=["M1"])
    for text in ("", "\n", "a,b\n1,2\n"):
        with pytest.raises(UserError):
            preview(base, {write(tmp_path, "odd.csv", text): None})


def test_a_base_that_has_moved_on_is_refused_and_its_folder_previewed(
    finished: Pipeline, base: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline(finished.checkout, base)
    arms = base / "data/raw/arms.csv"
    arms.write_text(arms.read_text().replace("zero events", "none at all"))
    row = write(tmp_path, "row.csv", HEADER + KNOWN)
    assert rates(preview(base, {row: None})).method == "reweighted", "a note is no evidence"
    arms.write_text(arms.read_text().replace("25,6,denominator", "25,8,denominator"))
    with pytest.raises(UserError, match="meta preview data/raw"):
        preview(base, {row: None})
    done = pipeline.meta("preview", "data/raw", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["models"][0]
    assert found["rows"]["changed"] == ["M07"]
    shutil.rmtree(base / "data/processed")
    with pytest.raises(UserError, match="run `snakemake --cores 8` first"):
        preview(base, {row: None})


def test_a_failed_gate_is_said(base: Path, tmp_path: Path) -> None:
    record = base / "data/processed/fits/rates/fit.json"
    content = json.loads(record.read_text())
    content["passed"] = content["checks"]["r_hat"]["passed"] = False
    record.write_text(json.dumps(content))
    found = rates(preview(base, {write(tmp_path, "row.csv", HEADER + KNOWN): None}))
    assert "r_hat" in found.warnings[0]
    assert pd.notna(found.pareto_k)
