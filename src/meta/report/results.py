"""Machine-readable results beside the page: two tables and one JSON document."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from meta import __version__
from meta.report.chain_results import pooled_rows
from meta.report.inputs import ReportInputs
from meta.report.significant_digits import published_csv, published_json, significant_table
from meta.report.verdict import failed_checks
from meta.report.wording import COMPOSITION


def pooled_csv(inputs: ReportInputs) -> str:
    """Join the pooled rows of all models, then of the chains with harm, as CSV."""
    return _csv(_pooled(inputs))


def diagnostics_csv(inputs: ReportInputs) -> str:
    """Join the diagnostics of all models as CSV."""
    tables = [fit.diagnostics for fit in inputs.fits]
    return _csv([*tables, inputs.codes.diagnostics] if inputs.codes else tables)


def results_json(inputs: ReportInputs) -> str:
    """Write all results as one JSON document.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.

    Returns
    -------
    str
        The document. It holds no time of rendering: the same results give the same bytes. Tables
        are `columns` and `data`, for `pandas.DataFrame(**results["pooled"])`.
    """
    content = {
        "generated": {
            "by": "meta",
            "version": __version__,
            "models": {
                fit.name: {key: fit.record.get(key) for key in ("spec_hash", "data_hash", "seed")}
                for fit in inputs.fits
            },
            "labels": {fit.name: COMPOSITION for fit in inputs.composition_fits},
        },
        "passed": not failed_checks(inputs),
        "models": {fit.name: _record(fit.record) for fit in inputs.fits},
        "chains": {chain.rates: chain.record for chain in inputs.chains},
        "pooled": _table(_pooled(inputs)),
        "diagnostics": _table([fit.diagnostics for fit in inputs.fits]),
        "flow": inputs.flow,
        "corrections": list(inputs.corrections),
        "refused": dict(inputs.refused),
    }
    return published_json(_finite(content))


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what `disagreement_effect.csv` holds."""
    if "imputation" not in record:
        return dict(record)
    imputation = {key: part for key, part in record["imputation"].items() if key != "effect"}
    return {**record, "imputation": imputation}


def _pooled(inputs: ReportInputs) -> list[pd.DataFrame]:
    return [*(fit.pooled for fit in inputs.fits), *pooled_rows(inputs.chains)]


def _csv(tables: list[pd.DataFrame]) -> str:
    if not tables:
        return ""
    return published_csv(pd.concat(tables, ignore_index=True))


def _table(tables: list[pd.DataFrame]) -> dict[str, list[Any]]:
    """One table of several, whose column names are not repeated in each row."""
    if not tables:
        return {"columns": [], "data": []}
    whole = pd.concat([significant_table(table) for table in tables], ignore_index=True)
    return whole.to_dict("split", index=False)


def _finite(value: Any) -> Any:
    """Replace what JSON cannot hold by null."""
    if isinstance(value, dict):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
