"""Counts against each other, and what a role allows."""

import pytest

from tests.evidence.small_base import arm, checked, only, places


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"n_capable": "41"}, "n_capable", "n_capable is more than n_trials (40)"),
        (
            {"n_at_risk": "41", "conditioning": "all_trials"},
            "n_at_risk",
            "n_at_risk is more than n_trials (40)",
        ),
        ({"n_goal_failure": "31"}, "n_goal_failure", "n_goal_failure is more than n_at_risk (30)"),
        ({"n_harm": "11"}, "n_harm", "n_harm is more than n_goal_failure (10)"),
        ({"n_at_risk": ""}, "n_goal_failure", "n_goal_failure is given and n_at_risk is blank"),
        (
            {"n_goal_failure": "", "n_harm": "1"},
            "n_harm",
            "n_harm is given and n_goal_failure is blank",
        ),
        (
            {"n_at_risk": "31"},
            "n_at_risk",
            "n_at_risk is more than n_capable (30) under given_capability",
        ),
        ({"n_capable": "", "n_goal_failure": ""}, "n_goal_failure", "no observed count"),
        ({"n_goal_failure": "-1"}, "n_goal_failure", "is less than 0"),
        ({"n_trials": "0"}, "n_trials", "is less than 1"),
        ({"grade": "D"}, "grade", "may not rest on memory"),
    ],
)
def test_impossible_counts(tmp_path, changes, column, reason):
    problem = only(checked(tmp_path, arms=[arm("A0"), arm("A1", **changes)]))
    assert (problem.line, problem.column, problem.severity) == (3, column, "error")
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("changes", "severity"),
    [({}, "warning"), ({"role": "probe"}, "note"), ({"sampling_frame": "conditioned"}, "note")],
)
def test_all_trials_are_all_trials(tmp_path, changes, severity):
    row = arm(n_capable="", conditioning="all_trials", **changes)
    found = [p for p in checked(tmp_path, arms=[row]).problems if p.column == "n_at_risk"]
    assert [(p.severity, p.code) for p in found] == [(severity, "not-all-at-risk")]
    assert "n_at_risk is less than n_trials (40) under all_trials" in found[0].reason
    row = arm(n_capable="", conditioning="all_trials", n_at_risk="40", **changes)
    assert "n_at_risk" not in {p.column for p in checked(tmp_path, arms=[row]).problems}


def test_capable_trials_that_were_not_at_risk_are_asked_for(tmp_path):
    row = arm(n_trials="40", n_capable="30", n_at_risk="26", n_goal_failure="10")
    problem = only(checked(tmp_path, arms=[row]))
    assert (problem.column, problem.severity, problem.code) == ("n_at_risk", "note", "few-at-risk")
    assert "is less than n_capable (30)" in problem.reason
    # A few that were lost need no word.
    row = arm(n_trials="40", n_capable="30", n_at_risk="27", n_goal_failure="10")
    assert checked(tmp_path, arms=[row]).problems == []


def test_failures_without_capability_are_no_goal_failures(tmp_path):
    row = arm(n_capable="9", n_at_risk="40", n_goal_failure="10", conditioning="all_trials")
    problem = only(checked(tmp_path, arms=[row]))
    assert (problem.column, problem.severity) == ("n_goal_failure", "warning")
    assert problem.code == "failing-without-capability"
    assert "is more than n_capable (9) under all_trials" in problem.reason
    row = arm(n_capable="10", n_at_risk="40", n_goal_failure="10", conditioning="all_trials")
    assert checked(tmp_path, arms=[row]).problems == []


@pytest.mark.parametrize("frame", ["case_series", "case_control", "anecdote"])
def test_a_catalogue_is_never_main(tmp_path, frame):
    problem = only(checked(tmp_path, arms=[arm(sampling_frame=frame)]))
    assert (problem.column, problem.value, problem.severity) == ("sampling_frame", frame, "error")
    assert checked(tmp_path, arms=[arm(sampling_frame=frame, role="probe")]).problems == []


def test_conditioned_main_arms_are_noted(tmp_path):
    problem = only(checked(tmp_path, arms=[arm(sampling_frame="conditioned")]))
    assert (problem.column, problem.severity) == ("sampling_frame", "note")


def test_a_control_without_observed_count_is_noted(tmp_path):
    row = arm(role="control", n_capable="", n_goal_failure="")
    problem = only(checked(tmp_path, arms=[row]))
    assert (problem.column, problem.severity) == ("n_goal_failure", "note")


@pytest.mark.parametrize(("at_risk", "read"), [("30", "given_capability"), ("35", "all_trials")])
def test_blank_conditioning_is_noted_as_it_is_read(tmp_path, at_risk, read):
    problem = only(checked(tmp_path, arms=[arm(conditioning="", n_at_risk=at_risk)]))
    assert (problem.column, problem.severity) == ("conditioning", "note")
    assert problem.reason.endswith(f"read as {read}")


def test_blank_conditioning_without_capable_trials_needs_no_note(tmp_path):
    assert checked(tmp_path, arms=[arm(conditioning="", n_capable="")]).problems == []


def test_capable_trials_at_risk_without_their_number_are_a_warning(tmp_path):
    problem = only(checked(tmp_path, arms=[arm(n_capable="")]))
    assert (problem.column, problem.severity) == ("n_capable", "warning")
    assert "n_at_risk (30)" in problem.reason


def test_an_illegal_count_is_reported_once(tmp_path):
    rows = [arm("A1", n_at_risk="3O"), arm("A2", n_trials="0"), arm("A3", n_goal_failure="x")]
    assert places(checked(tmp_path, arms=rows).problems) == [
        ("arms.csv", 3, "n_trials", "error"),
        ("arms.csv", 2, "n_at_risk", "error"),
        ("arms.csv", 4, "n_goal_failure", "error"),
    ]


def test_a_missing_denominator_column_is_reported_once(tmp_path):
    rows = [arm("A1"), arm("A2", n_goal_failure="11")]
    for row in rows:
        del row["n_at_risk"]
    problem = only(checked(tmp_path, arms=rows))
    assert (problem.line, problem.column) == (1, "n_at_risk")
    assert "given on 2 rows" in problem.reason


def test_curated_counts_are_ordered_too(tmp_path):
    row = {"source": "s", "collection": "c", "n_items": "5", "n_positive": "6"}
    problem = only(checked(tmp_path, curated_counts=[row]))
    assert problem.reason.startswith("n_positive is more than n_items (5)")
