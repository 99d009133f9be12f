"""Duplicate keys and references."""

from tests.evidence.small_base import STUDY, arm, checked, only, places

CASE = {"case_id": "SG-01", "failure_type": "specification_gaming", "study_id": "smith_2024"}


def coding(unit: str, coder: str = "a") -> dict[str, str]:
    return {"unit_id": unit, "coder": coder, "shift_type": "moderate"}


def test_a_duplicate_key_names_the_first_line(tmp_path):
    rows = [arm("A1"), arm("A2"), arm("A1", n_goal_failure="3")]
    problem = only(checked(tmp_path, arms=rows))
    assert (problem.line, problem.column, problem.value) == (4, "arm_id", "A1")
    assert problem.reason == "the same arm_id already stands on line 2"


def test_blank_keys_are_not_duplicates_of_each_other(tmp_path):
    errors = checked(tmp_path, arms=[arm(""), arm("")]).errors
    assert {error.reason for error in errors} == {"a required cell is blank"}


def test_a_unit_is_coded_once_by_each_coder(tmp_path):
    codings = [coding("A1", "a"), coding("A1", "b"), coding("A1", "a")]
    problem = only(checked(tmp_path, codings=codings))
    assert (problem.line, problem.file) == (4, "data/raw/codings.csv")
    assert problem.reason == "the same unit_id and coder already stands on line 2"


def test_a_blank_in_an_optional_key_column_counts_as_a_value(tmp_path):
    row = {"source": "list", "records": "3", "decision": "identified", "reason": ""}
    assert only(checked(tmp_path, screening=[row, row])).line == 3


def test_an_unknown_study_is_named_once_a_row_with_the_nearest(tmp_path):
    rows = [arm("A1", study_id="smth_2024"), arm("A2", study_id="smth_2024")]
    errors = checked(tmp_path, arms=rows).errors
    assert places(errors) == [
        ("arms.csv", 2, "study_id", "error"),
        ("arms.csv", 3, "study_id", "error"),
    ]
    assert errors[0].remedy.startswith("did you mean smith_2024?")


def test_a_coded_unit_is_a_case_or_an_arm(tmp_path):
    codings = [coding("A1"), coding("SG-01"), coding("XX")]
    problem = only(checked(tmp_path, cases=[CASE], codings=codings))
    assert (problem.line, problem.column, problem.value) == (4, "unit_id", "XX")
    assert problem.reason == "there is no such unit in cases.csv or arms.csv"


def test_codings_of_cases_without_cases_are_one_warning(tmp_path):
    codings = [coding("A1"), coding("SG-01"), coding("SG-02")]
    evidence = checked(tmp_path, codings=codings)
    (problem,) = [problem for problem in evidence.problems if problem.severity != "note"]
    assert (problem.severity, problem.line) == ("warning", 3)
    assert problem.reason.startswith("the unit of 2 rows is not there")


def test_an_arm_with_an_illegal_cell_still_exists(tmp_path):
    evidence = checked(tmp_path, arms=[arm(n_trials="x")], codings=[coding("A1")])
    assert places(evidence.errors) == [("arms.csv", 2, "n_trials", "error")]


def test_a_case_names_a_known_study(tmp_path):
    problem = only(checked(tmp_path, cases=[{**CASE, "study_id": "nobody_1900"}]))
    assert (problem.file, problem.value) == ("data/raw/cases.csv", "nobody_1900")


def test_a_study_without_arms_is_fine(tmp_path):
    studies = [STUDY, {**STUDY, "study_id": "jones_2025", "title": "Another study"}]
    assert only(checked(tmp_path, studies=studies)).severity == "note"


def test_studies_that_differ_by_letter_case_alone_are_refused(tmp_path):
    studies = [STUDY, {**STUDY, "study_id": "Smith_2024", "title": "Another"}]
    (error,) = checked(tmp_path, studies=studies).errors
    assert (error.line, error.column) == (3, "study_id")
    assert "differs only by letter case from the study_id on line 2" in error.reason


def test_a_case_may_not_carry_the_name_of_an_arm(tmp_path):
    rows = [{**CASE, "case_id": "X1", "title": "One"}, {**CASE, "case_id": "A1", "title": "Two"}]
    errors = checked(tmp_path, cases=rows, codings=[coding("A1")]).errors
    assert sorted(places(errors)) == [
        ("arms.csv", 2, "arm_id", "error"), ("cases.csv", 3, "case_id", "error")
    ]  # fmt: skip
    said = {error.file: error.reason for error in errors}
    assert said["data/raw/cases.csv"] == "the name stands on line 2 of data/raw/arms.csv too"
    assert said["data/raw/arms.csv"] == "the name stands on line 3 of data/raw/cases.csv too"
    assert {error.code for error in errors} == {"ambiguous-name"}


def test_an_unknown_study_says_which_command_adds_it(tmp_path):
    problem = only(checked(tmp_path, arms=[arm(study_id="nobody_1999")]))
    assert problem.remedy == "add it with `meta new study --study-id nobody_1999`, or correct it"


def test_an_unknown_unit_may_be_added_as_a_case_or_as_an_arm(tmp_path):
    problem = only(checked(tmp_path, codings=[coding("X 9")], cases=[CASE]))
    assert problem.remedy == (
        "add it with `meta new case --case-id 'X 9'` or `meta new arm --arm-id 'X 9'`, "
        "or correct it"
    )
