"""Folders that are whole or absent: written beside their place, then moved there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meta.storage import remove_abandoned, temporary_prefix


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces the one at `path` when the block ends without error.

    Parameters
    ----------
    path
        Final name; what was in it before is gone then.

    Yields
    ------
    pathlib.Path
        Where to write. On an error it is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=temporary_prefix(path)) as name:
        made, old = Path(name) / "new", Path(name) / "old"
        made.mkdir()
        yield made
        # A folder that holds something cannot be renamed onto: the old one steps aside first.
        if path.exists():
            path.replace(old)
        made.replace(path)
