"""The record of the search: where records came from, what became of them, and whether it adds up.

Two rules make the numbers of a flow diagram believable (PRISMA 2020, Page et al. 2021,
doi:10.1136/bmj.n71). Within a source, what was identified is what was included, excluded, not
retrieved, or a duplicate. And where a row names the table that holds its records
(``counts_table``, with ``counts_filter`` for a part of it), that many rows stand there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from meta.evidence.dictionary import load_dictionary
from meta.evidence.problems import Problem
from meta.evidence.reading import nearest
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = "data/raw/screening.csv"
PARTS = ("included", "excluded", "sought", "duplicate")
# Tables whose rows are boxes of the flow of their own.
TALLIED = ("arms", "cases")
# A name that counts on: more digits are no number of a row.
NUMBERED = re.compile("(.*?)([0-9]{1,15})")
# Rows beyond these are counted, not named.
MOST_ROWS_NAMED = 5


class FilterError(ValueError):
    """A filter that names no rows: what is wrong with it, and how to write it."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


@dataclass(frozen=True)
class Source:
    """What became of the records of one source.

    Attributes
    ----------
    name : str
        The source.
    identified, included, excluded, sought, duplicate : int
        Records found, taken into the tables, left out, looked for without being retrieved, and
        removed as found already.
    line : int
        Line of its first row.
    printed : bool
        Whether the number identified is printed rather than the sum of the others.
    """

    name: str
    identified: int
    included: int
    excluded: int
    sought: int
    duplicate: int
    line: int
    printed: bool

    @property
    def adds_up(self) -> bool:
        """Whether every identified record became something."""
        return self.identified == self.decided

    @property
    def decided(self) -> int:
        """Records of which it is said what became of them."""
        return sum(int(getattr(self, part)) for part in PARTS)


def sources(screening: pd.DataFrame) -> list[Source]:
    """Sum the records of each source.

    Parameters
    ----------
    screening : DataFrame
        Typed rows of the table ``screening``.

    Returns
    -------
    list of Source
        In the order of the file.
    """
    found = []
    for name, rows in screening.groupby("source", sort=False):
        records = rows["records"].fillna(0)
        sums = {d: int(records[rows["decision"].eq(d)].sum()) for d in ("identified", *PARTS)}
        printed = bool(rows["decision"].eq("identified").any())
        if not printed:
            sums["identified"] = sum(sums[part] for part in PARTS)
        line = int(rows["_line"].iloc[0]) if "_line" in rows else 0
        found.append(Source(str(name), line=line, printed=printed, **sums))
    return found


def counted_rows(table: pd.DataFrame, text: str) -> pd.Series:
    """Mark the rows of a table that a filter names.

    Parameters
    ----------
    table : DataFrame
        A typed table.
    text : str
        Conditions separated by semicolons, which must all hold: ``column=value``, ``column=``
        for a blank, or ``column=FIRST..LAST`` for names such as ``ARM001..ARM470``; bars
        separate alternatives of one column. An empty text names every row.

    Returns
    -------
    Series of bool
        The rows.

    Raises
    ------
    FilterError
        If a condition cannot be read or names no column.
    """
    kept = pd.Series(True, index=table.index)
    for condition in filter(None, (part.strip() for part in text.split(";"))):
        column, sign, value = (part.strip() for part in condition.partition("="))
        if not sign or column not in table:
            near = nearest(column, list(table.columns))
            remedy = f"did you mean {near}?" if near else "write it as column=value"
            raise FilterError(f"the condition {condition!r} names no column", remedy)
        cells = table[column].astype("string")
        either = [_matches(cells, choice.strip()) for choice in value.split("|")]
        kept &= pd.concat(either, axis="columns").any(axis="columns")
    return kept


def _matches(cells: pd.Series, value: str) -> pd.Series:
    if ".." not in value:
        return (cells.isna() if not value else cells.eq(value).fillna(False)).astype(bool)
    ends = [NUMBERED.fullmatch(end.strip()) for end in value.split("..", 1)]
    if ends[0] is None or ends[1] is None or ends[0][1] != ends[1][1]:
        reason = f"the range {value!r} does not run between two numbered names"
        raise FilterError(reason, "write it as ARM001..ARM470")
    found = cells.str.extract(r"^(.*?)([0-9]{1,15})$")
    number = found[1].astype("Int64")
    inside = number.between(int(ends[0][2]), int(ends[1][2])).fillna(False).astype(bool)
    return inside & found[0].eq(ends[0][1]).fillna(False).astype(bool)


def uncounted(tables: Mapping[str, pd.DataFrame], name: str) -> int:
    """Count the rows of a table that no row of the screening table counts.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Typed tables, ``screening`` among them.
    name : str
        The table.

    Returns
    -------
    int
        Rows that were added without a record of where they came from.
    """
    table = tables[name]
    seen = pd.Series(False, index=table.index)
    for row in _counting(tables["screening"]):
        if row["counts_table"] == name:
            seen |= counted_rows(table, row["counts_filter"])
    return int((~seen).sum())


def is_linked(screening: pd.DataFrame) -> bool:
    """Whether the screening table says which tables hold its records."""
    return bool(_counting(screening))


def misplaced_decision(screening: pd.DataFrame) -> tuple[int, str]:
    """Find the row that counts arms or cases as anything but included.

    Parameters
    ----------
    screening : DataFrame
        Typed rows of the table ``screening``.

    Returns
    -------
    tuple of int and str
        Line and decision of the first such row; the header's line and an empty text if all count
        them as included.
    """
    for row in _counting(screening):
        if row["counts_table"] in TALLIED and row.get("decision") != "included":
            return int(row.get("_line", 1)), row.get("decision", "")
    return 1, ""


def screening_problems(
    tables: Mapping[str, pd.DataFrame], problems: Iterable[Problem] = ()
) -> list[Problem]:
    """Report the records of the search that do not add up.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Typed tables.
    problems : iterable of Problem, optional
        What is known to be wrong already; numbers that rest on unreadable rows are not compared.

    Returns
    -------
    list of Problem
        Errors that name the source, the numbers and the files; a note where rows of a table are
        counted by no source.
    """
    if "screening" not in tables:
        return []
    errors = [problem for problem in problems if problem.severity == "error"]
    if any(problem.file == FILE for problem in errors):
        return []
    screening = tables["screening"]
    found = [_unequal(source) for source in sources(screening) if not source.adds_up]
    faulty = {(problem.file, problem.column) for problem in errors}
    return found + _table_problems(tables, faulty)


def _unequal(source: Source) -> Problem:
    parts = [f"{getattr(source, part)} {part}" for part in PARTS if getattr(source, part)]
    reason = (
        f"the numbers of this source do not add up: {source.identified} identified, "
        f"but {' and '.join(parts) or '0 decided on'} make {source.decided}"
    )
    remedy = "correct one of them, or add a row for the records that are missing"
    return Problem(FILE, source.line, "records", source.name, reason, remedy)


def _counting(screening: pd.DataFrame) -> list[dict[str, str]]:
    """Rows that say which table holds their records, as text."""
    if "counts_table" not in screening:
        return []
    rows = screening[screening["counts_table"].notna()]
    columns = ["source", "records", "decision", "counts_table", "counts_filter", "_line"]
    present = [column for column in columns if column in rows]
    return [
        {
            "counts_filter": "",
            **{str(key): str(value) for key, value in row.items() if pd.notna(value)},
        }
        for row in rows[present].to_dict("records")
    ]


def _rests_on_faults(file: str, rule: str, faulty: set[tuple[str, str]]) -> bool:
    """Whether a file could not be read whole, or a column that a filter reads is wrong already."""
    columns = [condition.partition("=")[0].strip() for condition in rule.split(";")]
    return any((file, column) in faulty for column in ("", *columns))


def _table_problems(
    tables: Mapping[str, pd.DataFrame], faulty: set[tuple[str, str]]
) -> list[Problem]:
    found: list[Problem] = []
    counted: dict[str, pd.Series] = {}
    for row in _counting(tables["screening"]):
        name, line = row["counts_table"], int(row.get("_line", 0))
        file = f"data/raw/{name}.csv"
        if name not in load_dictionary().tables or name == "screening":
            near = nearest(name, list(load_dictionary().tables))
            remedy = f"did you mean {near}?" if near else "name a table of the evidence base"
            found.append(Problem(FILE, line, "counts_table", name, "is not a table", remedy))
            continue
        if _rests_on_faults(file, row["counts_filter"], faulty):
            continue
        table = tables.get(name)
        try:
            kept = counted_rows(table, row["counts_filter"]) if table is not None else pd.Series()
        except FilterError as error:
            text = row["counts_filter"]
            found.append(Problem(FILE, line, "counts_filter", text, error.reason, error.remedy))
            continue
        if int(kept.sum()) != int(row["records"]):
            found.append(_miscounted(row, kept, file, table))
        elif table is not None:
            twice = counted.get(name, pd.Series(False, index=table.index)) & kept
            if twice.any():
                found.append(_twice(row, int(twice.sum()), file))
            counted[name] = counted.get(name, pd.Series(False, index=table.index)) | kept
    return found or _uncounted(tables, counted)


def _miscounted(
    row: dict[str, str], kept: pd.Series, file: str, table: pd.DataFrame | None
) -> Problem:
    rule, there = row["counts_filter"], int(kept.sum())
    where = f"{file}{f' with {rule}' if rule else ''}"
    reason = (
        f"the source {row['source']} says {row['records']} {row['decision']}, but "
        f"{where} has {counted(there, 'row')}"
        if table is not None
        else f"the source {row['source']} says {row['records']} {row['decision']}, but there is "
        f"no {file}"
    )
    remedy = f"correct the number, or the rows of {file}"
    free = _free_name(table, rule) if table is not None else None
    beyond = there - int(row["records"])
    if table is not None and free is not None and beyond > 0:
        # Rows are appended, so that those which came after the count stand last.
        last = (
            table.loc[kept, [free[0], "_line"]].astype("string").tail(min(beyond, MOST_ROWS_NAMED))
        )
        named = ", ".join(f"{name} (line {line})" for name, line in last.itertuples(index=False))
        more = f" and {beyond - len(last)} before" if beyond > len(last) else ""
        reason += f"; beyond the number stand {named}{more}"
        remedy = (
            f"if the rows came after the count, give them another {free[0]} outside the range, "
            f"such as {free[1]}; if this search found them, correct the number"
        )
    return Problem(FILE, int(row.get("_line", 0)), "records", row["records"], reason, remedy)


def _free_name(table: pd.DataFrame, rule: str) -> tuple[str, str] | None:
    """Column of the first range of a filter, and the next name behind its end that is free."""
    for condition in rule.split(";"):
        column, _, value = (part.strip() for part in condition.partition("="))
        last = [choice.rpartition("..")[2].strip() for choice in value.split("|") if ".." in choice]
        ends = [end for end in map(NUMBERED.fullmatch, last) if end]
        if not ends or column not in table:
            continue
        prefix, width = ends[-1][1], len(ends[-1][2])
        names = table[column].astype("string").dropna()
        numbered = [name for name in map(NUMBERED.fullmatch, names) if name]
        taken = [int(name[2]) for name in (*ends, *numbered) if name[1] == prefix]
        return column, f"{prefix}{max(taken) + 1:0{width}d}"
    return None


def _twice(row: dict[str, str], rows: int, file: str) -> Problem:
    number = counted(rows, "row")
    reason = f"the source {row['source']} counts {number} of {file} again"
    remedy = "narrow the filters so that each row is counted once"
    line = int(row.get("_line", 0))
    return Problem(FILE, line, "counts_filter", row["counts_filter"], reason, remedy)


def _uncounted(
    tables: Mapping[str, pd.DataFrame], counted: Mapping[str, pd.Series]
) -> list[Problem]:
    found = []
    for name, seen in counted.items():
        rows = [int(line) for line in tables[name].loc[~seen, "_line"]]
        if rows:
            reason = "no row of screening.csv counts the row; the flow shows it as added since"
            remedy = "when the search is next recorded, add its source to screening.csv"
            found.append(
                Problem(f"data/raw/{name}.csv", rows[0], "", "", reason, remedy, "note",
                        tuple(rows[1:]))
            )  # fmt: skip
    return found
