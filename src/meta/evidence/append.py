"""Appending one record to a CSV file: byte for byte what was there, and whole or not at all.

Standard library only. Writers take turns by an advisory lock on the folder itself (``flock``):
the kernel gives it up when its holder ends, however that happens, so that a kill leaves neither a
lock nor a lock file behind.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: How long to wait for another writer, in seconds.
PATIENCE = 120.0


class AppendError(UserError):
    """A file to which nothing can be appended, or which changed meanwhile."""


@dataclass(frozen=True)
class Contents:
    """A CSV file as read.

    Attributes
    ----------
    data : bytes
        The whole file.
    header : list of str
        Names of the columns, stripped; empty where a spreadsheet left a comma for a column that
        was once touched.
    records : list of list of str
        Cells of the records that are not blank.
    ending : str
        What ends the header, and so a line.
    lines : int
        Physical lines, counting breaks inside quotes.
    """

    data: bytes
    header: list[str]
    records: list[list[str]]
    ending: str
    lines: int

    def column(self, name: str) -> list[str]:
        """Stripped cells of one column; short records give a blank."""
        if name not in self.header:
            return []
        place = self.header.index(name)
        return [row[place].strip() if place < len(row) else "" for row in self.records]

    def rows(self) -> list[dict[str, str]]:
        """Records as mappings from column to stripped cell."""
        return [
            {name: cell.strip() for name, cell in zip(self.header, row, strict=False) if name}
            for row in self.records
        ]


def read_contents(data: bytes, shown_as: str) -> Contents:
    """Read the bytes of a CSV file strictly.

    Parameters
    ----------
    data : bytes
        The file.
    shown_as : str
        How messages name it.

    Returns
    -------
    Contents
        Its header, records and conventions.

    Raises
    ------
    AppendError
        If it is not UTF-8, has no header or cannot be read to its end: a record appended to it
        might end up inside an open quote.
    """
    remedy = "run `meta check`, mend the file, and try again"
    try:
        text = data.decode("utf-8-sig")
        source = io.StringIO(text, newline="")
        ending = "\n"
        reader = csv.reader(source, strict=True)
        header: list[str] = []
        records = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if header:
                records.append(row)
                continue
            header = [cell.strip() for cell in row]
            ending = _ending(text, reader.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        raise AppendError(f"{shown_as}: cannot be read to its end ({error}): {remedy}") from None
    named = [name for name in header if name]
    if not header or len(set(named)) < len(named):
        reason = "names a column twice" if header else "has no header"
        raise AppendError(f"{shown_as}: {reason}: {remedy}")
    return Contents(data, header, records, ending, reader.line_num)


def append_record(contents: Contents, values: Mapping[str, str], shown_as: str) -> bytes:
    """Give the bytes of the file with one more record.

    Parameters
    ----------
    contents : Contents
        The file.
    values : mapping of str to str
        Cells by column; every column must be in the header. Other columns stay blank.
    shown_as : str
        How messages name the file.

    Returns
    -------
    bytes
        What was there, then the record. Line ends are those of the header, and a file without a
        newline at its end keeps to that.

    Raises
    ------
    AppendError
        If a column is not in the header, or the record would not read back as it was given.
    """
    absent = [name for name in values if not name or name not in contents.header]
    if absent:
        lines = [
            f"{shown_as}:1: {name}: -: the header has no such column: add it, or give no value"
            for name in absent
        ]
        raise AppendError("\n".join(lines))
    cells = [values.get(name, "") for name in contents.header]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(cells)
    record = text.getvalue()
    try:
        added = record.encode("utf-8")
    except UnicodeEncodeError:
        raise AppendError(f"{shown_as}: a value is not text in UTF-8: write it again") from None
    ending = contents.ending.encode()
    complete = contents.data.endswith((b"\n", b"\r"))
    data = contents.data + (added + ending if complete else ending + added)
    after = read_contents(data, shown_as)
    if after.records != [*contents.records, cells]:
        raise AppendError(f"{shown_as}: the record would not read back as it was given")
    return data


def new_file(columns: Sequence[str]) -> bytes:
    """Give the bytes of a table without rows.

    Parameters
    ----------
    columns : sequence of str
        The header.

    Returns
    -------
    bytes
        UTF-8 with a newline.
    """
    return (",".join(columns) + "\n").encode()


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Keep other writers of a folder out while the block runs.

    Parameters
    ----------
    folder : Path
        An existing folder.
    patience : float, optional
        Seconds to wait for another writer.

    Raises
    ------
    AppendError
        If the folder does not exist, or the other writer does not finish.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise AppendError(f"{folder}: {error.strerror}: name a folder that is there") from None
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    reason = f"another program has been writing here for {patience:.0f} s"
                    raise AppendError(f"{folder}: {reason}: wait for it, or end it") from None
                time.sleep(0.02)
        yield
    finally:
        # Closing gives up the lock.
        os.close(handle)


def replace_file(path: Path, before: bytes | None, after: bytes) -> None:
    """Put new bytes in the place of a file: a reader sees the old file or the new one.

    Call it inside `locked`. The temporary file has one fixed name, so that what a kill leaves
    behind is removed by the next run, and no ending that anything reads as a table. It is made
    anew each time: a link of that name is removed, never followed.

    Parameters
    ----------
    path : Path
        The file.
    before : bytes or None
        What it must still hold; None where there was none.
    after : bytes
        What it will hold.

    Raises
    ------
    AppendError
        If the file was changed meanwhile, or cannot be written; it stays as it is.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        mode = path.stat().st_mode & 0o7777 if before is not None else None
        unfinished.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(unfinished, flags, 0o666), "wb") as file:
            file.write(after)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        there = path.read_bytes() if path.exists() else None
        if there != before:
            raise AppendError(f"{path}: was changed meanwhile: nothing was written; try again")
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise AppendError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _ending(text: str, physical_lines: int) -> str:
    lines = io.StringIO(text, newline="")
    last = [next(lines) for _ in range(physical_lines)][-1]
    return next((ending for ending in ("\r\n", "\n", "\r") if last.endswith(ending)), "\n")
