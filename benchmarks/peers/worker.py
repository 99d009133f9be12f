"""A worker process that answers requests line by line, watched for processor time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ANSWER = "ANSWER "
#: Seconds between two looks at the processes.
PERIOD = 0.5


class Watch(threading.Thread):
    """Watch a process group: processor seconds and the largest sum of resident sets.

    Helper processes that a side starts are counted; a page that two share is counted twice.
    """

    def __init__(self, group: int) -> None:
        super().__init__(daemon=True)
        self.group = group
        self.seconds: dict[str, float] = {}
        self.peak = 0
        self.over = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.over.wait(PERIOD):
            self.look()

    def look(self) -> None:
        """Look once."""
        resident = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = path.read_text().rpartition(")")
            except OSError:
                continue
            fields = rest.split()
            if int(fields[2]) != self.group:
                continue
            # A process number that is used again starts later: fields[19].
            key = f"{name.split(' ')[0]} {fields[19]}"
            self.seconds[key] = (int(fields[11]) + int(fields[12])) / TICK
            resident += int(fields[21]) * PAGE
        self.peak = max(self.peak, resident)

    @property
    def processor(self) -> float:
        """Processor seconds so far, of all processes that were seen."""
        return sum(self.seconds.values())


class Worker:
    """One side: a process that reads requests on standard input and answers on standard output.

    Parameters
    ----------
    words
        Command.
    log
        File for what it writes on standard error.
    environment
        Variables on top of this process's.
    """

    def __init__(
        self, words: Sequence[str], log: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("a"),
            text=True,
            env=os.environ | (environment or {}),
            process_group=0,
        )
        self.watch = Watch(self.process.pid)
        self.watch.start()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait; adds processor seconds, peak memory and load average.

        Raises
        ------
        RuntimeError
            If the side reports an error or ends.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.watch.look()
        self.watch.peak = 0
        before, start = self.watch.processor, time.perf_counter()
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith(ANSWER):
                break
        else:
            raise RuntimeError(f"the worker ended with {self.process.wait()} on {request}")
        answer: dict[str, Any] = json.loads(line.removeprefix(ANSWER))
        if "error" in answer:
            raise RuntimeError(f"{answer['error']} on {request}")
        wall = time.perf_counter() - start
        self.watch.look()
        return answer | {
            "wall": wall,
            "processor": self.watch.processor - before,
            "peak_gib": self.watch.peak / 2**30,
            "load": os.getloadavg()[0],
        }

    def close(self) -> None:
        """Let the process end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.watch.over.set()


def timed_process(
    words: Sequence[str], log: Path, environment: dict[str, str] | None = None, request: Any = None
) -> dict[str, Any]:
    """Run one command to its end.

    Parameters
    ----------
    words, log, environment
        As for `Worker`.
    request
        Sent on standard input, as a line of JSON.

    Returns
    -------
    dict
        `wall` and `processor` seconds, `peak_gib`, `load`, and `answer` if it gave one.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    start = time.perf_counter()
    with log.open("a") as errors:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | (environment or {}),
            process_group=0,
        )
        watch = Watch(process.pid)
        watch.start()
        said, _ = process.communicate("" if request is None else json.dumps(request) + "\n")
    wall = time.perf_counter() - start
    watch.over.set()
    lines = [line for line in said.splitlines() if line.startswith(ANSWER)]
    answer = json.loads(lines[-1].removeprefix(ANSWER)) if lines else {}
    if process.returncode or "error" in answer:
        raise RuntimeError(f"{words[:4]} failed, see {log}: {answer.get('error', '')}")
    return {
        "wall": wall,
        "processor": watch.processor,
        "peak_gib": watch.peak / 2**30,
        "load": os.getloadavg()[0],
        "answer": answer,
    }
