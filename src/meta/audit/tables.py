"""The audit's tables of results: items with their evidence, and findings of the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from meta.audit.citations import citation_findings
from meta.audit.documents import document_findings
from meta.audit.goals import category_findings, goal_findings
from meta.audit.taxonomy import evidence_of_items
from meta.evidence.dictionary import load_dictionary
from meta.evidence.schema import quote
from meta.evidence.taxonomy_links import read_links
from meta.storage import atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Tables that are read whole.
AUDITED = ("documents", "taxonomy", "citations", "goal_pairs")
#: Columns of other tables that are read beside those which items are linked to.
EVIDENCE = {
    "studies": ["study_id", "authors", "year"],
    "arms": ["arm_id", "study_id", "agent_set", "overlap_set", "role", "n_trials"],
    "cases": ["case_id", "study_id", "failure_type"],
    "codings": ["unit_id", "coder"],
    "contrasts": ["arm_id"],
}


def document_audit(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Find everything that the documents get wrong or leave open.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``documents``, ``citations``, ``goal_pairs``, ``cases`` and ``studies``.

    Returns
    -------
    DataFrame
        `meta.audit.findings.COLUMNS`.
    """
    documents, pairs = tables["documents"], tables["goal_pairs"]
    parts = [
        citation_findings(tables["citations"], documents, tables["studies"]),
        goal_findings(pairs, documents),
        category_findings(pairs, tables["cases"], documents),
        document_findings(documents),
    ]
    return pd.concat(parts, ignore_index=True)


def write_audit(database: Path, taxonomy: Path, findings: Path) -> None:
    """Write the items of the taxonomies with their evidence, and the findings.

    Parameters
    ----------
    database
        The warehouse.
    taxonomy, findings
        CSV files to write; they have a header alone where there is nothing to say.
    """
    tables = read_tables(database)
    for path, table in (
        (taxonomy, evidence_of_items(tables)),
        (findings, document_audit(tables)),
    ):
        with atomic(path) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


def read_tables(database: Path) -> dict[str, pd.DataFrame]:
    """Read the audit's tables, and of the evidence the columns that they need.

    Parameters
    ----------
    database
        The warehouse.

    Returns
    -------
    dict of str to DataFrame
        Text, but for the numbers of trials.
    """
    dictionary = load_dictionary()
    with duckdb.connect(database, read_only=True) as connection:
        found = {name: _read(connection, name, list(dictionary[name].fields)) for name in AUDITED}
        wanted = {name: list(listed) for name, listed in EVIDENCE.items()}
        for text in found["taxonomy"]["links"].dropna():
            for link in read_links(text):
                wanted[link.table] = list(dict.fromkeys([*wanted[link.table], link.column]))
        found |= {name: _read(connection, name, listed) for name, listed in wanted.items()}
    found["arms"]["n_trials"] = found["arms"]["n_trials"].astype("Int64")
    return found


def _read(connection: duckdb.DuckDBPyConnection, table: str, listed: list[str]) -> pd.DataFrame:
    # As text already there: a number beside a blank would become a fraction on the way.
    cells = ", ".join(f"CAST({quote(name)} AS VARCHAR) AS {quote(name)}" for name in listed)
    rows = connection.sql(f"SELECT {cells} FROM {quote(table)}").to_arrow_table()
    return pd.DataFrame(rows.to_pandas()).astype("string")
