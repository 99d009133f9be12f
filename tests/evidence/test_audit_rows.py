"""Rows of the audit's tables: what they name must be there."""

import pytest

from meta.evidence.screening import FilterError
from meta.evidence.taxonomy_links import read_links, read_units
from tests.evidence.small_base import STUDY, arm, checked, places

DOCUMENT = {"document": "a.txt", "short_name": "page"}
CODER = {"coder": "one", "kind": "human"}
CASE = {"case_id": "C1", "failure_type": "specification_gaming", "domain": "game"}
CODING = {"unit_id": "C1", "coder": "one", "codebook_version": "1", "shift_type": "none"}


def item(name: str = "top", **changes: str) -> dict[str, str]:
    blank = {"parent": "", "links": "", "units": "", "coder_id": "one"}
    row = {"item_id": name, "taxonomy": "cause", "item": "An item", "document": "a.txt"}
    return {**row, **blank, **changes}


def base(tmp_path, *items: dict[str, str], **tables):
    given = {"documents": [DOCUMENT, {**DOCUMENT, "document": "b.txt"}], "coders": [CODER],
             "cases": [CASE], "codings": [CODING]}  # fmt: skip
    given |= {"taxonomy": list(items)} if items else {}
    arms = [arm("A1", environment="boat"), arm("A2", role="control", environment="maze")]
    return checked(tmp_path, **{"arms": arms, **given, **tables})


def serious(evidence) -> list[tuple[tuple[str, int, str, str], str]]:
    found = [p for p in evidence.problems if p.severity != "note"]
    return list(zip(places(found), [p.reason for p in found], strict=True))


GOOD = [
    item(),
    item("part", parent="top", links="codings.shift_type=none|extreme; arms.environment=boat"),
    item("unit", parent="part", units="A1..A2; C1"),
    item("other", document="b.txt", links="cases.domain=game; arms.role=main"),
]


def test_good_items_have_no_problem(tmp_path):
    assert serious(base(tmp_path, *GOOD)) == []


BAD = {
    "no parent": ({"parent": "tops"}, "parent", "error", "no such parent"),
    "parent of another document": ({"parent": "else"}, "parent", "error", "another document"),
    "itself": ({"parent": "bad"}, "parent", "error", "the item itself"),
    "no document": ({"document": "c.txt"}, "document", "error", "no such document"),
    "no form": ({"links": "shift_type=none"}, "links", "error", "no table, column and value"),
    "no value": ({"links": "codings.shift_type="}, "links", "error", "no table, column and value"),
    "no table": ({"links": "coding.shift_type=none"}, "links", "error", "another table"),
    "no column": ({"links": "codings.shift=none"}, "links", "error", "no category"),
    "no code": ({"links": "codings.rationale=x"}, "links", "error", "no category"),
    "no category": ({"links": "arms.n_trials=5"}, "links", "error", "no category"),
    "unknown code": ({"links": "codings.shift_type=extrem"}, "links", "error", "no code of it"),
    "unclear": ({"links": "codings.shift_type=unclear"}, "links", "error", "no code of it"),
    "unused value": ({"links": "cases.domain=games"}, "links", "warning", "no row has"),
    "no unit": ({"units": "A1; A9"}, "units", "error", "no such arm or case as A9"),
    "no end": ({"units": "A1..A9"}, "units", "error", "no such arm or case as A9"),
    "no range": ({"units": "A1..C1"}, "units", "error", "two numbered names"),
    "backwards": ({"units": "A2..A1"}, "units", "error", "in their order"),
    "taxonomy": ({"taxonomy": "causes"}, "taxonomy", "error", "not a legal"),
    "coder": ({"coder_id": "two"}, "coder_id", "warning", "not described"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_item_is_named(tmp_path, name):
    changes, column, severity, reason = BAD[name]
    rows = [item(), item("else", document="b.txt"), item("bad", **changes)]
    ((place, said),) = serious(base(tmp_path, *rows))
    assert place == ("taxonomy.csv", 4, column, severity)
    assert reason in said


def test_what_was_meant_is_suggested(tmp_path):
    rows = [item(links="codings.shift_type=extrem"), item("b", links="coding.shift_type=none")]
    remedies = [p.remedy for p in base(tmp_path, *rows).errors]
    assert any("did you mean extreme?" in remedy for remedy in remedies)
    assert any("did you mean codings?" in remedy for remedy in remedies)


def test_a_circle_of_parents_is_an_error_on_each_of_its_rows(tmp_path):
    rows = [item("a", parent="b"), item("b", parent="a"), item("c", parent="a")]
    lines = [place[1] for place, _ in serious(base(tmp_path, *rows))]
    assert lines == [2, 3]


def test_a_parent_without_a_document_is_told_of_once(tmp_path):
    rows = [item(document=""), item("part", parent="top"), item("", parent="top")]
    found = [(place[1], place[2]) for place, _ in serious(base(tmp_path, *rows))]
    assert sorted(found) == [(2, "document"), (4, "item_id")]


def test_units_of_a_table_that_is_absent_are_a_warning(tmp_path):
    given = {"documents": [DOCUMENT], "coders": [CODER], "taxonomy": [item(units="A1; C1")]}
    ((place, said),) = serious(checked(tmp_path, arms=[arm()], studies=[STUDY], **given))
    assert place == ("taxonomy.csv", 2, "units", "warning")
    assert "without data/raw/cases.csv" in said


PAIR = {
    "pair_id": "GP1", "document": "a.txt", "study_id": "", "environment": "maze", "item_id": "",
    "case_id": "", "intended_code": "x", "learned_code": "y", "coder_id": "one",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({}, "", ""),
        ({"document": "", "study_id": "smith_2024"}, "", ""),
        ({"document": ""}, "document", "neither a document nor a study"),
        ({"case_id": "C9"}, "case_id", "no such case"),
        ({"item_id": "tops"}, "item_id", "no such item"),
        ({"study_id": "nobody_1900"}, "study_id", "no such study"),
    ],
)
def test_a_pair_of_goals_names_what_is_there(tmp_path, changes, column, reason):
    found = serious(base(tmp_path, item(), goal_pairs=[{**PAIR, **changes}]))
    assert [place[2] for place, _ in found] == ([column] if column else [])
    assert all(reason in said for _, said in found)


def test_a_citation_names_a_document_that_is_there(tmp_path):
    row = {"citation_id": "CIT1", "document": "z.txt", "cited_year": "20x", "coder_id": "one"}
    found = serious(base(tmp_path, citations=[row]))
    assert {place[2] for place, _ in found} == {"document", "cited_year"}


def test_every_problem_has_a_kind(tmp_path):
    rows = [item(f"i{n}", **changes) for n, (changes, *_) in enumerate(BAD.values())]
    pair = {**PAIR, "document": ""}
    problems = base(tmp_path, *rows, goal_pairs=[pair]).problems
    assert [p.reason for p in problems if p.code == "other"] == []


def test_links_and_units_are_read_with_spaces_and_a_trailing_semicolon():
    (link,) = read_links(" codings . shift_type = none | extreme ; ")
    assert (link.table, link.column, link.values) == ("codings", "shift_type", ("none", "extreme"))
    assert [unit.choice for unit in read_units("A1 ; A2 .. A4;")] == ["A1", "A2..A4"]
    with pytest.raises(FilterError):
        read_links("codings.shift_type=none|")
