"""Files of agreement and disagreements, from the warehouse: rationales and titles included."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from meta.evidence.agreement import agreement_table
from meta.evidence.database import connect
from meta.evidence.disagreements import disagreement_table
from meta.evidence.responses import coder_kinds, response_columns
from meta.evidence.schema import columns, quote
from meta.storage import atomic, write_json

#: Columns that no coefficient reads, for those who discuss the disagreements.
TOLD = {"cases": ["title"], "arms": ["arm_label"], "codings": ["confidence", "rationale"]}


def write_agreement(
    database: Path, probabilities: Path, used: dict[str, list[str]], seed: int, folder: Path
) -> None:
    """Write `agreement.csv` and `disagreements.json`.

    Parameters
    ----------
    database
        The warehouse.
    probabilities
        Parquet of the latent codes' posterior.
    used
        Coded fields of each model.
    seed
        Root seed of the bootstrap.
    folder
        Where to write.
    """
    tables = _read(database)
    with atomic(folder / "agreement.csv") as temporary:
        agreement_table(tables, seed).to_csv(temporary, index=False, lineterminator="\n")
    fields = sorted({field for listed in used.values() for field in listed})
    models = {field: [m for m, listed in used.items() if field in listed] for field in fields}
    likely = pd.read_parquet(
        probabilities, columns=["unit_id", "field", "code", "probability"],
    )  # fmt: skip
    table = disagreement_table(tables, likely, models)
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    sources = _sources(tables)
    rows = [{**row, "source": sources.get(str(row["unit_id"]), "")} for row in rows]
    write_json(folder / "disagreements.json", {"coders": coder_kinds(tables), "rows": rows})


def _sources(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Addresses of the cases that have one of their own; other units have that of their study."""
    cases = tables.get("cases")
    if cases is None or "source_url" not in cases:
        return {}
    known = cases.dropna(subset="source_url")
    return dict(zip(known["case_id"].astype(str), known["source_url"].astype(str), strict=True))


def _read(database: Path) -> dict[str, pd.DataFrame]:
    """Read the answers, and what people want to see beside them; all of it is text."""
    wanted = response_columns()
    for table, more in TOLD.items():
        wanted[table] += more
    with connect(database) as connection:
        present = {row[0] for row in connection.sql("SHOW TABLES").fetchall()}
        return {
            name: _text(connection.sql(f"SELECT {columns(wanted[name])} FROM {quote(name)}"))
            for name in sorted(present & set(wanted))
        }


def _text(rows: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    return pd.DataFrame(rows.to_arrow_table().to_pandas()).astype("string")
