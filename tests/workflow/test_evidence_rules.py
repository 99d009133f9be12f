"""The evidence rules as Snakemake runs them: new rows, failed jobs, killed builds."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.workflow.conftest import ROOT, Pipeline, copy_checkout, small_pipeline

pytestmark = pytest.mark.pipeline

DATABASE = "data/processed/evidence.duckdb"


def arms_of(pipeline: Pipeline) -> int:
    """Rows of the built database, which must be whole."""
    with duckdb.connect(pipeline.base / DATABASE, read_only=True) as connection:
        (count,) = connection.sql("SELECT count(*) FROM arms").fetchall()[0]
        assert connection.sql("SELECT count(*) FROM studies").fetchall()[0][0] > 0
    return int(count)


@pytest.fixture
def built(tmp_path: Path) -> Pipeline:
    pipeline = small_pipeline(tmp_path)
    done = pipeline.snakemake(DATABASE)
    assert done.returncode == 0, done.stderr
    return pipeline


def add_arm(pipeline: Pipeline, number: int, n_trials: str = "400") -> None:
    path = pipeline.base / "data/raw/arms.csv"
    header, first, *_ = path.read_text(encoding="utf-8").splitlines()
    names = header.split(",")
    cells = dict(zip(names, first.split(","), strict=True))
    cells |= {"arm_id": f"NEW{number}", "n_trials": n_trials, "role": "control"}
    with path.open("a", encoding="utf-8") as file:
        file.write(",".join(cells[name] for name in names) + "\n")


def test_a_pooled_arm_that_nobody_has_coded_stops_no_model(tmp_path: Path) -> None:
    pipeline = Pipeline(copy_checkout(tmp_path / "checkout"), tmp_path / "base")
    shutil.copytree(ROOT / "data/raw", pipeline.base / "data/raw")
    study = ("--study-id", "zhong_2025", "--failure-type", "specification_gaming")
    counts = ("--n-trials", "50", "--n-at-risk", "50", "--n-goal-failure", "3")
    said = ("--conditioning", "all_trials", "--sampling-frame", "denominator", "--unit", "run")
    kind = ("--role", "main", "--grade", "A", "--no-input")
    done = pipeline.meta("new", "arm", *study, *counts, *said, *kind)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"fit", "codes"} <= pipeline.planned()


def test_a_failed_build_leaves_the_database_as_it_was(built: Pipeline) -> None:
    before, arms = (built.base / DATABASE).read_bytes(), arms_of(built)
    add_arm(built, 1, n_trials="4oo")
    done = built.snakemake(DATABASE)
    assert done.returncode != 0
    assert "4oo" in done.stderr
    assert (built.base / DATABASE).read_bytes() == before
    path = built.base / "data/raw/arms.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",4oo,", ",400,"), encoding="utf-8")
    assert built.snakemake(DATABASE).returncode == 0
    assert arms_of(built) == arms + 1


@pytest.mark.parametrize("share", [0.8])
def test_a_killed_build_leaves_the_old_database_or_the_new_one(
    built: Pipeline, share: float
) -> None:
    arms = arms_of(built)
    add_arm(built, 1)
    start = time.monotonic()
    assert built.snakemake(DATABASE).returncode == 0
    lasts = time.monotonic() - start
    add_arm(built, 2)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(built.checkout / "Snakefile")]
    command += ["--directory", str(built.base), "--cores", "2", DATABASE]
    run = subprocess.Popen(
        command, env=built.environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(share * lasts)
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert arms_of(built) in (arms + 1, arms + 2)
    shutil.rmtree(built.base / ".snakemake/locks", ignore_errors=True)
    assert built.snakemake(DATABASE).returncode == 0
    assert arms_of(built) == arms + 2
