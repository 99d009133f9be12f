"""Findings on the published tables: where they contradict themselves or each other."""

from __future__ import annotations

import pandas as pd

from meta.risk.chart_findings import CHART_FINDINGS
from meta.risk.documents import has_figures, read_documents
from meta.risk.range_findings import RANGE_FINDINGS
from meta.risk.rate_findings import RATE_FINDINGS
from meta.risk.structure import Structure

COLUMNS = ("finding", "section", "claims", "numbers", "sentence")


def findings(
    claims: pd.DataFrame, structure: Structure | None = None, partial: bool = False
) -> pd.DataFrame:
    """List what is wrong with the published tables as such, without any evidence.

    Parameters
    ----------
    claims : DataFrame
        The table of claims.
    structure : Structure, optional
        What belongs where; by default the shipped file.
    partial : bool, optional
        Whether figures may be absent; findings that rest on one are then left out.

    Returns
    -------
    DataFrame
        One row a finding, text throughout: finding (short name), section (of the document, where
        the fault is), claims (ids it rests on, space separated), numbers (``name=value``, several
        values by spaces, several names by semicolons), sentence. A finding that the figures no
        longer bear out is not there. Empty if the claims hold nothing of this document.

    Raises
    ------
    MissingRowsError
        Naming every figure of the document that the claims lack, unless `partial`.
    """
    rows = []
    if has_figures(claims, structure):
        documents = read_documents(claims, structure, partial)
        for find in (*RATE_FINDINGS, *RANGE_FINDINGS, *CHART_FINDINGS):
            found = find(documents)
            if found is not None and found.known:
                rows.append(found.row())
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=str)
