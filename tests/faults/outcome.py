"""What becomes of a fault: the same numbers again, a message that says what to do, or a loss."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.faults.base import Base, Finished

#: Runs after which it is given up to follow messages.
TRIES = 4
TRACEBACK = "Traceback (most recent call last)"
#: Snakemake's answer to a lock, of another run or of one that was killed.
LOCKED = re.compile(r"^.*[Dd]irectory cannot be locked.*$", re.MULTILINE)
#: A step's answer to a damaged result, which ends in the command that removes it.
DAMAGED = re.compile(r"^.+: (?:damaged or edited|lost) since a step wrote it: .+: (rm .+)$", re.M)


@dataclass
class Outcome:
    """A fault: how often it was made, and what became of it each time."""

    fault: str
    made: str
    times: int = 0
    same: int = 0
    told: int = 0
    lost: int = 0
    messages: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    seconds: float = 0.0
    skipped: str = ""

    def add(self, trial: Trial) -> None:
        self.times += 1
        self.same += trial.kind == "same"
        self.told += trial.kind == "told"
        self.lost += trial.kind == "lost"
        if trial.loss:
            self.losses.append(trial.loss)
        for message in trial.messages:
            if message not in self.messages:
                self.messages.append(message)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds)}


@dataclass
class Trial:
    """One fault and what followed: `same`, `told` (then the same) or `lost`, and why."""

    kind: str
    messages: list[str] = field(default_factory=list)
    loss: str = ""


def lost(reason: str, messages: list[str] | None = None) -> Trial:
    return Trial("lost", messages or [], reason)


def recover(
    base: Base,
    expected: bytes,
    raw: str,
    lift: Callable[[], str] | None = None,
    forced: str = "",
) -> Trial:
    """Run again until the pipeline is done, doing what each message says and nothing else.

    Parameters
    ----------
    base
        What the fault was done to.
    expected
        Bytes of `reports/pooled.csv` of an undisturbed run.
    raw
        Digest of data/raw before the fault.
    lift
        Does what a message about the system says (gives space or access back); returns what was
        found wrong before, if anything. A run that such a fault does not stop has not met it.
    forced
        Rule that the first run must execute.
    """
    told: list[str] = []
    for _ in range(TRIES):
        done = base.run(*(["--forcerun", forced] if forced and not told else []))
        if base.raw_hash() != raw:
            return lost("data/raw has changed", told)
        if done.code == 0:
            if base.pooled() != expected:
                return lost("pooled.csv differs from that of an undisturbed run", told)
            if lift and not told:
                return lost("the run did not meet the fault", told)
            return Trial("told" if told else "same", told)
        if TRACEBACK in done.text:
            return lost(f"a traceback: {last_line(done.text)}", told)
        messages = follow(base, done) or (lift and system_message(done))
        if not messages:
            return lost(f"no message says what to do: {last_line(done.text)}", told)
        told += [said.replace(str(base.folder), "DIR") for said in messages]
        if lift and not DAMAGED.search(done.text) and (wrong := lift()):
            return lost(wrong, told)
    return lost(f"not mended after {TRIES} runs", told)


def follow(base: Base, done: Finished) -> list[str]:
    """Do what the messages of a failed run say; returns them, each once."""
    commands = {match.group(1): match.group(0) for match in DAMAGED.finditer(done.text)}
    for command in commands:
        subprocess.run(["bash", "-c", command], cwd=base.folder, check=False)
    if locked := LOCKED.search(done.text):
        base.run("--unlock")
        return [locked.group(0).strip()]
    return [re.sub(r"^\s+", "", said) for said in commands.values()]


def system_message(done: Finished) -> list[str]:
    """Messages that name a fault of the system (disk, access) and a remedy."""
    pattern = re.compile(
        r"^.*(?:no space left|permission denied|read-only).*then run again.*$", re.M | re.I
    )
    return sorted({match.group(0).strip() for match in pattern.finditer(done.text)})[:1]


def last_line(text: str) -> str:
    """The last line that is not Snakemake's own frame, for the record."""
    frame = ("Exiting", "Complete log", "At least one", "WorkflowError", "Shutting", "Elapsed")
    lines = [x.strip() for x in text.splitlines() if x.strip() and not x.strip().startswith(frame)]
    return lines[-1][:200] if lines else "nothing was printed"


class Clock:
    """Adds the seconds of a block to an outcome."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.outcome.seconds += time.monotonic() - self.started
