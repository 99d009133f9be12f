"""Lines that say how far a long computation is, for logs as much as for terminals."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

SECONDS_BETWEEN = 10.0


def progress[T](items: Sequence[T], what: str, unit: str) -> Iterator[T]:
    """Yield the items, and say on standard error every so many seconds how many are done.

    Parameters
    ----------
    items
        What there is to do, in equal parts as far as is known.
    what
        Of what: begins the line.
    unit
        What an item is, in the plural.
    """
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN and done < len(items):
            continue
        last = now
        left = (now - start) / done * (len(items) - done)
        print(
            f"{what}: {done:,} of {len(items):,} {unit}, about {left / 60:.0f} min left",
            file=sys.stderr, flush=True,
        )  # fmt: skip
