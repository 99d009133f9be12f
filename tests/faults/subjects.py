"""Subjects of the harness, and the undisturbed runs that all are compared with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tests.faults import concurrency, damage, disks, interrupts, kills, permissions, surroundings
from tests.faults.base import Base, small_base
from tests.faults.clocks import wrong_clocks
from tests.faults.outcome import Outcome

KILLS = 50
INTERRUPTS = 3
#: Seconds after which a run is killed or interrupted at the latest.
LONGEST = 60.0


@dataclass(frozen=True)
class Bases:
    """Bases after undisturbed runs, of rates alone and with coded cases; seconds of the first."""

    rates: Base
    cases: Base
    seconds: float


def undisturbed_bases(folder: Path) -> Bases:
    """Run the pipeline undisturbed, or take the runs of another subject in the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "undisturbed.lock"):
        found = {name: _undisturbed(folder, name) for name in ("rates", "cases")}
    return Bases(*(base for base, _ in found.values()), found["rates"][1])


def _undisturbed(folder: Path, name: str) -> tuple[Base, float]:
    seconds = folder / f"{name}.seconds"
    if not seconds.exists():
        base, started = small_base(folder / name, cases=name == "cases"), time.monotonic()
        done = base.run()
        assert done.code == 0, done.text
        seconds.write_text(str(time.monotonic() - started))
    return Base(folder / name), float(seconds.read_text())


def _kills(bases: Bases, folder: Path) -> list[Outcome]:
    return [kills.kill_runs(bases.rates, folder, KILLS, min(LONGEST, bases.seconds))]


def _interrupts(bases: Bases, folder: Path) -> list[Outcome]:
    return [interrupts.interrupt_runs(bases.rates, folder, INTERRUPTS, min(LONGEST, bases.seconds))]


def _damage(bases: Bases, folder: Path) -> list[Outcome]:
    return [
        *damage.damage_every_file(bases.cases, folder),
        *damage.damage_and_run(bases.rates, bases.cases, folder),
    ]


SUBJECTS: dict[str, Callable[[Bases, Path], list[Outcome]]] = {
    "kills": _kills,
    "interrupts": _interrupts,
    "concurrency": lambda bases, folder: concurrency.run_twice(bases.rates, folder),
    "disks": lambda bases, folder: disks.full_disks(bases.rates, folder),
    "permissions": lambda bases, folder: permissions.missing_permissions(bases.rates, folder),
    "damage": _damage,
    "clocks": lambda bases, folder: wrong_clocks(bases.rates, folder),
    "locales": lambda bases, folder: surroundings.odd_locales(bases.rates, folder),
    "path": lambda bases, folder: [surroundings.odd_path(bases.rates, folder)],
    "repository": lambda bases, folder: [surroundings.read_only_repository(bases.rates, folder)],
}
