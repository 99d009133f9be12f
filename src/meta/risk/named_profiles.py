"""Domains, periods and interventions of the document as named profiles of its formula."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from meta.risk.documents import Documents, read_documents
from meta.risk.printed import Span
from meta.risk.published import risk_of
from meta.risk.settings import Profile
from meta.risk.structure import Structure

DOMAIN, LATER, PERIOD, INTERVENTION = "domain", "domain_later", "period", "intervention"


def named_profiles(documents: Documents) -> dict[tuple[str, str], Profile]:
    """Settings of every named profile, by kind and name.

    Returns
    -------
    dict
        `domain`: its shift types and score, as printed; the document gives no other setting.
        `domain_later`: the same in the period that the table of domains projects to. `period` and
        `intervention`: over all shift types, with that period or intervention alone. A domain
        whose shift numbers are no shift types is left out.
    """
    found: dict[tuple[str, str], Profile] = {}
    for domain in documents.domains.values():
        shifts = documents.shifts_of(domain)
        if shifts is not None:
            found[DOMAIN, domain.name] = Profile(
                (shifts[0].name, shifts[1].name), domain.score.value
            )
    later = documents.structure.domains.later_period
    found |= {(LATER, name): replace(p, period=later) for (_, name), p in found.items()}
    ordered = sorted(documents.shifts.values(), key=lambda shift: shift.base.value)
    every = (ordered[0].name, ordered[-1].name)
    found |= {(PERIOD, name): Profile(every, period=name) for name in documents.periods}
    for name in documents.interventions:
        found[INTERVENTION, name] = Profile(every, interventions=(name,))
    return found


def named_profile_table(claims: pd.DataFrame, structure: Structure | None = None) -> pd.DataFrame:
    """Published risk of every named profile, beside the range that is printed for it.

    Parameters
    ----------
    claims : DataFrame
        The table of claims.
    structure : Structure, optional
        What belongs where; by default the shipped file.

    Returns
    -------
    DataFrame
        Columns kind, name, shift_low, shift_high, specification, period, intervention, low,
        central, high (never clipped), printed_low, printed_high (domains only) and flags (space
        separated).

    Raises
    ------
    MissingRowsError
        Naming every figure that the claims lack.
    UserError
        Naming every figure that is impossible, such as a probability above 1.
    """
    documents = read_documents(claims, structure)
    rows = []
    for (kind, name), profile in named_profiles(documents).items():
        risk, printed = risk_of(profile, documents), _printed(kind, name, documents)
        rows.append(
            {
                "kind": kind,
                "name": name,
                "shift_low": profile.shift[0],
                "shift_high": profile.shift[1],
                "specification": profile.specification,
                "period": profile.period or "",
                "intervention": " ".join(profile.interventions),
                "low": risk.low,
                "central": risk.central,
                "high": risk.high,
                "printed_low": printed.low.value if printed else None,
                "printed_high": printed.high.value if printed else None,
                "flags": " ".join(risk.flags),
            }
        )
    return pd.DataFrame(rows)


def _printed(kind: str, name: str, documents: Documents) -> Span | None:
    if kind == DOMAIN:
        return documents.domains[name].now
    return documents.domains[name].later if kind == LATER else None
