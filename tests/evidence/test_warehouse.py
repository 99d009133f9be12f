"""The database and the canonical tables."""

import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from meta.evidence import warehouse
from meta.evidence.checking import Evidence
from meta.evidence.dictionary import load_dictionary
from meta.evidence.problems import EvidenceError
from meta.evidence.warehouse import build_warehouse, export_canonical
from tests.evidence.small_base import STUDY, arm, checked

INSERT = (
    "INSERT INTO arms (arm_id, study_id, failure_type, unit, n_trials, n_at_risk, "
    "n_goal_failure, sampling_frame, role, grade) VALUES "
)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "processed" / "evidence.duckdb"
    build_warehouse(checked(tmp_path), path)
    return path


def export(tmp_path, name: str, **tables):
    database, folder = tmp_path / f"{name}.duckdb", tmp_path / name
    build_warehouse(checked(tmp_path, **tables), database)
    export_canonical(database, folder)
    return folder


def test_rows_are_stored_and_blanks_are_null(database):
    with duckdb.connect(database, read_only=True) as connection:
        row = connection.execute("SELECT n_trials, n_goal_failure, n_harm FROM arms").fetchall()
    assert row == [(40, 10, None)]


@pytest.mark.parametrize(
    "values",
    [
        "('B1', 'smith_2024', 'specification_gaming', 'run', 9, 9, 10, 'denominator', 'main', 'A')",
        "('B1', 'smith_2024', 'specification_gaming', 'run', 9, 10, 1, 'denominator', 'main', 'A')",
        "('B1', 'smith_2024', 'specification_gaming', 'run', 0, 0, 0, 'denominator', 'main', 'A')",
        "('B1', 'smith_2024', 'designer_error', 'run', 9, NULL, 1, 'denominator', 'main', 'A')",
        "('B1', 'smith_2024', 'specification_gaming', 'run', 9, 9, 1, 'guess', 'main', 'A')",
        "('B1', 'nobody', 'specification_gaming', 'run', 9, 9, 1, 'denominator', 'main', 'A')",
        "('A1', 'smith_2024', 'specification_gaming', 'run', 9, 9, 1, 'denominator', 'main', 'A')",
        "('B1', 'smith_2024', 'specification_gaming', NULL, 9, 9, 1, 'denominator', 'main', 'A')",
    ],
    ids=["failures", "at risk", "no trials", "needs", "vocabulary", "study", "key", "blank"],
)
def test_the_schema_itself_refuses(database, values):
    with duckdb.connect(database) as connection, pytest.raises(duckdb.ConstraintException):
        connection.execute(INSERT + values)


def test_the_schema_accepts_a_legal_row(database):
    legal = "('B1', 'smith_2024', 'designer_error', 'run', 9, 9, 9, 'denominator', 'main', 'A')"
    with duckdb.connect(database) as connection:
        connection.execute(INSERT + legal)
        assert connection.execute("SELECT count(*) FROM arms").fetchall() == [(2,)]


def test_where_rows_stand_is_kept(tmp_path):
    rows = [arm("B2", note="one\ntwo"), arm("B1", n_goal_failure="9")]
    codings = "unit_id,coder,codebook_version\n\nB1,ann,1\nB2,ann,\n"
    base = checked(tmp_path, arms=rows, codings=codings)
    build_warehouse(base, tmp_path / "evidence.duckdb")
    with duckdb.connect(tmp_path / "evidence.duckdb", read_only=True) as connection:
        found = connection.sql('SELECT "table", row_key, file_line FROM source_rows').fetchall()
        stored = connection.sql("SELECT * FROM source_lines LIMIT 1").types
    # By hand: the header is line 1, the note of B2 ends on line 3, line 2 of the codings is blank.
    assert sorted(found) == [
        ("arms", "B1", 4), ("arms", "B2", 2), ("codings", "B1; ann", 3),
        ("codings", "B2; ann", 4), ("studies", "smith_2024", 2),
    ]  # fmt: skip
    # No key is stored again: a base may have millions of rows.
    assert [str(kind) for kind in stored] == ["VARCHAR", "BIGINT", "BIGINT"]


def test_rows_of_many_blocks_keep_their_lines(tmp_path):
    """Rows are numbered as they came in, however many threads write them."""
    many = 300_000
    names = [f"c{number:06d}" for number in range(many)]
    frame = pd.DataFrame({"coder": names, "kind": "human"}, dtype="string")
    frame["_line"] = range(2, many + 2)
    evidence = Evidence({"coders": frame.sample(frac=1, random_state=1)})
    build_warehouse(evidence, tmp_path / "evidence.duckdb")
    with duckdb.connect(tmp_path / "evidence.duckdb", read_only=True) as connection:
        wrong = "file_line <> substr(row_key, 2)::BIGINT + 2"
        counts = f"SELECT count(*), count(*) FILTER ({wrong}) FROM source_rows"
        assert connection.sql(counts).fetchall() == [(many, 0)]


def test_evidence_with_errors_is_not_stored(tmp_path):
    path = tmp_path / "evidence.duckdb"
    with pytest.raises(EvidenceError, match="nothing was ingested"):
        build_warehouse(checked(tmp_path, arms=[arm(n_trials="x")]), path)
    assert not path.exists()


def test_a_failing_build_leaves_the_old_file_whole(tmp_path, database, monkeypatch):
    before = database.read_bytes()

    def fail(*_):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(warehouse, "_load", fail)
    with pytest.raises(RuntimeError):
        build_warehouse(checked(tmp_path), database)
    assert database.read_bytes() == before
    assert list(database.parent.iterdir()) == [database]


def test_a_row_that_only_the_schema_catches_leaves_nothing(tmp_path):
    evidence = checked(tmp_path)
    evidence.tables["arms"].loc[0, "n_goal_failure"] = 99
    folder = tmp_path / "processed"
    with pytest.raises(duckdb.ConstraintException):
        build_warehouse(evidence, folder / "evidence.duckdb")
    assert list(folder.iterdir()) == []


def test_extra_columns_are_stored_and_not_exported(tmp_path):
    folder = export(tmp_path, "one", arms=[arm(**{"odd name": "x"})])
    with duckdb.connect(tmp_path / "one.duckdb", read_only=True) as connection:
        assert connection.execute('SELECT "odd name" FROM arms').fetchall() == [("x",)]
    assert "odd name" not in pd.read_parquet(folder / "arms.parquet")


def test_each_row_is_found_again_in_its_file(tmp_path):
    """Also behind a row of several lines, and by a key of two columns."""
    rows = [arm("A1", note="two\nlines"), arm("A2")]
    codes = [{"unit_id": "A2", "coder": c, "codebook_version": "1", "harm": "none"} for c in "ba"]
    path = tmp_path / "one.duckdb"
    build_warehouse(checked(tmp_path, arms=rows, codings=codes), path)
    with duckdb.connect(path, read_only=True) as connection:
        found = connection.sql("SELECT * FROM source_rows ORDER BY ALL").fetchall()
    for table, key, line in found:
        text = (tmp_path / f"data/raw/{table}.csv").read_text().splitlines()
        named = key.split("; ")
        assert text[line - 1].split(",")[: len(named)] == named, (table, key)
    assert [row[:2] for row in found] == [
        ("arms", "A1"), ("arms", "A2"), ("codings", "A2; a"), ("codings", "A2; b"),
        ("studies", "smith_2024"),
    ]  # fmt: skip


def test_every_table_is_exported_and_an_absent_one_is_empty(tmp_path):
    folder = export(tmp_path, "one")
    assert {path.stem for path in folder.iterdir()} == {table.name for table in load_dictionary()}
    cases = pd.read_parquet(folder / "cases.parquet")
    assert cases.empty
    assert list(cases) == load_dictionary()["cases"].analysis_columns


def test_a_note_or_the_order_of_rows_changes_no_byte(tmp_path):
    rows = [arm("A1", note="first"), arm("A2", n_goal_failure="3")]
    before = (export(tmp_path, "one", arms=rows) / "arms.parquet").read_bytes()
    rows = [rows[1], arm("A1", note="rewritten at length")]
    after = (export(tmp_path, "two", arms=rows) / "arms.parquet").read_bytes()
    assert before == after


def test_a_count_changes_the_bytes(tmp_path):
    before = (export(tmp_path, "one") / "arms.parquet").read_bytes()
    after = (export(tmp_path, "two", arms=[arm(n_goal_failure="11")]) / "arms.parquet").read_bytes()
    assert before != after


def test_exported_blanks_are_missing_not_zero(tmp_path):
    arms = pd.read_parquet(export(tmp_path, "one") / "arms.parquet")
    assert arms["n_harm"].isna().all()
    assert arms["n_goal_failure"].tolist() == [10]


def test_a_title_changes_no_byte_of_the_studies(tmp_path):
    before = (export(tmp_path, "one") / "studies.parquet").read_bytes()
    studies = [{**STUDY, "title": "Another title"}]
    assert (export(tmp_path, "two", studies=studies) / "studies.parquet").read_bytes() == before


#: A file may grow no larger than what the log of changes takes, as on a disk that is nearly full.
LIMITED = """
import resource, sys
from pathlib import Path
from meta.evidence.warehouse import build_warehouse
from tests.evidence.small_base import checked
evidence = checked(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
build_warehouse(evidence, Path(sys.argv[1]) / "evidence.duckdb")
"""


def test_a_database_that_cannot_be_written_whole_is_not_put_in_place(tmp_path):
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True)
    assert done.returncode != 0
    assert "Error" in done.stderr
    assert not list(tmp_path.glob("*.duckdb*"))
