"""Corrections: located, applied before typing, refused once stale."""

import shutil

import duckdb
import pytest

from meta.evidence.checking import check
from meta.evidence.index import raw_hash
from meta.evidence.warehouse import build_warehouse
from tests.evidence.small_base import arm, checked, write

ONE = """\
- table: arms
  where: {arm_id: A1}
  column: n_goal_failure
  expect: 10
  value: 12
  reason: the table in the source says 12
  date: 2026-11-21
  by: reader_a
"""


def corrected(tmp_path, text, **tables):
    base = write(tmp_path, **tables)
    (base / "data/raw/corrections.yaml").write_text(text)
    return check(base)


def test_a_correction_replaces_the_cell_and_is_kept(tmp_path):
    evidence = corrected(tmp_path, ONE)
    assert evidence.problems == []
    assert evidence.tables["arms"]["n_goal_failure"].tolist() == [12]
    assert (tmp_path / "data/raw/arms.csv").read_text().count(",10,") == 1
    build_warehouse(evidence, tmp_path / "e.duckdb")
    with duckdb.connect(str(tmp_path / "e.duckdb"), read_only=True) as connection:
        rows = connection.sql(
            'SELECT "table", row_key, file_line, "column", from_value, to_value, "by" '
            "FROM corrections"
        ).fetchall()
    assert rows == [("arms", "A1", 2, "n_goal_failure", "10", "12", "reader_a")]


def test_a_corrected_value_is_checked_like_any_other(tmp_path):
    (error,) = corrected(tmp_path, ONE.replace("value: 12", "value: 31")).errors
    assert (error.file, error.line, error.column) == ("data/raw/arms.csv", 2, "n_goal_failure")
    assert "comes from data/raw/corrections.yaml line 1" in error.reason
    (error,) = corrected(tmp_path, ONE.replace("value: 12", "value: 1e1")).errors
    assert error.value == "1e1"


def test_the_cause_in_another_column_is_named(tmp_path):
    text = ONE.replace("n_goal_failure", "n_at_risk").replace("expect: 10", "expect: 30")
    (error,) = corrected(tmp_path, text.replace("value: 12", "value: 9")).errors
    assert error.column == "n_goal_failure"
    assert "n_at_risk of this row comes from data/raw/corrections.yaml line 1" in error.reason


def test_blank_to_value_and_value_to_blank(tmp_path):
    text = ONE.replace("n_goal_failure", "n_harm").replace("expect: 10", 'expect: ""')
    evidence = corrected(tmp_path, text.replace("value: 12", "value: 3"))
    assert evidence.errors == []
    assert evidence.tables["arms"]["n_harm"].tolist() == [3]
    evidence = corrected(tmp_path, ONE.replace("value: 12", "value:"))
    assert evidence.tables["arms"]["n_goal_failure"].isna().all()


def test_many_rows_need_their_number(tmp_path):
    rows = [arm("A1"), arm("A2")]
    text = ONE.replace("{arm_id: A1}", "{study_id: smith_2024}")
    (error,) = corrected(tmp_path, text, arms=rows).errors
    assert "locates 2 rows of data/raw/arms.csv (lines 2, 3), not 1" in error.reason
    evidence = corrected(tmp_path, text + "  rows: 2\n", arms=rows)
    assert evidence.tables["arms"]["n_goal_failure"].tolist() == [12, 12]
    assert len(evidence.corrections) == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("expect: 10", "expect: 11", 4, "is stale: data/raw/arms.csv line 2 holds 10"),
        ("expect: 10\n  value: 12", "expect: 11\n  value: 10", 4, "the corrected value already"),
        ("A1", "A9", 2, "locates 0 rows"),
        ("table: arms", "table: arm", 1, "did you mean arms?"),
        ("table: arms", "table: claims", 3, "is not a column of claims"),
        ("column: n_goal_failure", "column: n_goal_failures", 3, "did you mean n_goal_failure?"),
        ("column: n_goal_failure", "column: arm_id", 3, "may not be corrected"),
        ("  reason: the table in the source says 12\n", "", 1, "add a line `reason: ...`"),
        ("the table in the source says 12", '""', 6, "is blank"),
        ("2026-11-21", "21.11.2026", 7, "is not a date"),
        ("2026-11-21", "2999-01-01", 7, "is after today"),
        ("value: 12", "value: null", 5, 'write "" for a blank'),
        ("value: 12", "value: ~", 5, 'write "" for a blank'),
        ("expect: 10", "expect: NULL", 4, 'write "" for a blank'),
        ("{arm_id: A1}", "{arm_id: Null}", 2, 'write "" for a blank'),
        ("value: 12", "value: 10", 5, "is the same as expect"),
        ("value: 12", "value: [12]", 5, "is a list or a block"),
        ("value: 12", "valeu: 12", 5, "did you mean value?"),
        ("value: 12", "value: 12\n  value: 13", 6, "the key is given twice, first on line 5"),
        ("where: {arm_id: A1}", "where: {}", 2, "locates nothing"),
        ("by: reader_a", "rows: two", 8, "is not a number of rows"),
        ("{arm_id: A1}", "{arm_id: A1", 3, "is not YAML"),
    ],
)
def test_a_wrong_correction_is_an_error_with_its_line(tmp_path, old, new, line, said):
    assert old in ONE
    evidence = corrected(tmp_path, ONE.replace(old, new))
    found = [(p.line, f"{p.reason}: {p.remedy}") for p in evidence.errors]
    assert all(p.file == "data/raw/corrections.yaml" for p in evidence.errors)
    assert [text for at, text in found if at == line and said in text], found


def test_a_cell_is_corrected_once(tmp_path):
    (error,) = corrected(tmp_path, ONE + ONE.replace("value: 12", "value: 13")).errors
    assert error.line == 9
    assert "is already corrected on line 1" in error.reason


def test_all_problems_are_listed_together(tmp_path):
    text = ONE.replace("date: 2026-11-21", "date: soon") + ONE.replace("A1", "A7")
    assert [error.line for error in corrected(tmp_path, text).errors] == [7, 10]


def test_no_tag_runs_anything(tmp_path):
    flag = tmp_path / "flag"
    text = ONE.replace("value: 12", f"value: !!python/object/apply:os.system ['touch {flag}']")
    assert corrected(tmp_path, text).errors
    assert not flag.exists()


def test_an_unreadable_table_does_not_accuse_its_corrections(tmp_path):
    evidence = corrected(tmp_path, ONE, arms=b"\xff")
    assert [error.file for error in evidence.errors] == ["data/raw/arms.csv"]


def test_corrections_belong_to_the_fingerprint_of_the_evidence(tmp_path):
    checked(tmp_path)
    without = raw_hash(tmp_path)
    path = tmp_path / "data/raw/corrections.yaml"
    path.write_text(ONE)
    with_one = raw_hash(tmp_path)
    path.write_text(ONE.replace("12", "11"))
    assert len({without, with_one, raw_hash(tmp_path)}) == 3
    path.unlink()
    assert raw_hash(tmp_path) == without
    shutil.rmtree(tmp_path / "data")


def test_a_warning_that_a_correction_brings_says_so(tmp_path):
    """The figure is printed in one column, and the count beside it was corrected."""
    rows = [arm("A1", environment="x"), arm("A2", environment="x", n_goal_failure="9")]
    text = ONE.replace("{arm_id: A1}", "{arm_id: A2}").replace("expect: 10", "expect: 9")
    warnings = corrected(tmp_path, text.replace("value: 12", "value: 10"), arms=rows).problems
    (warning,) = [problem for problem in warnings if problem.severity == "warning"]
    assert "counts are the same" in warning.reason
    assert warning.column != "n_goal_failure"
    assert "n_goal_failure of this row comes from data/raw/corrections.yaml" in warning.reason


def test_a_quoted_word_is_a_word(tmp_path):
    text = ONE.replace("n_goal_failure", "note").replace("expect: 10", 'expect: ""')
    evidence = corrected(tmp_path, text.replace("value: 12", 'value: "null"'))
    assert evidence.errors == []
    assert evidence.tables["arms"]["note"].tolist() == ["null"]
