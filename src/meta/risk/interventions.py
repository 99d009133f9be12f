"""Interventions: printed reductions, what is left of the risk, and their naive product."""

from __future__ import annotations

import math

import pandas as pd

from meta.risk.documents import Documents, Intervention
from meta.risk.table_claims import claims_text

#: Columns of the document's table that are words.
WORDS = ("cost", "priority")


def remaining(intervention: Intervention) -> tuple[float, float]:
    """Share of the risk that an intervention leaves, from its largest reduction to its least."""
    low, high = intervention.reduction.ends
    return 1 - high, 1 - low


def combined_remaining(documents: Documents, names: list[str] | None = None) -> tuple[float, float]:
    """Product of the shares that interventions leave, as if each worked on its own.

    Parameters
    ----------
    documents
        The tables of the document.
    names
        Interventions; by default all that have a figure. Those without one change nothing.

    Returns
    -------
    tuple of float
        Largest reductions first. The document gives no rule for combining; that interventions
        act independently is the reader's assumption, and no evidence is behind it.
    """
    chosen = documents.interventions if names is None else names
    shares = [
        remaining(documents.interventions[name])
        for name in chosen
        if documents.interventions[name].has_figure
    ]
    return math.prod(low for low, _ in shares), math.prod(high for _, high in shares)


def intervention_table(documents: Documents) -> pd.DataFrame:
    """Reproduce the table of interventions, single and multiplied.

    Returns
    -------
    DataFrame
        One row an intervention, then the product of those of each layer with more than one
        figure, then of all. Columns intervention, layer, has_figure, reduction_low,
        reduction_high, remaining_low, remaining_high, and for an intervention that brings about
        the low-risk configuration of a modifier that modifier and the reduction that the
        modifier's low end is (modifier_reduction); cost and priority in the document's words, as
        the claims note them beside the reduction; claims.
    """
    rows = [_single(x, documents) for x in documents.interventions.values()]
    with_figure = [x for x in documents.interventions.values() if x.has_figure]
    layers: dict[str, list[str]] = {}
    for intervention in with_figure:
        layers.setdefault(intervention.layer, []).append(intervention.name)
    layers["all"] = [x.name for x in with_figure]
    rows += [
        _multiplied(layer, names, documents) for layer, names in layers.items() if len(names) > 1
    ]
    return pd.DataFrame(rows)


def _single(intervention: Intervention, documents: Documents) -> dict[str, object]:
    low, high = remaining(intervention)
    modifier = documents.modifiers.get(intervention.modifier or "")
    return {
        "intervention": intervention.name,
        "layer": intervention.layer,
        "has_figure": intervention.has_figure,
        "reduction_low": intervention.reduction.low.value,
        "reduction_high": intervention.reduction.high.value,
        "remaining_low": low,
        "remaining_high": high,
        "modifier": intervention.modifier or "",
        "modifier_reduction": 1 - modifier.span.low.value if modifier else math.nan,
        **{name: intervention.reduction.low.noted(name) for name in WORDS},
        "claims": claims_text(intervention.reduction),
    }


def _multiplied(layer: str, names: list[str], documents: Documents) -> dict[str, object]:
    low, high = combined_remaining(documents, names)
    return {
        "intervention": f"{layer}, multiplied",
        "layer": layer,
        "has_figure": True,
        "reduction_low": 1 - high,
        "reduction_high": 1 - low,
        "remaining_low": low,
        "remaining_high": high,
        "modifier": "",
        "modifier_reduction": math.nan,
        **dict.fromkeys(WORDS, ""),
        "claims": "",
    }
