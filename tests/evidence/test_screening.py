"""The record of the search adds up, within itself and with the rows."""

from pathlib import Path

import pandas as pd
import pytest

from meta.config import DENOMINATOR_FILTER
from meta.errors import FlowError
from meta.evidence import checking, flow
from meta.evidence.flow import evidence_flow
from meta.evidence.screening import counted_rows
from tests.evidence.small_base import arm, check, checked, places, write

ROOT = Path(__file__).parents[2]


def row(source="list", records="2", decision="included", table="arms", rule="", reason="x"):
    return {"source": source, "records": records, "decision": decision, "reason": reason,
            "counts_table": table, "counts_filter": rule}  # fmt: skip


def base(tmp_path, *rows, arms=("A1", "A2")):
    # Small cousins of the same arm would be reported as duplicates of each other.
    made = [arm(name, n_goal_failure=str(i), environment=name) for i, name in enumerate(arms)]
    return checked(tmp_path, arms=made, screening=list(rows))


def test_identified_is_what_became_of_it(tmp_path):
    rows = [row(records="5", decision="identified", table=""), row(),
            row(records="2", decision="excluded", table="")]  # fmt: skip
    (error,) = base(tmp_path, *rows).errors
    assert "5 identified, but 2 included and 2 excluded make 4" in error.reason
    assert error.value == "list"
    rows.append(row(records="1", decision="sought", table=""))
    assert base(tmp_path, *rows).errors == []


def test_included_is_the_rows_of_its_table(tmp_path):
    (error,) = base(tmp_path, row(records="3")).errors
    assert error.line == 2
    assert "the source list says 3 included, but data/raw/arms.csv has 2 rows" in error.reason
    (error,) = base(tmp_path, row(table="cases")).errors
    assert "there is no data/raw/cases.csv" in error.reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"table": "armz"}, "did you mean arms?"),
        ({"rule": "arm-id=A1"}, "did you mean arm_id?"),
        ({"rule": "arm_id"}, "did you mean arm_id?"),
        ({"rule": "arm_id=A1..B2"}, "does not run between two numbered names"),
    ],
)
def test_a_filter_that_names_no_rows_is_an_error(tmp_path, change, said):
    if change.get("rule") == "arm_id":
        said = "has 0 rows"
        change = {"rule": "arm_id="}
    (error,) = base(tmp_path, row(**change)).errors
    assert said in f"{error.reason}: {error.remedy}"


def test_a_row_is_counted_once(tmp_path):
    (error,) = base(tmp_path, row(), row("other", "1", rule="arm_id=A1")).errors
    assert "the source other counts 1 row of data/raw/arms.csv again" in (error.reason)


def test_a_row_added_since_is_noted_and_drawn(tmp_path):
    evidence = base(tmp_path, row(rule="arm_id=A1..A2"), arms=("A1", "A2", "A3"))
    assert evidence.errors == []
    assert ("arms.csv", 4, "", "note") in places(evidence.problems)
    boxes = {box["id"]: box for box in evidence_flow(evidence.tables, DENOMINATOR_FILTER)}
    assert boxes["identified"]["n"] == 3
    assert boxes["identified"]["parts"][-1] == {"label": "added to experiment arms since", "n": 1}


def test_rows_that_cannot_be_read_are_not_counted_against_the_search(tmp_path):
    write(tmp_path, screening=[row(records="2")], arms="arm_id,study_id\nA1\nA2,s\n")
    assert not [p for p in check(tmp_path).errors if p.file.endswith("screening.csv")]


def test_filters():
    table = pd.DataFrame({"id": ["A1", "A02", "A3", "B2", None], "k": ["x", None, "x", "x", None]})
    for text, rows in [
        ("", [0, 1, 2, 3, 4]),
        ("id=A1..A2", [0, 1]),
        ("id=A1..A3; k=x", [0, 2]),
        ("k=", [1, 4]),
        ("id=A1 | B1..B9", [0, 3]),
    ]:
        kept = counted_rows(table, text)
        assert list(kept.index[kept]) == rows, text


def test_a_search_that_does_not_add_up_has_no_flow(tmp_path):
    tables = base(tmp_path, row(records="3")).tables
    with pytest.raises(FlowError, match="says 3 included"):
        evidence_flow(tables, DENOMINATOR_FILTER)


def test_duplicates_are_removed_before_what_is_left_is_screened(tmp_path):
    rows = [row(records="9", decision="identified", table=""), row(),
            row(records="4", decision="duplicate", table="", reason="in another list"),
            row(records="3", decision="excluded", table="")]  # fmt: skip
    evidence = base(tmp_path, *rows)
    assert evidence.errors == []
    boxes = {box["id"]: box for box in evidence_flow(evidence.tables, DENOMINATOR_FILTER)}
    assert [
        (boxes[name]["n"], boxes[name]["of"])
        for name in (
            "identified",
            "duplicates",
            "screened",
            "excluded",
            "arms",
        )
    ] == [(9, None), (4, "identified"), (5, "identified"), (3, "screened"), (2, "screened")]
    assert boxes["duplicates"]["parts"] == [{"label": "list: in another list", "n": 4}]
    assert (boxes["duplicates"]["phase"], boxes["screened"]["phase"]) == (
        "identification", "screening",
    )  # fmt: skip
    rows[2]["records"] = "5"
    (error,) = base(tmp_path, *rows).errors
    assert "2 included and 3 excluded and 5 duplicate make 10" in error.reason


@pytest.mark.parametrize(("old", "new"), [("466,", "465,"), ("168,", "167,"), (",24,", ",23,")])
def test_a_changed_number_of_the_shipped_search_is_found(tmp_path, old, new):
    folder = tmp_path / "data/raw"
    folder.mkdir(parents=True)
    for path in (ROOT / "data/raw").glob("*.csv"):
        (folder / path.name).symlink_to(path)
    (folder / "screening.csv").unlink()
    text = (ROOT / "data/raw/screening.csv").read_text()
    assert text.count(old) == 1
    (folder / "screening.csv").write_text(text.replace(old, new))
    assert [error.file for error in check(tmp_path).errors] == ["data/raw/screening.csv"]


def test_arms_that_the_search_says_it_excluded_are_an_error_of_the_check(tmp_path):
    (error,) = base(tmp_path, row("other", "0", rule="arm_id=B1"), row(decision="excluded")).errors
    assert (error.file, error.line) == ("data/raw/screening.csv", 3)
    assert (error.column, error.value) == ("decision", "excluded")
    assert "sum to" in error.reason


def test_the_search_is_compared_with_the_rows_once(tmp_path, monkeypatch):
    calls = []
    for module in (checking, flow):
        monkeypatch.setattr(module, "screening_problems", lambda *_: calls.append(1) or [])
    base(tmp_path, row())
    assert calls == [1]


@pytest.mark.parametrize("digits", [16, 5000])
def test_a_range_of_endless_digits_is_no_range(tmp_path, digits):
    (error,) = base(tmp_path, row(rule=f"arm_id=A1..A{'9' * digits}")).errors
    assert "does not run between two numbered names" in error.reason


def test_a_new_row_within_a_range_is_named_with_a_name_outside(tmp_path):
    arms = ("A1", "A9", "A12", "A5", "A6")
    (error,) = base(tmp_path, row(records="3", rule="arm_id=A1..A09; role=main"), arms=arms).errors
    assert error.reason.endswith("has 4 rows; beyond the number stand A6 (line 6)")
    assert "give them another arm_id outside the range, such as A13;" in error.remedy
    assert "correct the number" in error.remedy
