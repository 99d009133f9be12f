"""A release, then another row: what changed, what moved, and what moved it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from meta.comparison import changes_since_release
from meta.evidence.changes import canonical_rows, compare_evidence
from meta.pooled_changes import unpacked
from meta.release import ReleaseError, latest_release, make_release
from meta.report.changes import changes_section
from meta.settings_file import load_settings
from tests.workflow.conftest import Pipeline

pytestmark = pytest.mark.pipeline

ROW = (
    "M13,bravo_2023,goal_misgeneralization,maze,drc,bravo:b,episode,60,55,given_capability,55,43,"
    "denominator,main,A,\n"
)


@pytest.fixture
def changeable(finished: Pipeline, tmp_path: Path) -> Pipeline:
    folder = tmp_path / "copy"
    shutil.copytree(finished.checkout.parent, folder, symlinks=True)
    return Pipeline(folder / "checkout", folder / "base")


def document(pipeline: Pipeline) -> dict:
    return json.loads((pipeline.base / "reports/changes.json").read_text())


def test_without_a_release_it_is_said_how_to_make_one(finished: Pipeline) -> None:
    assert document(finished)["release"] is None
    assert "meta release" in document(finished)["message"]
    assert "meta release" in (finished.base / "reports/index.html").read_text()


def test_a_release_reads_back_as_what_was_released(changeable: Pipeline) -> None:
    folder = make_release(changeable.base, "first")
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", "pooled.csv", "rows"]
    release = latest_release(changeable.base)
    assert release is not None
    rows = canonical_rows(changeable.base / "data/processed/evidence.duckdb")
    assert compare_evidence(release.rows, rows) == {}
    pooled = pd.read_csv(changeable.base / "reports/pooled.csv")
    joined = pooled["frame"].str.contains(" and ")  # rates joined to harm are of no one model
    assert joined.any()
    kept = pooled[(pooled["estimand"] != "study_rate") & ~joined].reset_index(drop=True)
    # The report has five significant digits, a release all.
    pd.testing.assert_frame_equal(release.pooled, kept, rtol=5e-5)
    with pytest.raises(ReleaseError, match="exists"):
        make_release(changeable.base, "first")
    with pytest.raises(ReleaseError, match="no name"):
        make_release(changeable.base, "../first")
    (folder / "rows/arms.csv").unlink()
    with pytest.raises(ReleaseError, match=r"rows/arms\.csv is missing"):
        latest_release(changeable.base)


def test_a_release_is_refused_of_stale_or_failed_results(changeable: Pipeline) -> None:
    base = changeable.base
    arms = base / "data/raw/arms.csv"
    text = arms.read_text()
    arms.write_text(text + ROW)
    with pytest.raises(ReleaseError, match="data/raw has changed"):
        make_release(base)
    arms.write_text(text)
    settings = base / "config/config.yaml"
    settings.write_text(settings.read_text().replace("tune: 1000", "tune: 1001"))
    with pytest.raises(ReleaseError, match="sampler or seed"):
        make_release(base)
    settings.write_text(settings.read_text().replace("tune: 1001", "tune: 1000"))
    assert load_settings(base).sampler.tune == 1000
    (base / "data/processed/gate.txt").unlink()
    with pytest.raises(ReleaseError, match="passed its gate"):
        make_release(base)
    assert not (base / "releases").exists()


def test_an_added_arm_is_named_with_what_it_moved(changeable: Pipeline) -> None:
    assert changeable.meta("release", "--name", "first").returncode == 0
    models = ["rates", "composition"]
    same = changes_since_release(changeable.base, load_settings(changeable.base), models)
    assert "Nothing has changed since the release first" in same["message"]
    assert (same["rows"], same["attribution"]) == ({}, [])
    arms = changeable.base / "data/raw/arms.csv"
    text = arms.read_text().replace("zero events", "no event")
    arms.write_text(text.replace("25,6,denominator", "25,8,denominator") + ROW)
    fits = changeable.base / "data/processed/fits"
    before = pd.read_csv(fits / "rates/pooled.csv")
    composition = (fits / "composition/posterior.nc").read_bytes()
    # What the whole pipeline would rerun is planned; what is looked at below is made.
    assert {"fit", "check_fit", "chain", "report"} <= changeable.planned()
    done = changeable.snakemake("reports/changes.json")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count("rule fit:") == 1, "rates is refitted, composition is not"
    assert (fits / "composition/posterior.nc").read_bytes() == composition
    after = pd.read_csv(fits / "rates/pooled.csv")
    rate = "group == 'study=delta_2024' and outcome == 'goal_failure'"
    assert after.query(rate)["mean"].item() > before.query(rate)["mean"].item() + 0.02
    found = document(changeable)
    assert found["rows"]["arms"] == {
        "added": ["M13"], "removed": [], "other": 1,
        "changed": {"M07": {"n_goal_failure": ["6", "8"]}},
    }  # fmt: skip
    numbers = list(unpacked(found["pooled"]))
    pooled = {(p["model"], p["outcome"], p["estimand"]): p for p in numbers}
    goal = pooled["rates", "goal_failure", "rate_mean"]
    assert goal["moved"]
    assert goal["difference"] > 0
    # Published with five significant digits.
    between = goal["after"]["mean"] - goal["before"]["mean"]
    assert goal["difference"] == pytest.approx(between, abs=2e-5)
    assert not any(p["moved"] for p in numbers if p["model"] == "composition")
    units = {e["id"]: e for e in found["attribution"]}
    assert set(units) == {"bravo_2023", "delta_2024"}
    sizes = [max(abs(m["in_sd"]) for m in e["moves"]) for e in found["attribution"]]
    assert sizes == sorted(sizes, reverse=True), "the larger mover comes first"
    assert min(sizes) > 0
    # What the two studies moved is about what moved.
    parts = [
        next(m for m in e["moves"] if m["outcome"] == "goal_failure"
             and m["estimand"] == "rate_mean")
        for e in found["attribution"]
    ]  # fmt: skip
    error = (goal["mcse"] ** 2 + sum(p["mcse"] ** 2 for p in parts)) ** 0.5
    total = sum(p["difference"] for p in parts)
    assert total == pytest.approx(goal["difference"], abs=4 * error + 0.2 * abs(total))
    section = changes_section(found)
    assert section is not None
    said_of_rows = {line.said for line in section.rows}
    assert "1 edited in columns that no analysis reads" in said_of_rows
    assert ("M13", "") in [name for line in section.rows for name in line.named]
