"""Bases with many rows: the same cells, and as many problems, as with few."""

import sys
from pathlib import Path

import duckdb
import pytest

from meta.evidence.checking import check
from meta.evidence.dictionary import load_dictionary
from meta.evidence.listing import MOST_TOLD
from meta.evidence.problems import format_text, group
from meta.evidence.raw_table import CODED
from meta.evidence.reading import read_bytes
from meta.evidence.warehouse import build_warehouse
from tests.evidence.small_base import STUDY, arm, as_csv, checked

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from generated_base import write_base

MANY = 3 * MOST_TOLD
CASE = {"case_id": "", "failure_type": "specification_gaming"}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"), cases=10_000, coders=2, arms=2000)


def test_the_database_holds_what_another_reader_finds(base, tmp_path):
    evidence = check(base)
    assert evidence.problems == []
    build_warehouse(evidence, tmp_path / "evidence.duckdb")
    with duckdb.connect(tmp_path / "evidence.duckdb", read_only=True) as connection:
        for name in evidence.tables:
            path = base / "data" / "raw" / f"{name}.csv"
            text = f"read_csv('{path}', all_varchar = true, header = true, nullstr = '')"
            columns = [column for column, *_ in connection.sql(f"DESCRIBE FROM {text}").fetchall()]
            ours = ", ".join(f"{column}::VARCHAR AS {column}" for column in columns)
            theirs = ", ".join(f"trim({column}) AS {column}" for column in columns)
            left = f"SELECT {ours} FROM {name}"
            right = f"SELECT {theirs} FROM {text}"
            for one, other in ((left, right), (right, left)):
                rest = connection.sql(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})")
                assert rest.fetchall() == [(0,)], name


def test_lines_are_those_of_the_file(base):
    """Some texts of the generated base hold a line end."""
    lines = (base / "data" / "raw" / "cases.csv").read_text().split("\n")
    table = check(base).tables["cases"]
    shown = [lines[line - 1].split(",")[0] for line in table["_line"].tail(2000)]
    assert shown == table["case_id"].tail(2000).tolist()


def cases(**cells):
    """Many cases; a cell is a function of the row's number."""
    return [
        {**CASE, "case_id": f"C{i}", **{name: cell(i) for name, cell in cells.items()}}
        for i in range(MANY)
    ]


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("year", lambda _: "20x5", 1),
        ("year", lambda i: f"{i}x", MOST_TOLD + 1),
        ("failure_type", lambda i: f"kind {i % 3}", 3),
        ("title", lambda i: f"={i}", MOST_TOLD + 1),
        ("study_id", lambda i: f"study_{i}", MOST_TOLD + 1),
        ("study_id", lambda _: "SMITH_2024", 1),
        ("case_id", lambda _: "", 1),
        ("year", lambda i: str(3000 + i % 2), 2),
    ],
)
def test_every_line_of_many_problems_is_named(tmp_path, column, cell, told):
    problems = checked(tmp_path, cases=cases(**{column: cell})).problems
    assert len(problems) == told
    lines = [line for problem in problems for line in (problem.line, *problem.also_on)]
    assert sorted(lines) == list(range(2, MANY + 2))
    assert format_text(problems).splitlines()[-1] == f"{MANY:,} errors"
    assert sum(1 + len(problem.also_on) for problem in group(problems)) == MANY


def test_the_last_of_many_problems_says_how_many_values_it_stands_for(tmp_path):
    problems = checked(tmp_path, cases=cases(year=lambda i: f"{i}x")).problems
    others = MANY - MOST_TOLD - 1
    assert problems[-1].reason == f"is not a whole number (the same of {others:,} other values)"


def test_repeated_keys_name_the_first_line(tmp_path):
    rows = cases(case_id=lambda i: f"C{i % 5}")
    problems = checked(tmp_path, cases=rows).problems
    lines = {line for problem in problems for line in (problem.line, *problem.also_on)}
    assert lines == set(range(7, MANY + 2))
    assert problems[0].reason.endswith("already stands on line 2")


def test_rows_of_a_wrong_length_are_all_named(tmp_path):
    text = as_csv([STUDY]) + "a,2024\n" * MANY
    found = group(checked(tmp_path, studies=text).errors)
    assert [(p.line, len(p.also_on)) for p in found] == [(3, MANY - 1)]


def test_a_cell_can_be_replaced():
    table = load_dictionary()["arms"]
    data = as_csv([arm("A1"), arm("A2"), arm("A3", note="old")]).encode()
    before, _ = read_bytes(data, "arms.csv", table)
    after = before.replaced("n_trials", 1, "50").replaced("note", 2, " new ")
    after = after.replaced("n_capable", 0, "")
    assert after.columns["n_trials"].to_pylist() == ["40", "50", "40"]
    assert after.columns["note"].to_pylist() == [None, None, "new"]
    assert (after.cell("n_capable", 0), after.columns["n_trials"].type) == ("", CODED)
    assert before.columns["n_trials"].to_pylist() == ["40", "40", "40"]
    with pytest.raises(IndexError):
        after.replaced("note", 3, "x")
    with pytest.raises(KeyError):
        after.replaced("nothing", 0, "x")


def test_a_replaced_value_has_no_problem_any_more():
    from meta.evidence.cells import type_table

    table = load_dictionary()["arms"]
    data = as_csv([arm("A1", n_trials="4O"), arm("A2")]).encode()
    raw, _ = read_bytes(data, "arms.csv", table)
    typed, problems = type_table(raw.replaced("n_trials", 0, "40"), table, "arms.csv")
    assert problems == []
    assert typed.frame["n_trials"].tolist() == [40, 40]
