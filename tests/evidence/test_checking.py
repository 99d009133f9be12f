"""All problems of all tables, in one call."""

import os

import pandas as pd
import pytest

from meta.evidence.checking import check
from meta.evidence.index import raw_files, raw_hash
from tests.evidence.small_base import STUDY, arm, checked, only, places, write

FOUR = [
    arm("A1", sampling_frame="case_series"),
    arm("A2"),
    arm("A3", n_goal_failure="31"),
    arm("A4", study_id="smith_2023"),
    arm("A5", n_goal_failure="12o"),
]


def test_four_mistakes_are_listed_together(tmp_path):
    errors = checked(tmp_path, arms=FOUR).errors
    assert sorted(places(errors)) == [
        ("arms.csv", 2, "sampling_frame", "error"),
        ("arms.csv", 4, "n_goal_failure", "error"),
        ("arms.csv", 5, "study_id", "error"),
        ("arms.csv", 6, "n_goal_failure", "error"),
    ]
    said = {error.line: f"{error.value}: {error.reason}: {error.remedy}" for error in errors}
    assert said[2].startswith("case_series: a main arm needs a denominator")
    assert "move the row to cases.csv" in said[2]
    assert said[4].startswith("31: n_goal_failure is more than n_at_risk (30)")
    assert said[5] == (
        "smith_2023: there is no such study in studies.csv: did you mean smith_2024? "
        "if not, add it with `meta new study --study-id smith_2023`, or correct it"
    )
    assert said[6] == ("12o: is not a whole number: replace the letter by a digit, perhaps 120")


def test_a_valid_base_has_no_problems(tmp_path):
    assert checked(tmp_path).problems == []


def test_blank_is_na_and_absent_columns_are_all_na(tmp_path):
    evidence = checked(tmp_path, arms=[arm(n_capable="", conditioning="all_trials")])
    arms = evidence.tables["arms"]
    assert arms.loc[0, "n_capable"] is pd.NA
    assert arms.loc[0, "n_harm"] is pd.NA
    assert arms["n_agents"].isna().all()
    assert str(arms["n_capable"].dtype) == "Int64"
    assert arms.loc[0, "n_goal_failure"] == 10


def test_zero_stays_zero(tmp_path):
    arms = checked(tmp_path, arms=[arm(n_goal_failure="0")]).tables["arms"]
    assert arms.loc[0, "n_goal_failure"] == 0


def test_extra_columns_stay_as_text_with_the_line(tmp_path):
    evidence = checked(tmp_path, arms=[arm(lab="007"), arm("A2", lab="")])
    assert evidence.tables["arms"]["lab"].tolist() == ["007", pd.NA]
    assert evidence.tables["arms"]["_line"].tolist() == [2, 3]
    assert only(evidence).severity == "note"


def test_only_the_two_required_tables_must_exist(tmp_path):
    evidence = check(tmp_path)
    assert places(evidence.errors) == [
        ("studies.csv", 1, "", "error"),
        ("arms.csv", 1, "", "error"),
    ]
    assert evidence.tables == {}


def test_a_missing_studies_file_does_not_accuse_every_arm(tmp_path):
    checked(tmp_path)
    (tmp_path / "data/raw/studies.csv").unlink()
    assert places(check(tmp_path).errors) == [("studies.csv", 1, "", "error")]


def test_an_unreadable_study_row_does_not_accuse_its_arms(tmp_path):
    text = "study_id,title,year\nsmith_2024,A study\n"
    assert places(checked(tmp_path, studies=text).errors) == [("studies.csv", 2, "", "error")]


def test_a_broken_table_does_not_hide_the_problems_of_another(tmp_path):
    evidence = checked(tmp_path, studies=b"\xff", arms=[arm(n_trials="many")])
    assert places(evidence.errors) == [
        ("studies.csv", 1, "", "error"),
        ("arms.csv", 2, "n_trials", "error"),
    ]


def test_a_misspelt_file_is_pointed_out(tmp_path):
    problem = only(checked(tmp_path, coding=[{"unit_id": "A1", "coder": "x"}]))
    assert problem.file == "data/raw/coding.csv"
    assert (problem.severity, problem.remedy) == ("warning", "rename it to codings.csv")


def test_every_study_is_read_once(tmp_path):
    studies = [STUDY, {**STUDY, "study_id": "jones_2025", "year": "2025"}]
    assert checked(tmp_path, studies=studies).tables["studies"]["year"].tolist() == [2024, 2025]


@pytest.mark.parametrize(
    ("name", "severity", "remedy"),
    [
        ("corrections.yml", "error", "rename it to corrections.yaml"),
        ("Corrections.yaml", "error", "rename it to corrections.yaml"),
        ("correction.yaml", "warning", "rename it to corrections.yaml"),
        ("codings.CSV", "error", "rename it to codings.csv"),
        ("codings.xlsx", "error", "rename it to codings.csv"),
        ("Arms.csv", "error", "remove it, or give it another name; arms.csv is read"),
        ("arms.xlsx", "warning", "remove it, or give it another name; arms.csv is read"),
        ("arm.csv", "warning", "remove it, or give it another name; arms.csv is read"),
        ("reading.md", "note", "nothing to do; tables: "),
        ("arms {old}.csv", "note", "nothing to do; tables: "),
    ],
)
def test_no_file_is_ignored_without_a_word(tmp_path, name, severity, remedy):
    (write(tmp_path) / "data/raw" / name).write_text("")
    problem = only(check(tmp_path))
    assert (problem.file, problem.severity) == (f"data/raw/{name}", severity)
    assert problem.remedy.startswith(remedy)
    assert problem.code == "stray-file"


def test_hidden_files_are_left_alone(tmp_path):
    (write(tmp_path) / "data/raw/.codings.csv.unfinished").write_text("")
    assert check(tmp_path).problems == []


def test_what_is_no_table_is_neither_evidence_nor_in_the_way(tmp_path):
    folder = write(tmp_path) / "data/raw"
    before = raw_hash(tmp_path)
    (folder / "sub.csv").mkdir()
    (folder / "arms {old}.csv").write_text("x")
    (folder / "gone.csv").symlink_to(tmp_path / "nowhere")
    assert raw_hash(tmp_path) == before
    assert [problem.severity for problem in check(tmp_path).problems] == ["note"] * 3


@pytest.mark.parametrize("name", ["codings.csv", "studies.csv", "corrections.yaml"])
def test_what_stands_in_the_place_of_a_table_is_named(tmp_path, name):
    path = write(tmp_path) / "data/raw" / name
    path.unlink(missing_ok=True)
    for make, said in (
        (path.mkdir, "it is a folder"),
        (lambda: path.symlink_to(tmp_path / "nowhere"), "a link to a file that is not there"),
        (lambda: os.mkfifo(path), "it is not a file"),
    ):
        make()
        (error,) = check(tmp_path).errors
        assert (error.file, error.code) == (f"data/raw/{name}", "unreadable")
        assert said in error.reason
        assert path not in raw_files(tmp_path)
        raw_hash(tmp_path)
        path.rmdir() if path.is_dir() else path.unlink()
