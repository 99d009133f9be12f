"""What the evidence page reads: the tables of the warehouse as text, and where rows stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pandas as pd

from meta.evidence.database import connect
from meta.evidence.dictionary import load_dictionary
from meta.evidence.responses import coder_kinds
from meta.evidence.schema import quote

#: Kinds of rows, in the order of the page, and the table and key column of each.
KINDS = {
    "arm": ("arms", "arm_id"),
    "study": ("studies", "study_id"),
    "case": ("cases", "case_id"),
}


@dataclass(frozen=True)
class EvidenceTables:
    """Rows of the evidence base as they stand after corrections.

    Attributes
    ----------
    frames : mapping of str to pandas.DataFrame
        `studies`, `arms`, `cases`, `codings` and `coders`, every cell as text, in the order of
        their files; columns that nobody has filled in are left out.
    lines : mapping of (str, str) to int
        Line of ``data/raw/<table>.csv`` by table and key of the row.
    """

    frames: Mapping[str, pd.DataFrame]
    lines: Mapping[tuple[str, str], int]

    def line(self, table: str, key: str) -> int:
        """Line on which a row starts; 0 where it is not known."""
        return self.lines.get((table, key), 0)

    @cached_property
    def coders(self) -> dict[str, str]:
        """Kind of each coder who coded something."""
        return coder_kinds(self.frames)

    @cached_property
    def addresses(self) -> dict[tuple[str, str], str]:
        """Name of each row on the page, by kind and identifier.

        It is the identifier, but for a row whose identifier a row of another kind has already.
        """
        taken: set[str] = set()
        found = {}
        for kind, (table, key) in KINDS.items():
            for name in self.frames[table][key]:
                found[kind, name] = f"{kind}:{name}" if name in taken else name
            taken |= set(self.frames[table][key])
        return found


def load_evidence(database: Path) -> EvidenceTables:
    """Read the tables that the page shows.

    Parameters
    ----------
    database : Path
        A database written by `meta.evidence.warehouse.build_warehouse`.

    Returns
    -------
    EvidenceTables
        All rows; tables whose file is absent are empty.
    """
    names = [*(table for table, _ in KINDS.values()), "codings", "coders"]
    with connect(database) as connection:
        stands = connection.sql('SELECT "table", row_key, file_line FROM source_rows').fetchall()
        lines = {(table, key): int(line) for table, key, line in stands if table in names}
        frames = {name: _frame(connection, name, lines) for name in names}
    return EvidenceTables(frames, lines)


def _frame(
    connection: duckdb.DuckDBPyConnection, name: str, lines: Mapping[tuple[str, str], int]
) -> pd.DataFrame:
    table = load_dictionary()[name]
    rows = connection.sql(f"SELECT COLUMNS(*)::VARCHAR FROM {quote(name)}")
    frame = pd.DataFrame(rows.to_arrow_table().to_pandas()).astype("string")
    key = frame[table.key[0]].fillna("")
    for column in table.key[1:]:
        key = key + "; " + frame[column].fillna("")
    frame = frame.loc[key.map(lambda each: lines.get((name, each), 0)).sort_values().index]
    filled = [c for c in frame if frame[c].notna().any() or c in table.required_columns]
    return frame[filled].fillna("").reset_index(drop=True)
