"""Appending a record: the bytes before it stay, it reads back, a kill breaks nothing."""

import csv
import io
import os
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.evidence.append import AppendError, append_record, locked, read_contents, replace_file
from tests.evidence.killing import kill_in_the_act

KILLS = 12
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
with locked(path.parent):
    before = path.read_bytes()
    contents = read_contents(before, "t.csv")
    row = {"id": str(len(contents.records)), "note": "n" * 100_000}
    replace_file(path, before, append_record(contents, row, "t.csv"))
sys.stdin.read()
"""
#: Records there before the first: writing them takes long enough to be struck meanwhile.
RECORDS = 60


def test_killed_while_it_writes_the_file_is_whole(tmp_path):
    """Struck as the unfinished file comes, soon after, or as it has taken the place of the old."""
    path = tmp_path / "t.csv"
    note = "n" * 100_000
    path.write_bytes(HEADER + b"".join(f"{i},{note}\n".encode() for i in range(RECORDS)))
    rng, outcomes = random.Random(20261121), Counter()
    for kill in range(5 * KILLS):
        if outcomes.total() >= KILLS and len(outcomes) == 2:
            break
        before = path.read_bytes()
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, text=True
        )
        moment = "goes" if kill % 3 == 2 else "comes"
        delay = rng.uniform(0, 0.004) if kill % 3 == 1 else 0.0
        struck = kill_in_the_act(writer, tmp_path / ".t.csv.unfinished", moment, delay)
        writer.communicate()
        after = path.read_bytes()
        added = after.removeprefix(before)
        number = before.count(b"\n") - 1
        assert after.startswith(before)
        assert added in (b"", f"{number},{note}\n".encode())
        # On a busy machine a writer may be done before it is struck, which proves nothing.
        if struck:
            outcomes["new" if added else "old"] += 1
        # No stale lock: the next writer need not wait.
        with locked(tmp_path, patience=0):
            replace_file(path, after, before)
    assert outcomes.total() >= KILLS
    assert min(outcomes["old"], outcomes["new"]) >= 1
    assert set(os.listdir(tmp_path)) == {"t.csv"}  # noqa: PTH208


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
