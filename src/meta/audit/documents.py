"""The documents themselves: what they list as still to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.audit.rows import rows_of, text
from meta.finding import Finding, joined, sentence

if TYPE_CHECKING:
    import pandas as pd


def document_findings(documents: pd.DataFrame) -> list[Finding]:
    """Find documents with sections that are still to be written.

    Parameters
    ----------
    documents : DataFrame
        Table of the documents.

    Returns
    -------
    list of Finding
        Of kind ``document``: `open_sections`, one finding a document.
    """
    found = []
    for row in rows_of(documents):
        document = text(row, "document")
        sections = [part.strip() for part in text(row, "open_sections").split(";") if part.strip()]
        if sections:
            said = f"the {text(row, 'short_name')} lists as still to be written: {joined(sections)}"
            key = (document,)
            found.append(Finding("document", "open_sections", key, (), key, sentence(said)))
    return found
