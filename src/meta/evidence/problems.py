"""Problems found in the evidence: what they say, and how they are printed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from meta.errors import UserError
from meta.evidence.problem_kinds import code_of
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

# A longer value hides the sentence that explains it.
LONGEST_VALUE = 60
# Beyond these, the reader counts rather than reads.
MOST_LINES_LISTED = 12


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one cell, row or file.

    Attributes
    ----------
    file : str
        The file, as the user would name it.
    line : int
        Physical line on which the record starts; the header is line 1.
    column : str
        The column, or an empty text for the whole row or file.
    value : str
        What the cell holds.
    reason : str
        What is wrong.
    remedy : str
        How to fix it.
    severity : {"error", "warning", "note"}
        Only errors stop the evidence from being ingested.
    also_on : tuple of int
        Further lines with the same problem.
    code : str
        A short stable name of the kind of problem, such as ``count-order``, by which programs
        can filter; worked out from the reason unless given.
    """

    file: str
    line: int
    column: str
    value: str
    reason: str
    remedy: str
    severity: Severity = "error"
    also_on: tuple[int, ...] = ()
    code: str = ""

    def __post_init__(self) -> None:
        if not self.code:
            object.__setattr__(self, "code", code_of(self.reason))


class EvidenceError(UserError):
    """The evidence has errors, so none of it was used; the outcome says for what."""

    def __init__(self, problems: Iterable[Problem], outcome: str = "nothing was ingested") -> None:
        self.problems = list(problems)
        super().__init__(f"{format_text(self.problems)}\n{outcome}")


def group(problems: Iterable[Problem]) -> list[Problem]:
    """Merge problems that differ only in their line.

    Parameters
    ----------
    problems : iterable of Problem
        Problems in any order.

    Returns
    -------
    list of Problem
        Errors first, then by file and line; each keeps its first line, with the others in
        ``also_on``.
    """
    merged: dict[tuple[str, ...], tuple[Problem, set[int]]] = {}
    for problem in problems:
        identity = (
            problem.severity,
            problem.file,
            problem.column,
            problem.value,
            problem.reason,
        )
        _, lines = merged.setdefault(identity, (problem, set()))
        lines.update((problem.line, *problem.also_on))
    grouped = [
        replace(problem, line=min(lines), also_on=tuple(sorted(lines)[1:]))
        for problem, lines in merged.values()
    ]
    return sorted(grouped, key=_order)


def format_text(problems: Iterable[Problem], all_notes: bool = False) -> str:
    """Print problems for a person.

    Parameters
    ----------
    problems : iterable of Problem
        Problems in any order.
    all_notes : bool, optional
        Print every note. Otherwise one line stands for the notes of one kind, so that what must
        be mended is not lost among what need not.

    Returns
    -------
    str
        One line a problem, ``file:line: column: value: what is wrong: how to fix it``, and a
        summary such as ``3 errors, 1 warning``.
    """
    problems = list(problems)
    grouped = group(problems)
    serious = [problem for problem in grouped if problem.severity != "note"]
    notes = [problem for problem in grouped if problem.severity == "note"]
    lines = [_line(problem) for problem in (grouped if all_notes else serious)]
    if not all_notes:
        lines += _note_lines(notes)
    return "\n".join([*lines, _summary(problems)])


def format_json(problems: Iterable[Problem]) -> str:
    """Print problems for a program.

    Parameters
    ----------
    problems : iterable of Problem
        Problems in any order.

    Returns
    -------
    str
        A JSON object with the grouped ``problems`` and the number of each severity, counted
        before grouping.
    """
    problems = list(problems)
    counts = _counts(problems)
    document = {
        "errors": counts["error"],
        "warnings": counts["warning"],
        "notes": counts["note"],
        "problems": [asdict(problem) for problem in group(problems)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def format_github(problems: Iterable[Problem], directory: Path) -> str:
    """Print problems as workflow commands, which GitHub shows beside the lines of a change.

    Parameters
    ----------
    problems : iterable of Problem
        Problems in any order.
    directory : Path
        The evidence base, as seen from the root of the repository.

    Returns
    -------
    str
        ``::error file=...,line=...,title=code::message`` for each group of identical problems,
        and the summary. A note is a ``notice``. There is no ``col``: a column of a table is not
        a position in its line.
    """
    problems = list(problems)
    lines = []
    for problem in group(problems):
        command = "notice" if problem.severity == "note" else problem.severity
        properties = {
            "file": (directory / problem.file).as_posix(),
            "line": str(problem.line),
            "title": problem.code,
        }
        listed = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
        lines.append(f"::{command} {listed}::{_data(_message(problem))}")
    return "\n".join([*lines, _summary(problems)])


def print_problems(
    problems: Iterable[Problem], form: str, directory: Path, all_notes: bool = False
) -> str:
    """Print problems in a named form.

    Parameters
    ----------
    problems : iterable of Problem
        Problems in any order.
    form : {"text", "json", "github"}
        For a person, for a program, or for a change on GitHub.
    directory : Path
        The evidence base.
    all_notes : bool, optional
        In text, print every note.

    Returns
    -------
    str
        The printed problems.
    """
    if form == "json":
        return format_json(problems)
    if form == "github":
        return format_github(problems, directory)
    return format_text(problems, all_notes)


def exit_code(problems: Iterable[Problem], strict: bool = False) -> int:
    """Say with what code a check ends.

    Parameters
    ----------
    problems : iterable of Problem
        What the check found.
    strict : bool, optional
        Whether warnings fail too.

    Returns
    -------
    int
        1 if anything fails the check, otherwise 0.
    """
    failing = ("error", "warning") if strict else ("error",)
    return int(any(problem.severity in failing for problem in problems))


def show(value: str) -> str:
    """Make a cell's value safe and short enough to print.

    Parameters
    ----------
    value : str
        The cell as read.

    Returns
    -------
    str
        The value with unprintable characters escaped, shortened in the middle if long.
    """
    if len(value) > LONGEST_VALUE:
        half = LONGEST_VALUE // 2 - 2
        value = f"{value[:half]} ... {value[-half:]}"
    return escaped(value)


def escaped(text: str) -> str:
    """Escape what cannot be printed, so that no text commands a terminal (CWE-150).

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text, of one line; its length is kept where every character can be printed.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _order(problem: Problem) -> tuple[int, str, int, str]:
    return SEVERITIES.index(problem.severity), problem.file, problem.line, problem.column


def _note_lines(notes: list[Problem]) -> list[str]:
    """One line for each kind of note: its first in full, and how many rows have it."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for note in notes:
        kinds.setdefault((note.file, note.code), []).append(note)
    lines = []
    for kind in kinds.values():
        rows = sum(1 + len(note.also_on) for note in kind)
        more = f" ({rows} rows; meta check --notes lists them)" if rows > 1 else ""
        lines.append(_line(replace(kind[0], also_on=())) + more)
    return lines


def _line(problem: Problem) -> str:
    return escaped(f"{problem.file}:{problem.line}: {_message(problem)}")


def _data(text: str) -> str:
    return escaped(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _message(problem: Problem) -> str:
    severity = "" if problem.severity == "error" else f"{problem.severity}: "
    column = show(problem.column) if problem.column else "-"
    # On the header line there is no cell that could be blank.
    blank = "(blank)" if problem.column and problem.line > 1 else "-"
    value = show(problem.value) if problem.value else blank
    return (
        f"{column}: {value}: {severity}{problem.reason}: {problem.remedy}{_others(problem.also_on)}"
    )


def _others(lines: tuple[int, ...]) -> str:
    if not lines:
        return ""
    listed = ", ".join(str(line) for line in lines[:MOST_LINES_LISTED])
    more = len(lines) - MOST_LINES_LISTED
    tail = f" and {more} more" if more > 0 else ""
    return f" (also on {'line' if len(lines) == 1 else 'lines'} {listed}{tail})"


def _counts(problems: list[Problem]) -> Counter[Severity]:
    """Number of rows with a problem, by severity."""
    counts: Counter[Severity] = Counter()
    for problem in problems:
        counts[problem.severity] += 1 + len(problem.also_on)
    return counts


def _summary(problems: list[Problem]) -> str:
    counts = _counts(problems)
    parts = [counted(counts[severity], severity) for severity in SEVERITIES if counts[severity]]
    return ", ".join(parts) or "no problems"
