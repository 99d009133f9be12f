"""Commands of the documents that are marked `run`, run as they stand in a fresh checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, ROOT, Block, runnable

MARKED = [page for page in PAGES if any(b.kind == "run" for b in runnable(page))]


def run(blocks: list[Block], folder: Path, source: Path) -> None:
    """Run blocks one after the other in one shell; each prints the lines expected of it."""
    mark = "=== block"
    script = "\n".join(f"echo '{mark}'\n{b.script}" for b in blocks)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(source)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.split(mark + "\n")[1:]
    for block, text in zip(blocks, printed, strict=True):
        lines = iter(text.splitlines())
        for wanted in block.expected.splitlines():
            # Each line is looked for behind the one before.
            assert any(line.strip() == wanted.strip() for line in lines), (block.line, text)


def checkout(folder: Path) -> Path:
    """Copy what is under version control, as it stands now."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in done.stdout.splitlines():
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    return folder


@pytest.mark.parametrize("page", MARKED)
def test_a_document_does_what_it_says(page: str, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    run([b for b in runnable(page) if b.kind == "run"], folder, folder / "src")


def test_the_documents_have_commands_to_run() -> None:
    assert {"CONTRIBUTING.md", "docs/one-number.md"} <= set(MARKED)
    kinds = {b.kind for page in PAGES for b in runnable(page)}
    assert kinds == {"run", "after-a-run"}


def test_what_is_not_printed_is_noticed(tmp_path: Path) -> None:
    good = Block(1, "run", "echo one; echo two\n", "one\ntwo\n")
    run([good], tmp_path, ROOT / "src")
    for expected in ("three\n", "two\none\n"):
        with pytest.raises(AssertionError):
            run([Block(1, "run", good.script, expected)], tmp_path, ROOT / "src")
    with pytest.raises(AssertionError):
        run([Block(1, "run", "false\n"), good], tmp_path, ROOT / "src")
