"""The audit of the documents as a page: findings, reproduced tables, taxonomies with evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from meta.audit.tables import all_findings, read_tables
from meta.audit.taxonomy import evidence_of_items
from meta.finding import KINDS, Kind
from meta.plural import counted
from meta.report.environment import environment
from meta.report.figure_files import PageFigures
from meta.report.published_tables import published_views
from meta.report.site import navigation
from meta.report.taxonomies import Sources, goal_section, taxonomy_sections
from meta.report.wording import COLOURS, spell
from meta.risk.tables import published_tables
from meta.storage import write_csv, write_text

#: What each kind of finding is called, for a reader.
KIND_NAMES: dict[Kind, str] = {
    "base_rates": "Base probabilities and the harm factor",
    "pooled_row": "The pooled row",
    "modifiers": "Modifiers",
    "ranges": "Risk ranges",
    "domains": "Application domains",
    "timeline": "Timeline",
    "chart": "Chart",
    "category": "Kinds of failure",
    "goal": "Goals",
    "citation": "Citations",
    "document": "Left open",
}


@dataclass(frozen=True)
class Shown:
    """A finding as shown.

    Attributes
    ----------
    anchor, name
        Its name on the page, and in words.
    sentence, places
        What is wrong, and where.
    sums
        Sums written out.
    printed
        Claims that it rests on, with the figure of each.
    rows
        Other rows that it rests on.
    """

    anchor: str
    name: str
    sentence: str
    places: str
    sums: list[str]
    printed: list[tuple[str, str]]
    rows: str


@dataclass(frozen=True)
class Document:
    """A document with its findings by kind."""

    anchor: str
    name: str
    title: str
    kinds: list[tuple[Kind, str, list[Shown]]]

    @property
    def number(self) -> int:
        """How many findings it has."""
        return sum(len(found) for _, _, found in self.kinds)

    def count(self, kind: Kind) -> int:
        """How many findings of a kind it has."""
        return sum(len(found) for each, _, found in self.kinds if each == kind)


def write_audit(database: Path, folder: Path, pages: Collection[str] = ()) -> None:
    """Write the audit: its page, and the tables that the page shows.

    Parameters
    ----------
    database
        The warehouse.
    folder
        Gets ``audit.html``, ``findings.csv``, ``taxonomy.csv`` and ``published/``, with a CSV for
        each table if the claims hold the published risk model. The first two tables have a header
        alone where there is nothing to say.
    pages
        Pages of the site, for the navigation.
    """
    tables = read_tables(database)
    findings, items = all_findings(tables), evidence_of_items(tables)
    published = published_tables(tables["claims"], partial=True)
    studies = tables["studies"]
    addresses = dict(zip(studies["study_id"], studies["url_or_id"], strict=True))
    sources, claims = Sources(addresses, tables["cases"]), len(tables["claims"]) > 0
    drawn = PageFigures("audit.html")
    page = audit_page(
        findings, items, published, tables["documents"], sources, claims, pages, drawn
    )
    write_csv(folder / "findings.csv", findings)
    write_csv(folder / "taxonomy.csv", items)
    (folder / "published").mkdir(parents=True, exist_ok=True)
    for name, table in published.items():
        # Twelve digits: products of printed figures, not the last bits of binary fractions.
        text = table.to_csv(index=False, lineterminator="\n", float_format="%.12g")
        write_text(folder / "published" / f"{name}.csv", text)
    drawn.write(folder)
    write_text(folder / "audit.html", page)


def audit_page(
    findings: pd.DataFrame,
    items: pd.DataFrame,
    published: Mapping[str, pd.DataFrame],
    documents: pd.DataFrame,
    sources: Sources,
    claims: bool,
    pages: Collection[str] = (),
    drawn: PageFigures | None = None,
) -> str:
    """Render the page of the audit.

    Parameters
    ----------
    findings
        As of `meta.audit.tables.all_findings`.
    items
        As of `meta.audit.taxonomy.evidence_of_items`.
    published
        As of `meta.risk.tables.published_tables`.
    documents
        `document`, `short_name` and `title` of the documents.
    sources
        Where studies and cases are found.
    claims
        Whether the run has a page of claims to link to.
    pages
        Pages of the site, for the navigation.
    drawn
        Collects the figures of the page.

    Returns
    -------
    str
        HTML with its style inside; it requests nothing.
    """
    names = {
        str(row["document"]): (f"the {row['short_name']}", _text(row, "title"))
        for row in documents.to_dict("records")
    }
    called = {document: name for document, (name, _) in names.items()}
    shown = found_by_document(findings, names)
    page = environment().get_template("audit.html.j2")
    return page.render(
        colours=COLOURS,
        pages=navigation(pages),
        page="audit.html",
        drawn=drawn or PageFigures("audit.html"),
        total=len(findings),
        documents=shown,
        kinds=[(kind, KIND_NAMES[kind]) for kind in KINDS if any(d.count(kind) for d in shown)],
        shared=_shared(findings),
        views=published_views(published),
        sections=taxonomy_sections(items, called, sources),
        goals=goal_section(items, called, sources),
        claims=claims,
    )


def found_by_document(
    findings: pd.DataFrame, names: Mapping[str, tuple[str, str]]
) -> list[Document]:
    """Arrange the findings by document and kind.

    Parameters
    ----------
    findings
        Table of findings.
    names
        Name and title of each document, in the order in which they are shown; a document that
        is not among them goes by its file and comes last.

    Returns
    -------
    list of Document
        Those with a finding. One of several documents stands in each of them.
    """
    records = findings.fillna("").to_dict("records")
    listed = [(row, str(row["documents"]).split("; ")) for row in records]
    order = dict.fromkeys([*names, *(name for _, of in listed for name in of)])
    shown = []
    for number, document in enumerate(order, 1):
        mine = [row for row, of in listed if document in of]
        kinds = [
            (kind, KIND_NAMES[kind], [_shown(row, number) for row in mine if row["kind"] == kind])
            for kind in KINDS
        ]
        name, title = names.get(document, (document, ""))
        with_any = [(kind, words, found) for kind, words, found in kinds if found]
        if with_any:
            shown.append(Document(f"document-{number}", name, title, with_any))
    return shown


def _shown(row: Mapping[Any, Any], number: int) -> Shown:
    printed = [part.partition("=") for part in str(row["printed"]).split("; ") if part]
    rows = str(row["rows"]).split("; ")
    return Shown(
        anchor=f"{number}-{row['finding']}-{rows[0]}",
        name=spell(str(row["finding"])).capitalize(),
        sentence=str(row["sentence"]),
        places=str(row["places"]),
        sums=[part for part in str(row["sums"]).split("; ") if part],
        printed=[(claim, text) for claim, _, text in printed],
        rows="" if printed else ", ".join(rows),
    )


def _shared(findings: pd.DataFrame) -> str:
    """Say how many findings are of more than one document, if any is."""
    several = int(findings["documents"].fillna("").str.contains("; ").sum())
    if not several:
        return ""
    verb = "is" if several == 1 else "are"
    return f"{counted(several, 'finding')} {verb} of more than one document and counted in each."


def _text(row: Mapping[Any, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None or pd.isna(value) else str(value)
