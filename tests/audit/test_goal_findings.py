"""Goals against goals, and kinds of failure against the codes of cases."""

import pandas as pd
import pytest

from meta.audit.documents import document_findings
from meta.audit.goals import category_findings, goal_findings
from meta.finding import Finding


def pair(number: int, document: str, intended: str, learned: str, **more: str) -> dict:
    return {
        "pair_id": f"GP{number}", "document": document or pd.NA, "study_id": "doe_2020",
        "environment": "maze", "intended_code": intended, "learned_code": learned,
        "told_as": "demonstrated", **more,
    }  # fmt: skip


def findings(*rows: dict) -> list[tuple[str, str]]:
    return [(each.finding, each.rows[0]) for each in goal_findings(pd.DataFrame(list(rows)))]


STUDY = pair(9, "", "cheese", "corner")


@pytest.mark.parametrize(
    ("goals", "finding"),
    [
        (("cheese", "corner"), []),
        (("corner", "cheese"), ["swapped_goals"]),
        (("cheese", "north"), ["other_learned_goal"]),
        (("gem", "corner"), ["other_intended_goal"]),
    ],
)
def test_a_document_is_held_against_the_study(goals, finding):
    # Two documents of one mind do not outvote the study.
    rows = [pair(1, "a", *goals), pair(2, "b", *goals), STUDY]
    assert [name for name, _ in findings(*rows)] == finding * 2


def test_without_a_study_most_tellings_decide():
    rows = [pair(1, "a", "x", "y"), pair(2, "b", "y", "x"), pair(3, "c", "x", "y")]
    assert findings(*rows) == [("swapped_goals", "GP2")]


def test_divided_evenly_all_stand_out():
    rows = [pair(1, "a", "x", "y"), pair(2, "b", "y", "x")]
    assert findings(*rows) == [("swapped_goals", "GP1"), ("swapped_goals", "GP2")]


def test_environments_are_not_compared_with_each_other():
    assert findings(pair(1, "a", "corner", "cheese", environment="heist"), STUDY) == []


def test_an_environment_that_nobody_shows():
    nowhere = {"study_id": pd.NA, "case_id": pd.NA}
    assert findings(pair(1, "a", "x", "y", **nowhere)) == [("unknown_environment", "GP1")]
    assert findings(pair(1, "a", "x", "y", **{**nowhere, "told_as": "possible"})) == []
    assert findings(pair(1, "a", "x", "y", **{**nowhere, "case_id": "C1"})) == []


CASES = pd.DataFrame({"case_id": ["C1", "C2"], "failure_type": ["specification_gaming"] * 2})


def kinds(*rows: dict, separates: str = "no") -> list[Finding]:
    documents = pd.DataFrame(
        {"document": ["a"], "short_name": ["page"], "separates_gaming": [separates]}
    )
    return category_findings(pd.DataFrame(list(rows)), CASES, documents)


def test_a_case_of_another_kind_is_named_with_its_share():
    as_goal = {"counted_as": "goal_misgeneralization"}
    rows = [
        pair(1, "a", "x", "y", case_id="C1", **as_goal),
        pair(2, "a", "x", "y", case_id="C2", environment="boat", counted_as="specification_gaming"),
        pair(3, "", "x", "y", case_id="C1", **as_goal),
        pair(4, "a", "x", "y", case_id="C9", **as_goal),
    ]
    (found,) = kinds(*rows)
    assert found.rows == ("GP1",)
    assert "counts maze as goal misgeneralization, 1 of the 1 case" in found.sentence
    assert "coded as specification gaming" in found.sentence
    assert "apart" not in found.sentence
    (found,) = kinds(*rows, separates="yes")
    assert found.sentence.endswith("; the page itself tells the two apart.")


def test_open_sections():
    documents = pd.DataFrame(
        {"document": ["a", "b"], "short_name": ["page", "note"], "open_sections": ["X; Y (2)", ""]}
    )
    (found,) = document_findings(documents)
    assert found.sentence == "The page lists as still to be written: X and Y (2)."
