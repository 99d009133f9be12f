"""A proposed edit of the evidence: rows laid over a copy of the base and checked with it.

The base itself is only read. The copy lives in a temporary folder for as long as the check takes.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from meta.errors import UserError
from meta.evidence.changes import compare_rows
from meta.evidence.checking import RAW, Evidence, check
from meta.evidence.dictionary import load_dictionary
from meta.evidence.header import NO_HEADER
from meta.evidence.near_names import nearest_key
from meta.evidence.problems import EvidenceError, Problem
from meta.evidence.reading import RawTable, read_table

if TYPE_CHECKING:
    from meta.evidence.dictionary import Table

#: Where a line of the copy comes from: file as the user knows it, and its line there.
Origin = dict[int, tuple[str, int]]
NOT_PREVIEWED = "nothing was previewed"
#: Tables that count or list the rows that were found: the record of the search, the items of the
#: documents, and what refers to those. An arm left out for a look contradicts them by intent.
LISTING = ("screening", "taxonomy", "goal_pairs")
#: Tables whose rows go with an arm, and the columns that name it.
WITH_ARMS = {"codings": ("unit_id",), "contrasts": ("arm_id", "baseline_arm_id")}
#: What ends a line for the readers, also inside a quoted cell.
LINE_END = re.compile(r"\r\n|\n|\r")


class ProposalError(UserError):
    """A proposal that cannot be laid over the base; the message says why."""


@dataclass(frozen=True)
class ProposedRow:
    """One row of a proposal: its table, its key, and whether it is added, replaced or removed.

    Of a folder, a row that differs from the stored one is `changed`.
    """

    table: str
    key: str
    action: str


@dataclass(frozen=True)
class Proposal:
    """The checked base with the proposed rows in it.

    Attributes
    ----------
    evidence
        Tables and problems, as of `meta check`, with lines of the files the user has.
    rows
        Table, key and fate (added, replaced or removed) of each row that differs from the base.
    unchanged
        Number of proposed rows that are as the base has them.
    """

    evidence: Evidence
    rows: list[ProposedRow] = field(default_factory=list)
    unchanged: int = 0


def table_of_header(columns: Iterable[str], name: str | None = None) -> Table:
    """Tell which table a file's rows belong to.

    Parameters
    ----------
    columns
        Its header.
    name
        Table named by the user, or None to tell by the header.

    Raises
    ------
    ProposalError
        If there is no such table, or none has the columns.
    """
    tables = load_dictionary().tables
    if name is not None:
        if name not in tables:
            raise ProposalError(f"there is no table {name}; tables: {', '.join(tables)}")
        return tables[name]
    header = set(columns)
    fitting = [t for t in tables.values() if header & set(t.key) and t.key[0] in header]
    # A key may be another table's reference: the table with most of the columns is meant.
    fitting.sort(key=lambda t: (-len(header & set(t.fields)), len(set(t.fields) - header)))
    if not fitting:
        keys = ", ".join(f"{t.key[0]} ({t.name})" for t in tables.values())
        raise ProposalError(
            f"the header ({', '.join(columns)}) has the key of no table; name the table with "
            f"--table, or add its key column: {keys}"
        )
    return fitting[0]


def propose(
    directory: Path,
    files: Mapping[Path, str | None],
    remove: Iterable[str] = (),
) -> Proposal:
    """Check a base together with proposed rows.

    Parameters
    ----------
    directory
        Evidence base that holds `data/raw/`.
    files
        Files of rows in the form of a raw table, each with the name of its table or None. A row
        whose key exists replaces the stored one.
    remove
        Arms to leave out.

    Raises
    ------
    EvidenceError
        If base and rows together have errors; every problem is in it.
    ProposalError
        If a file belongs to no table, or an arm to remove is not there.
    """
    edits: dict[str, dict[str, tuple[RawTable, str]]] = {}
    problems: list[Problem] = []
    for path, name in files.items():
        if not path.is_file():
            raise ProposalError(f"{path}: there is no such file")
        columns, found = _columns_of(path, name)
        if not columns:
            problems += found
            continue
        table = table_of_header(columns, name)
        raw, found = read_table(path, str(path), table)
        problems += [p for p in found if p.severity == "error"]
        edits.setdefault(table.name, {})[str(path)] = raw, str(path)
    if problems:
        raise EvidenceError(problems, NOT_PREVIEWED)
    gone = list(remove)
    if gone:
        edits.setdefault("arms", {})
        for name in WITH_ARMS:
            if (directory / RAW / f"{name}.csv").is_file():
                edits.setdefault(name, {})
    with tempfile.TemporaryDirectory(prefix="meta-preview-") as scratch:
        copy = Path(scratch)
        origins, rows, unchanged = _copy(directory, copy, edits, gone)
        evidence = check(copy)
        evidence.problems = [_relocate(p, origins) for p in evidence.problems]
    if evidence.errors:
        raise EvidenceError(_told(evidence.problems), NOT_PREVIEWED)
    return Proposal(evidence, rows, unchanged)


def _columns_of(path: Path, name: str | None) -> tuple[list[str], list[Problem]]:
    """Read a header with the first table that makes one of it, and what is wrong if none does."""
    tables = load_dictionary().tables
    known = name is not None and name in tables
    named = [tables[str(name)]] if known else [tables["arms"], *tables.values()]
    wrong: list[Problem] = []
    for table in named:
        raw, found = read_table(path, str(path), table)
        if raw.columns:
            return list(raw.columns), []
        # That a file has no column of one table says nothing while another may be meant.
        if not wrong or (_headerless(wrong) and not _headerless(found)):
            wrong = found
    if not known and _headerless(wrong):
        wrong = [replace(wrong[0], reason=wrong[0].reason.replace("of arms", "of any table"))]
    return [], wrong


def _headerless(problems: list[Problem]) -> bool:
    return any(problem.reason.startswith(NO_HEADER) for problem in problems)


def propose_folder(folder: Path, stored: Mapping[str, pd.DataFrame]) -> Proposal:
    """Check a folder of raw tables, an edited copy of `data/raw` or that folder itself.

    Parameters
    ----------
    folder
        The folder.
    stored
        Canonical tables of the last run, which say what is new in it.

    Raises
    ------
    EvidenceError
        If its tables have errors.
    """
    with tempfile.TemporaryDirectory(prefix="meta-preview-") as scratch:
        raw = Path(scratch) / RAW
        raw.parent.mkdir(parents=True)
        raw.symlink_to(folder.resolve())
        evidence = check(Path(scratch))
    evidence.problems = [
        replace(p, file=str(folder / Path(p.file).name)) for p in evidence.problems
    ]
    if evidence.errors:
        raise EvidenceError(_told(evidence.problems), NOT_PREVIEWED)
    return Proposal(evidence, _differing(stored, evidence.tables))


def _differing(
    stored: Mapping[str, pd.DataFrame], tables: Mapping[str, pd.DataFrame]
) -> list[ProposedRow]:
    """Rows that differ from the stored ones in a column that an analysis may read."""
    found = []
    for table in load_dictionary():
        columns = table.analysis_columns
        old = stored.get(table.name, pd.DataFrame(columns=columns)).reindex(columns=columns)
        new = tables.get(table.name, old.iloc[:0]).reindex(columns=columns)
        keys = list(table.key)
        before, after = (rows.sort_values(keys, ignore_index=True) for rows in (old, new))
        if before.astype("string").equals(after.astype("string")):
            continue
        differ = compare_rows(old, new, table.key)
        parts = {"added": differ.added, "removed": differ.removed, "changed": list(differ.changed)}
        found += [ProposedRow(table.name, k, word) for word, named in parts.items() for k in named]
    return found


def _copy(
    directory: Path,
    copy: Path,
    edits: Mapping[str, Mapping[str, tuple[RawTable, str]]],
    remove: list[str],
) -> tuple[dict[str, Origin], list[ProposedRow], int]:
    """Copy the raw folder with the edits in it: links but for the tables that change.

    Returns lines' origins, the rows that differ, and how many others are as the base has them.
    """
    raw = copy / RAW
    raw.mkdir(parents=True)
    changed = {f"{name}.csv" for name in edits}
    if remove:
        changed |= {f"{name}.csv" for name in LISTING}
    for path in (directory / RAW).iterdir():
        if path.name not in changed:
            (raw / path.name).symlink_to(path.resolve())
    origins: dict[str, Origin] = {}
    rows: list[ProposedRow] = []
    unchanged = 0
    for name, parts in edits.items():
        table = load_dictionary()[name]
        file = f"{RAW}/{name}.csv"
        base, found = read_table(directory / file, file, table)
        errors = [p for p in found if p.severity == "error" and base.present]
        if errors:
            raise EvidenceError(errors, NOT_PREVIEWED)
        gone = remove if name == "arms" else []
        records, found_rows, same = _merge(base, file, table, list(parts.values()), gone)
        rows += found_rows
        unchanged += same
        named = WITH_ARMS.get(name, ())
        records = [r for r in records if not any(r[2].get(c) in remove for c in named)]
        if records or not named:
            origins[file] = _write(copy / file, records)
    return origins, rows, unchanged


_Record = tuple[str, int, dict[str, str]]


def _merge(
    base: RawTable,
    file: str,
    table: Table,
    parts: list[tuple[RawTable, str]],
    remove: list[str],
) -> tuple[list[_Record], list[ProposedRow], int]:
    """Records of a table with rows replaced, removed and added; which, and how many are neither."""
    records = _records(base, file)
    place = {_key(cells, table): i for i, (_, _, cells) in enumerate(records)}
    unknown = [name for name in remove if (name,) not in place]
    if unknown:
        known = [key[0] for key in place]
        near = [nearest_key(name, known) for name in unknown]
        hints = [f"{u} (did you mean {n}?)" if n else u for u, n in zip(unknown, near, strict=True)]
        raise ProposalError(f"no row of {file} to remove: {', '.join(hints)}")
    proposed = [ProposedRow(table.name, name, "removed") for name in remove]
    seen: set[tuple[str, ...]] = set()
    unchanged = 0
    for raw, shown_as in parts:
        for record in _records(raw, shown_as):
            key = _key(record[2], table)
            same = False
            # A key given twice stays twice, for the check to report.
            if key in place and key not in seen:
                # Columns that the file leaves out keep what the stored row says.
                stored = records[place[key]][2]
                merged = {**stored, **record[2]}
                records[place[key]] = (record[0], record[1], merged)
                same = _filled(merged) == _filled(stored)
            else:
                records.append(record)
            unchanged += same
            if not same:
                action = "replaced" if key in place else "added"
                proposed.append(ProposedRow(table.name, " / ".join(key), action))
            seen.add(key)
    gone = {(name,) for name in remove}
    return [r for r in records if _key(r[2], table) not in gone], proposed, unchanged


def _records(raw: RawTable, shown_as: str) -> list[_Record]:
    names = list(raw.columns)
    rows = zip(*(cells.to_pylist() for cells in raw.columns.values()), strict=True)
    return [
        (shown_as, int(line), {n: cell or "" for n, cell in zip(names, cells, strict=True)})
        for line, cells in zip(raw.lines, rows, strict=False)
    ]


def _filled(cells: Mapping[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in cells.items() if cell}


def _key(cells: Mapping[str, str], table: Table) -> tuple[str, ...]:
    return tuple(cells.get(column, "") for column in table.key)


def _write(path: Path, records: list[_Record]) -> Origin:
    """Write records as CSV and say where each line of the file comes from."""
    columns = list(dict.fromkeys(name for _, _, cells in records for name in cells))
    # The header stands for that of the first file.
    origin: Origin = {1: (records[0][0], 1)} if records else {}
    line = 2
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for shown_as, start, cells in records:
            row = [cells.get(name, "") for name in columns]
            writer.writerow(row)
            origin[line] = shown_as, start
            line += 1 + sum(len(LINE_END.findall(cell)) for cell in row)
    return origin


def _told(problems: Sequence[Problem]) -> list[Problem]:
    """What keeps rows from being previewed; notes of the base need no answer here."""
    return [
        replace(p, remedy=f"{p.remedy}, or give its row with --studies FILE")
        if p.column == "study_id" and p.code == "unknown-key"
        else p
        for p in problems
        if p.severity != "note"
    ]


def _relocate(problem: Problem, origins: Mapping[str, Origin]) -> Problem:
    origin = origins.get(problem.file)
    if origin is None or problem.line not in origin:
        return problem
    file, line = origin[problem.line]
    others = tuple(origin[n][1] for n in problem.also_on if n in origin and origin[n][0] == file)
    return replace(problem, file=file, line=line, also_on=others)
