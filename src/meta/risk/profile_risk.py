"""Risk of profiles in both modes, as rows: what is arithmetic, what evidence, what judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from meta.estimands.harm_chain import WHOLE
from meta.estimands.notoriety import HARM
from meta.risk.basis import Basis
from meta.risk.documents import Documents
from meta.risk.evidence import EvidenceRisk, evidence_risk
from meta.risk.named_profiles import DOMAIN, LATER, named_profiles
from meta.risk.published import risk_of
from meta.risk.settings import SETTINGS, Profile

PUBLISHED_MODE, EVIDENCE_MODE = "published", "evidence"
SHIFT = "shift_type"
#: Estimands of the published mode: the formula's product, and a stage as it is printed.
FORMULA, STAGE = "published", "printed"
COLUMNS = [
    "kind", "profile", *SETTINGS, "mode", "outcome", "estimand", "value", "low", "high",
    "interval", "basis", "contraction", "k_studies", "printed_low", "printed_high", "flags", "note",
]  # fmt: skip
#: What the ends of the published mode are; those of the evidence mode name their mass.
PRINTED_RANGE = "products of the printed ends"
ARITHMETIC = "printed figures"


def shipped_profiles(documents: Documents) -> dict[tuple[str, str], Profile]:
    """Each shift type by itself, then the domains, periods and interventions of the document."""
    shifts = {(SHIFT, name): Profile((name, name)) for name in documents.shifts}
    return shifts | named_profiles(documents)


def risk_table(
    profiles: Mapping[tuple[str, str], Profile],
    documents: Documents,
    basis: Basis | None,
    seed: int,
    ci_prob: float,
) -> pd.DataFrame:
    """Risk of every profile in both modes.

    Parameters
    ----------
    profiles
        By kind and name.
    documents
        The printed figures.
    basis
        Draws of a run; None leaves the evidence mode out.
    seed, ci_prob
        Of the evidence mode: seed of its draws, mass of its equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`. A row of the published mode has the central value and the range of the printed
        factors, never clipped; one of the evidence mode the median and interval. A shift type has
        its printed stages too, `value` blank of a range, and in `printed_*` the range that the
        document prints for its risk; a domain has there the range that is printed for it.
    """
    rows = []
    for (kind, name), profile in profiles.items():
        head = {"kind": kind, "profile": name, **_settings(profile)}
        rows.append(head | published_row(profile, documents) | _printed(kind, name, documents))
        if kind == SHIFT:
            rows += [head | row for row in printed_stages(name, documents)]
        if basis is not None:
            risk = evidence_risk(profile, basis, documents, seed)
            rows += [head | row for row in evidence_rows(risk, ci_prob)]
    return pd.DataFrame(rows, columns=COLUMNS)


def published_row(profile: Profile, documents: Documents) -> dict[str, object]:
    """Risk of a profile by the published formula; the document's risk includes harm."""
    risk = risk_of(profile, documents)
    return {
        "mode": PUBLISHED_MODE, "outcome": WHOLE, "estimand": FORMULA, "value": risk.central,
        "low": risk.low, "high": risk.high, "interval": PRINTED_RANGE, "basis": ARITHMETIC,
        "flags": " ".join(risk.flags), "note": "",
    }  # fmt: skip


def printed_stages(shift: str, documents: Documents) -> list[dict[str, object]]:
    """Stages of a shift type as the document prints them; of harm the range for all types."""
    printed = documents.shifts[shift]
    points = {"capability_transfer": printed.capability.value, "goal_failure": printed.goal.value}
    spans = {outcome: (value, value, value) for outcome, value in points.items()}
    low, high = documents.harm.ends
    spans[HARM] = (low, math.nan, high)
    return [
        {
            "mode": PUBLISHED_MODE, "outcome": outcome, "estimand": STAGE, "value": value,
            "low": start, "high": stop, "interval": "as printed", "basis": ARITHMETIC,
            "flags": "", "note": "",
        }
        for outcome, (start, value, stop) in spans.items()
    ]  # fmt: skip


def evidence_rows(risk: EvidenceRisk, ci_prob: float) -> list[dict[str, object]]:
    """Median and interval of every outcome and estimand of a profile."""
    tail = (1 - ci_prob) / 2
    studies = min((s.k_studies for s in risk.support), default=float("nan"))
    rows: list[dict[str, object]] = []
    for (outcome, estimand), draws in risk.draws.items():
        low, median, high = np.quantile(draws, [tail, 0.5, 1 - tail])
        rows.append(
            {
                "mode": EVIDENCE_MODE, "outcome": outcome, "estimand": estimand, "value": median,
                "low": low, "high": high, "interval": f"{ci_prob:.0%}",
                "basis": risk.basis[outcome], "contraction": risk.contraction[outcome, estimand],
                "k_studies": studies, "flags": " ".join(risk.flags),
                "note": "; ".join(f"{e.name}: {e.basis} ({e.said})" for e in risk.effects),
            }
        )  # fmt: skip
    return rows


def _settings(profile: Profile) -> dict[str, object]:
    shift = "; ".join(dict.fromkeys(profile.shift))
    given = {name: getattr(profile, name) for name in SETTINGS}
    return given | {"shift": shift, "interventions": "; ".join(profile.interventions)}


def _printed(kind: str, name: str, documents: Documents) -> dict[str, object]:
    """Range that the document prints for the risk of a profile itself."""
    if kind == SHIFT:
        low, high = documents.shifts[name].risk.ends
    elif kind in (DOMAIN, LATER):
        domain = documents.domains[name]
        low, high = (domain.now if kind == DOMAIN else domain.later).ends
    else:
        return {}
    return {"printed_low": low, "printed_high": high}
