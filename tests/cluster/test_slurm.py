"""A calibration in parts on a Slurm cluster that loses a node: the numbers of a run without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.workflow.conftest import MINI, ROOT, copy_checkout

if TYPE_CHECKING:
    from tests.cluster.slurm import Cluster

TARGET = "calibration/rates/calibration.json"
#: Six replicates, two a job.
GRID = {"REPLICATES": "6", "SHARD_SIZE": "2"}
SHARDS = 3
#: Of a shard's process before its node is lost: past the imports, in the model's compilation.
SECONDS_OF_WORK = 8.0


def base(folder: Path) -> Path:
    shutil.copytree(MINI, folder)
    return folder


def command(checkout: Path, directory: Path, *words: str) -> list[str]:
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(checkout / "Snakefile")]
    return [*snakemake, "--directory", str(directory), TARGET, *words]


def result(directory: Path) -> tuple[bytes, bytes, dict[str, object]]:
    """Ranks and rows to the byte, and the record without its day."""
    folder = directory / "calibration/rates"
    record = json.loads((folder / "calibration.json").read_text())
    del record["date"]
    ranks, rows = ((folder / f"{name}.parquet").read_bytes() for name in ("ranks", "rows"))
    return ranks, rows, record


def lose_a_node(cluster: Cluster) -> str:
    """Kill the first node that is in the midst of a shard; its name."""
    busy: list[str] = []

    def at_work() -> bool:
        busy[:] = [
            node
            for node in cluster.nodes
            for process in cluster.processes(node)
            if "calibrate" in process.cmdline() and sum(process.cpu_times()[:2]) > SECONDS_OF_WORK
        ]
        return bool(busy)

    cluster.wait(at_work, 900, "a shard at work")
    cluster.kill(busy[0])
    return busy[0]


def on_the_cluster(cluster: Cluster, checkout: Path, directory: Path) -> tuple[str, str]:
    """Run there and lose a node on the way; what Snakemake said, and the node."""
    words = [
        *("--profile", str(ROOT / "profiles/slurm"), "--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "5", "--latency-wait", "10"),
    ]
    environment = cluster.environment | GRID | {"PYTHONPATH": str(checkout / "src")}
    said = directory.with_suffix(".log")
    with said.open("w") as log:
        run = subprocess.Popen(
            command(checkout, directory, *words), env=environment, stdout=log, stderr=log
        )
        try:
            lost = lose_a_node(cluster)
            code = run.wait(3600)
        finally:
            if run.poll() is None:
                run.kill()
                run.wait()
    assert code == 0, said.read_text() + cluster.logs()
    return said.read_text(), lost


@pytest.mark.cluster
def test_a_grid_survives_a_lost_node_with_the_same_numbers(
    cluster: Cluster, tmp_path: Path
) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    there, here = base(tmp_path / "there"), base(tmp_path / "here")
    said, lost = on_the_cluster(cluster, checkout, there)

    jobs = cluster.jobs()
    # What was sent: the shards, and nothing else. What was not sent ran all the same.
    assert len(jobs) == SHARDS
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    sent = Counter(re.findall(r"^rule (\w+):", said, re.MULTILINE))
    stayed = Counter(re.findall(r"^localrule (\w+):", said, re.MULTILINE))
    assert set(sent) == {"calibrate_shard"}
    assert {"warehouse", "analysis_sets", "merge_calibration"} <= set(stayed)
    # The node is lost, and its job was made again on another one.
    assert cluster.states()[lost].startswith("down")
    assert sorted(int(job["Restarts"]) for job in jobs) == [0] * (SHARDS - 1) + [1]
    again = next(job for job in jobs if job["Restarts"] == "1")
    assert again["NodeList"] in set(cluster.nodes) - {lost}
    # What the profile asks for arrives: memory, time, and caches on the node.
    assert {(job["MinMemoryNode"], job["TimeLimit"]) for job in jobs} == {("2000M", "04:00:00")}
    caches = list((cluster.folder / "tmp").glob("meta-pytensor-*"))
    assert len(caches) == 1
    assert any(caches[0].rglob("*"))

    alone = subprocess.run(
        command(checkout, here, "--cores", "1"), capture_output=True, text=True,
        env={**os.environ, **GRID, "PYTHONPATH": str(checkout / "src")},
    )  # fmt: skip
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert result(there) == result(here)
    assert result(here)[2]["replicates"] == 6
