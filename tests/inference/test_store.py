"""Storage of a fit: whole, or not at all."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import xarray as xr

from meta.inference.store import read_fit, write_fit

#: Writes a fit of some hundred kilobytes where a file may have so many bytes, as on a full disk.
FULL = """
import resource, sys
from pathlib import Path
from tests.inference.test_store import tree
from meta.inference.store import write_fit
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_fit(tree(), {"model": "m"}, Path(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""


def tree() -> xr.DataTree:
    draws = np.random.default_rng(1).normal(size=(4, 10_000))
    return xr.DataTree.from_dict({"/posterior": xr.Dataset({"x": (("chain", "draw"), draws)})})


def test_a_fit_comes_back_with_its_record(tmp_path: Path) -> None:
    write_fit(tree(), {"model": "m"}, tmp_path / "posterior.nc")
    found, record = read_fit(tmp_path / "posterior.nc")
    assert record == {"model": "m"}
    np.testing.assert_array_equal(found["posterior"]["x"], tree()["posterior"]["x"])


def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "File too large", "")
    assert list(tmp_path.iterdir()) == []
