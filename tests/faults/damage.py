"""Damaged results: cut in half, or with one bit flipped; in every file that a run leaves."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from meta.checksums import checksum_file, damaged
from tests.faults.base import Base
from tests.faults.outcome import Clock, Outcome, Trial, lost, recover
from tests.faults.whole import results

SEED = 7
FITS = "data/processed/fits"
#: Of each kind and stage one. Those of the first line make others anew, which would hide damage.
TOGETHER = [
    f"{FITS}/rates/posterior.nc", "data/processed/evidence.duckdb",
    "data/processed/codes/imputations.parquet", "data/processed/tables/arms.parquet",
    "data/processed/analysis/index.json",
]  # fmt: skip
ALONE = [
    "data/processed/evidence.duckdb", f"{FITS}/composition/posterior.nc", f"{FITS}/rates/fit.json",
    f"{FITS}/rates/draws.parquet", f"{FITS}/rates/pooled.csv", f"{FITS}/rates/fit.stamp",
    "data/processed/analysis/index.json", "data/processed/tables/studies.parquet",
    "data/processed/chains/rates/chain.json",
]  # fmt: skip


def cut(path: Path) -> None:
    """Cut a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    """Flip one bit, anywhere, the same for the same file."""
    content = bytearray(path.read_bytes())
    place = random.Random(f"{SEED} {path.name}").randrange(8 * len(content))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


WAYS: dict[str, Callable[[Path], None]] = {"cut in half": cut, "with one bit flipped": flip}


def damage_every_file(undisturbed: Base, folder: Path) -> list[Outcome]:
    """Damage each file of a run, one after the other: the checksums must tell which it is."""
    outcomes = []
    base = undisturbed.copy(folder / "damaged")
    for way, damage in WAYS.items():
        outcome = Outcome(f"each result alone {way}", "`meta verify` must name it and no other")
        with Clock(outcome):
            for path in results(base.folder):
                stored = checksum_file(path, base.folder)
                if stored is not None and stored.is_file():
                    outcome.add(told_of(base, path, damage))
        outcomes.append(outcome)
    return outcomes


def told_of(base: Base, path: Path, damage: Callable[[Path], None]) -> Trial:
    """Damage one file, ask which are damaged, and put it back."""
    content = path.read_bytes()
    damage(path)
    found = damaged([base.folder], base.folder)
    path.write_bytes(content)
    name = path.relative_to(base.folder)
    return Trial("told") if found == [path] else lost(f"{name} is damaged, found: {found}")


def damage_and_run(undisturbed: Base, folder: Path) -> list[Outcome]:
    """Damage results of a finished run, and run again: what each is read by must refuse it."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    sets = [(TOGETHER, way) for way in WAYS]
    sets += [([name], list(WAYS)[number % 2]) for number, name in enumerate(ALONE)]
    outcomes = []
    for names, way in sets:
        label = names[0] if len(names) == 1 else f"{len(names)} results at once"
        outcome = Outcome(f"{label} {way}, then a run", ", ".join(f"`{name}`" for name in names))
        with Clock(outcome):
            base = undisturbed.copy(folder / "damaged")
            for name in names:
                WAYS[way](base.path(name))
            outcome.add(recover(base, expected, raw))
        outcomes.append(outcome)
    return outcomes
