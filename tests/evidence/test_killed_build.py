"""A build that is killed at any moment leaves the old files or the new ones, whole."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from meta.evidence.index import RAW_HASH, raw_hash
from tests.evidence.small_base import STUDY, arm, write

KILLS = 12
#: Arms, studies and corrections of the two bases.
OLD, NEW = (40, 2, 0), (4000, 3, 1)
DATABASE = "evidence.duckdb"
#: From when a kill counts, and for how long at most, as a share of the time of a whole build.
MOMENTS = [("start", 0.9), ("write", 0.1), ("database", 0.02)]
CORRECTION = """\
- table: arms
  where: {arm_id: A0}
  column: note
  expect: ""
  value: corrected
  reason: a test
  date: 2026-11-21
"""


def command(base: Path, out: Path) -> list[str]:
    return [
        sys.executable, "-m", "meta", "evidence", "--directory", str(base),
        "--database", str(out / DATABASE), "--tables", str(out / "tables"),
        "--flow", str(out / "flow.json"), "--bibliography", str(out / "studies.parquet"),
        "--corrections", str(out / "corrections.json"),
        "--filter", json.dumps({"role": ["main"]}),
    ]  # fmt: skip


def base_of(folder: Path, size: tuple[int, int, int]) -> Path:
    arms, studies, corrections = size
    sources = [{**STUDY, "study_id": f"s{n}_2024", "title": f"Study {n}"} for n in range(studies)]
    rows = [arm(f"A{n}", study_id=sources[n % studies]["study_id"]) for n in range(arms)]
    write(folder, studies=sources, arms=rows)
    (folder / "data/raw/corrections.yaml").write_text(CORRECTION * corrections)
    return folder


def outputs(out: Path) -> dict[str, tuple[int, ...]]:
    """Arms, studies and corrections that each output tells of; all of them old or new."""
    with duckdb.connect(out / DATABASE, read_only=True) as connection:
        counts = [
            connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ("arms", "studies", "corrections")
        ]
    boxes = {box["id"]: box for box in json.loads((out / "flow.json").read_text())["boxes"]}
    return {
        "database": tuple(counts),
        "arms": (len(pd.read_parquet(out / "tables/arms.parquet")),),
        "studies": (len(pd.read_parquet(out / "tables/studies.parquet")),),
        "bibliography": (len(pd.read_parquet(out / "studies.parquet")),),
        "flow": (boxes["arms"]["n"],),
        "corrections": (len(json.loads((out / "corrections.json").read_text())),),
    }


def expected(size: tuple[int, int, int]) -> dict[str, tuple[int, ...]]:
    arms, studies, corrections = size
    return {
        "database": size, "arms": (arms,), "studies": (studies,), "bibliography": (studies,),
        "flow": (arms,), "corrections": (corrections,),
    }  # fmt: skip


def state(out: Path) -> list[tuple[str, int]]:
    """Names of the files, and when each was written."""
    found = []
    for path in sorted(out.iterdir()):
        # A temporary file may be gone by now.
        with suppress(FileNotFoundError):
            found.append((path.name, path.stat().st_mtime_ns))
    return found


def kill_after(words: list[str], out: Path, delay: float, moment: str) -> bool:
    """Kill a build after its start, first write or new database; False if it ended before."""
    before = state(out)
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)

    def awaited() -> bool:
        now = state(out)
        if moment == "database":
            return DATABASE in dict(now) and dict(now)[DATABASE] == dict(before)[DATABASE]
        return moment == "write" and now == before

    while process.poll() is None and awaited():
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
    assert outputs(tmp_path) == expected(OLD)
    started = time.perf_counter()
    subprocess.run(command(new, tmp_path), check=True)
    whole = time.perf_counter() - started
    assert outputs(tmp_path) == expected(NEW)
    dice = random.Random(2026)
    killed, mixed = 0, 0
    replaced = Counter()
    for number in range(KILLS):
        base, (moment, longest) = (old, new)[number % 2], MOMENTS[number % len(MOMENTS)]
        before = (tmp_path / DATABASE).stat().st_mtime_ns
        delay = dice.uniform(0, longest) * whole
        killed += kill_after(command(base, tmp_path), tmp_path, delay, moment)
        replaced[(tmp_path / DATABASE).stat().st_mtime_ns > before] += 1
        found = outputs(tmp_path)
        sizes = [expected(OLD), expected(NEW)]
        for name, counts in found.items():
            assert counts in [size[name] for size in sizes], name
        mixed += found not in sizes
        if (stamp := tmp_path / "tables" / RAW_HASH).exists():
            # The hash speaks for the tables beside it.
            size = {raw_hash(old): OLD, raw_hash(new): NEW}[stamp.read_text()]
            for name in ("arms", "studies"):
                assert found[name] == expected(size)[name]
    assert killed >= KILLS // 2
    assert min(replaced[True], replaced[False]) >= 2, "kills before and after the new database"
    assert mixed, "no kill struck between two outputs"
    subprocess.run(command(new, tmp_path), check=True)
    assert outputs(tmp_path) == expected(NEW)
    assert list(tmp_path.rglob(".*.tmp*")) == []
