"""The evidence that comes with the repository."""

from pathlib import Path

import pytest

from meta.evidence.checking import Evidence, check
from meta.evidence.dictionary import load_dictionary

ROOT = Path(__file__).parents[2]
TARGETS = ["specification_gaming", "goal_misgeneralization"]


@pytest.fixture(scope="module")
def shipped() -> Evidence:
    return check(ROOT)


def test_no_errors(shipped):
    assert shipped.errors == []


def test_every_table_is_read(shipped):
    assert set(shipped.tables) == {table.name for table in load_dictionary()}
    assert len(shipped.tables["arms"]) >= 466


def test_main_target_arms(shipped):
    arms = shipped.tables["arms"]
    rows = arms[
        (arms["role"] == "main")
        & (arms["sampling_frame"] == "denominator")
        & arms["failure_type"].isin(TARGETS)
    ]
    assert len(rows) == 118
    assert rows["study_id"].nunique() == 26


def test_harm_is_nowhere_observed(shipped):
    assert shipped.tables["arms"]["n_harm"].isna().all()


def test_no_column_is_unknown(shipped):
    assert [problem for problem in shipped.problems if "known column" in problem.reason] == []


def test_no_warnings(shipped):
    """A rule that warns of the shipped rows is wrong, or they are."""
    assert [problem for problem in shipped.problems if problem.severity == "warning"] == []


def test_coders_are_described_and_flagged(shipped):
    coders = shipped.tables["coders"].set_index("coder")["kind"]
    assert set(shipped.tables["codings"]["coder"]) == set(coders.index)
    assert set(coders) == {"machine_assisted"}
