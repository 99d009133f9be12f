"""Files as spreadsheets leave them, and files that cannot be read."""

import pytest

from meta.evidence.problems import group
from tests.evidence.small_base import arm, as_csv, check, checked, only, places, write

HEADER = "study_id,title,year\n"
GOOD = HEADER + 'smith_2024,"A study, of\nsorts",2024\n'


def studies(tmp_path, content):
    return checked(tmp_path, studies=content)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        (GOOD + "\n\n\n").encode(),
        (GOOD + ",,\n, ,\n").encode(),
        GOOD.replace("smith_2024", "  smith_2024 ").encode(),
        GOOD.replace("year\n", "year,,\n").replace(",2024\n", ",2024,,\n").encode(),
    ],
    ids=["bom", "crlf", "blank lines", "rows of commas", "white space", "trailing commas"],
)
def test_what_a_spreadsheet_does_changes_nothing(tmp_path, content):
    evidence = studies(tmp_path, content)
    assert evidence.problems == []
    table = evidence.tables["studies"]
    title = table.loc[0, "title"].replace("\r\n", "\n")
    assert (table.loc[0, "study_id"], title) == ("smith_2024", "A study, of\nsorts")
    assert len(table) == 1


def test_lines_are_physical_lines_of_the_file(tmp_path):
    evidence = studies(tmp_path, GOOD + "\n,,\njones_2025,B,20x5\n")
    problem = only(evidence)
    assert (problem.line, problem.column, problem.value) == (6, "year", "20x5")
    assert evidence.tables["studies"]["_line"].tolist() == [2, 6]


@pytest.mark.parametrize(
    ("content", "line", "reason", "remedy"),
    [
        (HEADER.encode() + b"a,Caf\xe9,2024\n", 2, "byte 0xe9 is not UTF-8", "UTF-8"),
        (GOOD.encode("utf-16"), 1, "the file is UTF-16, not UTF-8", "UTF-8"),
        (HEADER.encode() + b"a,b\x00,2024\n", 2, "the file contains NUL bytes", "remove them"),
        (HEADER + 'a,b,2024\nc,"d,2024\n', 3, "opened here and never closed", 'close it with "'),
        (HEADER + 'a,"b"c,2024\n', 2, "a stray quote in the record", 'inside it as ""'),
        (HEADER + "a,b,2024,x\n", 2, "4 cells, more than the 3", "quotes around a cell"),
        (HEADER + "a,2024\n", 2, "2 cells, fewer than the 3", "missing commas"),
        ("", 1, "the file is empty", "write the header study_id,title,year"),
        ("\n\n", 1, "the file is empty", "write the header"),
        (GOOD.replace(",", ";"), 1, "separated by semicolons", "with the comma"),
        (GOOD.replace(",", "\t"), 1, "separated by tabs", "with the comma"),
        (HEADER + f"a,{'x' * 100_001},2024\n", 2, "longer than 100 kB", "shorten it"),
        (HEADER + f"a,{'x' * 200_000},2024\n", 2, "longer than 100 kB", "shorten it"),
        ("study_id,title,year,\na,b,2024,x\n", 2, "column 4, which has no name", "name the col"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, line, reason, remedy):
    write(tmp_path, studies=content, arms=as_csv([arm()]).split("\n")[0])
    problem = only(check(tmp_path))
    assert problem.severity == "error"
    assert (problem.file, problem.line) == ("data/raw/studies.csv", line)
    assert reason in problem.reason
    assert remedy in problem.remedy


WIDE = "study_id,title,year,authors,source_type\n"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("a;b;2024;Doe;web", "the row is separated by semicolons"),
        ("a;b, c;2024;Doe;web", "the row is separated by semicolons"),
        ("a\tb\t2024\tDoe\tweb", "the row is separated by tabs"),
        ("a,b,2024,Doe; Roe", "add the missing commas"),
        ("a,b,2024,Doe,webc,d,2024,Roe,web", "two rows stand on one line"),
        ("a,b,2024,Doe,web,c,d,2024,Roe,web", "two rows stand on one line"),
        ("a,b,2024,Doe,Roe,web", "put quotes around a cell that contains a comma"),
    ],
)
def test_the_remedy_fits_what_is_wrong_with_a_row(tmp_path, line, remedy):
    first = "s,t,2024,Doe,web\n"
    write(tmp_path, studies=WIDE + first + line + "\n", arms=as_csv([arm()]).split("\n")[0])
    problem = only(check(tmp_path))
    assert (problem.line, problem.code) == (3, "cell-count")
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("wrong", "column"),
    [("n_goal_failures", "n_goal_failure"), ("n_atrisk", "n_at_risk"), ("n_capabel", "n_capable")],
)
def test_a_renamed_column_of_counts_is_an_error(tmp_path, wrong, column):
    text = as_csv([arm()]).replace(column, wrong, 1)
    (error,) = [p for p in checked(tmp_path, arms=text).errors if p.line == 1 and p.column == wrong]
    assert f"the column of counts {column} is missing" in error.reason
    assert error.remedy.startswith(f"rename it to {column}")
    problems = checked(tmp_path, arms=[arm(agnet="x", n_seeds_left="3")]).problems
    assert {(p.column, p.severity) for p in problems} == {
        ("agnet", "warning"), ("n_seeds_left", "note"),
    }  # fmt: skip


def test_reading_goes_on_after_a_stray_quote(tmp_path):
    text = HEADER + 'a,"b"c,2024\nd,e,twenty\n'
    assert places(studies(tmp_path, text).errors) == [
        ("studies.csv", 2, "", "error"),
        ("studies.csv", 3, "year", "error"),
    ]


def test_a_missing_required_column_suggests_the_nearest(tmp_path):
    problem = only(studies(tmp_path, "study id,title,year\nsmith_2024,A,2024\n"))
    assert (problem.line, problem.column) == (1, "study_id")
    assert problem.reason == "the required column is missing"
    assert problem.remedy == "rename the column study id to study_id"


def test_a_missing_required_column_with_nothing_like_it(tmp_path):
    problem = only(studies(tmp_path, "study_id,year\nsmith_2024,2024\n"))
    assert (problem.column, problem.remedy) == ("title", "add a column title")


def test_a_column_that_stands_twice(tmp_path):
    problem = only(studies(tmp_path, "study_id,title,year,Year\nsmith_2024,A,2024,2024\n"))
    assert (problem.line, problem.column, problem.severity) == (1, "year", "error")
    assert problem.reason == "the header names the column 2 times"


def test_an_unknown_column_is_a_note(tmp_path):
    problem = only(studies(tmp_path, "study_id,title,year,colour\nsmith_2024,A,2024,red\n"))
    assert (problem.column, problem.severity) == ("colour", "note")


def test_an_unknown_column_close_to_a_known_one_is_a_warning(tmp_path):
    problem = only(studies(tmp_path, "study_id,title,year,autors\nsmith_2024,A,2024,Smith\n"))
    assert (problem.column, problem.severity) == ("autors", "warning")
    assert "did you mean authors?" in problem.reason


def test_a_folder_in_place_of_a_file(tmp_path):
    write(tmp_path, arms=as_csv([arm()]).split("\n")[0])
    (tmp_path / "data/raw/studies.csv").unlink()
    (tmp_path / "data/raw/studies.csv").mkdir()
    assert "cannot be read" in only(check(tmp_path)).reason


def test_rows_that_are_wrong_in_the_same_way_are_grouped(tmp_path):
    evidence = studies(tmp_path, HEADER + "smith_2024,2024\nb,2024\n")
    assert [(problem.line, problem.also_on) for problem in group(evidence.errors)] == [(2, (3,))]


def test_a_broken_header_is_one_problem(tmp_path):
    problem = only(studies(tmp_path, 'study_id,"ti"tle,year\nsmith_2024,A,2024\n'))
    assert (problem.line, problem.reason) == (1, "a stray quote in the record")
