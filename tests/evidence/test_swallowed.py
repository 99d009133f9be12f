"""Rows inside a quoted cell are found; text of several lines is not."""

import pytest

from tests.evidence.small_base import arm, as_csv, checked

ROWS = as_csv([arm(name, n_goal_failure=str(i)) for i, name in enumerate(("A1", "A2", "A3", "A4"))])


def quoted(first: str, last: str) -> str:
    """Open a quote before the last cell of one row and close it after that of another."""
    lines = ROWS.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(first))
    end = next(i for i, line in enumerate(lines) if line.startswith(last))
    lines[start] += '"'
    lines[end] += 'x"'
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("last", "rows"), [("A2", 1), ("A3", 2), ("A4", 3)])
def test_a_pair_of_quotes_around_rows_is_an_error(tmp_path, last, rows):
    evidence = checked(tmp_path, arms=quoted("A1", last))
    assert len(evidence.tables["arms"]) == 4 - rows
    (error,) = evidence.errors
    assert (error.line, error.column) == (2, "note")
    said = f"holds {rows} lines that look like rows" if rows > 1 else "holds what looks like a row"
    assert said in error.reason


def test_it_is_found_in_a_column_that_no_one_knows_and_with_other_line_ends(tmp_path):
    text = quoted("A2", "A3").replace("note", "remark").replace("\n", "\r")
    evidence = checked(tmp_path, arms=text)
    assert [error.column for error in evidence.errors] == ["remark"]


def test_text_of_several_lines_with_commas_is_text(tmp_path):
    for note in ("one, two, three\nfour, five, six, seven, eight\n\n,,,", "," * 14, "a, " * 20):
        assert checked(tmp_path, arms=[arm(note=note)]).problems == []
