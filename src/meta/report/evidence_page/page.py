"""The evidence page: its table as HTML and as data for the script, and the same as CSV."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from meta.evidence.dictionary import load_dictionary
from meta.evidence.responses import coded_fields
from meta.report.agreement import coders_sentence
from meta.report.evidence_page.codings import differences
from meta.report.evidence_page.contribution import Contributions, contributions
from meta.report.evidence_page.rows import COLUMNS, UNUSED, Row, evidence_rows, field_names
from meta.report.evidence_page.tables import KINDS, EvidenceTables
from meta.report.inputs import ReportInputs
from meta.report.scripts import content_policy, script, vendored
from meta.report.significant_digits import published_csv
from meta.report.wording import spell, study_label

#: Rows that the page takes in; those beyond it are in the CSV alone.
MOST_ROWS = 25_000
#: Rows that can be read without JavaScript.
MOST_PLAIN = 1_000
#: What stands in the place of a link, where neither the row nor its study has an address.
NO_LINK = "no address of a source"
#: Fields of the tables that the CSV repeats.
CSV_FIELDS = (
    "failure_type", "year", "role", "grade", "n_trials", "n_at_risk", "n_goal_failure",
)  # fmt: skip
#: Filters, in the order of the page; the labels are those of the field dictionary if empty.
FACETS = {
    "kind": "Kind of row",
    "failure_type": "",
    "role": "",
    "grade": "",
    "evidence_kind": "",
    "used": "Read by model",
    "coders": "Coders",
    "study_id": "",
}


def evidence_context(run: ReportInputs, evidence: EvidenceTables) -> dict[str, Any]:
    """Everything that the template of the page shows.

    Parameters
    ----------
    run : ReportInputs
        The stored results.
    evidence : EvidenceTables
        The evidence.

    Returns
    -------
    dict
        Texts as they stand in the evidence: the template escapes them.
    """
    found = contributions(run)
    rows = evidence_rows(evidence, found, MOST_ROWS)
    scripts = [vendored("dataTables.min.js"), script("evidence.js")]
    sizes = [(spell(table), len(evidence.frames[table])) for table, _ in KINDS.values()]
    return {
        "columns": COLUMNS,
        "rows": rows[:MOST_PLAIN],
        "shown": len(rows),
        "total": sum(number for _, number in sizes),
        "sizes": sizes,
        "filters": list(_filters(rows)),
        "codes": list(_codes(rows)),
        "data": page_data(evidence, found, rows),
        "scripts": scripts,
        "policy": content_policy(scripts),
        "no_link": NO_LINK,
        "model": found.model,
        "coders": coders_sentence(evidence.coders) if evidence.coders else "",
    }


def page_data(evidence: EvidenceTables, found: Contributions, rows: Sequence[Row]) -> str:
    """Write the rows as text that may stand inside a script element: base64 of gzip of JSON.

    Parameters
    ----------
    evidence : EvidenceTables
        The evidence.
    found : Contributions
        What its rows contribute.
    rows : sequence of Row
        Rows of the page.

    Returns
    -------
    str
        In the alphabet of base64, so that no text of the evidence ends or opens an element. Rows
        repeat each other: of the shipped ones, this is a seventh of the JSON.
    """
    known = load_dictionary()["codings"].fields
    studies = {
        study: {"address": address, "said": found.sentences(study)}
        for (kind, study), address in evidence.addresses.items()
        if kind == "study"
    }
    content = {
        "model": found.model,
        "no_link": NO_LINK,
        "columns": [heading for heading, _ in COLUMNS],
        "numeric": [numeric for _, numeric in COLUMNS],
        "tables": {
            kind: {"name": table, "fields": field_names(evidence, kind)}
            for kind, (table, _) in KINDS.items()
        },
        "coded": [[name, known[name].label] for name in coded_fields()],
        "coders": {name: spell(kind) for name, kind in evidence.coders.items()},
        "studies": studies,
        "rows": [_record(row) for row in rows],
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _record(row: Row) -> dict[str, Any]:
    return {
        "address": row.address,
        "kind": row.kind,
        "study": row.study,
        "cells": [[cell.text, cell.remark] for cell in row.cells],
        "order": [cell.order for cell in row.cells],
        "links": row.links,
        "where": row.where,
        "facets": row.facets,
        "fields": row.fields,
        "codings": [
            [each.coder, each.confidence, each.rationale, each.codes, each.line]
            for each in row.codings
        ],
    }


def _filters(rows: Iterable[Row]) -> Any:
    """Name, label and values with their labels of each filter that tells rows apart."""
    known = {
        name: field.label for table in load_dictionary() for name, field in table.fields.items()
    }
    values: dict[str, dict[str, None]] = {name: {} for name in FACETS}
    for row in rows:
        for name, given in row.facets.items():
            values[name] |= dict.fromkeys(given)
    for name, label in FACETS.items():
        if len(values[name]) > 1:
            listed = list(values[name]) if name in ("kind", "used") else sorted(values[name])
            yield name, label or known[name], [(value, _shown(name, value)) for value in listed]


def _shown(name: str, value: str) -> str:
    if name == "study_id":
        return study_label(value)
    if name == "used" and value == UNUSED:
        return "no model"
    return spell(value)


def _codes(rows: Iterable[Row]) -> Any:
    """Label of each coded field and the codes that some coder gave it."""
    known = load_dictionary()["codings"].fields
    given: dict[str, set[str]] = {}
    for row in rows:
        for coding in row.codings:
            for name, code in coding.codes.items():
                given.setdefault(name, set()).add(code)
    for name in coded_fields():
        if name in given:
            order = [code for code in known[name].values or {} if code in given[name]]
            yield known[name].label, [(f"{name}={code}", spell(code)) for code in order]


def evidence_csv(run: ReportInputs, evidence: EvidenceTables) -> str:
    """Write every row with what it contributes and the code of each coder, one line a row."""
    found = contributions(run)
    coded = evidence.frames["codings"]
    beside = differences(coded).join(_codes_by_coder(coded)) if len(coded) else None
    parts = []
    for kind in KINDS:
        part = _part(kind, evidence, found)
        parts.append(part if kind == "study" or beside is None else part.join(beside, on="id"))
    joined = pd.concat([part for part in parts if len(part)], ignore_index=True)
    if beside is not None:
        joined = joined.astype({"compared": "Int64", "differing": "Int64"})
    return published_csv(joined)


def _part(kind: str, evidence: EvidenceTables, found: Contributions) -> pd.DataFrame:
    table, key = KINDS[kind]
    frame = evidence.frames[table]
    study = frame["study_id"] if "study_id" in frame else pd.Series("", index=frame.index)
    part = pd.DataFrame({"kind": kind, "id": frame[key], "study_id": study})
    for name in CSV_FIELDS:
        part[name] = frame.get(name, "")
    part["models"] = [" ".join(found.readers(kind, name)) for name in frame[key]]
    rates = [None if kind == "case" else found.rate(name) for name in study]
    for name in ("outcome", "median", "low", "high"):
        part[f"study_rate_{name}"] = [getattr(each, name, None) for each in rates]
    moved = [None if kind == "case" else found.influence.get(name) for name in study]
    part["influence_sd"] = [getattr(each, "shift", None) for each in moved]
    part["file"] = f"data/raw/{table}.csv"
    part["line"] = [evidence.line(table, name) for name in frame[key]]
    return part


def _codes_by_coder(coded: pd.DataFrame) -> pd.DataFrame:
    fields = [name for name in coded_fields() if name in coded]
    parts = [
        rows.set_index("unit_id")[fields].add_prefix(f"{coder}:")
        for coder, rows in coded.groupby("coder")
    ]
    return pd.concat(parts, axis=1)
