"""Modifiers as risk ratios: each printed multiplier's range beside what the evidence gives for it.

The document multiplies risk by a factor for each of four settings. Its ratio between the high-risk
and the low-risk configuration is held against the standardised risk ratio between the same two
levels: the average rate had all of the evidence the one level, over the same at the other (see
`meta.estimands.risk_ratio`). A model of several moderators adjusts each for the others; a model of
the one alone does not. Both are associations between settings of studies, not effects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from meta.errors import MissingRowsError
from meta.models.moderators import AGAINST
from meta.risk.documents import Documents, Modifier, read_documents

OUTCOMES = ("goal_failure", "capable_goal_failure")
COLUMNS = [
    "modifier", "field", "low_risk", "high_risk", "published_low", "published_high",
    "published_ratio", "model", "adjusted_for", "outcome", "median", "ci_low", "ci_high", "ci_prob",
    "published_inside", "contraction", "k_studies_low", "k_studies_high", "passed", "note",
]  # fmt: skip

#: Row of a table, by column.
Row = dict[str, Any]


@dataclass(frozen=True)
class RateModel:
    """Results of a fitted model of rates.

    Attributes
    ----------
    name, moderators
        Its name, and the fields that it takes into account.
    pooled
        Content of `pooled.csv`.
    draws
        Draws of its standardised risk ratios, columns ``outcome/group/risk_ratio``.
    """

    name: str
    moderators: tuple[str, ...]
    pooled: pd.DataFrame
    draws: pd.DataFrame


def read_rate_model(folder: Path) -> RateModel:
    """Read what the ratios need of a diagnosed fit."""
    record = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    file = pq.ParquetFile(folder / "draws.parquet")
    wanted = [name for name in file.schema_arrow.names if name.endswith("/risk_ratio")]
    return RateModel(
        name=str(record["model"]),
        moderators=tuple(record["spec"]["moderators"]),
        pooled=pd.read_csv(folder / "pooled.csv"),
        draws=file.read(columns=wanted).to_pandas(),
    )


def modifier_ratios(documents: Documents, models: Iterable[RateModel]) -> pd.DataFrame:
    """Ratio of each modifier's two configurations, published and by each model that has its field.

    Parameters
    ----------
    documents
        Tables of the document.
    models
        Fitted models of rates.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, one row a modifier, model and outcome. Without evidence for a level the estimate
        is blank and `note` says which. `k_studies_*` are the studies that observe the outcome at
        the level; `contraction` is blank where neither level is the model's reference.
    """
    models = list(models)
    rows = [
        _row(modifier, model, outcome)
        for modifier in documents.modifiers.values()
        for model in sorted(models, key=lambda each: -len(each.moderators))
        if modifier.field in model.moderators
        for outcome in OUTCOMES
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def modifier_ratio_table(claims: pd.DataFrame, fits: Iterable[Path]) -> tuple[pd.DataFrame, str]:
    """As `modifier_ratios`, of stored fits.

    Returns
    -------
    tuple
        The table, and why it is empty where the claims are not all of the document's.
    """
    try:
        documents = read_documents(claims)
    except MissingRowsError as error:
        return pd.DataFrame(columns=COLUMNS), str(error)
    return modifier_ratios(documents, [read_rate_model(folder) for folder in fits]), ""


def _row(modifier: Modifier, model: RateModel, outcome: str) -> Row:
    low, high = modifier.span.ends
    own = model.pooled[model.pooled["outcome"] == outcome]
    others = [name for name in model.moderators if name != modifier.field]
    row = {
        "modifier": modifier.name,
        "field": modifier.field,
        "low_risk": modifier.low_risk,
        "high_risk": modifier.high_risk,
        "published_low": low,
        "published_high": high,
        "published_ratio": high / low,
        "model": model.name,
        "adjusted_for": " ".join(others),
        "outcome": outcome,
        "k_studies_low": _studies(own, modifier.field, modifier.low_risk),
        "k_studies_high": _studies(own, modifier.field, modifier.high_risk),
    }
    absent = [
        level
        for level, end in ((modifier.low_risk, "low"), (modifier.high_risk, "high"))
        if not row[f"k_studies_{end}"]
    ]
    if absent:
        said = " and ".join(absent)
        return row | {"note": f"no study of the model has {said}: the ratio has no evidence"}
    return row | _estimate(modifier, model, outcome, own, high / low)


def _estimate(
    modifier: Modifier, model: RateModel, outcome: str, own: pd.DataFrame, printed: float
) -> Row:
    """Ratio of the two levels, each against the model's reference, draw by draw."""
    ratios = own[own["estimand"] == "risk_ratio"].set_index("group")
    low, below = _against_reference(modifier.field, modifier.low_risk, ratios)
    high, above = _against_reference(modifier.field, modifier.high_risk, ratios)

    def draws(group: str) -> Any:
        return model.draws[f"{outcome}/{group}/risk_ratio"].to_numpy(float) if group else 1.0

    prob = float(ratios["ci_prob"].iloc[0])
    tail = (1 - prob) / 2
    start, median, stop = np.quantile(draws(high) / draws(low), [tail, 0.5, 1 - tail])
    rows = [each for each in (below, above) if each is not None]
    return {
        "median": median,
        "ci_low": start,
        "ci_high": stop,
        "ci_prob": prob,
        "published_inside": bool(start <= printed <= stop),
        # A reciprocal has the same contraction: its log odds change no more than their sign.
        "contraction": float(rows[0]["contraction"]) if len(rows) == 1 else float("nan"),
        "passed": all(str(each["passed"]).lower() == "true" for each in rows),
        "note": "an association between settings of studies, not an effect",
    }


def _against_reference(
    field: str, level: str, ratios: pd.DataFrame
) -> tuple[str, Mapping[Any, Any] | None]:
    """Group and pooled row of a level's ratio to the reference; none for the reference itself."""
    for group, row in ratios.iterrows():
        if str(group).startswith(f"{field}={level}{AGAINST}"):
            return str(group), row.to_dict()
    return "", None


def _studies(own: pd.DataFrame, field: str, level: str) -> int:
    """Studies that observe the outcome at a level, directly or through the product."""
    rows = own[(own["group"] == f"{field}={level}") & (own["estimand"] == "rate_mean")]
    return int(rows["k_studies"].iloc[0]) if len(rows) else 0
