"""Disagreements of coders: one row for each unit and field, what matters most first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta.evidence.codes import ADJUDICATOR, UNCLEAR
from meta.evidence.dictionary import load_dictionary
from meta.evidence.membership import among
from meta.evidence.responses import Tables, coded_fields, unit_table

COLUMNS = [
    "unit_id", "kind", "study", "title", "field", "models", "steps", "settled", "priority",
    "codes", "probabilities",
]  # fmt: skip


def disagreement_table(
    tables: Tables, probabilities: pd.DataFrame, used: dict[str, list[str]]
) -> pd.DataFrame:
    """List every unit and field on which two coders differ.

    Parameters
    ----------
    tables
        Evidence tables by name, `codings` with `confidence` and `rationale` where they have them.
    probabilities
        Posterior of the codes: `unit_id`, `field`, `code`, `probability`.
    used
        Models that read each field.

    Returns
    -------
    pandas.DataFrame
        `codes` holds one record a coder (coder, code, confidence, rationale); `probabilities` the
        codes' posterior probabilities, likeliest first; `steps` the distance on an ordinal scale,
        blank where a code is unclear or the scale is not ordinal; `settled` the adjudicated code.
        Sorted by whether a model reads the field and the code is unsettled, then by `priority`:
        1 less the probability of the likeliest code.
    """
    codings, units = tables["codings"], unit_table(tables).set_index("unit_id")
    known = load_dictionary()["codings"].fields
    rows = []
    for field in coded_fields():
        if field not in codings:
            continue
        given = _disputed(codings, field)
        settled = given[given["coder"] == ADJUDICATOR].set_index("unit_id")[field]
        posterior = _posterior(probabilities, field, given["unit_id"])
        order = [v for v in known[field].values or {} if v != UNCLEAR]
        for unit, answers in given[given["coder"] != ADJUDICATOR].groupby("unit_id"):
            codes = answers.sort_values("coder")
            likely = posterior.get(str(unit), [])
            rows.append(
                {
                    "unit_id": unit,
                    **{c: _text(units[c].get(unit)) for c in ("kind", "study", "title")},
                    "field": field,
                    "models": " ".join(used.get(field, [])),
                    "steps": _steps(codes[field], order) if known[field].ordinal else None,
                    "settled": _text(settled.get(unit)),
                    "priority": 1 - max((p for _, p in likely), default=0.0),
                    "codes": [_coding(row, field) for row in codes.to_dict("records")],
                    "probabilities": likely,
                }
            )
    table = pd.DataFrame(rows, columns=COLUMNS)
    open_and_used = ~((table["models"] != "") & (table["settled"] == ""))
    table = table.assign(_last=open_and_used).sort_values(
        ["_last", "priority", "field", "unit_id"], ascending=[True, False, True, True]
    )
    return table.drop(columns="_last").reset_index(drop=True)


def flat_table(table: pd.DataFrame) -> pd.DataFrame:
    """Disagreements as a flat table: `<coder>_code`, `_confidence`, `_rationale`, one row each."""
    flat = table.drop(columns=["codes", "probabilities"])
    coders = sorted({c["coder"] for codes in table["codes"] for c in codes})
    for coder in coders:
        own: list[dict[str, str]] = [
            next((c for c in codes if c["coder"] == coder), {}) for codes in table["codes"]
        ]
        for part in ("code", "confidence", "rationale"):
            flat[f"{coder}_{part}"] = [c.get(part, "") for c in own]
    flat["probabilities"] = [
        "; ".join(f"{code} {p:.2f}" for code, p in likely) for likely in table["probabilities"]
    ]
    return flat


def _disputed(codings: pd.DataFrame, field: str) -> pd.DataFrame:
    """Answers to a field of the units on which two coders differ: only they cost anything."""
    columns = ["unit_id", "coder", field, *{"confidence", "rationale"}.intersection(codings)]
    given = codings.loc[codings[field].notna(), columns]
    codes = given.loc[given["coder"] != ADJUDICATOR, ["unit_id", field]]
    # A unit whose distinct codes are more than one stands here again.
    codes = codes.drop_duplicates()
    return given[among(given["unit_id"], codes.loc[codes["unit_id"].duplicated(), "unit_id"])]


def _posterior(
    probabilities: pd.DataFrame, field: str, units: pd.Series
) -> dict[str, list[tuple[str, float]]]:
    rows = probabilities[probabilities["field"] == field]
    rows = rows[among(rows["unit_id"], units)]
    rows = rows.sort_values(["unit_id", "probability"], ascending=[True, False])
    return {
        str(unit): [(str(c), float(p)) for c, p in zip(g["code"], g["probability"], strict=True)]
        for unit, g in rows.groupby("unit_id", sort=False)
    }


def _steps(codes: pd.Series, order: list[str]) -> int | None:
    """Largest distance between two clear codes; None with fewer than two."""
    places = [order.index(code) for code in codes if code in order]
    return int(np.ptp(places)) if len(places) > 1 else None


def _coding(row: dict[object, object], field: str) -> dict[str, str]:
    named = {"coder": "coder", "code": field, "confidence": "confidence", "rationale": "rationale"}
    return {name: _text(row.get(column)) for name, column in named.items()}


def _text(value: object) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)
