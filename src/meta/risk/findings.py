"""Findings on the published tables: where they contradict themselves or each other."""

from __future__ import annotations

import pandas as pd

from meta.finding import Finding
from meta.risk.chart_findings import CHART_FINDINGS
from meta.risk.documents import has_figures, read_documents
from meta.risk.range_findings import RANGE_FINDINGS
from meta.risk.rate_findings import RATE_FINDINGS
from meta.risk.structure import Structure


def table_findings(
    claims: pd.DataFrame, structure: Structure | None = None, partial: bool = False
) -> list[Finding]:
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
    list of Finding
        Of the kinds ``base_rates``, ``pooled_row``, ``modifiers``, ``ranges``, ``domains``,
        ``timeline`` and ``chart``; their rows are claims. A finding that the figures no longer
        bear out is not there. Empty if the claims hold nothing of this document.

    Raises
    ------
    MissingRowsError
        Naming every figure of the document that the claims lack, unless `partial`.
    """
    if not has_figures(claims, structure):
        return []
    documents = read_documents(claims, structure, partial)
    found = (find(documents) for find in (*RATE_FINDINGS, *RANGE_FINDINGS, *CHART_FINDINGS))
    return [each for each in found if each is not None]
