"""A full disk or a missing permission, however a library wraps it, is told with its remedy."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from meta import system_errors
from meta.system_errors import PlaceError, explain, require_place

ROOM = "free some space (`df -h` shows where), then run again"


def test_a_full_disk_is_told() -> None:
    with pytest.raises(OSError) as caught, Path("/dev/full").open("w") as stream:
        stream.write("x" * 100000)
    assert explain(caught.value) == f"no space left on device: {ROOM}"


def test_the_file_is_named_and_causes_count() -> None:
    cause = PermissionError(errno.EACCES, "Permission denied", "reports/index.html")
    try:
        raise RuntimeError("cannot render") from cause
    except RuntimeError as error:
        said = explain(error)
    assert said is not None
    assert said.startswith("reports/index.html: permission denied: give yourself access")


def test_what_hdf5_says_of_the_system_is_understood() -> None:
    with pytest.raises(OSError) as caught:
        h5py.File("/dev/full", "w")
    assert explain(caught.value) == f"/dev/full: no space left on device: {ROOM}"


#: A step that writes more to HDF5 than a file may hold.
LIMITED = """
import resource, sys
import click, h5py, numpy
from meta.cli import main
@main.command()
def grow():
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    file = h5py.File(sys.argv.pop(), "w")
    kept = [file.create_dataset(str(n), data=numpy.ones(50_000)) for n in range(3)]
    file.flush()
main(["grow"])
"""


def test_a_file_that_cannot_grow_is_told_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "draws.nc")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{tmp_path / 'draws.nc'}: file too large: allow larger files (`ulimit -f` shows the "
        "limit), then run again"
    ]


def test_errors_of_another_kind_are_none_of_the_system() -> None:
    for error in (ValueError("no"), FileNotFoundError(errno.ENOENT, "No such file", "x")):
        assert explain(error) is None


def test_a_run_does_not_begin_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_place(tmp_path)
    monkeypatch.setattr(system_errors, "LEAST_ROOM", 1 << 62)
    with pytest.raises(PlaceError, match=f"^{tmp_path}: no space left on device: free some"):
        require_place(tmp_path)
    # Nobody may write there, root neither.
    monkeypatch.setattr(system_errors, "LEAST_ROOM", 0)
    with pytest.raises(PlaceError, match=r"^/proc/self: permission denied: give"):
        require_place(Path("/proc/self"))
