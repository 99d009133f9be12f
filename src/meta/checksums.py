"""Checksums of results: a step reads no file that was damaged or edited after it was written.

Each result of a step has one, `data/processed/checksums/<its path>.sha256`, in the form that
`sha256sum --check` reads. NetCDF, CSV and JSON carry none of their own: a flipped bit in a stored
draw would be a wrong number and no error. Standard library only.
"""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from meta.errors import UserError
from meta.storage import write_text

FOLDER = Path("data/processed/checksums")
SUFFIX = ".sha256"
#: Folders that are made whole: a file that is lost from one comes back only with the others.
WHOLE_FOLDERS = (Path("data/processed/tables"),)
#: Stamps are written by the shell, after their step, and are compared by themselves.
STAMP = ".stamp"
#: Seconds after which a file that does not match is looked at again: a job beside this one may
#: have put it in place and be about to write its checksum.
SECOND_LOOK = 1.0

#: Inode and time of change: what differs when a file was written again.
State = tuple[int, int]


class DamagedFileError(UserError):
    """Results that are not as they were written; the message says how to have them made anew."""


def checksum_file(path: Path, directory: Path = Path()) -> Path | None:
    """Path of a result's checksum; None for a file outside of the directory."""
    absolute = path.absolute()
    if not absolute.is_relative_to(directory.absolute()):
        return None
    inside = absolute.relative_to(directory.absolute())
    return directory / FOLDER / inside.with_name(inside.name + SUFFIX)


def states(paths: Iterable[Path]) -> dict[Path, State]:
    """State of each file among the paths and in the folders among them."""
    found: dict[Path, State] = {}
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            # A temporary file beside may be gone by now.
            ours = not file.name.startswith(".") and file.suffix != STAMP
            if ours and (state := _state(file)):
                found[file] = state
    return found


def record(outputs: Iterable[Path], before: dict[Path, State]) -> None:
    """Write the checksum of every output that was written since.

    Parameters
    ----------
    outputs
        Files, and folders that files were written into.
    before
        Their `states` before.
    """
    outputs = list(outputs)
    for file, state in states(outputs).items():
        target = checksum_file(file)
        if target is None or before.get(file) == state or file.is_relative_to(FOLDER):
            continue
        seen: State | None = None
        # A job beside this one may replace the file meanwhile: the last writer looks again.
        while seen != (seen := _state(file)) and seen is not None:
            write_text(target, f"{_sha256(file)}  {file.as_posix()}\n")
    for stored in _stored(outputs):
        if not _of(stored).exists():
            stored.unlink(missing_ok=True)


def damaged(paths: Iterable[Path], directory: Path = Path()) -> list[Path]:
    """Files that do not match their checksum, and those lost from a whole folder.

    Parameters
    ----------
    paths
        Files and folders; what has no checksum is taken as it is.
    directory
        Evidence base that the paths are in.
    """
    suspects = [s for s in _stored(paths, directory) if not _matches(s, directory)]
    if suspects:
        time.sleep(SECOND_LOOK)
    return [_of(s, directory) for s in suspects if not _matches(s, directory)]


def refuse_damaged(paths: Iterable[Path], directory: Path = Path()) -> None:
    """Raise if any of the files is damaged.

    Raises
    ------
    DamagedFileError
        Naming every damaged file and the command that has it made anew.
    """
    if found := damaged(paths, directory):
        raise DamagedFileError("\n".join(_advice(path, directory) for path in found))


def _advice(path: Path, directory: Path) -> str:
    whole = [directory / f for f in WHOLE_FOLDERS if path.is_relative_to(directory / f)]
    remove = f"rm -r {shlex.quote(str(whole[0]))}" if whole else f"rm {shlex.quote(str(path))}"
    what = "damaged or edited" if path.exists() else "lost"
    return (
        f"{path}: {what} since a step wrote it: remove it, then run snakemake again, "
        f"which makes it anew: {remove}"
    )


def _stored(paths: Iterable[Path], directory: Path = Path()) -> Iterator[Path]:
    """Checksums of files and of whatever is in folders."""
    for path in paths:
        if path.absolute() == directory.absolute():
            yield from sorted((directory / FOLDER).rglob(f"*{SUFFIX}"))
        elif (target := checksum_file(path, directory)) is not None and target.is_file():
            yield target
        elif target is not None:
            yield from sorted(target.with_name(path.absolute().name).rglob(f"*{SUFFIX}"))


def _of(stored: Path, directory: Path = Path()) -> Path:
    inside = stored.relative_to(directory / FOLDER)
    return directory / inside.with_name(inside.name.removesuffix(SUFFIX))


def _matches(stored: Path, directory: Path) -> bool:
    path = _of(stored, directory)
    try:
        return _sha256(path) == stored.read_text(encoding="utf-8", errors="replace").split()[0]
    except FileNotFoundError:
        # Snakemake makes what is missing, unless it only knows the folder.
        return not any(path.is_relative_to(directory / folder) for folder in WHOLE_FOLDERS)
    except IndexError:
        return False


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_mtime_ns) if path.is_file() else None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
