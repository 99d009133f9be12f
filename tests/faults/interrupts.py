"""Ctrl-C in the terminal: SIGINT to the foreground process group."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.faults.base import Base, strike, survivors
from tests.faults.outcome import TRACEBACK, Clock, Outcome, lost, recover
from tests.faults.whole import half_written

SEED = 3


def interrupt_runs(undisturbed: Base, folder: Path, times: int, longest: float) -> Outcome:
    """Interrupt a run as Ctrl-C does, several times, then let it finish."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    base = undisturbed.copy(folder / "interrupted")
    base.forget_results()
    outcome = Outcome(
        "Ctrl-C",
        f"SIGINT to the process group of the run, at random times of up to {longest:.0f} s after "
        f"its start (seed {SEED}); the next run continues without another word",
    )
    dice, struck = random.Random(SEED), 0
    with Clock(outcome):
        for _ in range(times):
            running = base.start()
            time.sleep(dice.uniform(0.3, 1) * longest)
            hit = strike(running, signal.SIGINT)
            done = base.finish(running)
            if left := survivors(running.pid):
                outcome.add(lost(f"{len(left)} processes survive"))
            elif TRACEBACK in done.text:
                outcome.add(lost("a traceback"))
            elif broken := half_written(base.folder):
                outcome.add(lost(f"half-written: {broken[0]}"))
            else:
                struck += hit
        trial = recover(base, expected, raw)
        for _ in range(struck):
            outcome.add(trial)
    return outcome
