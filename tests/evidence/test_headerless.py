"""A file whose first line is a row: said as such, whatever separates its cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.evidence.dictionary import load_dictionary
from meta.evidence.problems import EvidenceError
from meta.evidence.proposal import ProposalError, propose
from meta.evidence.reading import read_bytes

ROW = ["smith_2026", "goal_misgeneralization", "run", "40", "all_trials", "6", "main", "A"]
HEADERLESS = "the first line names no column of {}"


@pytest.mark.parametrize(
    ("separator", "said"),
    [(",", ""), (";", ", and what it has is separated by semicolons"), ("\t", "by tabs")],
)
def test_a_row_in_place_of_the_header_is_one_error(separator, said):
    text = "\n".join([separator.join(ROW)] * 2)
    raw, problems = read_bytes(text.encode(), "arms.csv", load_dictionary()["arms"])
    (problem,) = problems
    assert not raw.columns
    assert (problem.line, problem.severity) == (1, "error")
    assert problem.reason.startswith(HEADERLESS.format("arms"))
    assert said in problem.reason
    assert problem.remedy.startswith("put the header above the rows: arm_id,study_id,failure_type")


def test_a_misspelt_header_is_still_read_as_one():
    data = b"n_trialz,arm_idd\n40,A1\n"
    raw, problems = read_bytes(data, "arms.csv", load_dictionary()["arms"])
    assert list(raw.columns) == ["n_trialz", "arm_idd"]
    assert "rename the column" in " ".join(problem.remedy for problem in problems)


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_headerless_file_is_not_previewed_and_says_why(tmp_path: Path, separator):
    path = tmp_path / "rows.csv"
    path.write_text(separator.join(ROW) + "\n", encoding="utf-8")
    with pytest.raises(EvidenceError, match=HEADERLESS.format("any table")):
        propose(tmp_path, {path: None})
    with pytest.raises(EvidenceError, match=HEADERLESS.format("cases")):
        propose(tmp_path, {path: "cases"})


def test_a_header_of_another_table_with_semicolons_is_told_from_a_row(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text("unit_id;coder;harm\nA1;ann;none\n", encoding="utf-8")
    with pytest.raises(EvidenceError, match="the columns are separated by semicolons"):
        propose(tmp_path, {path: None})


def test_a_header_without_a_key_is_repeated(tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text("harm,mechanism\nnone,unclear\n", encoding="utf-8")
    with pytest.raises(ProposalError, match=r"the header \(harm, mechanism\) has the key of no"):
        propose(tmp_path, {path: None})
