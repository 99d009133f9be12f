"""Every table of the document under audit, reproduced from its own inputs."""

from __future__ import annotations

import pandas as pd

from meta.risk.base_rates import base_rate_table, pooled_table
from meta.risk.chart import chart_table
from meta.risk.documents import has_figures, read_documents
from meta.risk.domains import domain_table, timeline_table
from meta.risk.interventions import intervention_table
from meta.risk.modifiers import level_table, modified_table, modifier_table, risk_range_table
from meta.risk.structure import Structure


def published_tables(
    claims: pd.DataFrame, structure: Structure | None = None, partial: bool = False
) -> dict[str, pd.DataFrame]:
    """Reproduce the tables of the document under audit.

    Parameters
    ----------
    claims : DataFrame
        The table of claims.
    structure : Structure, optional
        What belongs where; by default the shipped file.
    partial : bool, optional
        Whether figures may be absent; they and what they give are then blank.

    Returns
    -------
    dict
        By name: base_rates, pooled, modifiers, specification_levels, base_times_modifiers,
        risk_ranges, domains, timeline, interventions, chart. Products are never clipped. Each
        has a last column `claims` with the claims behind the row. Empty if the claims hold
        nothing of this document.

    Raises
    ------
    MissingRowsError
        Naming every figure that the claims lack, unless `partial`.
    UserError
        Naming every figure that is impossible, such as a probability above 1, unless `partial`.
    """
    if not has_figures(claims, structure):
        return {}
    documents = read_documents(claims, structure, partial)
    return {
        "base_rates": base_rate_table(documents),
        "pooled": pooled_table(documents),
        "modifiers": modifier_table(documents),
        "specification_levels": level_table(documents),
        "base_times_modifiers": modified_table(documents),
        "risk_ranges": risk_range_table(documents),
        "domains": domain_table(documents),
        "timeline": timeline_table(documents),
        "interventions": intervention_table(documents),
        "chart": chart_table(documents),
    }
