"""What changed between two states of the evidence, row by row.

Rows are compared as text by key, in the columns that an analysis may read. All other columns
(notes, quotations, locators) are told apart by a digest alone: an edit there is counted, not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd

from meta.evidence import numerals
from meta.evidence.database import connect
from meta.evidence.dictionary import Table, load_dictionary
from meta.evidence.schema import columns, quote

#: Column that holds the digest of what is not compared.
DIGEST = "_other"


@dataclass(frozen=True)
class TableChanges:
    """Differences of one table.

    Attributes
    ----------
    added, removed
        Keys; a key of several columns is joined by " / ".
    changed
        Columns that differ, with old and new text, by key.
    other
        Rows that differ only in columns that no analysis reads.
    """

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    other: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.other)


def canonical_rows(database: Path) -> dict[str, pd.DataFrame]:
    """Read every table of the warehouse as text, ordered by key.

    Parameters
    ----------
    database
        The warehouse of a run.

    Returns
    -------
    dict of str to pandas.DataFrame
        By table: its analysis columns as text (blank where there is no value) and `DIGEST`.
        Tables without rows are left out.
    """
    found = {}
    with connect(database) as connection:
        for table in load_dictionary():
            frame = connection.sql(_query(connection, table)).df().astype("string").fillna("")
            if len(frame):
                found[table.name] = frame
    return found


def _query(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    present = [row[0] for row in connection.sql(f"DESCRIBE {quote(table.name)}").fetchall()]
    read = [c for c in table.analysis_columns if c in present]
    # A fixed order, and the names too, so that a moved cell is seen.
    rest = [
        f"'{c}=' || coalesce({quote(c)}::VARCHAR, '')" for c in sorted(set(present) - set(read))
    ]
    digest = f"left(md5(concat_ws(chr(31), {', '.join(rest)})), 12)" if rest else "''"
    shown = ", ".join(f"{quote(c)}::VARCHAR AS {quote(c)}" for c in read)
    order = columns(table.key)
    return f"SELECT {shown}, {digest} AS {quote(DIGEST)} FROM {quote(table.name)} ORDER BY {order}"


def compare_rows(old: pd.DataFrame, new: pd.DataFrame, key: tuple[str, ...]) -> TableChanges:
    """Compare two states of a table.

    Parameters
    ----------
    old, new
        Text cells, as `canonical_rows` gives them. A column that one of them lacks is blank there,
        the digest too.
    key
        Columns that name a row.
    """
    before, after = (_keyed(rows, key) for rows in (old, new))
    for side in (before, after):
        if DIGEST not in side:
            side[DIGEST] = ""
    both = before.index.intersection(after.index, sort=False)
    names = [c for c in dict.fromkeys([*after.columns, *before.columns]) if c != DIGEST]
    left = before.reindex(index=both, columns=[*names, DIGEST], fill_value="")
    right = after.reindex(index=both, columns=[*names, DIGEST], fill_value="")
    differs = left != right
    read = differs[names].any(axis=1)
    changed = {}
    for name in both[read]:
        old_cells, new_cells = left.loc[name, names].to_dict(), right.loc[name, names].to_dict()
        changed[str(name)] = {
            str(c): (str(old_cells[c]), str(value))
            for c, value in new_cells.items()
            if old_cells[c] != value
        }
    return TableChanges(
        added=[str(k) for k in after.index.difference(before.index)],
        removed=[str(k) for k in before.index.difference(after.index)],
        changed=changed,
        other=int((differs[DIGEST] & ~read).sum()),
    )


def _keyed(rows: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    names = rows[list(key)].astype("string").fillna("").agg(" / ".join, axis=1)
    return rows.astype("string").fillna("").set_index(pd.Index(names.to_numpy(), name="key"))


def compare_evidence(
    old: dict[str, pd.DataFrame], new: dict[str, pd.DataFrame]
) -> dict[str, TableChanges]:
    """Compare two states of the whole evidence; tables without a difference are left out."""
    found = {}
    for table in load_dictionary():
        pair = [side.get(table.name) for side in (old, new)]
        present = [p for p in pair if p is not None]
        if not present:
            continue
        empty = present[0].iloc[:0]
        before, after = (empty if p is None else p for p in pair)
        changes = compare_rows(before, after, table.key)
        if not changes.empty:
            found[table.name] = changes
    return found


def typed_rows(rows: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Turn text rows back into the typed tables that an analysis set is made from."""
    found = {}
    for name, frame in rows.items():
        fields = load_dictionary()[name].fields
        typed = frame.drop(columns=DIGEST, errors="ignore").astype("string")
        typed = typed.mask(typed == "")
        for column in typed.columns:
            kind = numerals.dtype(fields[column]) if column in fields else "string"
            if kind in ("Int64", "Float64"):
                typed[column] = pd.Series(pd.to_numeric(typed[column]), dtype=kind)
        found[name] = typed
    return found
