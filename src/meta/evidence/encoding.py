"""From bytes to UTF-8 text: what a file's bytes are, and where they are something else."""

from __future__ import annotations

import codecs

from meta.evidence.problems import Problem

SAVE_AS = "save the file as CSV with the encoding UTF-8"
STEP = 1 << 22
# Share of NUL bytes above which they are one half of every character.
UTF16_SHARE = 0.2


def text_of(data: bytes, shown_as: str) -> tuple[bytes | None, list[Problem]]:
    """Return the text of a file without byte order mark, if it is text.

    Parameters
    ----------
    data : bytes
        The file.
    shown_as : str
        How problems name it.

    Returns
    -------
    bytes or None
        Text without NUL, in an encoding that remains to be seen.
    list of Problem
        What the file is instead.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None, [_whole(shown_as, "the file is UTF-16, not UTF-8", SAVE_AS, 1)]
    nul = data.find(b"\0")
    if nul >= 0:
        if data[:1000].count(0) > UTF16_SHARE * len(data[:1000]):
            return None, [_whole(shown_as, "the file seems to be UTF-16, not UTF-8", SAVE_AS, 1)]
        remedy = "remove them, or export the table again as CSV (this may be a spreadsheet file)"
        return None, [_whole(shown_as, "the file contains NUL bytes", remedy, _line(data, nul))]
    return data.removeprefix(codecs.BOM_UTF8), []


def foreign_bytes(text: bytes, shown_as: str) -> list[Problem]:
    """Name the first byte that is not UTF-8, and what it is in the encoding of old spreadsheets.

    Parameters
    ----------
    text : bytes
        Text of a file.
    shown_as : str
        How problems name it.

    Returns
    -------
    list of Problem
        None if the text is UTF-8.
    """
    bad = _first_bad_byte(text)
    return [] if bad is None else [_foreign_byte(text, bad, shown_as)]


def _first_bad_byte(data: bytes) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    for start in range(0, len(data), STEP):
        carried = len(decoder.getstate()[0])
        try:
            decoder.decode(view[start : start + STEP], final=start + STEP >= len(data))
        except UnicodeDecodeError as error:
            return start - carried + error.start
    return None


def _foreign_byte(data: bytes, start: int, shown_as: str) -> Problem:
    context = data[max(0, start - 12) : start + 12].decode("utf-8", "backslashreplace")
    byte = data[start : start + 1]
    meant = byte.decode("cp1252", "replace")
    guess = f" (in Windows-1252 it is {meant})" if meant.isprintable() and meant != "\ufffd" else ""
    reason = f"byte 0x{byte[0]:02x} is not UTF-8{guess}"
    return Problem(shown_as, _line(data, start), "", context, reason, SAVE_AS)


def _line(data: bytes, position: int) -> int:
    ends = data.count(b"\n", 0, position) or data.count(b"\r", 0, position)
    return ends + 1


def _whole(shown_as: str, reason: str, remedy: str, line: int) -> Problem:
    return Problem(shown_as, line, "", "", reason, remedy)
