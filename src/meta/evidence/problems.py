"""Problems found in the evidence: what they say, and how they are printed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from meta.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """

    file: str
    line: int
    column: str
    value: str
    reason: str
    remedy: str
    severity: Severity = "error"
    also_on: tuple[int, ...] = ()


class EvidenceError(UserError):
    """The evidence has errors, so none of it was ingested."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(f"{format_text(self.problems)}\nnothing was ingested")


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


def format_text(problems: Iterable[Problem]) -> str:
    """Print problems for a person.

    Parameters
    ----------
    problems : iterable of Problem
        Problems in any order.

    Returns
    -------
    str
        One line a problem, ``file:line: column: value: what is wrong: how to fix it``, and a
        summary such as ``3 errors, 1 warning``.
    """
    problems = list(problems)
    lines = [_line(problem) for problem in group(problems)]
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
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)


def _order(problem: Problem) -> tuple[int, str, int, str]:
    return SEVERITIES.index(problem.severity), problem.file, problem.line, problem.column


def _line(problem: Problem) -> str:
    severity = "" if problem.severity == "error" else f"{problem.severity}: "
    column = show(problem.column) if problem.column else "-"
    # On the header line there is no cell that could be blank.
    blank = "(blank)" if problem.column and problem.line > 1 else "-"
    value = show(problem.value) if problem.value else blank
    where = f"{problem.file}:{problem.line}: {column}: {value}"
    return f"{where}: {severity}{problem.reason}: {problem.remedy}{_others(problem.also_on)}"


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
    parts = [
        f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}"
        for severity in SEVERITIES
        if counts[severity]
    ]
    return ", ".join(parts) or "no problems"
