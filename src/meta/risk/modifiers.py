"""The four modifiers, the levels of the specification score, and the ranges they span."""

from __future__ import annotations

import math
from itertools import pairwise

import pandas as pd

from meta.risk.documents import Documents, Modifier
from meta.risk.printed import EXACT, ratio
from meta.risk.table_claims import claims_text


def combined_range(documents: Documents) -> tuple[float, float]:
    """Product of the low ends of all modifiers, and of their high ends."""
    spans = [modifier.span.ends for modifier in documents.modifiers.values()]
    return math.prod(low for low, _ in spans), math.prod(high for _, high in spans)


def modifier_table(documents: Documents) -> pd.DataFrame:
    """Reproduce the table of modifiers, with their product as its last row.

    Returns
    -------
    DataFrame
        Columns modifier, field, low, high, the level and score of the low-risk and of the
        high-risk configuration (blank where none is printed), and claims.
    """
    rows = [_modifier_row(modifier) for modifier in documents.modifiers.values()]
    low, high = combined_range(documents)
    return pd.DataFrame([*rows, {"modifier": "all four", "low": low, "high": high}])


def _modifier_row(modifier: Modifier) -> dict[str, object]:
    low, high = modifier.span.ends
    scores = modifier.scores.ends if modifier.scores else (math.nan, math.nan)
    return {
        "modifier": modifier.name,
        "field": modifier.field,
        "low": low,
        "high": high,
        "low_risk": modifier.low_risk,
        "high_risk": modifier.high_risk,
        "low_risk_score": scores[0],
        "high_risk_score": scores[1],
        "claims": claims_text(modifier.span, *([modifier.scores] if modifier.scores else [])),
    }


def level_gaps(documents: Documents) -> list[tuple[float, float]]:
    """Scores between the specification levels that no level covers, ends not included."""
    scores = [level.score.ends for level in documents.levels.values()]
    return [(below, above) for (_, below), (above, _) in pairwise(scores) if above > below + EXACT]


def level_table(documents: Documents) -> pd.DataFrame:
    """Reproduce the table of specification levels, with the gaps between them.

    Returns
    -------
    DataFrame
        Columns level, score_low, score_high, low, high (multipliers; blank in a gap), gap and
        claims.
    """
    rows: list[dict[str, object]] = [
        {
            "level": level.name,
            "score_low": level.score.low.value,
            "score_high": level.score.high.value,
            "low": level.multiplier.low.value,
            "high": level.multiplier.high.value,
            "gap": False,
            "claims": claims_text(level.score, level.multiplier),
        }
        for level in documents.levels.values()
    ]
    rows += [
        {"level": "", "score_low": low, "score_high": high, "gap": True}
        for low, high in level_gaps(documents)
    ]
    return pd.DataFrame(rows).sort_values(["score_low", "score_high"], ignore_index=True)


def modified_table(documents: Documents) -> pd.DataFrame:
    """Base probability of each shift type times the range of all modifiers, never clipped.

    Returns
    -------
    DataFrame
        Columns shift_type, base, low, high, exceeds_one, claims.
    """
    low, high = combined_range(documents)
    table = pd.DataFrame(
        {"shift_type": s.name, "base": s.base.value} for s in documents.shifts.values()
    )
    table["low"], table["high"] = table["base"] * low, table["base"] * high
    claims = [claims_text(s.base) for s in documents.shifts.values()]
    return table.assign(exceeds_one=table["high"] > 1, claims=claims)


def risk_range_table(documents: Documents) -> pd.DataFrame:
    """Printed risk range of each shift type and the multipliers of its base that it implies.

    Returns
    -------
    DataFrame
        Columns shift_type, base, low, high, low_multiplier, high_multiplier, and the lowest and
        highest multiplier that the rounding of the figures allows for each end (low_least,
        low_most, high_least, high_most), and claims.
    """
    rows = []
    for shift in documents.shifts.values():
        row: dict[str, object] = {"shift_type": shift.name, "base": shift.base.value}
        for end, figure in (("low", shift.risk.low), ("high", shift.risk.high)):
            row[end] = figure.value
            row[f"{end}_multiplier"] = ratio(figure.value, shift.base.value)
            most = shift.base.value - shift.base.half_unit
            row[f"{end}_least"] = (figure.value - figure.half_unit) / (
                shift.base.value + shift.base.half_unit
            )
            row[f"{end}_most"] = (figure.value + figure.half_unit) / most if most > 0 else math.inf
        rows.append({**row, "claims": claims_text(shift.risk, shift.base)})
    return pd.DataFrame(rows)
