"""What a finished run leaves: records that find their rows, and cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from meta.checks.replay import read_recorded, stored_rows
from meta.evidence.analysis_set import data_hash, read_analysis_set

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Pipeline

pytestmark = pytest.mark.pipeline


def test_the_record_of_every_kind_of_fit_finds_its_rows(finished: Pipeline) -> None:
    """`meta replay` needs no more than the record: rates and cases of imputed codes are found."""
    kinds = set()
    for folder in sorted((finished.base / "data/processed/fits").iterdir()):
        stored = read_recorded(folder / "fit.json")
        rows = read_analysis_set(stored_rows(stored))
        assert stored.task.model == folder.name
        assert data_hash(rows) == stored.record["data_hash"]
        kinds.add((stored.task.spec.frame, stored.task.codes is not None))
    assert ("denominator", False) in kinds
    assert ("case_series", True) in kinds


def test_no_cell_of_a_table_is_a_formula(finished: Pipeline) -> None:
    """A cell that begins with a sign of formulas is a number or a text that begins with one."""
    paths = sorted((finished.base / "reports").rglob("*.csv"))
    assert "pooled.csv" in {path.name for path in paths}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            cells = {c for row in csv.reader(file) for c in row if c[:1] in tuple("=@+-\t\r")}
        assert [c for c in cells if not re.match(r"[+-]([\d.]|\s|$|inf)", c)] == [], path.name


def test_a_whole_run_asks_nothing_of_the_network(finished: Pipeline) -> None:
    """Every step is a Python process that would have written down what it asked."""
    said = finished.network_log.read_text() if finished.network_log.exists() else ""
    assert said == ""


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket().connect_ex(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('localhost', 80)",
    ],
)
def test_what_asks_is_written_down(code: str, finished: Pipeline, tmp_path: Path) -> None:
    environment = finished.environment | {"NETWORK_LOG": str(tmp_path / "log")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert code.split("socket.")[-1].split("(")[0].removesuffix("_ex") in (
        tmp_path / "log"
    ).read_text(encoding="utf-8")
