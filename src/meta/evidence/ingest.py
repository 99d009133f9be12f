"""Ingest: raw tables to the checked warehouse, its canonical exports and the evidence flow."""

from __future__ import annotations

import sys
from pathlib import Path

from meta.evidence.checking import check
from meta.evidence.flow import evidence_flow
from meta.evidence.index import RAW_HASH, raw_hash
from meta.evidence.problems import EvidenceError, format_text
from meta.evidence.warehouse import build_warehouse, export_canonical
from meta.storage import atomic, write_json, write_text

#: What the report says of a study; titles and links inform no model.
BIBLIOGRAPHY = ["study_id", "title", "authors", "year", "url_or_id", "source_type", "how_read",
                "bib_basis"]  # fmt: skip


def ingest(
    directory: Path,
    database: Path,
    tables: Path,
    flow: Path,
    bibliography: Path,
    corrections: Path,
    row_filter: dict[str, list[str]],
) -> None:
    """Check the raw tables; if they are right, build everything downstream reads.

    Parameters
    ----------
    directory
        Evidence base that holds `data/raw/`.
    database
        DuckDB file to build.
    tables
        Folder for the canonical Parquet, one file a table.
    flow
        JSON file for the evidence flow.
    bibliography
        Parquet file of the studies for the report.
    corrections
        JSON file of the corrected cells.
    row_filter
        Filter of the primary model, which the flow of arms ends in.

    Raises
    ------
    EvidenceError
        With every problem; nothing is written then.
    """
    raw = raw_hash(directory)  # before reading: a file saved meanwhile must look newer
    evidence = check(directory)
    if evidence.errors:
        raise EvidenceError(evidence.problems)
    if evidence.problems:
        print(format_text(evidence.problems), file=sys.stderr)
    boxes = evidence_flow(evidence.tables, row_filter, evidence.withdrawn)
    studies, corrected = evidence.tables["studies"][BIBLIOGRAPHY], evidence.corrections
    build_warehouse(evidence, database)
    # A large base need not be held twice while the database sorts it.
    del evidence
    # The hash goes first and comes last: tables of two runs never pass for those of one.
    (tables / RAW_HASH).unlink(missing_ok=True)
    export_canonical(database, tables)
    write_text(tables / RAW_HASH, raw)
    write_json(flow, {"boxes": boxes})
    write_json(corrections, corrected)
    with atomic(bibliography) as temporary:
        studies.to_parquet(temporary, index=False)
