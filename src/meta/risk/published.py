"""Published risk of a profile: base probability times modifiers, as a range, never clipped.

The document gives P = base(shift) x specification x capability x diversity x alignment, each
factor as a range. The product of the low ends and that of the high ends make the range. Between
them a central value is interpolated on the log scale, which is that of a product:

shift
    of two shift types the geometric mean of their base probabilities.
specification
    within a printed level from its high multiplier at the lowest score to its low multiplier at
    the highest; in a gap between two levels from the one's end to the other's, and so the ends of
    its range (flagged ``in_a_gap``). The central value thus falls steadily from score 0 to 1.
capability, diversity
    the printed end at the level that a configuration is; at a level between them, by its rank,
    with the whole range (flagged ``outside_configurations``).
alignment
    the printed end at the two configurations; the other methods have no order in the document,
    so the geometric mean of the ends, with the whole range (flagged likewise).
period, interventions
    geometric mean of the ends of the multiplier, and of the share of risk that is left.
    Interventions are multiplied as if each worked on its own, which the document does not say.
    One without a printed figure changes nothing (flagged ``no_printed_figure``).

The document has no base probability where nothing shifts: the risk is then not a number (flagged
``shift_not_printed``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from meta.evidence.dictionary import load_dictionary
from meta.risk.documents import Documents, Level, Modifier, read_documents
from meta.risk.interventions import remaining
from meta.risk.printed import EXACT
from meta.risk.settings import LEVELS, Profile, read_profile
from meta.risk.structure import Structure

EXCEEDS_ONE, IN_A_GAP = "exceeds_one", "in_a_gap"
OUTSIDE, NO_FIGURE = "outside_configurations", "no_printed_figure"
NOT_PRINTED = "shift_not_printed"


@dataclass(frozen=True)
class Factor:
    """One factor of the product: its setting, its range and its central value."""

    name: str
    setting: str
    low: float
    central: float
    high: float
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedRisk:
    """Risk of a profile by the published formula.

    Attributes
    ----------
    low, central, high
        Products of the factors; no probabilities where they exceed 1.
    factors
        The base probability and each modifier, period and intervention that was set.
    flags
        Those of the factors, and ``exceeds_one`` if the high end does.
    """

    low: float
    central: float
    high: float
    factors: tuple[Factor, ...]
    flags: tuple[str, ...]


def published_risk(
    settings: Mapping[str, object] | Profile,
    claims: pd.DataFrame,
    structure: Structure | None = None,
) -> PublishedRisk:
    """Apply the published formula to a profile.

    Parameters
    ----------
    settings : mapping or Profile
        shift (a type of the code book, or a pair of them), and any of
        specification (a score from 0 to 1), capability, diversity and alignment (levels of the
        code book), period and interventions (as the document names them). A modifier that is not
        set is 1.
    claims : DataFrame
        The table of claims.
    structure : Structure, optional
        What belongs where; by default the shipped file.

    Raises
    ------
    SettingsError
        With every setting that is none, and its legal values.
    MissingRowsError
        Naming every figure that the claims lack.
    UserError
        Naming every figure that is impossible, such as a probability above 1.
    """
    documents = read_documents(claims, structure)
    profile = settings if isinstance(settings, Profile) else read_profile(settings, documents)
    return risk_of(profile, documents)


def risk_of(profile: Profile, documents: Documents) -> PublishedRisk:
    """Apply the published formula to a profile that was read, see `published_risk`."""
    factors = profile_factors(profile, documents)
    low, central, high = (
        math.prod(getattr(factor, end) for factor in factors) for end in ("low", "central", "high")
    )
    flags = [flag for factor in factors for flag in factor.flags]
    if high > 1 + EXACT:
        flags.insert(0, EXCEEDS_ONE)
    return PublishedRisk(low, central, high, tuple(factors), tuple(dict.fromkeys(flags)))


def profile_factors(profile: Profile, documents: Documents) -> list[Factor]:
    """Base probability of a profile, and the factor of each of its other settings."""
    factors = [_base(profile, documents)]
    if profile.specification is not None:
        factors.append(specification_factor(profile.specification, list(documents.levels.values())))
    for name in LEVELS:
        if (level := getattr(profile, name)) is not None:
            factors.append(modifier_factor(documents.modifiers[name], level))
    if profile.period is not None:
        low, high = documents.periods[profile.period].ends
        factors.append(Factor("period", profile.period, low, math.sqrt(low * high), high))
    return factors + [_intervention(name, documents) for name in profile.interventions]


def specification_factor(score: float, levels: Sequence[Level]) -> Factor:
    """Multiplier of a specification score.

    Parameters
    ----------
    score
        From 0 to 1.
    levels
        From the lowest scores to the highest. A score that two levels share is on the lower.
    """
    for level in levels:
        (bottom, top), (low, high) = level.score.ends, level.multiplier.ends
        if bottom - EXACT <= score <= top + EXACT:
            share = (score - bottom) / (top - bottom) if top > bottom else 0.5
            return Factor("specification", f"{score:g}", low, between(high, low, share), high)
    ends = [level.multiplier.ends for level in levels]
    found = (*ends[0], ends[0][1]) if score < levels[0].score.low.value else None
    for (one, other), (a, b) in zip(pairwise(levels), pairwise(ends), strict=True):
        start, stop = one.score.high.value, other.score.low.value
        if start < score < stop:
            t = (score - start) / (stop - start)
            found = (between(a[0], b[0], t), between(a[1], b[1], t), between(a[0], b[1], t))
    low, high, central = found or (*ends[-1], ends[-1][0])
    return Factor("specification", f"{score:g}", low, central, high, (IN_A_GAP,))


def modifier_factor(modifier: Modifier, level: str) -> Factor:
    """Multiplier of a level of the code book: an end of the range, or all of it between them."""
    low, high = modifier.span.ends
    if level == modifier.low_risk:
        return Factor(modifier.name, level, low, low, low)
    if level == modifier.high_risk:
        return Factor(modifier.name, level, high, high, high)
    share = _rank(modifier, level)
    return Factor(modifier.name, level, low, between(low, high, share), high, (OUTSIDE,))


def between(start: float, stop: float, share: float) -> float:
    """Interpolate on the log scale: `start` at 0, `stop` at 1."""
    return float(start ** (1 - share) * stop**share)


def _rank(modifier: Modifier, level: str) -> float:
    """Share of the way from the low-risk to the high-risk level; one half without an order."""
    field = load_dictionary().tables["codings"].fields[modifier.field]
    order = list(field.values or ())
    if not field.ordinal:
        return 0.5
    start, stop = order.index(modifier.low_risk), order.index(modifier.high_risk)
    return min(max((order.index(level) - start) / (stop - start), 0.0), 1.0)


def _base(profile: Profile, documents: Documents) -> Factor:
    if absent := [name for name in profile.shift if name not in documents.shifts]:
        return Factor("base", absent[0], math.nan, math.nan, math.nan, (NOT_PRINTED,))
    low, high = sorted(documents.shifts[name].base.value for name in profile.shift)
    named = " to ".join(dict.fromkeys(profile.shift))
    return Factor("base", named, low, math.sqrt(low * high), high)


def _intervention(name: str, documents: Documents) -> Factor:
    intervention = documents.interventions.get(name)
    if intervention is None or not intervention.has_figure:
        return Factor("intervention", name, 1.0, 1.0, 1.0, (NO_FIGURE,))
    low, high = remaining(intervention)
    return Factor("intervention", name, low, math.sqrt(low * high), high)
