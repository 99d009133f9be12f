"""Damage to a finished run: every result has a checksum that tells, and stamps need none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meta import checksums
from tests.faults.damage import WAYS, told_of
from tests.faults.whole import half_written, results
from tests.workflow.conftest import Pipeline

pytestmark = pytest.mark.pipeline


@pytest.fixture
def base(finished: Pipeline, tmp_path: Path) -> Pipeline:
    """A finished run that a test may damage."""
    return Pipeline(
        finished.checkout, shutil.copytree(finished.base, tmp_path / "base", symlinks=True)
    )


def test_damage_to_any_result_is_told(base: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "SECOND_LOOK", 0.0)
    assert half_written(base.base) == []
    assert checksums.damaged([base.base], base.base) == []
    found = list(results(base.base))
    assert {".nc", ".duckdb", ".parquet", ".json", ".csv", ".html"} <= {p.suffix for p in found}
    for path in found:
        if path.is_relative_to(base.base / checksums.FOLDER):
            continue
        stored = checksums.checksum_file(path, base.base)
        assert stored is not None and stored.is_file(), path
        for way, damage in WAYS.items():
            assert told_of(base.base, path, damage, [path]).kind == "told", (way, path)


def test_a_damaged_stamp_is_harmless_and_a_damaged_index_told(base: Pipeline) -> None:
    processed = base.base / "data/processed"
    index = processed / "analysis/index.json"
    (processed / "fits/rates/fit.stamp").write_bytes(b"\xff")
    WAYS["cut in half"](index)
    done = base.snakemake()
    assert done.returncode != 0
    assert "rm data/processed/analysis/index.json" in done.stderr
    index.unlink()
    assert {"analysis_sets", "report"} <= base.planned()
