"""The evidence that comes with the repository."""

import csv
import shutil
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


def lost(raw, name, column, renamed):
    """Lose or rename a column of a table of the shipped evidence."""
    path = raw / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    place = header.index(column)
    header[place] = f"{column}_old" if renamed else header[place]
    kept = [header, *rows]
    if not renamed:
        kept = [row[:place] + row[place + 1 :] for row in kept]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(kept)


@pytest.mark.parametrize("renamed", [True, False])
@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("studies", "study_id"), ("studies", "year"), ("arms", "arm_id"), ("arms", "study_id"),
        ("cases", "case_id"), ("cases", "failure_type"), ("coders", "coder"),
    ],
)  # fmt: skip
def test_a_lost_column_is_one_error(tmp_path, name, column, renamed):
    """What follows from it, such as sums of the search or stale corrections, is not listed."""
    shutil.copytree(ROOT / "data/raw", tmp_path / "data/raw")
    lost(tmp_path / "data/raw", name, column, renamed)
    found = check(tmp_path)
    assert [(p.file, p.column, p.code) for p in found.errors] == [
        (f"data/raw/{name}.csv", column, "missing-column")
    ]
    assert not [p for p in found.problems if p.code == "near-value" and p.severity == "warning"]


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
    made = {
        name: table["coder_id"] for name, table in shipped.tables.items() if "coder_id" in table
    }
    assert {"contrasts", "taxonomy", "citations", "goal_pairs"} <= set(made)
    named = set(shipped.tables["codings"]["coder"]).union(*made.values())
    assert named == set(coders.index)
    assert set(coders) == {"machine_assisted"}


def test_every_arm_that_could_be_contrasted_is_or_has_a_reason_not_to(shipped):
    arms, contrasts = (shipped.tables[name] for name in ("arms", "contrasts"))
    used = {*contrasts["arm_id"], *contrasts["baseline_arm_id"]}
    wanted = arms[arms["role"].isin(["control", "ablation", "mitigation"])]
    left = {int(arm.removeprefix("ARM")) for arm in set(wanted["arm_id"]) - used}
    reasons = {
        "goal failure was not counted": {129, 130, 131, 353},
        "the study has no other arm": {34, 188},
        "other questions, unit and criterion than the main arms": set(range(451, 455)),
        "two trained models in one row, under a definition of its own": {42},
        "trained without the cue and tested with it: the cue does not mislead":
            {138, 147, 153, 165, 168, 171},
        "random values besides decorrelated training": {141, 142, 143},
    }  # fmt: skip
    assert left == set().union(*reasons.values())
    assert len(contrasts) == 144
