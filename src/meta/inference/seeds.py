"""Seeds: every random stream of a run derives from one root seed."""

from __future__ import annotations

import hashlib

import numpy as np


def child_seed(root: int, *names: str) -> int:
    """Return the seed of one named stream, the same on every machine and in any order of jobs.

    Parameters
    ----------
    root
        Root seed of the run.
    names
        What the stream is for, for instance the model's name and "posterior".

    Returns
    -------
    int
        In [0, 2**31).
    """
    digest = hashlib.sha256("/".join(names).encode()).digest()
    key = tuple(np.frombuffer(digest[:16], dtype="<u4").tolist())
    sequence = np.random.SeedSequence(root, spawn_key=key)
    return int(sequence.generate_state(1, dtype=np.uint32)[0] >> 1)
