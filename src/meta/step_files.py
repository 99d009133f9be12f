"""Files of a step: which of its options it reads and writes, held to their checksums."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from meta import checksums

#: Options that name what a step writes, where that is not `--output` alone.
OUTPUTS = {
    "evidence": {"database", "tables", "flow", "bibliography", "corrections"},
    "risk-table": {"output", "calculator"},
    "risk-sensitivity": {"sensitivity", "information"},
}
#: What is read of a folder in which other steps write meanwhile, or that holds more.
READ = {
    ("changes", "directory"): ("data/processed/fits", "data/processed/analysis"),
    ("evidence", "directory"): (),
    ("risk-table", "basis"): ("draws.parquet", "prior.parquet", "basis.json"),
    ("risk-sensitivity", "basis"): ("draws.parquet", "prior.parquet", "basis.json"),
}


def checksummed(step: click.Command) -> click.Command:
    """Let a step refuse inputs that do not match their checksums, and write those of its outputs.

    Parameters
    ----------
    step
        A command of `meta.steps`; it is changed.
    """
    run = step.callback
    assert run is not None and step.name is not None
    name, written = step.name, OUTPUTS.get(step.name, {"output"})

    @functools.wraps(run)
    def with_checksums(**options: Any) -> Any:
        outputs = [p for option in sorted(written) for p in _paths(options.get(option))]
        checksums.refuse_damaged(
            path
            for option, value in options.items()
            if option not in written
            for path in _read(name, option, value)
        )
        before = checksums.states(outputs)
        try:
            return run(**options)
        finally:
            # Also of a step that fails on its way: what it has written is whole.
            checksums.record(outputs, before)

    step.callback = with_checksums
    return step


def _read(step: str, option: str, value: Any) -> Iterator[Path]:
    parts = READ.get((step, option))
    for path in _paths(value):
        yield from [path] if parts is None else [path / part for part in parts]


def _paths(value: Any) -> Iterator[Path]:
    """Paths in the value of an option, which may be given several times or have several parts."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _paths(each)
