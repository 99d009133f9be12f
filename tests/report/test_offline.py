"""A report is rendered without asking anything of the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.offline import without_network

if TYPE_CHECKING:
    from tests.report.conftest import Base

RENDER = """
import json, pathlib
from meta.report.inputs import load_inputs
from meta.report.pages import render_report
from meta.report.run_files import RunFiles
said = json.loads(sys.argv[1])
paths = [[pathlib.Path(p) for p in said[name]] for name in ("fits", "analysis")]
folder = pathlib.Path(said["folder"])
run = load_inputs(RunFiles(*paths, folder / "flow.json", folder / "studies.parquet"))
render_report(run, folder / "out")
"""


def test_a_report_is_rendered_without_network(full: Base) -> None:
    full.load()  # writes what remains
    said = {
        "fits": [str(p) for p in full.fits],
        "analysis": [str(p) for p in full.analysis],
        "folder": str(full.folder),
    }
    done = without_network(RENDER, json.dumps(said))
    assert done.returncode == 0, done.stderr
    assert (full.folder / "out/index.html").stat().st_size > 10_000
