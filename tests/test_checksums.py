"""Checksums of results: as another tool counts them, refused when they do not match."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta import checksums
from meta.cli import main

GATED = "model,check,value,threshold,passed,worst,says\nrates,r_hat,1.0,1.01,True,,x\n"
STORED = checksums.FOLDER / "data/processed/gate.txt.sha256"


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checksums, "SECOND_LOOK", 0.0)
    table = Path("data/processed/diagnostics.csv")
    table.parent.mkdir(parents=True)
    table.write_text(GATED)
    checksums.record([table], {})
    return tmp_path


def gate() -> tuple[int, str]:
    words = ["gate", "data/processed/diagnostics.csv", "--output", "data/processed/gate.txt"]
    done = CliRunner().invoke(main, words)
    return done.exit_code, done.output


def test_a_step_writes_what_sha256sum_accepts() -> None:
    assert gate()[0] == 0
    files = [str(path) for path in sorted(checksums.FOLDER.rglob("*.sha256"))]
    assert len(files) == 2
    command = ["sha256sum", "--check", "--strict", *files]
    assert subprocess.run(command, capture_output=True).returncode == 0
    Path("data/processed/gate.txt").write_text("passed, perhaps")
    assert subprocess.run(command, capture_output=True).returncode == 1


def test_a_step_refuses_what_was_edited_and_says_what_to_do() -> None:
    Path("data/processed/diagnostics.csv").write_text(GATED.replace("1.0,", "1.2,"))
    code, said = gate()
    assert code == 1
    assert said == (
        "data/processed/diagnostics.csv: damaged or edited since a step wrote it: remove it, "
        "then run snakemake again, which makes it anew: rm data/processed/diagnostics.csv\n"
    )
    assert not Path("data/processed/gate.txt").exists()


def test_what_has_no_checksum_is_taken_as_it_is() -> None:
    for stored in checksums.FOLDER.rglob("*.sha256"):
        stored.unlink()
    assert gate()[0] == 0


def test_a_result_written_anew_has_a_new_checksum() -> None:
    gate()
    old = STORED.read_text()
    Path("data/processed/gate.txt").write_text("other")
    assert gate()[0] == 0
    assert STORED.read_text() == old
    assert checksums.damaged([Path()]) == []


def test_stamps_and_unfinished_files_have_none() -> None:
    for name in ("fit.stamp", ".fit-1.nc"):
        Path("data/processed", name).write_text("x")
    checksums.record([Path("data/processed")], {})
    assert len(list(checksums.FOLDER.rglob("*"))) == 3  # two folders and the table's


def test_verify_names_the_damaged_the_edited_and_the_lost(base: Path) -> None:
    table = Path("data/processed/tables/arms of all.parquet")
    table.parent.mkdir()
    table.write_bytes(b"rows")
    checksums.record([table.parent], {})
    done = CliRunner().invoke(main, ["verify"])
    assert (done.exit_code, done.output) == (0, "2 files are as they were written\n")
    table.unlink()
    Path("data/processed/diagnostics.csv").write_bytes(b"\xff")
    done = CliRunner().invoke(main, ["verify", str(base)])
    assert done.exit_code == 1
    first, second, asked = done.output.splitlines()
    assert asked.endswith("comes back only when it is named: snakemake --cores 8 FILE")
    assert first.endswith(f": rm {base}/data/processed/diagnostics.csv")
    # Snakemake knows the tables as one folder: a lost one comes back only with the others.
    assert "arms of all.parquet: lost since" in second
    assert second.endswith(f": rm -r {base}/data/processed/tables")


def test_verify_of_a_base_without_a_run_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["verify", str(tmp_path / "other")])
    assert done.exit_code == 1
    assert "no checksums: run `snakemake --cores 8` first" in done.output
