"""Problems of many rows, told one by one while they are few and together when they are not.

A column of a million wrong cells must neither take a million objects nor hide a row: every line
is named, in the `also_on` of a problem that stands for many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from meta.evidence.problems import Problem, Severity
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Callable

# Rows told one by one, and distinct values told apart, for one rule and column.
MOST_TOLD = 1000


def list_problems(
    file: str,
    column: str,
    lines: np.ndarray,
    rows: np.ndarray,
    value: Callable[[int], str],
    say: Callable[[int], tuple[str, str]],
    severity: Severity = "error",
) -> list[Problem]:
    """Describe what is wrong with one column in many rows.

    Parameters
    ----------
    file : str
        How problems name the file.
    column : str
        The column.
    lines : ndarray of int64
        Line of each row of the table.
    rows : ndarray of int64
        Positions of the wrong rows, ascending.
    value : callable
        The cell of a row, as text.
    say : callable
        The reason and the remedy for a row.
    severity : {"error", "warning", "note"}, optional
        How bad it is.

    Returns
    -------
    list of Problem
        One a row up to `MOST_TOLD` rows; beyond, one for each of the first `MOST_TOLD` distinct
        values with the lines of all its rows, and one for all the others.
    """
    if len(rows) <= MOST_TOLD:
        return [
            Problem(file, int(lines[row]), column, value(int(row)), *say(int(row)), severity)
            for row in rows
        ]
    kinds = pd.factorize(np.array([value(int(row)) for row in rows], dtype=object))[0]
    last = np.minimum(kinds, MOST_TOLD)
    order = np.argsort(last, kind="stable")
    groups = np.split(rows[order], np.flatnonzero(np.diff(last[order])) + 1)
    problems = []
    for number, group in enumerate(groups):
        row = int(group[0])
        reason, remedy = say(row)
        if number == MOST_TOLD:
            others = int(kinds.max()) - MOST_TOLD
            reason += f" (the same of {counted(others, 'other value')})" if others else ""
        also = tuple(lines[group[1:]].tolist())
        problems.append(
            Problem(file, int(lines[row]), column, value(row), reason, remedy, severity, also)
        )
    return problems
