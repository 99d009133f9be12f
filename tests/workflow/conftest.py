"""A copy of the workflow and of a small evidence base, so that both may be changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
MINI = Path(__file__).parent / "mini"
NETWORK = Path(__file__).parent / "network"


@dataclass
class Pipeline:
    """A checkout of the workflow and an evidence base elsewhere."""

    checkout: Path
    base: Path

    @property
    def environment(self) -> dict[str, str]:
        inherited = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
        # Each job is a process of its own: byte-code of the copied sources is compiled once.
        path = os.pathsep.join([str(self.checkout / "src"), str(NETWORK)])
        return {**inherited, "PYTHONPATH": path, "NETWORK_LOG": str(self.network_log)}

    @property
    def network_log(self) -> Path:
        """Where each Python process of a run writes what it asks of the network, if it does."""
        return self.base.parent / "network.log"

    def snakemake(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(self.checkout / "Snakefile")),
            *("--directory", str(self.base), "--cores", "2", *words),
        ]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True)

    def meta(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "meta", *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, cwd=self.base
        )

    def planned(self) -> set[str]:
        """Rules that a run would execute now."""
        done = self.snakemake("--dry-run")
        assert done.returncode == 0, done.stderr
        text = done.stdout + done.stderr
        rules = {line.split()[1].rstrip(":") for line in text.splitlines()
                 if line.startswith(("rule ", "localrule "))}  # fmt: skip
        return rules - {"all"}


def copy_checkout(folder: Path) -> Path:
    """Copy what the workflow consists of."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "profiles", "config", "src"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    return folder


def small_pipeline(folder: Path) -> Pipeline:
    """Make a checkout and a copy of the mini evidence base."""
    base = folder / "base"
    shutil.copytree(MINI, base)
    return Pipeline(copy_checkout(folder / "checkout"), base)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Pipeline:
    """The mini evidence base after one whole run, made once for all workers; not to be changed."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "finished"
    with FileLock(f"{folder}.lock"):
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = small_pipeline(folder).snakemake()
            assert done.returncode == 0, done.stdout + done.stderr
            (folder / "whole").touch()
    return Pipeline(folder / "checkout", folder / "base")
