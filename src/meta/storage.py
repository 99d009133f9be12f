"""Files that are whole or absent: write to a temporary name, then rename."""

from __future__ import annotations

import glob
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends without error.

    Parameters
    ----------
    path
        Final name; its folder is made if need be.

    Yields
    ------
    pathlib.Path
        Where to write. On an error it is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=temporary_prefix(path), suffix=path.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results are for everyone whom the umask admits.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_prefix(path: Path) -> str:
    """How temporary names beside a path begin: with what they are of, the machine, the process."""
    return f"{_mark(path)}{os.getpid()}-"


def remove_abandoned(path: Path) -> None:
    """Remove what processes of this machine that no longer run left half-written for a path.

    Parameters
    ----------
    path
        File or folder that is about to be written.
    """
    mark = _mark(path)
    for left in path.parent.glob(f"{glob.escape(mark)}*"):
        process = left.name.removeprefix(mark).partition("-")[0]
        if not process.isdecimal() or _alive(int(process)):
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _mark(path: Path) -> str:
    return f".{path.stem}-{platform.node()}-"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's, or none of ours
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON atomically; NaN and infinities are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV atomically, without its index and with the same line ends everywhere."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
