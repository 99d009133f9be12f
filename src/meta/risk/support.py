"""What is behind each setting of a profile: studies, arms and lists of cases at its level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meta.estimands.harm_chain import STAGES
from meta.models.design import FEWEST_STUDIES
from meta.risk.basis import Basis, Setting
from meta.risk.flags import (
    EXTRAPOLATES,
    FEW_CASES,
    FEW_STUDIES,
    NO_CAPABILITY,
    NO_CASES,
    NO_LEVEL,
    ONE_KIND,
)
from meta.risk.scenarios import AND, EVIDENCE, JUDGEMENT
from meta.risk_settings import PROFILE_FIELDS

#: A level that fewer studies, or lists of cases, have on average over code sets is extrapolated to.
LEAST = 0.5
#: Lists of cases, on average over code sets, below which a level has few.
FEWEST_LISTS = 1.0
CAPABILITY, GOAL, HARM = STAGES
#: Flag of a level, and the stages of which it leaves nothing but the prior.
JUDGED = {
    NO_LEVEL: (CAPABILITY, GOAL),
    EXTRAPOLATES: (GOAL,),
    NO_CAPABILITY: (CAPABILITY,),
    NO_CASES: (HARM,),
}

#: Share of a level of a field: a score between two levels has a share of each.
Mix = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Support:
    """What is behind one setting of a profile.

    Attributes
    ----------
    setting, level
        For instance `shift` and `significant`.
    k_studies, k_rows
        Studies and arms that count goal failures at the level, on average over code sets.
    k_capability
        Studies that count capability there.
    k_lists
        Lists of cases with harm at the level; None where the model of harm has no such moderator.
    flags
        `NO_LEVEL` (no model has the level: the setting changes nothing), or what is thin:
        `EXTRAPOLATES` or `FEW_STUDIES`, `NO_CAPABILITY`, `NO_CASES` or `FEW_CASES`; or `ONE_KIND`,
        where the level comes with one kind of failure.
    """

    setting: str
    level: str
    k_studies: float
    k_rows: float
    k_capability: float
    k_lists: float | None
    flags: tuple[str, ...]

    @property
    def judged(self) -> tuple[str, ...]:
        """Stages of which the level has no evidence, each counted by its own studies."""
        found = {stage for flag in self.flags for stage in JUDGED.get(flag, ())}
        return tuple(stage for stage in STAGES if stage in found)


def mix_support(mix: dict[str, Mix], basis: Basis) -> list[Support]:
    """What is behind each level of a combination of settings that a model of the basis has.

    Parameters
    ----------
    mix
        Levels by setting, as `meta.risk.evidence.profile_mixes` gives them.
    basis
        Of a run.
    """
    fields = {setting.field for setting in basis.rates}
    return [
        level_support(name, level, basis)
        for name, levels in mix.items()
        if PROFILE_FIELDS[name] in fields
        for level, _ in levels
    ]


def level_support(name: str, level: str, basis: Basis) -> Support:
    """What is behind one level of a setting of a profile.

    Parameters
    ----------
    name, level
        For instance `shift` and `significant`.
    basis
        Of a run.
    """
    field = PROFILE_FIELDS[name]
    rates = next(setting for setting in basis.rates if setting.field == field)
    harm = next((setting for setting in basis.harm if setting.field == field), None)
    studies, rows, capability = (
        _count(rates, level, counts)
        for counts in (rates.k_studies, rates.k_rows, rates.k_capability)
    )
    lists = None if harm is None else _count(harm, level, harm.k_studies)
    if level not in rates.levels:
        flags = [NO_LEVEL]
    else:
        flags = _thin(studies, (LEAST, EXTRAPOLATES), (FEWEST_STUDIES, FEW_STUDIES))
        if rates.k_other_kind and studies >= LEAST:
            other = _count(rates, level, rates.k_other_kind)
            flags += _thin(other, (FEWEST_STUDIES, ONE_KIND))
        flags += _thin(capability, (LEAST, NO_CAPABILITY))
        if lists is not None:
            flags += _thin(lists, (LEAST, NO_CASES), (FEWEST_LISTS, FEW_CASES))
    return Support(name, level, studies, rows, capability, lists, tuple(flags))


def stage_bases(stage: str, supports: Iterable[Iterable[Support]]) -> frozenset[str]:
    """What a stage rests on at combinations of settings, each with what is behind it.

    Parameters
    ----------
    stage
        Of `STAGES`.
    supports
        Of each combination, as `mix_support` gives it.
    """
    judged = [any(stage in each.judged for each in support) for support in supports]
    return frozenset(JUDGEMENT if each else EVIDENCE for each in judged)


def level_basis(name: str, level: str, basis: Basis, stages: Iterable[str]) -> str:
    """What stages rest on at one level of a setting, the others as in the evidence."""
    support = [[level_support(name, level, basis)]]
    return AND.join(sorted(frozenset().union(*(stage_bases(s, support) for s in stages))))


def _thin(count: float, *bounds: tuple[float, str]) -> list[str]:
    """Flag of the first bound that a count is below."""
    return [flag for least, flag in bounds if count < least][:1]


def _count(setting: Setting, level: str, counts: tuple[float, ...]) -> float:
    return counts[setting.levels.index(level)] if level in setting.levels else 0.0
