"""The findings of the audit, and the tables of the warehouse that they and the items rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from meta.audit.citations import citation_findings
from meta.audit.documents import document_findings
from meta.audit.goals import category_findings, goal_findings
from meta.audit.quoted_rates import quoted_findings
from meta.evidence.database import connect
from meta.evidence.dictionary import load_dictionary
from meta.evidence.schema import quote
from meta.evidence.taxonomy_links import read_links
from meta.finding import findings_table
from meta.risk.findings import table_findings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Tables that are read whole.
AUDITED = ("documents", "taxonomy", "citations", "goal_pairs", "claims")
#: Counts of an arm.
COUNTS = ("n_trials", "n_capable", "n_at_risk", "n_goal_failure", "n_harm")
#: Columns of other tables that are read beside those which items are linked to.
EVIDENCE = {
    "studies": ["study_id", "authors", "year", "url_or_id"],
    "arms": ["arm_id", "study_id", "agent_set", "overlap_set", "role", "environment", *COUNTS],
    "arms_unverified": ["study_id", "case_env", "claimed_figure", "why_unverified"],
    "cases": ["case_id", "study_id", "failure_type", "title", "source_url", "list_membership"],
    "codings": ["unit_id", "coder"],
    "contrasts": ["arm_id"],
}


def all_findings(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Find everything that the documents get wrong or leave open.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``documents``, ``citations``, ``goal_pairs``, ``claims``, ``cases``, ``arms``,
        ``arms_unverified`` and ``studies``, as of `read_tables`.

    Returns
    -------
    DataFrame
        `meta.finding.COLUMNS`.
    """
    documents, pairs = tables["documents"], tables["goal_pairs"]
    return findings_table(
        [
            # A base may hold only some of the figures, or those of another document.
            *table_findings(tables["claims"], partial=True),
            *quoted_findings(tables),
            *category_findings(pairs, tables["cases"], documents),
            *goal_findings(pairs, documents),
            *citation_findings(tables["citations"], documents, tables["studies"]),
            *document_findings(documents),
        ]
    )


def read_tables(database: Path) -> dict[str, pd.DataFrame]:
    """Read the audit's tables, and of the evidence the columns that they need.

    Parameters
    ----------
    database
        The warehouse.

    Returns
    -------
    dict of str to DataFrame
        Text, but for the counts of arms and the values of claims.
    """
    dictionary = load_dictionary()
    with connect(database) as connection:
        found = {name: _read(connection, name, list(dictionary[name].fields)) for name in AUDITED}
        wanted = {name: list(listed) for name, listed in EVIDENCE.items()}
        for text in found["taxonomy"]["links"].dropna():
            for link in read_links(text):
                wanted[link.table] = list(dict.fromkeys([*wanted[link.table], link.column]))
        found |= {name: _read(connection, name, listed) for name, listed in wanted.items()}
    found["arms"] = found["arms"].astype(dict.fromkeys(COUNTS, "Int64"))
    found["claims"]["value"] = pd.to_numeric(found["claims"]["value"])
    return found


def _read(connection: duckdb.DuckDBPyConnection, table: str, listed: list[str]) -> pd.DataFrame:
    # As text already there: a number beside a blank would become a fraction on the way.
    cells = ", ".join(f"CAST({quote(name)} AS VARCHAR) AS {quote(name)}" for name in listed)
    rows = connection.sql(f"SELECT {cells} FROM {quote(table)}").to_arrow_table()
    return pd.DataFrame(rows.to_pandas()).astype("string")
