"""Cells that are not what their column holds."""

import pytest

from meta.evidence.reading import nearest
from tests.evidence.small_base import STUDY, arm, checked, only


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("12o", "replace the letter by a digit, perhaps 120"),
        ("1,000", "write it without separators: 1000"),
        ("1 000", "write it without separators: 1000"),
        ("1e3", "write it without a decimal point or exponent: 1000"),
        ("12.0", "write it without a decimal point or exponent: 12"),
        ("12.5", "write a count: how many there were, not a mean or a percentage"),
        ("12,5", "write a count: how many there were, not a mean or a percentage"),
        ("0.06", "write a count: if 0.06 is a proportion, the number of trials it stands for"),
        ("0,06", "write a count: if 0.06 is a proportion, the number of trials it stands for"),
        ("0.060", "write a count: if 0.060 is a proportion, the number of trials it stands for"),
        ("0,060", "write a count: if 0.060 is a proportion, the number of trials it stands for"),
        ("5,0", "write it without a decimal point or exponent: 5"),
        ("30%", "write the count, not the percentage"),
        ("n/a", "leave the cell blank if it was not observed"),
        ("-", "leave the cell blank if it was not observed"),
        ("about 9", "write digits only, or leave the cell blank if it was not observed"),
        ("٣", "write it with the digits 0 to 9: 3"),
        ("9" * 19, "correct it: no count has so many digits"),
    ],
)
def test_counts_are_whole_numbers(tmp_path, value, remedy):
    problem = only(checked(tmp_path, arms=[arm(n_goal_failure=value)]))
    assert (problem.line, problem.column, problem.value) == (2, "n_goal_failure", value)
    assert problem.remedy == remedy


@pytest.mark.parametrize("value", ["=1+2", "@SUM(A1)", "-x", "+A1"])
def test_formulas_are_refused_in_text_and_in_numbers(tmp_path, value):
    for column in ("note", "n_trials", "unit"):
        problem = only(checked(tmp_path, arms=[arm(**{column: value})]))
        assert (problem.column, problem.reason) == (column, "is a spreadsheet formula")


@pytest.mark.parametrize("value", ["+32% to +170%", "-5", "-.5 points", "-"])
def test_signed_numbers_in_text_are_no_formulas(tmp_path, value):
    assert checked(tmp_path, arms=[arm(note=value)]).problems == []


def test_formulas_are_refused_in_extra_columns(tmp_path):
    errors = checked(tmp_path, arms=[arm(extra="=A1")]).errors
    assert [(error.column, error.value) for error in errors] == [("extra", "=A1")]


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [
        ("failure_type", "specification gaming", "did you mean specification_gaming?"),
        ("role", "Main", "did you mean main?"),
        ("sampling_frame", "denominators", "did you mean denominator?"),
        ("grade", "E", "write one of A, B, C, D"),
        ("conditioning", "given_capable", "did you mean given_capability?"),
    ],
)
def test_closed_vocabularies(tmp_path, column, value, remedy):
    problem = only(checked(tmp_path, arms=[arm(**{column: value})]))
    assert (problem.line, problem.column, problem.value) == (2, column, value)
    assert problem.remedy.startswith(remedy)


def test_yes_and_no_are_words_of_the_codebook(tmp_path):
    codings = [{"unit_id": "A1", "coder": "x", "capability_transfer": "yes", "goal_failure": "no"}]
    assert checked(tmp_path, codings=codings).errors == []


def test_a_case_cannot_have_a_denominator(tmp_path):
    case = {
        "case_id": "C1",
        "failure_type": "specification_gaming",
        "sampling_frame": "denominator",
    }
    problem = only(checked(tmp_path, cases=[case]))
    assert (problem.file, problem.column) == ("data/raw/cases.csv", "sampling_frame")


@pytest.mark.parametrize(
    "column",
    ["arm_id", "study_id", "failure_type", "unit", "n_trials", "sampling_frame", "role", "grade"],
)
def test_required_cells_may_not_be_blank(tmp_path, column):
    problem = only(checked(tmp_path, arms=[arm(**{column: " "})]))
    assert (problem.line, problem.column, problem.value) == (2, column, "")
    assert problem.reason == "a required cell is blank"


def test_years_have_a_range(tmp_path):
    problem = only(checked(tmp_path, studies=[{**STUDY, "year": "20244"}]))
    assert (problem.column, problem.value) == ("year", "20244")
    assert problem.reason == "is more than 2100, the largest possible value"


@pytest.mark.parametrize(
    ("value", "such_as"),
    [
        ("21/11/2026", "2026-11-21"),
        ("2026-02-30", "2026-11-21"),
        ("2026-1-2", "2026-01-02"),
        ("11/21/26", "2026-11-21"),
        ("03/04/2026", "2026-04-03 or 2026-03-04, whichever is meant"),
    ],
)
def test_dates_are_iso_dates(tmp_path, value, such_as):
    problem = only(checked(tmp_path, arms=[arm(added_on=value)]))
    assert (problem.column, problem.reason) == ("added_on", "is not a date")
    assert problem.remedy == f"write it as year-month-day, such as {such_as}"


@pytest.mark.parametrize(
    ("value", "remedy"), [("0,5", "write the decimal point as a point: 0.5"), ("40%", "drop the %")]
)
def test_numbers(tmp_path, value, remedy):
    claim = {"claim_id": "C1", "quantity": "p", "statistic": "point", "value": value}
    problem = only(checked(tmp_path, claims=[claim]))
    assert (problem.reason, problem.remedy) == ("is not a number", remedy)


def test_numbers_may_have_fractions_and_exponents(tmp_path):
    claims = [
        {"claim_id": f"C{i}", "quantity": "p", "statistic": "point", "value": value}
        for i, value in enumerate(["0.036", "-1e-3", ".5", "7", ""])
    ]
    evidence = checked(tmp_path, claims=claims)
    assert evidence.problems == []
    values = evidence.tables["claims"]["value"]
    assert values[:4].tolist() == [0.036, -0.001, 0.5, 7.0]
    assert values.isna().tolist() == [False] * 4 + [True]


def test_nearest_ignores_case_and_spaces():
    assert nearest("N Trials", ["n_trials", "n_at_risk"]) == "n_trials"
    assert nearest("colour", ["n_trials", "n_at_risk"]) is None
