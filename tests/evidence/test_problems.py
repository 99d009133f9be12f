"""How problems are grouped and printed."""

import json

from small_base import arm, checked

from meta.evidence.problems import EvidenceError, Problem, format_json, format_text, group


def problem(line: int, **changes: str) -> Problem:
    settings = {"value": "12o", "reason": "is not a whole number", "remedy": "write digits"}
    return Problem("data/raw/arms.csv", line, "n_trials", **{**settings, **changes})


def test_identical_problems_are_grouped_with_their_lines():
    grouped = group([problem(31), problem(4), problem(22), problem(5, value="x")])
    assert [(p.line, p.also_on) for p in grouped] == [(4, (22, 31)), (5, ())]


def test_text_has_one_line_a_problem_and_a_summary():
    text = format_text([problem(4), problem(22), problem(31), problem(2, severity="note")])
    assert text.splitlines() == [
        "data/raw/arms.csv:4: n_trials: 12o: is not a whole number: write digits "
        "(also on lines 22, 31)",
        "data/raw/arms.csv:2: n_trials: 12o: note: is not a whole number: write digits",
        "3 errors, 1 note",
    ]


def test_one_other_line_is_a_line():
    assert "(also on line 9)" in format_text([problem(4), problem(9)])


def test_many_lines_are_counted():
    assert (
        format_text([problem(line) for line in range(2, 32)])
        .splitlines()[0]
        .endswith("(also on lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 17 more)")
    )


def test_nothing_wrong():
    assert format_text([]) == "no problems"


def test_ugly_values_are_escaped_and_shortened():
    text = format_text([problem(2, value="a\n\x1b[31mb"), problem(3, value="x" * 500)])
    assert r"a\n\x1b[31mb" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 200


def test_a_blank_value_is_called_blank():
    assert ":2: n_trials: (blank): " in format_text([problem(2, value="")])


def test_json_holds_the_same_problems():
    document = json.loads(format_json([problem(4), problem(9), problem(5, severity="warning")]))
    assert (document["errors"], document["warnings"], document["notes"]) == (2, 1, 0)
    assert document["problems"][0] == {
        "file": "data/raw/arms.csv",
        "line": 4,
        "column": "n_trials",
        "value": "12o",
        "reason": "is not a whole number",
        "remedy": "write digits",
        "severity": "error",
        "also_on": [9],
        "code": "number",
    }


def test_the_exception_says_that_nothing_was_ingested(tmp_path):
    problems = checked(tmp_path, arms=[arm(n_trials="12o")]).problems
    error = EvidenceError(problems)
    assert error.problems == problems
    assert str(error).splitlines()[-2:] == ["1 error", "nothing was ingested"]
