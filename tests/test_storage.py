"""Files are whole or absent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meta.folder_storage import atomic_folder
from meta.storage import atomic, temporary_prefix, write_json

KILLED = """
import os, signal, sys
from pathlib import Path
from meta.storage import atomic
with atomic(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "result.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_json_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_written_files_are_readable_by_others(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", [])
    assert (tmp_path / "x.json").stat().st_mode & 0o044


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode < 0
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".posterior-")
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert list(tmp_path.iterdir()) == [path]


def test_what_others_are_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    mine = tmp_path / f"{temporary_prefix(path)}abc.nc"
    parents = tmp_path / f".posterior-{os.uname().nodename}-{os.getppid()}-abc.nc"
    elsewhere = tmp_path / ".posterior-another.machine-1-abc.nc"
    other = tmp_path / f".prior-{os.uname().nodename}-{2**22 + 1}-abc.nc"
    for each in (mine, parents, elsewhere, other):
        each.write_text("half")
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) == {path, mine, parents, elsewhere, other}


def test_abandoned_folders_go_too(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    left = tmp_path / f".figures-{os.uname().nodename}-{2**22 + 1}-abc"
    (left / "new").mkdir(parents=True)
    with atomic_folder(path) as made:
        (made / "a.svg").write_text("")
    assert list(tmp_path.iterdir()) == [path]
