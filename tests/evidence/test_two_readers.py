"""The fast and the careful reader make the same table of every file that both read."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meta.evidence.csv_regular import read_regular
from meta.evidence.dictionary import load_dictionary
from meta.evidence.reading import read_bytes

STUDIES = load_dictionary()["studies"]
COLUMNS = ["study_id", "title", "year", "source_type", "odd one", ""]

cells = st.text(st.sampled_from('ab0,"\n \t=\u00a0é'), max_size=6)
ends = st.sampled_from(["\n", "\r\n"])
# Bytes that decide between records, where a mistake would show.
scraps = st.lists(st.sampled_from([*'a,"\n\r é0', '""', '",', ',"', "\r\n"]), max_size=40)


def quoted(cell: str, always: bool) -> str:
    plain = not any(c in cell for c in '",\n\r')
    return cell if plain and not always else '"' + cell.replace('"', '""') + '"'


@st.composite
def files(draw):
    width = draw(st.integers(2, len(COLUMNS)))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=5))
    end, always = draw(ends), draw(st.booleans())
    lines = [",".join(quoted(c, always) for c in row) for row in [COLUMNS[:width], *rows]]
    return (end.join(lines) + end * draw(st.integers(0, 3))).encode()


def as_lists(data: bytes, careful: bool):
    table, problems = read_bytes(data, "studies.csv", STUDIES, careful)
    columns = {name: column.to_pylist() for name, column in table.columns.items()}
    types = {name: str(column.type) for name, column in table.columns.items()}
    return columns, types, table.lines.tolist(), table.complete, table.loose, problems


@settings(max_examples=400, deadline=None)
@given(files())
@example(b'study_id,title,year\n"a","b ""c"",\nd",1\n\xc3\xa9,,\n')
def test_tables_of_regular_files(data):
    assert as_lists(data, careful=False) == as_lists(data, careful=True)


@settings(max_examples=1500, deadline=None)
@given(scraps)
def test_files_of_any_form(pieces):
    data = ("study_id,title\n" + "".join(pieces)).encode()
    assert as_lists(data, careful=False) == as_lists(data, careful=True)


def test_ordinary_awkward_files_take_the_fast_way():
    data = b'study_id,title,year\r\na,"b, ""c""\r\nd",1\r\n"",\xc3\xa9,""\r\n\r\n'
    records = read_regular(data, lambda name: name == "year")
    assert records is not None
    np.testing.assert_array_equal(records.lines, [2, 4])
    assert records.cells[1].to_pylist() == ['b, "c"\r\nd', "é"]
