"""Paths of SVG in fewer characters: the same points, so that the same is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Coordinates are of thousandths: finer than any screen or printer.
_UNIT = 1000
_TOKEN = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)")
_PATH = re.compile(r'(?<= d=")[^"]*(?=")')
#: Numbers that a command takes.
_TAKES = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}

Point = tuple[int, int]
Segment = tuple[str, tuple[int, ...]]


def short_paths(source: str) -> str:
    """Write every path of an SVG document shorter.

    Parameters
    ----------
    source
        SVG, with paths as matplotlib writes them: absolute points of moves, lines and curves.

    Returns
    -------
    str
        The same, with level and upright lines as such, points that lie on the way left out, and
        each command absolute or relative, whichever is shorter. A path with any other command
        stays as it is.
    """
    return _PATH.sub(lambda path: _shorter(path.group()), source)


def _shorter(path: str) -> str:
    try:
        segments = list(_segments(_TOKEN.findall(path)))
    except (KeyError, ValueError):
        return path
    return _written(_without_stops(segments))


def _segments(tokens: list[str]) -> Iterator[Segment]:
    """Commands with their points in thousandths; raises where one is unknown or cut short."""
    at = 0
    while at < len(tokens):
        command = tokens[at].upper() if tokens[at] == "z" else tokens[at]
        taken = tokens[at + 1 : at + 1 + _TAKES[command]]
        if len(taken) < _TAKES[command]:
            raise ValueError
        yield command, tuple(round(float(number) * _UNIT) for number in taken)
        at += 1 + len(taken)


def _without_stops(segments: list[Segment]) -> list[Segment]:
    """Leave out points on a level or upright line that goes on in the same direction."""
    found: list[Segment] = []
    for command, points in segments:
        if command == "L" and len(found) > 1 and found[-1][0] == "L":
            before, last = found[-2][1][-2:], found[-1][1]
            if _goes_on(before, last, points):
                found.pop()
        found.append((command, points))
    return found


def _goes_on(before: tuple[int, ...], last: tuple[int, ...], then: tuple[int, ...]) -> bool:
    if len(before) < len(last):
        return False
    for along, across in ((0, 1), (1, 0)):
        same = before[across] == last[across] == then[across]
        if same and (last[along] - before[along]) * (then[along] - last[along]) >= 0:
            return True
    return False


def _written(segments: list[Segment]) -> str:
    text, place, start = "", (0, 0), (0, 0)
    for command, points in segments:
        if command == "Z":
            text, place = text + "z", start
            continue
        end: Point = (points[-2], points[-1])
        text += min(_ways(command, points, place), key=len)
        place, start = end, end if command == "M" else start
    return text


def _ways(command: str, points: tuple[int, ...], place: Point) -> Iterator[str]:
    """Write a command absolute and relative to the place where the pen is."""
    steps = tuple(value - place[i % 2] for i, value in enumerate(points))
    if command == "L" and 0 in steps:
        along = 1 if steps[0] == 0 else 0
        command, points, steps = "HV"[along], points[along : along + 1], steps[along : along + 1]
    for letter, numbers in ((command, points), (command.lower(), steps)):
        yield letter + re.sub(" (?=-)", "", " ".join(map(_number, numbers)))


def _number(thousandths: int) -> str:
    sign, (whole, rest) = "-" if thousandths < 0 else "", divmod(abs(thousandths), _UNIT)
    decimals = f".{rest:03}".rstrip("0") if rest else ""
    return f"{sign}{whole or ('' if decimals else 0)}{decimals}"
