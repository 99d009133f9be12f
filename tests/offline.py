"""Code run in a process that may open no socket and start no program but git."""

from __future__ import annotations

import subprocess
import sys

#: Raises on whatever Python does with a socket, and on other programs; then runs the rest.
NO_NETWORK = """
import sys
def bar(event, arguments):
    if event.startswith("socket.") or event in ("subprocess.Popen", "os.system"):
        if event == "subprocess.Popen" and arguments[1][:1] == ["git"]:
            return
        raise RuntimeError(f"{event} {arguments}")
sys.addaudithook(bar)
"""


def without_network(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", NO_NETWORK + code, *words]
    return subprocess.run(command, capture_output=True, text=True)
