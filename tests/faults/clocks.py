"""A clock that was wrong: times of files in the future, in the past, in no order at all."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from tests.faults.base import Base
from tests.faults.outcome import Clock, Outcome, recover
from tests.faults.whole import results

YEAR = 365 * 86400
SEED = 5


def wrong_clocks(undisturbed: Base, folder: Path) -> list[Outcome]:
    """Date files as a wrong clock would have, then run again."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    outcomes = []
    for fault, made, raws, made_at in (
        ("raw tables dated a year ahead", "touched", YEAR, None),
        ("results dated a year ahead", "touched", None, lambda _: YEAR),
        ("results dated a year back", "touched", None, lambda _: -YEAR),
        (
            "results dated in no order, within a year each way", f"touched (seed {SEED})", None,
            lambda dice: dice.uniform(-YEAR, YEAR),
        ),
    ):  # fmt: skip
        outcome = Outcome(f"clock: {fault}", made)
        with Clock(outcome):
            base = undisturbed.copy(folder / "clock")
            dice = random.Random(SEED)
            if raws is not None:
                for path in base.path("data/raw").iterdir():
                    _date(path, raws)
            if made_at is not None:
                for path in results(base.folder):
                    _date(path, made_at(dice))
            outcome.add(recover(base, expected, raw))
        outcomes.append(outcome)
    return outcomes


def _date(path: Path, shift: float) -> None:
    os.utime(path, (time.time() + shift,) * 2)
