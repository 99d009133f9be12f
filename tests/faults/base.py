"""An evidence base for a fault, the pipeline on it, and what must be the same afterwards."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import yaml

ROOT = Path(__file__).parents[2]
MINI = ROOT / "tests/workflow/mini"
SETTINGS = Path(__file__).with_name("config.yaml")
#: Seconds after which a run is taken to hang.
PATIENCE = 1800


class Running(subprocess.Popen[str]):
    """A run, and the file that it prints to."""

    printed: IO[str]


@dataclass(frozen=True)
class Finished:
    """How a run ended, and what it printed."""

    code: int
    text: str


@dataclass(frozen=True)
class Base:
    """An evidence base, the checkout that is run on it, and who runs it in which environment."""

    folder: Path
    checkout: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)
    #: Words in front of the command, such as `setpriv ...`.
    prefix: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "PYTHONPATH": str(self.checkout / "src"), **self.environment}

    def start(self, *words: str) -> Running:
        """Start Snakemake as the leader of a session and process group of its own."""
        command = [
            *self.prefix, sys.executable, "-m", "snakemake",
            "--snakefile", str(self.checkout / "Snakefile"), "--directory", str(self.folder),
            "--cores", "2", *words,
        ]  # fmt: skip
        # Not beside the results: their disk may be full.
        printed = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        running = Running(
            command, env=self.variables, stdout=printed, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        running.printed = printed
        return running

    def finish(self, running: Running) -> Finished:
        """Wait for the end of a run; one that hangs is killed and has failed."""
        try:
            code = running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            strike(running, signal.SIGKILL)
            code = running.wait()
        return Finished(code, printed_text(running))

    def run(self, *words: str) -> Finished:
        return self.finish(self.start(*words))

    def path(self, name: str) -> Path:
        return self.folder / name

    def pooled(self) -> bytes | None:
        path = self.path("reports/pooled.csv")
        return path.read_bytes() if path.is_file() else None

    def raw_hash(self) -> str:
        """Digest of names and bytes of everything in data/raw."""
        digest = hashlib.sha256()
        for path in sorted(self.path("data/raw").rglob("*")):
            digest.update(path.name.encode() + b"\0")
            if path.is_file():
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def copy(self, folder: Path) -> Base:
        """Copy everything, with the times of the files."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(self, folder=folder)

    def forget_results(self, fits: bool = True) -> None:
        """Remove what runs have made, or all of it but the posteriors (`fits=False`).

        The raw tables and the settings stay.
        """
        kept = {}
        if not fits:
            # Rows that Snakemake does not find it takes as new, and fits.
            names = ("fits/*/posterior.nc", "fits/*/fit.stamp", "analysis/*")
            paths = [p for name in names for p in self.path("data/processed").glob(name)]
            kept = {path: path.read_bytes() for path in paths}
        for name in ("data/processed", "reports", "logs", *([".snakemake"] if fits else [])):
            shutil.rmtree(self.path(name), ignore_errors=True)
        for path, content in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def printed_text(running: Running) -> str:
    """What a run that has ended printed."""
    with running.printed as printed:
        printed.seek(0)
        return printed.read()


def jobs_at_the_end(text: str) -> list[str]:
    """Rules that Snakemake had started and not finished, by what it printed."""
    started = Counter(re.findall(r"^(?:local)?rule (\w+):", text, re.MULTILINE))
    started.subtract(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", text, re.MULTILINE))
    return sorted((+started).elements())


def strike(running: Running, number: signal.Signals) -> bool:
    """Send a signal to the whole process group of a run; False if it had ended before.

    After SIGKILL, it returns when no process of the run is left.
    """
    if running.poll() is not None:
        return False
    try:
        os.killpg(running.pid, number)
    except ProcessLookupError:
        return False
    if number == signal.SIGKILL:
        running.wait()
        while survivors(running.pid):
            time.sleep(0.02)
    return True


def survivors(session: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parts = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parts[3]) == session and parts[0] not in "ZX":
                found.append(int(entry.name))
    return found


def small_base(folder: Path, cases: bool = False) -> Base:
    """Make the small base of the other tests, with short chains; `cases` adds the coded cases.

    A name in it is not ASCII, so that the encoding of a locale can do harm.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(MINI, folder)
    settings = yaml.safe_load(SETTINGS.read_text())
    if not cases:
        del settings["models"]["composition"]
        settings["models"]["rates"]["stages"] = ["goal_failure"]
    (folder / "config/config.yaml").write_text(yaml.safe_dump(settings))
    studies = folder / "data/raw/studies.csv"
    lines = studies.read_text(encoding="utf-8").splitlines()
    studies.write_text("\n".join(_with_letters(lines)) + "\n", encoding="utf-8")
    if not cases:
        for name in ("cases.csv", "codings.csv"):
            (folder / "data/raw" / name).unlink()
    return Base(folder)


def _with_letters(lines: list[str]) -> list[str]:
    header, first, *others = lines
    cells = first.split(",")
    cells[header.split(",").index("title")] = "Ölçü ve İstanbul: ßtraße 目标"
    return [header, ",".join(cells), *others]
