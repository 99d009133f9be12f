"""Fingerprints: they move with what a command runs, and with nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meta.provenance import PACKAGE, code_fingerprint, library_versions

COMMANDS = ["evidence", "analysis_sets", "fit", "diagnose", "gate", "report"]
PRINT = """
import sys
from meta.provenance import code_fingerprint
for name in sys.argv[1:]:
    print(code_fingerprint("meta.steps:" + name))
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(PACKAGE, tmp_path / "meta", ignore=ignore)


def fingerprints(package: Path) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT, *COMMANDS],
        env={"PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(COMMANDS, done.stdout.split(), strict=True))


@pytest.mark.parametrize(
    ("file", "moved"),
    [
        ("models/chain.py", {"fit"}),
        ("models/hierarchy.py", {"fit"}),
        ("models/centring.py", {"fit", "diagnose"}),
        ("models/design.py", {"analysis_sets", "fit", "diagnose", "report"}),
        ("inference/sampling.py", {"fit"}),
        ("estimands/population.py", {"diagnose", "report"}),
        ("report/figures.py", {"report"}),
        ("report/templates/index.html.j2", {"report"}),
        ("checks/gate.py", {"gate"}),
    ],
)
def test_a_changed_file_moves_the_commands_that_use_it(
    copied: Path, file: str, moved: set[str]
) -> None:
    before = fingerprints(copied)
    path = copied / file
    path.write_text(path.read_text() + ("\n# changed\n" if file.endswith("py") else " "))
    after = fingerprints(copied)
    assert {name for name in COMMANDS if before[name] != after[name]} == moved


def test_the_field_dictionary_moves_the_evidence(copied: Path) -> None:
    before = fingerprints(copied)
    path = copied / "evidence" / "fields.yaml"
    path.write_text(path.read_text() + "\n# changed\n")
    after = fingerprints(copied)
    assert before["evidence"] != after["evidence"]
    assert before["gate"] == after["gate"]


def test_one_step_does_not_move_another(copied: Path) -> None:
    before = fingerprints(copied)
    path = copied / "steps.py"
    path.write_text(path.read_text().replace("click.echo(message)", 'click.echo(message + "")'))
    after = fingerprints(copied)
    assert {name for name in COMMANDS if before[name] != after[name]} == {"gate"}


def test_libraries_come_with_what_they_require() -> None:
    found = library_versions(["pymc", "yaml", "json"])
    assert {"pymc", "pytensor", "numba", "numpy", "pyyaml"} <= set(found)
    assert "json" not in found


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(LookupError, match="no function nothing"):
        code_fingerprint("meta.steps:nothing")
