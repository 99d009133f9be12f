"""The sensitivity page: what its template shows of each model, and the table beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from meta.plural import counted
from meta.report.sensitivity import (
    SHOWN,
    Sensitivity,
    TextTable,
    alternatives,
    estimators,
    flips,
    power_table,
    prior_alternatives,
    slopes,
)
from meta.report.sensitivity_figures import size_plot, weight_plot
from meta.report.sensitivity_remarks import (
    conflict_remark,
    correlation_remark,
    gaps_remark,
    weight_remark,
)
from meta.report.significant_digits import published_csv
from meta.report.specification_curve import curves, left_out

#: Tables of pooled numbers under alternatives, and the column that names the alternative.
ALTERNATIVES = {
    "prior_table": "priors",
    "correlation": "correlation",
    "unit_of_n": "icc",
    "zero_events": "publication_weight",
}


def page_context(
    found: Sequence[Sensitivity], multiverse: pd.DataFrame | None, interval: str
) -> dict[str, Any]:
    """Everything the template of the sensitivity page shows.

    Parameters
    ----------
    found
        Tables of each model.
    multiverse
        Content of ``multiverse.csv``, or None where it is absent or not of the present inputs.
    interval
        Name of the intervals, such as 95%.
    """
    return {
        "models": [_model(each) for each in found],
        "curves": [] if multiverse is None else curves(multiverse),
        "left_out": [] if multiverse is None else left_out(multiverse),
        "interval": interval,
    }


def _model(found: Sensitivity) -> Mapping[str, Any]:
    power = found["power_scaling"]
    zero = found["zero_events"]
    return {
        "name": found.model,
        "priors": prior_alternatives(found),
        "power": power_table(found),
        "threshold": "" if power.empty else f"{power['threshold'].iloc[0]:g}",
        "correlation": alternatives(found["correlation"], "correlation", str),
        "correlation_remark": correlation_remark(found, SHOWN),
        "unit": alternatives(found["unit_of_n"], "icc", _icc(found["unit_of_n"])),
        "weights": alternatives(zero, "publication_weight", lambda w: f"w = {w:g}"),
        "methods": "" if zero.empty else _methods(zero),
        "weight_remark": weight_remark(found, SHOWN),
        "conflict_remark": conflict_remark(found),
        "weight_plot": weight_plot(found),
        "flips": flips(found),
        "slopes": slopes(found),
        "size_plot": size_plot(found),
        "estimators": estimators(found),
        "gaps_remark": gaps_remark(found),
    }


def _icc(table: pd.DataFrame) -> Any:
    counts = {} if table.empty else dict(zip(table["icc"], table["n_effective"], strict=True))
    return lambda icc: f"icc {icc:g}: {counted(int(counts[icc]), 'trial')}"


def _methods(zero: pd.DataFrame) -> str:
    each = zero.drop_duplicates("publication_weight")
    return "; ".join(
        f"w = {r['publication_weight']:g}: {r['method']}"
        + ("" if r["publication_weight"] == 1 else f", Pareto k {r['pareto_k']:.2f}")
        + ("" if r["reliable"] else " (not reliable)")
        for r in each.to_dict("records")
    )


def few_studies_table(found: Sequence[Sensitivity], model: str, fewest: int) -> TextTable | None:
    """Prior table of a model with few studies behind any rate, to stand beside its result."""
    each = next((f for f in found if f.model == model), None)
    if each is None or each["prior_table"].empty:
        return None
    rates = each["prior_table"]
    rates = rates[rates["estimand"].eq("rate_mean") & rates["priors"].eq("main")]
    return prior_alternatives(each) if (rates["k_studies"] < fewest).any() else None


def sensitivity_csv(found: Sequence[Sensitivity]) -> str:
    """Join the pooled numbers under every alternative, one row a number."""
    parts = []
    for each in found:
        for name, by in ALTERNATIVES.items():
            table = each[name]
            if table.empty:
                continue
            named = table.drop(columns=by).assign(model=each.model, analysis=name)
            parts.append(named.assign(alternative=table[by].astype(str)))
    if not parts:
        return ""
    joined = pd.concat(parts, ignore_index=True)
    first = ["model", "analysis", "alternative"]
    columns = [*first, *(c for c in joined.columns if c not in first)]
    return published_csv(joined[columns])
