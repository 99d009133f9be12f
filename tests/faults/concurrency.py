"""Two runs at once: in one directory, and in two that share the caches of compiled models."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.base import Base
from tests.faults.outcome import LOCKED, TRACEBACK, Clock, Outcome, Trial, last_line, lost


def run_twice(undisturbed: Base, folder: Path) -> list[Outcome]:
    """Start a second run beside one that is running, in its directory and in another."""
    expected, raw = undisturbed.pooled(), undisturbed.raw_hash()
    first = undisturbed.copy(folder / "first")
    other = undisturbed.copy(folder / "beside")
    first.forget_results(fits=False)
    other.forget_results(fits=False)
    same = Outcome("two runs at once, in one directory", "the second starts while the first runs")
    apart = Outcome("two runs at once, in two directories", "they share the compiled models")
    with Clock(same), Clock(apart):
        running, beside = first.start(), other.start()
        while not list(first.path(".snakemake/locks").glob("*")) and running.poll() is None:
            time.sleep(0.05)
        refused = Base(first.folder).run() if running.poll() is None else None
        done, done_beside = first.finish(running), other.finish(beside)
    message = LOCKED.search(refused.text) if refused else None
    if refused is None or refused.code == 0 or message is None or TRACEBACK in refused.text:
        same.add(lost(f"the second was not refused: {last_line(refused.text) if refused else ''}"))
    elif done.code or first.pooled() != expected or first.raw_hash() != raw:
        same.add(lost("the first did not end as if it had been alone"))
    else:
        same.add(Trial("told", [message.group(0).strip()]))
    right = done_beside.code == 0 and other.pooled() == expected and other.raw_hash() == raw
    apart.add(Trial("same") if right else lost(last_line(done_beside.text)))
    return [same, apart]
