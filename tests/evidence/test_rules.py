"""Rules beyond types, keys and counts: each finds its fault and leaves its neighbour alone."""

import pytest

from meta.evidence.checking import Evidence
from meta.evidence.problems import Problem
from tests.evidence.small_base import STUDY, arm, checked

OTHER = {"study_id": "jones_2025", "title": "Another study", "year": "2025"}
CASE = {
    "case_id": "C1",
    "title": "Boat race",
    "environment": "boats",
    "failure_type": "specification_gaming",
    "study_id": "smith_2024",
}
CODING = {"unit_id": "C1", "coder": "a", "codebook_version": "1", "harm": "minor"}
CODERS = [{"coder": name, "kind": "human"} for name in ("a", "b", "adjudicated")]
LABELLED = {"arm_label": "x", "environment": "maze"}


def kinds(evidence: Evidence) -> list[tuple[str, str, int]]:
    """Kind, severity and line of each problem, without the notes on what is not coded twice."""
    quiet = {"coded-once", "uncoded", "coder-unused"}
    return [(p.code, p.severity, p.line) for p in evidence.problems if p.code not in quiet]


def one(evidence: Evidence, code: str) -> Problem:
    (problem,) = [problem for problem in evidence.problems if problem.code == code]
    return problem


def coded(tmp_path, *codings, **tables) -> Evidence:
    base = {"cases": [CASE], "coders": CODERS, "codings": list(codings), **tables}
    return checked(tmp_path, **base)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"added_on": "2999-01-01"}, [("future-date", "warning", 2)]),
        ({"added_on": "2023-12-31"}, [("date-before-study", "warning", 2)]),
        ({"added_on": "2024-01-01"}, []),
    ],
)
def test_dates(tmp_path, changes, expected):
    assert kinds(checked(tmp_path, arms=[arm(**changes)])) == expected


def test_a_year_in_the_future(tmp_path):
    evidence = checked(tmp_path, studies=[{**STUDY, "year": "2099"}])
    assert kinds(evidence) == [("future-date", "warning", 2)]


def test_a_coding_older_than_its_study(tmp_path):
    early, late = ({**CODING, "coded_on": f"{year}-06-01"} for year in (2023, 2024))
    assert kinds(coded(tmp_path, early)) == [("date-before-study", "warning", 2)]
    assert kinds(coded(tmp_path, late)) == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (LABELLED, {}, [("duplicate-arm", "error", 3)]),
        ({**LABELLED, "arm_label": ""}, {}, [("duplicate-arm", "warning", 3)]),
        ({**LABELLED, "role": "control"}, {}, [("duplicate-arm", "warning", 3)]),
        (LABELLED, {"n_agents": "3"}, [("duplicate-arm", "warning", 3)]),
        (LABELLED, {"arm_label": "y"}, [("duplicate-arm", "warning", 3)]),
        (
            {**LABELLED, "failure_type": "designer_error"},
            {"arm_label": "y"},
            [("duplicate-arm", "note", 3)],
        ),
        ({**LABELLED, "role": "control"}, {"arm_label": "y"}, []),
        (LABELLED, {"n_goal_failure": "11"}, []),
        (LABELLED, {"environment": "boats"}, []),
        (LABELLED, {"role": "alternative_definition"}, []),
        ({}, {}, []),
    ],
)
def test_the_same_arm_under_two_names(tmp_path, first, second, expected):
    columns = {"n_agents": "1", "environment": "", "arm_label": "", **first}
    evidence = checked(tmp_path, arms=[arm("A1", **columns), arm("A2", **{**columns, **second})])
    assert kinds(evidence) == expected


def test_a_duplicate_names_the_first(tmp_path):
    rows = [arm("A1", **LABELLED), arm("A2", n_trials="41", **LABELLED), arm("A3", **LABELLED)]
    problem = one(checked(tmp_path, arms=rows), "duplicate-arm")
    assert (problem.value, problem.reason[-15:]) == ("A3", "in A1 on line 2")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"title": "boat RACE"}, [("duplicate-case", "warning", 3)]),
        ({"environment": "other boats"}, []),
        ({"title": "Boat race 2"}, []),
        ({"title": ""}, []),
    ],
)
def test_the_same_case_under_two_names(tmp_path, change, expected):
    cases = [
        {**CASE, "title": change.get("title") and "Boat race"},
        {**CASE, "case_id": "C2", **change},
    ]
    assert kinds(checked(tmp_path, cases=cases)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"title": "a study.", "year": "2024"}, [("duplicate-study", "warning", 3)]),
        ({"title": "A study", "year": "2025"}, []),
        ({"url_or_id": "https://arxiv.org/abs/2105.14111v3"}, [("duplicate-study", "warning", 3)]),
        ({"url_or_id": "retold in arXiv:2105.14111"}, []),
    ],
)
def test_the_same_study_under_two_names(tmp_path, change, expected):
    studies = [{**STUDY, "url_or_id": "arXiv:2105.14111"}, {**OTHER, "url_or_id": "", **change}]
    evidence = checked(tmp_path, studies=studies, arms=[arm(), arm("A2", study_id="jones_2025")])
    assert kinds(evidence) == expected


@pytest.mark.parametrize(
    ("figure", "agrees"),
    [
        ("10/30", True),
        ("30 of 40", True),
        ("20 out of 30", True),
        ("33.3%", True),
        ("35%", True),
        ("1/30 in the first table", True),
        ("about 90%", True),
        ("scatter plot", True),
        ("11/30", False),
        ("10/31", False),
        ("90%", False),
        ("41.5 %", False),
    ],
)
def test_printed_figures(tmp_path, figure, agrees):
    expected = [] if agrees else [("printed-figure", "warning", 2)]
    assert kinds(checked(tmp_path, arms=[arm(printed_figure=figure)])) == expected


def test_thousands_in_a_printed_figure(tmp_path):
    counts = {"n_trials": "1200", "n_capable": "1200", "n_at_risk": "1200"}
    assert kinds(checked(tmp_path, arms=[arm(printed_figure="10 of 1,200", **counts)])) == []


def test_sets_of_several_studies(tmp_path):
    rows = [arm("A1"), arm("A2", study_id="jones_2025", n_trials="50")]
    rows = [{**row, "overlap_set": "o", "agent_set": "s"} for row in rows]
    assert kinds(checked(tmp_path, studies=[STUDY, OTHER], arms=rows)) == [
        ("overlap-set-studies", "warning", 2),
        ("overlap-set-studies", "warning", 3),
        ("agent-set-studies", "note", 2),
        ("agent-set-studies", "note", 3),
    ]


def test_sets_of_one_study_are_fine(tmp_path):
    rows = [arm("A1"), arm("A2", n_trials="50")]
    rows = [{**row, "overlap_set": "o", "agent_set": "s", "n_agents": "2"} for row in rows]
    assert kinds(checked(tmp_path, arms=rows)) == []


def test_odd_sets_are_noted(tmp_path):
    rows = [
        arm("A1", overlap_set="o", agent_set="s", n_agents="2"),
        arm("A2", overlap_set="p", agent_set="s", n_agents="3", n_trials="50"),
    ]
    evidence = checked(tmp_path, arms=rows)
    assert kinds(evidence) == [("agent-set-sizes", "note", 2), ("overlap-set-single", "note", 2)]
    assert [problem.also_on for problem in evidence.problems] == [(3,), (3,)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"codebook_version": "7"}, [("codebook-version", "error", 2)]),
        ({"codebook_version": ""}, []),
        ({"harm": ""}, [("code-blank", "warning", 2)]),
        ({"harm": "unclear"}, []),
        ({"confidence": ""}, [("code-blank", "warning", 2)]),
        ({"rationale": "x" * 201}, [("long-text", "warning", 2)]),
        ({"rationale": "x" * 200}, []),
        ({"rationale": ""}, []),
        ({"coder": "c"}, [("coder-undescribed", "warning", 2)]),
        ({"coder": "adjudicated"}, [("adjudicated-alone", "warning", 2)]),
    ],
)
def test_one_coding(tmp_path, change, expected):
    assert kinds(coded(tmp_path, {**CODING, **change})) == expected


def test_unclear_is_the_word_for_a_blank(tmp_path):
    problem = one(coded(tmp_path, {**CODING, "harm": ""}), "code-blank")
    assert problem.remedy.startswith("write unclear if the source does not say")


def test_a_field_that_does_not_apply(tmp_path):
    on_arm = {**CODING, "unit_id": "A1", "harm": "", "mechanism": "other"}
    on_case = {**CODING, "coder": "b", "mechanism": "other"}
    problem = one(coded(tmp_path, on_arm, on_case), "field-not-applicable")
    assert (problem.line, problem.also_on, problem.column) == (2, (), "mechanism")
    assert "for cases only" in problem.reason


def test_arms_are_not_coded_for_what_applies_to_cases(tmp_path):
    on_arm = {**CODING, "unit_id": "A1", "harm": "", "shift_type": "none"}
    assert kinds(coded(tmp_path, on_arm)) == []


def test_a_coder_in_two_spellings_codes_a_unit_twice(tmp_path):
    evidence = coded(
        tmp_path,
        CODING,
        {**CODING, "coder": "A"},
        coders=[*CODERS, {"coder": "A", "kind": "human"}],
    )
    assert ("coded-twice", "error", 3) in kinds(evidence)


def test_a_coder_in_two_spellings_on_other_units(tmp_path):
    cases = [CASE, {**CASE, "case_id": "C2", "title": "Other"}]
    codings = [{**CODING, "coder": "coder a"}, {**CODING, "coder": "coder_a", "unit_id": "C2"}]
    coders = [{"coder": name, "kind": "human"} for name in ("coder a", "coder_a")]
    evidence = coded(tmp_path, *codings, cases=cases, coders=coders)
    assert kinds(evidence) == [("coder-spelling", "warning", 3)]


def test_two_coders_who_differ_are_two(tmp_path):
    assert kinds(coded(tmp_path, CODING, {**CODING, "coder": "b"})) == []


def test_adjudication_of_what_was_agreed(tmp_path):
    both = [CODING, {**CODING, "coder": "b"}]
    settled = {**CODING, "coder": "adjudicated"}
    assert kinds(coded(tmp_path, *both, settled)) == [("adjudicated-agreed", "note", 4)]
    both[1]["harm"] = "severe"
    assert kinds(coded(tmp_path, *both, settled)) == []


def test_many_unknown_coders_are_told_together(tmp_path):
    codings = [{**CODING, "coder": f"coder {number}"} for number in range(30)]
    evidence = coded(tmp_path, *codings)
    assert kinds(evidence) == [("coder-undescribed", "warning", 2)]
    assert "one of 30 coders" in one(evidence, "coder-undescribed").reason


def test_a_base_without_coders_is_noted_once(tmp_path):
    evidence = checked(tmp_path, cases=[CASE], codings=[CODING, {**CODING, "coder": "b"}])
    assert kinds(evidence) == [("coder-undescribed", "note", 2)]


def test_orphans_are_noted_by_table(tmp_path):
    cases = [
        CASE,
        {**CASE, "case_id": "C2", "title": "Other"},
        {**CASE, "case_id": "C3", "title": "Third"},
    ]
    evidence = coded(tmp_path, CODING, studies=[STUDY, OTHER], cases=cases)
    found = {p.code: (p.file, p.line, p.also_on) for p in evidence.problems}
    assert found == {
        "study-unused": ("data/raw/studies.csv", 3, ()),
        "uncoded": ("data/raw/cases.csv", 3, (4,)),
        "coded-once": ("data/raw/codings.csv", 2, ()),
        "coder-unused": ("data/raw/coders.csv", 3, (4,)),
    }
    assert {problem.severity for problem in evidence.problems} == {"note"}


def test_notes_wait_until_there_are_no_errors(tmp_path):
    evidence = checked(tmp_path, studies=[STUDY, OTHER], arms=[arm(n_trials="x")])
    assert [problem.severity for problem in evidence.problems] == ["error"]
