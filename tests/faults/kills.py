"""SIGKILL to the whole process group of a run, at random times, on and on."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from tests.faults.base import Base, jobs_at_the_end, printed_text, strike
from tests.faults.outcome import Clock, Outcome, Trial, lost, recover
from tests.faults.whole import half_written

SEED = 20261126
#: Chains of kills that go on beside each other, each in a directory of its own.
CHAINS = 5
#: One of so many chains that begin anew begins with the raw tables alone, and fits; the others
#: begin with the posterior, so that a kill meets other steps too.
FROM_RAW = 4


def kill_runs(undisturbed: Base, folder: Path, kills: int, longest: float) -> Outcome:
    """Kill runs that go on where the killed one stopped, and start anew when one gets through.

    Parameters
    ----------
    undisturbed
        A base after a run that nothing disturbed.
    folder
        Where to work.
    kills
        How many runs to kill.
    longest
        Seconds after its start, at most, when a run is killed.
    """
    outcome = Outcome(
        "SIGKILL to the process group of the run",
        f"at random times of up to {longest:.0f} s after its start (seed {SEED}), in {CHAINS} "
        "chains: the next run goes on from what is left, once its lock is removed as Snakemake "
        "says, until one gets through",
    )
    hit: Counter[str] = Counter()
    with Clock(outcome), ThreadPoolExecutor(CHAINS) as pool:
        shares = [kills // CHAINS + (n < kills % CHAINS) for n in range(CHAINS)]
        parts = pool.map(
            lambda n: list(_chain(undisturbed, folder / f"killed {n}", n, shares[n], longest, hit)),
            range(CHAINS),
        )
        for trials in parts:
            for trial in trials:
                outcome.add(trial)
    met = ", ".join(f"{name} {number}" for name, number in hit.most_common())
    outcome.made += f"; jobs that were running: {met}"
    return outcome


def _chain(
    undisturbed: Base, folder: Path, number: int, kills: int, longest: float, hit: Counter[str]
) -> Iterator[Trial]:
    """Give the outcome of each kill of one chain: that of the run which got through after it."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    assert expected is not None
    dice, base, killed = random.Random(SEED + number), undisturbed.copy(folder), 0
    for attempt in count(number):
        base.forget_results(fits=attempt % FROM_RAW == 0)
        struck = []
        while (
            killed < kills
            and (broken := _killed(base, dice.uniform(0.2, longest), hit)) is not None
        ):
            killed += 1
            struck.append(broken)
            # What `snakemake --unlock` does. That a run asks for it is seen after the last kill.
            if killed < kills:
                shutil.rmtree(base.path(".snakemake/locks"), ignore_errors=True)
        end = recover(base, expected, raw)
        yield from (lost(f"half-written: {broken[0]}") if broken else end for broken in struck)
        if killed >= kills:
            return


def _killed(base: Base, seconds: float, hit: Counter[str]) -> list[str] | None:
    """Kill a run after some seconds, and count the jobs that it was at.

    Gives what is half-written then, None if the run had ended.
    """
    running = base.start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.05)
    if not strike(running, signal.SIGKILL):
        return None
    hit.update(jobs_at_the_end(printed_text(running)) or ["none yet"])
    return half_written(base.folder)
