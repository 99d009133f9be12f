"""Damaged results: cut in half, or with one bit flipped; in every file that a run leaves."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from meta import checksums
from meta.checksums import checksum_file, damaged
from tests.faults.base import Base
from tests.faults.outcome import Clock, Outcome, Trial, lost, recover
from tests.faults.whole import results

SEED = 7
FITS = "data/processed/fits/rates"
#: Results of the rates that are damaged at once, so that what one hides another shows.
TOGETHER = [
    "data/processed/evidence.duckdb", "data/processed/tables/arms.parquet",
    "data/processed/analysis/index.json", f"{FITS}/fit.json", f"{FITS}/draws.parquet",
    "data/processed/checks/rates/diagnostics.csv",
]  # fmt: skip
#: Results that are damaged alone, and how.
ALONE = [
    (f"{FITS}/posterior.nc", "with one bit flipped"),
    (f"{FITS}/pooled.csv", "with one bit flipped"),
    (f"{FITS}/fit.stamp", "with one bit flipped"),
]  # fmt: skip
#: The same of a base with coded cases.
ALONE_OF_CASES = [
    ("data/processed/codes/imputations.parquet", "with one bit flipped"),
    ("data/processed/chains/rates/chain.json", "cut in half"),
]


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
    base = undisturbed.copy(folder / "each damaged")
    # Nothing else writes here.
    checksums.SECOND_LOOK = 0.0
    for way, damage in WAYS.items():
        outcome = Outcome(f"each result alone {way}", "`meta verify` must name it and no other")
        with Clock(outcome):
            for path in results(base.folder):
                stored = checksum_file(path, base.folder)
                if stored is not None and stored.is_file():
                    outcome.add(told_of(base.folder, path, damage, [base.folder]))
        outcomes.append(outcome)
    return outcomes


def told_of(base: Path, path: Path, damage: Callable[[Path], None], asked: list[Path]) -> Trial:
    """Damage one file, ask which of some are damaged, and put it back."""
    content = path.read_bytes()
    damage(path)
    found = damaged(asked, base)
    path.write_bytes(content)
    name = path.relative_to(base)
    return Trial("told") if found == [path] else lost(f"{name} is damaged, found: {found}")


def damage_and_run(rates: Base, cases: Base, folder: Path) -> list[Outcome]:
    """Damage results of a finished run, and run again: what each is read by must refuse it."""
    made = [(rates, TOGETHER, way) for way in WAYS]
    made += [(rates, [name], way) for name, way in ALONE]
    made += [(cases, [name], way) for name, way in ALONE_OF_CASES]
    return [_damaged(base, names, way, folder / "damaged") for base, names, way in made]


def _damaged(undisturbed: Base, names: list[str], way: str, folder: Path) -> Outcome:
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    label = f"`{names[0]}`" if len(names) == 1 else f"{len(names)} results at once"
    what = "then a run" if len(names) == 1 else ", ".join(f"`{Path(name).name}`" for name in names)
    outcome = Outcome(f"{label} {way}", what)
    with Clock(outcome):
        base = undisturbed.copy(folder)
        for name in names:
            WAYS[way](base.path(name))
        outcome.add(recover(base, expected, raw))
    return outcome
