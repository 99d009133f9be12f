"""Killing a writer while it writes: as its unfinished file comes, or as it goes."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Literal

PATIENCE = 60.0


def kill_in_the_act(
    writer: subprocess.Popen[str],
    unfinished: Path,
    moment: Literal["comes", "goes"],
    delay: float = 0.0,
) -> bool:
    """Kill a writer at a moment of its unfinished file.

    Parameters
    ----------
    writer
        The process.
    unfinished
        The file that it writes before it puts it in the place of the old one.
    moment
        When the file is seen first, or when it is there no more.
    delay
        Seconds after that moment.

    Returns
    -------
    bool
        Whether the process was still running when it was struck.
    """
    deadline = time.monotonic() + PATIENCE
    target = unfinished.with_name(unfinished.name.removeprefix(".").removesuffix(".unfinished"))
    old = target.stat().st_ino
    # No sleep: the file is there for some milliseconds. On a busy machine it may come and go
    # unseen; then the target is another file.
    while not unfinished.exists() and target.stat().st_ino == old:
        assert time.monotonic() < deadline, "nothing was written"
        if writer.poll() is not None:
            return False
    while moment == "goes" and unfinished.exists():
        assert time.monotonic() < deadline, "the write does not end"
    if delay:
        time.sleep(delay)
    running = writer.poll() is None
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    return running
