"""Rows laid over a base: problems keep the file and line that the user has."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_base import arm, as_csv, checked, write

from meta.evidence.problems import EvidenceError
from meta.evidence.proposal import propose


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_after_a_break_within_a_cell_are_those_of_the_file(tmp_path: Path, end: str) -> None:
    base = write(tmp_path / "base", arms=as_csv([arm("A1", note=f"one{end}two{end}three")]))
    rows = as_csv([arm("N1", note=f"one{end}two"), arm("N2", n_goal_failure="31")])
    file = tmp_path / "rows.csv"
    file.write_bytes(rows.encode())
    with pytest.raises(EvidenceError) as caught:
        propose(base, {file: None})
    found = [(p.file, p.line) for p in caught.value.problems if p.severity == "error"]
    alone = checked(tmp_path / "alone", arms=rows)
    assert found
    assert found == [(str(file), p.line) for p in alone.problems if p.severity == "error"]
