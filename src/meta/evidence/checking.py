"""Checking a whole evidence base: every problem of every table at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meta.evidence.cells import TypedTable, type_table
from meta.evidence.corrections import Corrected, apply_corrections
from meta.evidence.corrections_file import read_corrections
from meta.evidence.counts import arm_problems, order_problems
from meta.evidence.dictionary import Dictionary, load_dictionary
from meta.evidence.flow import flow_problems, with_withdrawn
from meta.evidence.keys import ambiguous_problems, duplicate_problems, reference_problems
from meta.evidence.overlap import overlap_problems
from meta.evidence.problems import Problem, Severity
from meta.evidence.reading import RawTable, read_table
from meta.evidence.rules import rule_problems
from meta.evidence.screening import screening_problems
from meta.evidence.suggestion import nearest
from meta.evidence.swallowed import swallowed_problems
from meta.evidence.withdrawals import (
    of_withdrawn_unit,
    told_already,
    withdraw_rows,
    withdrawn_frames,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

RAW = "data/raw"
CORRECTIONS = "corrections.yaml"


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
    corrections : list of dict
        One record a corrected cell or withdrawn row, as `meta.evidence.corrections.COLUMNS` names
        them.
    withdrawn : dict of str to DataFrame
        Rows that corrections took out, by table, as text, with their ``_line``.
    """

    tables: dict[str, pd.DataFrame]
    problems: list[Problem] = field(default_factory=list)
    corrections: list[dict[str, str | int]] = field(default_factory=list)
    withdrawn: dict[str, pd.DataFrame] = field(default_factory=dict)

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
    corrected, found = _read(directory, dictionary)
    problems += found
    tables: dict[str, TypedTable] = {}
    for table in dictionary:
        raw = corrected.tables[table.name]
        tables[table.name], wrong = type_table(raw, table, f"{RAW}/{table.name}.csv")
        problems += wrong
    for typed in tables.values():
        problems += swallowed_problems(typed)
        problems += duplicate_problems(typed)
        problems += reference_problems(typed, tables)
        problems += order_problems(typed)
    problems += ambiguous_problems(tables, [field for table in dictionary
                                            for field in table.fields.values()])  # fmt: skip
    problems += arm_problems(tables["arms"])
    problems += overlap_problems(tables["arms"])
    problems += rule_problems(tables, dictionary, problems)
    frames = {name: typed.frame for name, typed in tables.items() if typed.raw.present}
    withdrawn = withdrawn_frames(corrected)
    problems += screening_problems(with_withdrawn(frames, withdrawn), problems)
    if not any(problem.severity == "error" for problem in problems):
        # Boxes drawn from rows that are wrong would say nothing.
        problems += flow_problems(frames, withdrawn)
    if corrected.cells:
        problems = [corrected.explain(problem) for problem in problems]
    if withdrawn:
        problems = [
            of_withdrawn_unit(p, corrected)
            for p in problems
            if not told_already(p, corrected, dictionary)
        ]
    return Evidence(frames, problems, corrected.applied, withdrawn)


def _read(directory: Path, dictionary: Dictionary) -> tuple[Corrected, list[Problem]]:
    """Read every table as text, with the corrections applied, and what is wrong with the form."""
    raws: dict[str, RawTable] = {}
    problems: list[Problem] = []
    for table in dictionary:
        file = f"{RAW}/{table.name}.csv"
        raws[table.name], found = read_table(directory / file, file, table)
        problems += found
    corrections, wrong = read_corrections(directory / RAW / CORRECTIONS, dictionary)
    corrected = apply_corrections(corrections, raws, dictionary)
    withdraw_rows(corrections, raws, dictionary, corrected)
    return corrected, [*problems, *wrong, *corrected.problems]


def _stray_files(directory: Path, dictionary: Dictionary) -> list[Problem]:
    """Point out files that nothing reads, above all misspelt ones; hidden ones are left alone."""
    folder = directory / RAW
    if not folder.is_dir():
        return []
    known = {table.name: f"{table.name}.csv" for table in dictionary}
    known[CORRECTIONS.removesuffix(".yaml")] = CORRECTIONS
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    return [
        _stray_file(folder / name, known, there) for name in sorted(there - set(known.values()))
    ]


def _stray_file(path: Path, known: dict[str, str], there: set[str]) -> Problem:
    """Say of a file that nothing reads what it was probably meant to be."""
    stem, _, suffix = path.name.casefold().partition(".")
    meant = known.get(stem) or known.get(nearest(stem, list(known)) or "")
    remedy = f"nothing to do; tables: {', '.join(known.values())}"
    severity: Severity = "note"
    if meant:
        missing = meant not in there
        remedy = f"rename it to {meant}"
        if not missing:
            remedy = f"remove it, or give it another name; {meant} is read"
        # Its rows would be missed in silence, or it is not known which of the two counts.
        lost = missing or suffix in ("csv", "yaml", "yml")
        severity = "error" if stem in known and lost and not path.is_dir() else "warning"
    reason = "is not a table of the evidence base, so nothing reads it"
    return Problem(f"{RAW}/{path.name}", 1, "", "", reason, remedy, severity)
