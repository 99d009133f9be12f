"""A build that is killed at any moment leaves the old files or the new ones, whole."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from meta.evidence.index import RAW_HASH, raw_hash
from tests.evidence.small_base import arm, write

KILLS = 15
OLD, NEW = 40, 4000


def command(base: Path, out: Path) -> list[str]:
    return [
        sys.executable, "-m", "meta", "evidence", "--directory", str(base),
        "--database", str(out / "evidence.duckdb"), "--tables", str(out / "tables"),
        "--flow", str(out / "flow.json"), "--bibliography", str(out / "studies.parquet"),
        "--corrections", str(out / "corrections.json"),
        "--filter", json.dumps({"role": ["main"]}),
    ]  # fmt: skip


def base_of(folder: Path, arms: int) -> Path:
    return write(folder, arms=[arm(f"A{number}") for number in range(arms)])


def arms_in(path: Path) -> int:
    if path.suffix == ".parquet":
        return len(pd.read_parquet(path))
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute("SELECT count(*) FROM arms").fetchall()[0][0]


def state(out: Path) -> list[tuple[str, int]]:
    """Names of the files, and when each was written."""
    found = []
    for path in sorted(out.iterdir()):
        # A temporary file may be gone by now.
        with suppress(FileNotFoundError):
            found.append((path.name, path.stat().st_mtime_ns))
    return found


def kill_after(words: list[str], out: Path, delay: float, writing: bool) -> bool:
    """Kill a build, counting from its start or from its first write; False if it ended."""
    before = state(out)
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    while writing and process.poll() is None and state(out) == before:
        time.sleep(0.0005)
    time.sleep(delay)
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return not ended


@pytest.fixture(scope="module")
def bases(tmp_path_factory) -> tuple[Path, Path]:
    return (
        base_of(tmp_path_factory.mktemp("old"), OLD),
        base_of(tmp_path_factory.mktemp("new"), NEW),
    )


def test_a_killed_build_leaves_every_file_old_or_new(tmp_path, bases):
    old, new = bases
    subprocess.run(command(old, tmp_path), check=True)
    started = time.perf_counter()
    subprocess.run(command(new, tmp_path), check=True)
    whole = time.perf_counter() - started
    dice = random.Random(2026)
    killed = 0
    for number in range(KILLS):
        base, writing = (old, new)[number % 2], number % 3 > 0
        delay = dice.uniform(0, 0.2 if writing else 0.9) * whole
        killed += kill_after(command(base, tmp_path), tmp_path, delay, writing)
        assert arms_in(tmp_path / "evidence.duckdb") in (OLD, NEW)
        assert arms_in(tmp_path / "tables" / "arms.parquet") in (OLD, NEW)
        assert json.loads((tmp_path / "flow.json").read_text())["boxes"]
        assert len(pd.read_parquet(tmp_path / "studies.parquet")) == 1
        if (stamp := tmp_path / "tables" / RAW_HASH).exists():
            # The hash speaks for the tables beside it.
            rows = {raw_hash(old): OLD, raw_hash(new): NEW}[stamp.read_text()]
            assert arms_in(tmp_path / "tables" / "arms.parquet") == rows
    assert killed >= KILLS // 2
    subprocess.run(command(new, tmp_path), check=True)
    assert arms_in(tmp_path / "evidence.duckdb") == NEW
    assert list(tmp_path.rglob(".*.tmp*")) == []
