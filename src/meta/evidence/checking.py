"""Checking a whole evidence base: every problem of every table at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meta.evidence.cells import TypedTable, type_table
from meta.evidence.counts import arm_problems, order_problems
from meta.evidence.dictionary import Dictionary, load_dictionary
from meta.evidence.keys import duplicate_problems, reference_problems
from meta.evidence.overlap import overlap_problems
from meta.evidence.problems import Problem, Severity
from meta.evidence.reading import read_table
from meta.evidence.suggestion import nearest
from meta.evidence.rules import rule_problems

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

RAW = "data/raw"


@dataclass
class Evidence:
    """The checked tables of an evidence base.

    Attributes
    ----------
    tables : dict of str to DataFrame
        Typed tables by name: every column of the dictionary, extra columns as text, and
        ``_line``, the line of the file on which the row starts. A blank is NA, never zero.
        An absent file has no entry.
    problems : list of Problem
        Everything found, errors, warnings and notes.
    """

    tables: dict[str, pd.DataFrame]
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep the evidence from being ingested."""
        return [problem for problem in self.problems if problem.severity == "error"]


def check(directory: Path) -> Evidence:
    """Read and check all tables of an evidence base.

    Parameters
    ----------
    directory : Path
        Folder that holds ``data/raw``.

    Returns
    -------
    Evidence
        The typed tables and all problems. Tables with errors are not fit for use.
    """
    dictionary = load_dictionary()
    problems = _stray_files(directory, dictionary)
    tables: dict[str, TypedTable] = {}
    for table in dictionary:
        file = f"{RAW}/{table.name}.csv"
        raw, found = read_table(directory / file, file, table)
        typed, wrong = type_table(raw, table, file)
        problems += found + wrong
        tables[table.name] = typed
    for typed in tables.values():
        problems += duplicate_problems(typed)
        problems += reference_problems(typed, tables)
        problems += order_problems(typed)
    problems += arm_problems(tables["arms"])
    problems += overlap_problems(tables["arms"])
    problems += rule_problems(tables, dictionary, problems)
    frames = {name: typed.frame for name, typed in tables.items() if typed.raw.present}
    return Evidence(frames, problems)


def _stray_files(directory: Path, dictionary: Dictionary) -> list[Problem]:
    """Point out CSV files that nothing reads, above all misspelt ones."""
    folder = directory / RAW
    if not folder.is_dir():
        return []
    names = {path.name for path in folder.glob("*.csv")}
    known = [f"{table.name}.csv" for table in dictionary]
    absent = [name for name in known if name not in names]
    problems = []
    for name in sorted(names - set(known)):
        near = nearest(name, absent)
        remedy = f"rename it to {near}" if near else f"nothing to do; tables: {', '.join(known)}"
        reason = "is not a table of the evidence base, so nothing reads it"
        severity: Severity = "warning" if near else "note"
        problems.append(Problem(f"{RAW}/{name}", 1, "", "", reason, remedy, severity))
    return problems
