"""A full disk: results on a tmpfs that has no room for the next one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.faults.base import Base
from tests.faults.outcome import Clock, Outcome, recover
from tests.faults.whole import half_written

FIT = "data/processed/fits/rates"
#: Where the small disk is, the rule that writes there, what is removed, so that it has no room by
#: its own old results, and room in KiB for it.
STAGES = {
    "the database": ("data/processed", "warehouse", ["data/processed/evidence.duckdb"], 200),
    "the posterior": ("data/processed", "fit", [f"{FIT}/posterior.nc"], 100),
    "the diagnosis": (
        "data/processed", "diagnose",
        [f"{FIT}/{n}" for n in ("fit.json", "pooled.csv", "diagnostics.csv", "draws.parquet")], 8,
    ),
    "the report": ("reports", "report", ["reports/index.html"], 40),
    "anything": (".", "report", ["reports/index.html"], 0),
}  # fmt: skip


def full_disks(undisturbed: Base, folder: Path) -> list[Outcome]:
    """Fill the disk under the results before the pipeline has to write one of them."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    outcomes = []
    for what, (place, rule, removed, room) in STAGES.items():
        outcome = Outcome(
            f"disk full when {what} is to be written",
            f"`{place}` on a tmpfs with {room} KiB left; then space is made",
        )
        base = undisturbed.copy(folder / "full disk")
        with Clock(outcome), small_disk(base.path(place)) as possible:
            if not possible:
                outcome.skipped = "needs root, to mount a tmpfs"
            else:
                shutil.copytree(
                    undisturbed.path(place), base.path(place), symlinks=True, dirs_exist_ok=True
                )
                for name in removed:
                    base.path(name).unlink()
                filler = base.path(place) / "filler"
                fill(filler, room)
                lift = partial(make_room, filler, base)
                outcome.add(recover(base, expected, raw, lift, rule))
        outcomes.append(outcome)
    return outcomes


def fill(filler: Path, room: int) -> None:
    """Write a file that leaves so many KiB."""
    free = os.statvfs(filler.parent)
    size = free.f_bavail * free.f_frsize - room * 1024
    with filler.open("wb") as stream:
        left = size
        while left > 0:
            left -= stream.write(b"\0" * min(left, 1 << 20))


def make_room(filler: Path, base: Base) -> str:
    """Make space; returns what is not whole before, if anything."""
    broken = half_written(base.folder)
    filler.unlink(missing_ok=True)
    return f"half-written: {broken[0]}" if broken else ""


@contextmanager
def small_disk(folder: Path, size: str = "64m") -> Iterator[bool]:
    """Mount an empty tmpfs over a folder; gives whether that was possible."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    possible = subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield possible
    finally:
        if possible:
            subprocess.run(["umount", "-l", str(folder)], check=True)
