"""Appending a record: the bytes before it stay, it reads back, a kill breaks nothing."""

import csv
import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.evidence.append import AppendError, append_record, locked, read_contents, replace_file

KILLS = 32
HEADER = b"id,note\n"


def add(data: bytes, **values: str) -> bytes:
    return append_record(read_contents(data, "t.csv"), values, "t.csv")


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (b"id,note\n1,a\n", b"2,b\n"),
        (b"\xef\xbb\xbfid,note\r\n1,a\r\n", b"2,b\r\n"),
        (b"id,note\r\n1,a", b"\r\n2,b"),
        (b"id,note", b"\n2,b"),
        (b'"id","note"\n"1","a"\n\n\n', b"2,b\n"),
        (b'"id\n",note\r1,a\r', b"2,b\r"),
        (b"note,id\n", b"b,2\n"),
        (b'id,note\n1,"a\r\nb"\n', b"2,b\n"),
        (b"id,note,,\n1,a,,\n", b"2,b,,\n"),
        (b"id,,,note\n", b"2,,,b\n"),
    ],
)
def test_conventions_of_the_file_are_kept(before, added):
    assert add(before, id="2", note="b") == before + added


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_any_text_reads_back(value):
    data = add(HEADER, id="x", note=value)
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    assert rows[1:] == [["x", value]]


@pytest.mark.parametrize(
    "broken",
    [b"", b"\n\n", b'id,note\n1,"open', b"id,id\n", b"id,note\n\xff,1\n", b'id,note\n1,"a"b\n'],
)
def test_nothing_is_appended_to_a_file_that_cannot_be_read(broken):
    with pytest.raises(AppendError, match="meta check"):
        add(broken, id="2")


def test_a_column_that_the_file_has_not_is_refused():
    with pytest.raises(AppendError, match="no such column"):
        add(HEADER, id="1", grade="A")


def test_a_file_changed_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"mine")
    with pytest.raises(AppendError, match="changed meanwhile"):
        replace_file(path, b"yours", b"new")
    with pytest.raises(AppendError, match="changed meanwhile"):
        replace_file(path, None, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert path.read_bytes() == b"mine"


def test_permissions_stay(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(HEADER)
    path.chmod(0o640)
    replace_file(path, HEADER, b"id\n")
    assert path.stat().st_mode & 0o777 == 0o640


def test_writers_take_turns(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(AppendError, match="another program"),
        locked(tmp_path, patience=0.05),
    ):
        pass
    with locked(tmp_path, patience=0):
        assert list(tmp_path.iterdir()) == []


WRITER = """
import sys
from pathlib import Path
from meta.evidence.append import append_record, locked, read_contents, replace_file
path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    with locked(path.parent):
        before = path.read_bytes()
        contents = read_contents(before, "t.csv")
        row = {"id": str(len(contents.records)), "note": "n" * 2000}
        replace_file(path, before, append_record(contents, row, "t.csv"))
"""


def test_killed_at_any_moment_the_file_is_whole(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(HEADER)
    rng = random.Random(20261121)
    sizes = set()
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0, 0.04))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        contents = read_contents(path.read_bytes(), "t.csv")
        assert contents.column("id") == [str(i) for i in range(len(contents.records))]
        assert all(len(row) == 2 and row[1] == "n" * 2000 for row in contents.records)
        assert contents.data.endswith(b"\n")
        sizes.add(len(contents.records))
        # No stale lock: the next writer need not wait.
        with locked(tmp_path, patience=0):
            after = append_record(contents, {"id": str(len(contents.records)), "note": "n" * 2000},
                                  "t.csv")  # fmt: skip
            replace_file(path, contents.data, after)
    assert len(sizes) == KILLS
    assert set(os.listdir(tmp_path)) <= {"t.csv", ".t.csv.unfinished"}  # noqa: PTH208
    assert Path(tmp_path / "t.csv").is_file()


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path):
    precious, path = tmp_path / "precious", tmp_path / "t.csv"
    precious.write_bytes(b"mine")
    path.write_bytes(HEADER)
    (tmp_path / ".t.csv.unfinished").symlink_to(precious)
    replace_file(path, HEADER, HEADER + b"1,a\n")
    assert precious.read_bytes() == b"mine"
    assert path.read_bytes() == HEADER + b"1,a\n"
    assert not path.is_symlink()
    assert not (tmp_path / ".t.csv.unfinished").is_symlink()
