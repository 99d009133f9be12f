"""A problem that many rows share, told once with all its lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem, Severity


def told_once(
    typed: TypedTable,
    wrong: pd.Series,
    column: str,
    reason: str,
    remedy: str,
    severity: Severity,
    code: str,
) -> list[Problem]:
    """Describe the rows for which a test holds as one problem.

    Parameters
    ----------
    typed : TypedTable
        The table.
    wrong : Series of bool
        Rows with the problem, by the table's index; NA counts as not.
    column : str
        The column in question.
    reason, remedy : str
        What is wrong with each of the rows, and how to fix it.
    severity : {"error", "warning", "note"}
        How serious it is.
    code : str
        Short name of the kind of problem.

    Returns
    -------
    list of Problem
        One problem with the value of the first row, also on the lines of the others; or none.
    """
    lines = typed.frame.loc[wrong.fillna(False).astype(bool), "_line"]
    if lines.empty:
        return []
    first = typed.problem(int(lines.index[0]), column, reason, remedy, severity)
    return [replace(first, also_on=tuple(lines.iloc[1:].tolist()), code=code)]
