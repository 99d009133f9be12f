"""Application domains and the timeline, from base probabilities and printed multipliers."""

from __future__ import annotations

import math

import pandas as pd

from meta.risk.base_rates import highest_base
from meta.risk.documents import Documents, Domain
from meta.risk.printed import Span, ratio
from meta.risk.table_claims import claims_text


def implied_now(domain: Domain, documents: Documents) -> tuple[float, float]:
    """Risk that shift types and specification multiplier give, other modifiers at 1.

    Parameters
    ----------
    domain
        A row of the table of domains.
    documents
        The tables it is held against.

    Returns
    -------
    tuple of float
        The lower base times the lower multiplier of the domain's level of specification, and the
        higher times the higher. Not clipped.
    """
    shifts = documents.shifts_of(domain)
    if shifts is None:
        return math.nan, math.nan
    low, high = documents.levels[domain.level].multiplier.ends
    return shifts[0].base.value * low, shifts[1].base.value * high


def later_multiplier(documents: Documents) -> Span:
    """Multiplier of the period whose risk the table of domains prints beside today's."""
    return documents.periods[documents.structure.domains.later_period]


def domain_table(documents: Documents) -> pd.DataFrame:
    """Reproduce the table of domains, now and in the period it projects to.

    Returns
    -------
    DataFrame
        One row a domain: title, shift numbers, score and level, the multipliers of that level
        (multiplier_low, multiplier_high), what they imply (implied_low, implied_high), the
        printed range (now_low, now_high) and projection (later_low, later_high), what the
        timeline's multiplier makes of the printed range (projected_low, projected_high), the
        ratios of the printed ones (ratio_low, ratio_high), whether both printed ends of today
        are reproduced, and claims.
    """
    times = later_multiplier(documents).ends
    rows = []
    for domain in documents.domains.values():
        implied, now, later = implied_now(domain, documents), domain.now, domain.later
        multiplier = documents.levels[domain.level].multiplier
        rows.append(
            {
                "domain": domain.name,
                "title": domain.title,
                "shift_low": domain.shift.low.value,
                "shift_high": domain.shift.high.value,
                "score": domain.score.value,
                "level": domain.level,
                "multiplier_low": multiplier.low.value,
                "multiplier_high": multiplier.high.value,
                "implied_low": implied[0],
                "implied_high": implied[1],
                "now_low": now.low.value,
                "now_high": now.high.value,
                "later_low": later.low.value,
                "later_high": later.high.value,
                "projected_low": now.low.value * times[0],
                "projected_high": now.high.value * times[1],
                "ratio_low": ratio(later.low.value, now.low.value),
                "ratio_high": ratio(later.high.value, now.high.value),
                "reproduced": reproduced_now(domain, documents),
                "claims": claims_text(domain.shift, domain.score, now, later),
            }
        )
    return pd.DataFrame(rows)


def reproduced_now(domain: Domain, documents: Documents) -> bool:
    """Whether both ends of a domain's printed range are what its multipliers imply."""
    low, high = implied_now(domain, documents)
    return domain.now.low.agrees(low, low) and domain.now.high.agrees(high, high)


def timeline_table(documents: Documents) -> pd.DataFrame:
    """Reproduce the timeline, with what it makes of the lowest and highest base probability.

    Returns
    -------
    DataFrame
        Columns period, low, high (multipliers), and for each shift type its base times them
        (``<shift>_low``, ``<shift>_high``), never clipped; exceeds_one flags the highest; claims.
    """
    rows = []
    for name, multiplier in documents.periods.items():
        low, high = multiplier.ends
        row: dict[str, object] = {"period": name, "low": low, "high": high}
        for shift in documents.shifts.values():
            row[f"{shift.name}_low"] = shift.base.value * low
            row[f"{shift.name}_high"] = shift.base.value * high
        above = highest_base(documents).value * high > 1
        rows.append({**row, "exceeds_one": above, "claims": claims_text(multiplier)})
    return pd.DataFrame(rows)
