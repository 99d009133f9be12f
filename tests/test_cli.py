"""Command line: exit codes, messages without tracebacks, light imports."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import MINI


def meta(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "meta", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return shutil.copytree(MINI, tmp_path / "base")


def test_a_clean_base_exits_0(base: Path) -> None:
    done = meta("check", str(base))
    assert done.returncode == 0, done.stdout + done.stderr
    problems = json.loads(meta("check", str(base), "--format", "json").stdout)
    assert all(p["severity"] != "error" for p in problems["problems"])


def test_problems_exit_1_and_are_grouped_with_their_lines(base: Path) -> None:
    arms = base / "data/raw/arms.csv"
    arms.write_text(arms.read_text().replace(",40,", ",4O,"))
    done = meta("check", str(base))
    assert done.returncode == 1
    assert "data/raw/arms.csv:6: n_trials: 4O:" in done.stdout
    assert "also on line 7" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_warnings_fail_only_when_strict(base: Path) -> None:
    studies = base / "data/raw/studies.csv"
    studies.write_text(studies.read_text().replace(",2022\n", ",2099\n", 1))
    done = meta("check", str(base), "--format", "github")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"::warning file={base.as_posix()}/data/raw/studies.csv,line=2,title=" in done.stdout
    assert meta("check", str(base), "--strict").returncode == 1


def test_generated_files_that_differ_exit_1_and_are_repaired(tmp_path: Path) -> None:
    stale = meta("dictionary", str(tmp_path), "--check")
    assert stale.returncode == 1
    assert stale.stderr.splitlines()[-1] == "write them anew with: meta dictionary"
    assert not any(tmp_path.iterdir())
    assert meta("dictionary", str(tmp_path)).returncode == 0
    assert meta("dictionary", str(tmp_path), "--check").returncode == 0


@pytest.mark.parametrize("words", [("check", "nowhere"), ("check", "--format", "xml"), ("chek",)])
def test_usage_exits_2(words: tuple[str, ...], tmp_path: Path) -> None:
    done = meta(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_word_that_is_no_command_leads_to_what_is_looked_for() -> None:
    done = meta("codebook")
    assert done.returncode == 2
    assert "docs/codebook.md" in done.stderr
    assert "codes'" not in done.stderr


def test_a_broken_stored_fit_is_a_message(tmp_path: Path) -> None:
    broken = tmp_path / "posterior.nc"
    broken.write_bytes(b"\x89HDF\r\n\x1a\n half")
    task = meta("settings", str(tmp_path))
    settings = json.loads(task.stdout)
    one = {"model": "rates", "spec": settings["models"]["rates"],
           "priors": settings["priors"]["default"], "sampler": settings["sampler"],
           "seed": 1}  # fmt: skip
    done = meta(
        "diagnose", "--posterior", str(broken), "--analysis", str(tmp_path / "x.parquet"),
        "--task", json.dumps(one), "--gate", json.dumps(settings["gate"]), "--ci-prob", "0.95",
        "--output", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert "not a readable fit" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["--help", "check ."])
def test_light_commands_do_not_import_pymc(words: str, base: Path) -> None:
    code = (
        "import sys\nfrom meta.cli import main\n"
        f"try:\n    main({words.split()!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'pymc', 'arviz', 'nutpie', 'matplotlib'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=base)
    assert "heavy: []" in done.stdout, done.stdout + done.stderr
