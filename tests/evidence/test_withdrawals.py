"""Withdrawn rows: out of the evidence, named, and nothing that refers to them left behind."""

import duckdb
import pytest

from meta.evidence.checking import check
from meta.evidence.flow import evidence_flow
from meta.evidence.warehouse import build_warehouse
from tests.evidence.small_base import STUDY, arm, write
from tests.evidence.test_audit_rows import CODER, DOCUMENT, item

KEEP = {"role": ["main"]}
ARM = """\
- table: arms
  withdraw: true
  expect: {arm_id: A1, n_goal_failure: 10}
  reason: the source was retracted
  date: 2026-11-21
  by: reader_a
"""
SMITH = ARM.replace("table: arms", "table: studies").replace(
    "{arm_id: A1, n_goal_failure: 10}", "{study_id: smith_2024, year: 2024}"
)
OTHER = {**STUDY, "study_id": "roe_2025", "title": "Another study"}
ARMS = [arm("A1"), arm("A2", study_id="roe_2025", n_goal_failure="11", note="second")]
CASE = {"case_id": "SG-1", "failure_type": "specification_gaming", "study_id": "roe_2025",
        "evidence_kind": "observed_behaviour"}  # fmt: skip
CODING = {"unit_id": "SG-1", "coder": "c", "codebook_version": "1", "harm": "none"}
CASE_GONE = ARM.replace("arms", "cases").replace("A1, n_goal_failure: 10", "SG-1").replace(
    "arm_id", "case_id"
)  # fmt: skip
CODING_GONE = ARM.replace("arms", "codings").replace(
    "{arm_id: A1, n_goal_failure: 10}", "{unit_id: SG-1, coder: c}"
)


def base(tmp_path, text, **tables):
    folder = write(tmp_path, **{"studies": [STUDY, OTHER], "arms": ARMS, **tables})
    (folder / "data/raw/corrections.yaml").write_text(text)
    return check(folder)


def boxes(evidence):
    flow = evidence_flow(evidence.tables, KEEP, evidence.withdrawn)
    return {box["id"]: box for box in flow}


def test_a_withdrawn_arm_is_out_of_the_evidence_and_on_record(tmp_path):
    evidence = base(tmp_path, ARM + SMITH)
    assert evidence.errors == []
    assert evidence.tables["arms"]["arm_id"].tolist() == ["A2"]
    assert evidence.tables["studies"]["study_id"].tolist() == ["roe_2025"]
    assert (tmp_path / "data/raw/arms.csv").read_text().count("\nA1,") == 1
    build_warehouse(evidence, tmp_path / "e.duckdb")
    with duckdb.connect(str(tmp_path / "e.duckdb"), read_only=True) as connection:
        assert connection.sql("SELECT arm_id FROM arms").fetchall() == [("A2",)]
        rows = connection.sql(
            'SELECT "table", row_key, file_line, "column", from_value, "by" FROM corrections'
        ).fetchall()
    assert rows[0] == ("arms", "A1", 2, "", "arm_id = A1; n_goal_failure = 10", "reader_a")
    assert [row[1] for row in rows] == ["A1", "smith_2024"]


def test_rows_that_refer_to_a_withdrawn_row_are_named_once(tmp_path):
    (error,) = base(tmp_path, SMITH).errors
    assert (error.file, error.line, error.value) == ("data/raw/corrections.yaml", 1, "smith_2024")
    assert "rows refer to the withdrawn row: A1 of arms (line 2)" in error.reason
    assert "withdraw them too" in error.remedy
    tables = {"cases": [CASE], "codings": [CODING]}
    (error,) = base(tmp_path, CASE_GONE, **tables).errors
    assert "SG-1 / c of codings (line 2)" in error.reason
    assert base(tmp_path, CASE_GONE + CODING_GONE, **tables).errors == []


def test_another_unknown_name_is_still_an_error(tmp_path):
    arms = [*ARMS, arm("A3", study_id="nobody_2020", note="third")]
    errors = base(tmp_path, ARM + SMITH, arms=arms).errors
    assert [(error.line, error.value) for error in errors] == [(4, "nobody_2020")]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("n_goal_failure: 10", "n_goal_failure: 12", 3, "n_goal_failure of data/raw/arms.csv line"),
        ("A1", "A9", 3, "locates 0 rows"),
        ("arm_id: A1, ", "", 3, "it lacks arm_id"),
        ("{arm_id: A1, n_goal_failure: 10}", "10", 3, "names no cells of the row"),
        ("n_goal_failure:", "n_goal_failures:", 3, "did you mean n_goal_failure?"),
        ("withdraw: true", "withdraw: false", 2, "is not true"),
        ("withdraw: true", "withdraw: true\n  value: 3", 3, "has no place in an entry"),
        ("  by: reader_a\n", "", 1, "add a line `by: ...`"),
        ("by: reader_a", 'by: ""', 6, "is blank"),
        ("the source was retracted", '""', 4, "is blank"),
        ("2026-11-21", "2999-01-01", 5, "is after today"),
    ],
)
def test_a_wrong_withdrawal_is_an_error_with_its_line(tmp_path, old, new, line, said):
    assert old in ARM
    evidence = base(tmp_path, ARM.replace(old, new))
    found = [(p.line, f"{p.reason}: {p.remedy}") for p in evidence.errors]
    assert [text for at, text in found if at == line and said in text], found
    assert evidence.tables["arms"]["arm_id"].tolist() == ["A1", "A2"]


def test_the_stale_cell_has_its_own_line(tmp_path):
    block = "expect:\n    arm_id: A1\n    n_goal_failure: 12"
    text = ARM.replace("expect: {arm_id: A1, n_goal_failure: 10}", block)
    (error,) = base(tmp_path, ARM.replace("A1", "A2").replace("10}", "11}") + text).errors
    assert error.line == 6 + 5
    assert "holds 10" in error.reason


def test_a_row_is_withdrawn_once_and_not_corrected_besides(tmp_path):
    (error,) = base(tmp_path, ARM + ARM).errors
    assert (error.line, "already withdrawn on line 1" in error.reason) == (7, True)
    fix = ("- table: arms\n  where: {arm_id: A1}\n  column: n_goal_failure\n  expect: 10\n"
           "  value: 12\n  reason: r\n  date: 2026-11-21\n")  # fmt: skip
    (error,) = base(tmp_path, fix + ARM).errors
    assert (error.line, "already corrected on line 1" in error.reason) == (8, True)


def test_the_flow_counts_withdrawn_rows_as_kept_out(tmp_path):
    screening = (
        "source,decision,reason,records,counts_table,counts_filter\n"
        "search,included,,2,arms,\nlist,included,,1,cases,\n"
    )
    tables = {"screening": screening, "cases": [CASE], "codings": [CODING]}
    evidence = base(tmp_path, ARM + SMITH + CASE_GONE + CODING_GONE, **tables)
    assert evidence.errors == []
    flow = boxes(evidence)
    assert (flow["arms"]["n"], flow["withdrawn_arms"]["n"], flow["standing_arms"]["n"]) == (2, 1, 1)
    assert flow["standing_arms"]["label"] == "arms of the primary model, from 1 study"
    assert (flow["cases"]["n"], flow["withdrawn_cases"]["n"]) == (1, 1)
    # Without the withdrawal the search would count one row too few.
    evidence = base(tmp_path, ARM + SMITH, screening=screening.replace(",2,arms", ",1,arms"))
    assert any("says 1 included" in error.reason for error in evidence.errors)


def test_the_report_lists_withdrawn_rows(tmp_path):
    from meta.report.figure_files import PageFigures
    from meta.report.pages import _environment
    from meta.report.svg import NOTHING

    class Run:
        corrections = base(tmp_path, ARM + SMITH).corrections

    page = _environment().get_template("flow.html.j2").render(
        run=Run, flow=NOTHING, drawn=PageFigures("index.html"),
        not_in_base="Not in this evidence base.",
    )  # fmt: skip
    assert "Withdrawn rows" in page
    assert "Corrected cells" not in page
    assert "the source was retracted (2026-11-21, reader_a)" in page


def test_a_taxonomy_item_that_lists_a_withdrawn_arm_is_told_why(tmp_path):
    given = {"documents": [DOCUMENT], "coders": [CODER], "cases": [CASE]}
    told = base(tmp_path / "a", ARM, **given, taxonomy=[item(units="A1; A2")]).errors
    (found,) = [problem for problem in told if problem.column == "units"]
    assert (
        found.reason == "A1 is withdrawn in data/raw/corrections.yaml, and the item still lists it"
    )
    assert "correction of this cell" in found.remedy
    # An arm that never was is still told as such.
    told = base(tmp_path / "b", ARM, **given, taxonomy=[item(units="A9")]).errors
    (found,) = [problem for problem in told if problem.column == "units"]
    assert found.reason == "there is no such arm or case as A9"
