"""The walk of one number: its commands after a run, on the small base, whose names differ."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.markdown import runnable
from tests.docs.test_commands import run
from tests.workflow.conftest import Pipeline

pytestmark = pytest.mark.pipeline

PAGE = "docs/one-number.md"
NAMES = {"ROW": "M01", "STUDY": "alpha_2022", "MODEL": "rates"}


def test_the_walk_goes_on_after_a_run(finished: Pipeline, tmp_path: Path) -> None:
    names, *_ = runnable(PAGE)
    assert re.findall(r"^(\w+)=", names.script, re.MULTILINE) == list(NAMES)
    names.script = "".join(f"{name}={value}\n" for name, value in NAMES.items())
    later = [block for block in runnable(PAGE) if block.kind == "after-a-run"]
    assert len(later) >= 5
    folder = shutil.copytree(finished.base, tmp_path / "base")
    run([names, *later], folder, finished.checkout / "src")
