"""A new row of a table: defaults, a check of the whole base with it, and then the file.

The row is judged before anything is written: the base is checked with the new file in the place
of the old one, and only problems that the row itself brings count against it.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from meta.errors import UserError
from meta.evidence.answer import Judge
from meta.evidence.append import (
    AppendError,
    Contents,
    append_record,
    locked,
    new_file,
    read_contents,
    replace_file,
)
from meta.evidence.checking import RAW, check
from meta.evidence.coders import UNDESCRIBED
from meta.evidence.dictionary import load_dictionary
from meta.evidence.header import other_separator
from meta.evidence.problems import Problem, escaped, format_text
from meta.evidence.reading import not_a_file
from meta.evidence.row_kinds import KINDS
from meta.plural import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from meta.evidence.dictionary import Field, Table

#: Columns that hold the day on which a row is made.
TODAY = ("added_on", "coded_on")
FIRST_IDS = {"arm_id": "ARM001", "case_id": "CASE001", "contrast_id": "CON001"}
#: Columns that are filled in where no value is given.
FILLED_IN = (*TODAY, *FIRST_IDS, "codebook_version")


class RowError(UserError):
    """A row that cannot be added; nothing was written.

    Attributes
    ----------
    columns : list of str
        Columns to look at again.
    """

    def __init__(self, message: str, columns: list[str] | None = None) -> None:
        self.columns = columns or []
        super().__init__(f"{message}\nnothing was written")


@dataclass(frozen=True)
class AddedRow:
    """A row that was written.

    Attributes
    ----------
    table : str
        Its table.
    file : str
        Its file, as the user would name it.
    line : int
        Physical line on which it starts.
    values : dict of str to str
        Its cells that are not blank.
    defaults : dict of str to str
        Why a cell that was not given has the value it has.
    diff : str
        Unified diff of the file.
    problems : list of Problem
        Warnings and notes that the row brings.
    existing : int
        Errors that the base had before.
    """

    table: str
    file: str
    line: int
    values: dict[str, str]
    defaults: dict[str, str]
    diff: str
    problems: list[Problem] = field(default_factory=list)
    existing: int = 0


def defaults(
    kind: str, contents: Contents, given: Mapping[str, str], today: date
) -> dict[str, tuple[str, str]]:
    """Propose values for fields that were not given.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    contents : Contents
        The file as it is.
    given : mapping of str to str
        Values that were given.
    today : datetime.date
        The day.

    Returns
    -------
    dict of str to tuple of str
        Value and the reason for it, by column: the next free name, the day, the version of the
        codebook. Only columns that the file has.
    """
    table = load_dictionary()[KINDS[kind]]
    found = {column: (today.isoformat(), "today") for column in TODAY if column in table.fields}
    for column in table.key:
        if column in FIRST_IDS:
            found[column] = _next_id(contents, column, given)
    if "codebook_version" in table.fields:
        found["codebook_version"] = _codebook_version(contents, table.fields["codebook_version"])
    return {
        column: proposal
        for column, proposal in found.items()
        if column in contents.header and not given.get(column)
    }


def missing_fields(kind: str, values: Mapping[str, str]) -> list[Field]:
    """List the required fields that have no value.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    values : mapping of str to str
        Values given or proposed.

    Returns
    -------
    list of Field
        In the order of the dictionary.
    """
    table = load_dictionary()[KINDS[kind]]
    return [f for f in table.fields.values() if f.required and not values.get(f.name)]


def read_table_file(directory: Path, kind: str) -> tuple[Contents, bytes | None]:
    """Read the file that a row would be added to.

    Parameters
    ----------
    directory : Path
        Folder that holds ``data/raw``.
    kind : str
        One of `KINDS`.

    Returns
    -------
    Contents
        The file; where there is none, or nothing in it, a header from the dictionary.
    bytes or None
        What the file holds now; None where there is none.

    Raises
    ------
    AppendError
        If it cannot be read to its end, or its columns are not separated by commas.
    """
    table = load_dictionary()[KINDS[kind]]
    path = directory / RAW / f"{table.name}.csv"
    if odd := not_a_file(path):
        raise AppendError(f"{path}: {odd}: put a file in its place, or remove it")
    try:
        before = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise AppendError(f"{path}: cannot be read ({error.strerror})") from None
    data = before if before and before.strip() else new_file(list(table.fields))
    contents = read_contents(data, f"{RAW}/{table.name}.csv")
    if said := other_separator(contents.header, table):
        reason, remedy = said
        raise AppendError(f"{RAW}/{table.name}.csv:1: {reason}: {remedy}, then add the row")
    return contents, before


def add_row(directory: Path, kind: str, given: Mapping[str, str], today: date) -> AddedRow:
    """Append a row to its table if the base is no worse for it.

    Parameters
    ----------
    directory : Path
        Folder that holds ``data/raw``.
    kind : str
        One of `KINDS`.
    given : mapping of str to str
        Cells by column; blanks may be left out.
    today : datetime.date
        The day.

    Returns
    -------
    AddedRow
        What was written, and the warnings it brings.

    Raises
    ------
    RowError
        If required values are missing or the row brings errors; nothing is written.
    AppendError
        If the file cannot be read or written.
    """
    table = load_dictionary()[KINDS[kind]]
    file = f"{RAW}/{table.name}.csv"
    values = {name: value.strip() for name, value in given.items() if value.strip()}
    with locked(directory / RAW):
        contents, before = read_table_file(directory, kind)
        proposed = defaults(kind, contents, values, today)
        values = {**values, **{column: value for column, (value, _) in proposed.items()}}
        if absent := missing_fields(kind, values):
            judge = Judge(directory / RAW, table, contents, today)
            raise _missing(absent, kind, judge.certain_faults(values))
        after = append_record(contents, values, file)
        line = read_contents(after, file).lines - _breaks(values)
        old, new = check(directory).problems, _check_with(directory, file, after)
        brought = _strict(caused(old, new), new, file, line)
        errors = [problem for problem in brought if problem.severity == "error"]
        existing = sum(problem.severity == "error" for problem in old)
        if errors:
            raise _refused(brought, existing)
        # A link to a table stays a link.
        replace_file((directory / file).resolve(), before, after)
    ordered = {name: values[name] for name in contents.header if name in values}
    why = {column: reason for column, (_, reason) in proposed.items()}
    diff = _diff(contents.data if before else b"", after, file)
    return AddedRow(table.name, file, line, ordered, why, diff, brought, existing)


def caused(before: list[Problem], after: list[Problem]) -> list[Problem]:
    """Tell the problems that a change brings from those that were there.

    Parameters
    ----------
    before, after : list of Problem
        Problems without and with the change.

    Returns
    -------
    list of Problem
        Those that are new. Numbers inside a reason do not make it another problem.
    """
    left = Counter(_identity(problem) for problem in before)
    found = []
    for problem in after:
        identity = _identity(problem)
        if left[identity]:
            left[identity] -= 1
        else:
            found.append(problem)
    return found


def _identity(problem: Problem) -> tuple[str, int, str, str, str]:
    # Nor does the plural of what they count.
    reason = re.sub(r"[0-9][0-9,]*( \w+?)?(?:s\b|\b)", r"#\1", problem.reason)
    return problem.file, problem.line, problem.column, problem.severity, reason


def _strict(brought: list[Problem], found: list[Problem], file: str, line: int) -> list[Problem]:
    """Take a coder whom nobody describes for an error: when the row is made, it is still known."""
    undescribed = [
        replace(p, line=line, also_on=(), severity="error")
        for p in found
        if p.file == file and line in (p.line, *p.also_on)
        and p.severity == "warning" and p.code.endswith(UNDESCRIBED)
    ]  # fmt: skip
    kept = [p for p in brought if not undescribed or not p.code.endswith(UNDESCRIBED)]
    return [*kept, *undescribed]


def _check_with(directory: Path, file: str, data: bytes) -> list[Problem]:
    """Check the base as it would be, in a temporary folder of links beside the new file."""
    with tempfile.TemporaryDirectory(prefix="meta-new-") as name:
        shadow = Path(name) / RAW
        shadow.mkdir(parents=True)
        for path in (directory / RAW).iterdir():
            if path.name != Path(file).name:
                (shadow / path.name).symlink_to(path.absolute())
        (Path(name) / file).write_bytes(data)
        return check(Path(name)).problems


def _missing(fields: list[Field], kind: str, wrong: Mapping[str, str]) -> RowError:
    lines = [f"a new {kind} needs {counted(len(fields), 'more value')}:"]
    for absent in fields:
        legal = f" One of: {', '.join(absent.values)}." if absent.values else ""
        example = f" Example: {absent.example}." if absent.example and not legal else ""
        lines.append(f"  --{absent.name.replace('_', '-')}: {absent.meaning}{legal}{example}")
    if wrong:
        lines.append("and of those given:")
        lines += [f"  --{name.replace('_', '-')}: {said}" for name, said in wrong.items()]
    return RowError("\n".join(lines), [*(absent.name for absent in fields), *wrong])


def _refused(problems: list[Problem], existing: int) -> RowError:
    text = format_text(problems)
    if existing:
        text += (
            f"\n(the base has {counted(existing, 'error')} of its own besides; see `meta check`)"
        )
    return RowError(text, [p.column for p in problems if p.severity == "error" and p.column])


def _next_id(contents: Contents, column: str, given: Mapping[str, str]) -> tuple[str, str]:
    """Count on from the names of rows like this one: same failure type where that is known."""
    rows = contents.rows()
    kind = given.get("failure_type")
    alike = [row for row in rows if kind and row.get("failure_type") == kind] or rows
    prefixes = [part[1] for part in map(_numbered, (row.get(column, "") for row in alike)) if part]
    if not prefixes:
        return FIRST_IDS[column], "the first"
    taken = contents.column(column)
    same = [part for part in map(_numbered, taken) if part and part[1] == prefixes[-1]]
    highest = max(same, key=lambda part: int(part[2]))
    number = int(highest[2]) + 1
    name = f"{prefixes[-1]}{number:0{len(highest[2])}d}"
    return name, f"the next free one after {highest[0]}"


def _numbered(name: str) -> re.Match[str] | None:
    return re.fullmatch(r"(.*?)([0-9]{1,15})", name)


def _codebook_version(contents: Contents, described: Field) -> tuple[str, str]:
    used = [version for version in contents.column("codebook_version") if version]
    if not used:
        return described.example, "the first version"
    latest = max(used, key=lambda text: [int(n) for n in re.findall(r"[0-9]+", text)] or [0])
    return latest, "the latest in the table"


def _breaks(values: Mapping[str, str]) -> int:
    """Line breaks inside the cells of the last record."""
    return sum(len(re.findall(r"\r\n|\n|\r", value)) for value in values.values())


def _diff(before: bytes, after: bytes, file: str) -> str:
    """Unified diff of the last line and what follows it, without reading the whole file twice."""
    old, new = before.decode("utf-8-sig"), after.decode("utf-8-sig")
    start = max(old.rstrip("\r\n").rfind("\n") + 1, 0)
    skipped = old.count("\n", 0, start)
    name = ("/dev/null" if not before else f"a/{file}", f"b/{file}")
    lines = list(
        difflib.unified_diff(old[start:].splitlines(), new[start:].splitlines(), *name, lineterm="")
    )
    shift = re.compile(r"(?<=[-+])([0-9]+)(?=[, ])")
    shown = [
        shift.sub(lambda found: str(int(found[1]) + skipped), line)
        if line.startswith("@@")
        else line
        for line in lines
    ]
    return "\n".join(escaped(line) for line in shown)


def table_of(kind: str) -> Table:
    """Dictionary entry of the table that rows of a kind are added to."""
    return load_dictionary()[KINDS[kind]]
