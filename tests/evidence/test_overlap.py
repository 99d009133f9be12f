"""Totals that stand beside their parts."""

import pytest

from tests.evidence.small_base import arm, checked, only


def part(arm_id: str, trials: int, failures: int | str, **changes: str) -> dict[str, str]:
    counts = {"n_trials": str(trials), "n_at_risk": str(trials), "n_goal_failure": str(failures)}
    open_counts = {"n_capable": "", "conditioning": "all_trials", "overlap_set": "set"}
    return arm(arm_id, **{**counts, **open_counts, **changes})


def test_a_total_of_all_the_others_is_an_error(tmp_path):
    rows = [part("A1", 10, 2), part("A2", 30, 8), part("A3", 20, 6)]
    problem = only(checked(tmp_path, arms=rows))
    assert (problem.line, problem.column, problem.value) == (3, "n_trials", "30")
    assert "sums of the main rows on lines 2, 4 of the same overlap_set" in problem.reason
    assert problem.remedy == "give this row the role total, or its parts the role subset"


@pytest.mark.parametrize(
    "change",
    [{"role": "total"}, {"overlap_set": "other"}, {"n_goal_failure": "9"}],
)
def test_no_total_is_accused_without_cause(tmp_path, change):
    rows = [part("A1", 10, 2), {**part("A2", 30, 8), **change}, part("A3", 20, 6)]
    problems = checked(tmp_path, arms=rows).problems
    assert [problem for problem in problems if problem.severity != "note"] == []


def test_two_equal_rows_are_not_a_total(tmp_path):
    assert checked(tmp_path, arms=[part("A1", 10, 2), part("A2", 10, 2)]).problems == []


def test_a_total_of_some_of_the_others(tmp_path):
    rows = [part("A1", 10, 2), part("A2", 7, 1), part("A3", 20, 6), part("A4", 30, 8)]
    problem = only(checked(tmp_path, arms=rows))
    assert (problem.line, "lines 2, 4" in problem.reason) == (5, True)


def test_some_conditioned_rows_may_meet_a_sum_by_chance(tmp_path):
    rows = [part("A1", 10, 2), part("A2", 7, 1), part("A3", 20, 6), part("A4", 30, 8)]
    rows = [{**row, "sampling_frame": "conditioned"} for row in rows]
    assert checked(tmp_path, arms=rows).errors == []


def test_a_total_of_conditioned_rows(tmp_path):
    rows = [part("A1", 10, 2), part("A2", 20, 6), part("A3", 30, 8)]
    rows = [{**row, "sampling_frame": "conditioned"} for row in rows]
    assert [error.line for error in checked(tmp_path, arms=rows).errors] == [4]


def test_a_total_of_neighbours_in_a_large_set(tmp_path):
    rows = [part(f"A{i}", 101 + 7 * i, 1) for i in range(15)]
    rows.append(part("total", 108 + 115 + 122, 3))
    problem = only(checked(tmp_path, arms=rows))
    assert (problem.line, "lines 3, 4, 5 " in problem.reason) == (17, True)


def test_capable_trials_are_summed_where_failures_were_not_observed(tmp_path):
    blank = {"n_at_risk": "", "conditioning": ""}
    rows = [
        part(f"A{i}", trials, "", n_capable=str(capable), **blank)
        for i, (trials, capable) in enumerate([(10, 5), (20, 8), (30, 13)])
    ]
    assert only(checked(tmp_path, arms=rows)).line == 4
