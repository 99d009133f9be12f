"""How problems are grouped and printed."""

import json
from dataclasses import replace
from pathlib import Path

from meta.evidence.problems import (
    EvidenceError,
    Problem,
    exit_code,
    format_github,
    format_json,
    format_text,
    group,
)
from tests.evidence.small_base import arm, checked


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
    text = format_text(
        [
            problem(2, value="a\n\x1b[31mb"),
            problem(3, value="x" * 500),
            replace(problem(4), reason="holds \x1b[31m", file="data/raw/\x1b.csv"),
        ]
    )
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


def test_notes_of_one_kind_take_one_line_unless_asked():
    notes = [problem(line, severity="note", value=str(line)) for line in (2, 3, 4)]
    short = format_text([*notes, problem(9, severity="warning", value="y")]).splitlines()
    assert len(short) == 3
    assert short[0].startswith("data/raw/arms.csv:9: n_trials: y: warning: ")
    assert short[1].startswith("data/raw/arms.csv:2: n_trials: 2: note: ")
    assert short[1].endswith("(3 rows; meta check --notes lists them)")
    assert short[2] == "1 warning, 3 notes"
    assert len(format_text(notes, all_notes=True).splitlines()) == 4


def test_a_problem_of_several_lines_counts_each():
    several = Problem("a.csv", 2, "x", "", "r", "s", "warning", (3, 4))
    assert format_text([several]).endswith("\n3 warnings")
    assert json.loads(format_json([several]))["warnings"] == 3


def test_github_commands_are_escaped():
    odd = Problem("a:b,c%.csv", 3, "x", "5%", "50%\nwrong", "y: z,", "error", code="x")
    command = format_github([odd], Path("base")).splitlines()[0]
    # What the runner unescapes must be what was meant: % first when escaping, last when reading.
    assert command == (
        "::error file=base/a%3Ab%2Cc%25.csv,line=3,title=x::x: 5%25: 50%25%0Awrong: y: z,"
    )


def test_github_knows_three_levels():
    problems = [problem(2), problem(3, severity="warning"), problem(4, severity="note")]
    lines = format_github(problems, Path()).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["::error", "::warning", "::notice"]
    assert "file=data/raw/arms.csv,line=2,title=number::" in lines[0]


def test_only_errors_fail_unless_strict():
    warning, note = problem(2, severity="warning"), problem(2, severity="note")
    assert exit_code([warning, note]) == 0
    assert exit_code([warning], strict=True) == 1
    assert exit_code([note], strict=True) == 0
    assert exit_code([problem(2)]) == 1


def test_a_given_code_stands():
    assert Problem("a.csv", 2, "x", "", "is not a date", "r").code == "date-form"
    assert Problem("a.csv", 2, "x", "", "is not a date", "r", code="mine").code == "mine"


def test_every_problem_of_a_broken_base_has_a_kind(tmp_path):
    rows = [
        arm("A1", n_capable="50"),
        arm("A1", study_id="none", grade="E"),
        arm("A3", n_trials="", n_harm="-1", note="=x"),
        arm("A4", sampling_frame="anecdote", grade="D", n_at_risk=""),
        arm("A5", n_capable="", n_at_risk="", n_goal_failure=""),
        arm("A6", conditioning="", n_trials="x"),
    ]
    studies = b"study_id,title,year,titel,authors,authors\nsmith_2024,A,2024.5,,,\nb,c\n"
    codings = b'unit_id,coder,harm\n"A1,a,minor\n'
    bases = [
        {"arms": rows},
        {"studies": studies, "codings": codings},
        {"studies": b"\xff", "cases": b"a;b\n", "coders": b"x\0", "claims": b""},
        {"studies": b"study_id;title;year\n", "code": b"x\n"},
    ]
    for number, tables in enumerate(bases):
        problems = checked(tmp_path / str(number), **tables).problems
        assert problems
        assert [problem.reason for problem in problems if problem.code == "other"] == []
