"""Rows laid over a base: problems keep the file and line that the user has."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from meta.evidence.checking import check
from meta.evidence.problems import EvidenceError
from meta.evidence.proposal import propose
from meta.preview.previewing import remarks_of
from tests.evidence.small_base import arm, as_csv, checked, write


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


def test_rows_as_the_base_has_them_are_counted_and_not_listed(tmp_path: Path) -> None:
    base = write(tmp_path / "base", arms=as_csv([arm("A1"), arm("A2"), arm("A3")]))
    file = tmp_path / "rows.csv"
    # A blank column that the base lacks says nothing.
    rows = [
        {**arm("A1"), "other_counts": ""},
        arm("A2", other_counts="", note="another"),
        arm("A4", other_counts=""),
        {**arm("A3"), "other_counts": ""},
    ]
    file.write_text(as_csv(rows))
    file.with_name("one.csv").write_text(as_csv([arm("A1")]))
    proposal = propose(base, {file: None})
    assert [(row.key, row.action) for row in proposal.rows] == [("A2", "replaced"), ("A4", "added")]
    assert proposal.unchanged == 2
    assert remarks_of(proposal, [file])[-1] == "2 proposed rows are as stored: not listed"
    again = propose(base, {file.with_name("one.csv"): None})
    assert (again.rows, again.unchanged) == ([], 1)
    assert remarks_of(again, [])[-1] == "1 proposed row is as stored: not listed"


ROOT = Path(__file__).parents[2]
PAIR = {
    "intervention": "warning_or_prohibition", "direction_expected": "decrease", "basis": "stated",
    "coder_id": "coder_a", "added_on": "2026-11-21",
}  # fmt: skip
CONTRASTS = [
    {"contrast_id": "C1", "arm_id": "A2", "baseline_arm_id": "A1", **PAIR},
    {"contrast_id": "C2", "arm_id": "A2", "baseline_arm_id": "A3", **PAIR},
]


@pytest.mark.parametrize(("gone", "left"), [("A1", ["C2"]), ("A3", ["C1"]), ("A2", [])])
def test_contrasts_go_with_their_arms(tmp_path: Path, gone: str, left: list[str]) -> None:
    arms = [arm("A1", role="control"), arm("A2"), arm("A3", role="control")]
    base = write(tmp_path, arms=arms, contrasts=CONTRASTS)
    tables = propose(base, {}, [gone]).evidence.tables
    assert gone not in set(tables["arms"]["arm_id"])
    found = tables["contrasts"]["contrast_id"].tolist() if "contrasts" in tables else []
    assert found == left


@pytest.mark.parametrize("gone", ["ARM001", "ARM010"])
def test_an_arm_that_other_tables_name_can_be_left_out(gone: str) -> None:
    """The first is among the items of a document, the second the baseline of contrasts."""
    whole = checked_tables()
    assert any(gone in str(cell) for cell in whole["taxonomy"]["units"]) or gone in set(
        whole["contrasts"]["baseline_arm_id"]
    )
    tables = propose(ROOT, {}, [gone]).evidence.tables
    assert len(tables["arms"]) == len(whole["arms"]) - 1
    named = whole["contrasts"][["arm_id", "baseline_arm_id"]].eq(gone).any(axis=1)
    assert len(tables["contrasts"]) == len(whole["contrasts"]) - named.sum()


@cache
def checked_tables() -> dict[str, pd.DataFrame]:
    return check(ROOT).tables
