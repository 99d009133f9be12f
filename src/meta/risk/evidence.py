"""Evidence mode: the risk of a profile from posterior draws of the whole chain.

Stages are averaged over studies (`rate_mean`) or predicted for a new one (`rate_new`) at the
profile's settings of the moderators, draw by draw; a setting that is not given stays at the mean of
the evidence. Of a pair of shift types the risks are averaged, each counting half. A specification
score is placed on the levels of the document's table, between two levels in proportion. Periods and
remedies change the odds of a stage (`meta.risk.scenarios`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from meta.estimands.chain_averages import average_rates, new_rates
from meta.estimands.contraction import contraction
from meta.estimands.draws import Draws
from meta.estimands.harm_chain import STAGES, WHOLE, HarmChain
from meta.estimands.notoriety import HARM
from meta.inference.seeds import child_seed
from meta.models.design import FEWEST_STUDIES
from meta.risk.basis import Basis, Setting
from meta.risk.documents import Documents
from meta.risk.flags import FEW_CONTRASTS
from meta.risk.printed import EXACT
from meta.risk.scenarios import (
    AND,
    EVIDENCE,
    JUDGEMENT,
    Effect,
    Scenarios,
    combined,
    profile_effects,
    shipped_scenarios,
)
from meta.risk.settings import Profile
from meta.risk.support import Mix, Support, mix_support
from meta.risk_settings import PROFILE_FIELDS

#: Outcomes of a profile, with the stages that each multiplies.
OUTCOMES = {
    "capability_transfer": slice(0, 1),
    "goal_failure": slice(1, 2),
    "capable_goal_failure": slice(0, 2),
    "harm": slice(2, 3),
    WHOLE: slice(0, 3),
}
ESTIMANDS = ("rate_mean", "rate_new")


@dataclass(frozen=True)
class EvidenceRisk:
    """Risk of a profile from the evidence.

    Attributes
    ----------
    draws
        By outcome and estimand, shape (D,).
    contraction
        Share of the prior's variance that the data took away, by the same; NaN where a period or
        remedy takes part, whose effect is none of the model's.
    basis
        By outcome: what the number rests on, `EVIDENCE`, `JUDGEMENT` or both. A stage at a level
        that hardly any study has rests on judgement; of a pair of shift types each counts.
    support
        What is behind each setting.
    effects
        Periods and remedies that took part.
    """

    draws: dict[tuple[str, str], np.ndarray]
    contraction: dict[tuple[str, str], float]
    basis: dict[str, str]
    support: tuple[Support, ...]
    effects: tuple[Effect, ...]

    @property
    def flags(self) -> tuple[str, ...]:
        """Warnings of settings, as `flag:setting=level`, and of remedies."""
        found = [f"{flag}:{s.setting}={s.level}" for s in self.support for flag in s.flags]
        few = [e.name for e in self.effects if 0 < e.k_studies < FEWEST_STUDIES]
        return (*found, *(f"{FEW_CONTRASTS}:mitigation={name}" for name in few))


def evidence_risk(
    profile: Profile,
    basis: Basis,
    documents: Documents,
    seed: int,
    scenarios: Scenarios | None = None,
) -> EvidenceRisk:
    """Risk of a profile from posterior draws.

    Parameters
    ----------
    profile
        Settings.
    basis
        Draws of a run.
    documents
        For the levels of the score, and for printed figures of periods and remedies.
    seed
        Of predictive draws and scenarios; the same for every profile, so that they compare.
    scenarios
        Judgements, by default the shipped ones.
    """
    scenarios = scenarios or shipped_scenarios()
    effects = profile_effects(profile, basis, documents, scenarios, seed)
    moved = combined(effects, scenarios, seed)
    mixes = profile_mixes(profile, documents)
    draws = _rates(basis.chain, basis.rate_x, basis.harm_x, basis, mixes, moved, seed)
    prior = _rates(*basis.prior, basis, mixes, {}, seed)
    supports = [mix_support(mix, basis) for mix in mixes]
    return EvidenceRisk(
        draws=draws,
        contraction={
            (outcome, estimand): float("nan")
            if _touched(outcome, effects)
            else contraction(estimand, values, prior[outcome, estimand])
            for (outcome, estimand), values in draws.items()
        },
        basis={outcome: _basis(outcome, supports, effects) for outcome in OUTCOMES},
        support=tuple(_ordered(each for support in supports for each in support)),
        effects=tuple(effects),
    )


def profile_mixes(profile: Profile, documents: Documents) -> list[dict[str, Mix]]:
    """Levels of each setting that is given: one combination, or two of a pair of shift types."""
    fixed: dict[str, Mix] = {}
    if profile.specification is not None:
        fixed["specification"] = score_levels(profile.specification, documents)
    for name in ("capability", "diversity", "alignment"):
        if (level := getattr(profile, name)) is not None:
            fixed[name] = ((level, 1.0),)
    return [{"shift": ((name, 1.0),), **fixed} for name in dict.fromkeys(profile.shift)]


def score_levels(score: float, documents: Documents) -> Mix:
    """Place a specification score on the levels of the document's table.

    Returns
    -------
    tuple
        One level, or the two beside a gap with shares in proportion to the nearness of their ends.
        A score that two levels share is on the lower; one beyond all levels is on the nearest.
    """
    levels = list(documents.levels.values())
    for level in levels:
        bottom, top = level.score.ends
        if bottom - EXACT <= score <= top + EXACT:
            return ((level.name, 1.0),)
    below = [level for level in levels if level.score.ends[1] < score]
    above = [level for level in levels if level.score.ends[0] > score]
    if not below or not above:
        return (((above or below)[0 if above else -1].name, 1.0),)
    start, stop = below[-1].score.ends[1], above[0].score.ends[0]
    share = (score - start) / (stop - start)
    return ((below[-1].name, 1 - share), (above[0].name, share))


def _rates(
    chain: HarmChain,
    rate_x: np.ndarray,
    harm_x: np.ndarray,
    basis: Basis,
    mixes: list[dict[str, Mix]],
    moved: dict[str, np.ndarray],
    seed: int,
) -> dict[tuple[str, str], np.ndarray]:
    """Draws of every outcome and estimand, averaged over the combinations of settings."""
    found: list[dict[tuple[str, str], np.ndarray]] = []
    for mix in mixes:
        draws = chain.at(
            design_rows(rate_x, basis.rates, mix), design_rows(harm_x, basis.harm, mix)
        )
        location = draws.location.copy()
        for stage, change in moved.items():
            location[:, STAGES.index(stage)] += change
        found.append(stage_rates(replace(draws, location=location), seed))
    return {key: np.mean([each[key] for each in found], axis=0) for key in found[0]}


def design_rows(mean: np.ndarray, settings: tuple[Setting, ...], mix: dict[str, Mix]) -> np.ndarray:
    """Design rows of a combination of settings, one a draw, shape (D, P).

    Parameters
    ----------
    mean
        Rows at the evidence's mean, where a setting that is absent or unknown to the model stays.
    settings
        Moderators of the model.
    mix
        Levels by setting.
    """
    x = mean.copy()
    for setting in settings:
        name = next((n for n, field in PROFILE_FIELDS.items() if field == setting.field), None)
        levels = mix.get(name, ()) if name else ()
        if not levels or any(level not in setting.levels for level, _ in levels):
            continue
        start, stop = setting.columns
        x[:, start:stop] = sum(
            share * np.asarray(setting.settings[setting.levels.index(level)])
            for level, share in levels
        )
    return x


def stage_rates(draws: Draws, seed: int) -> dict[tuple[str, str], np.ndarray]:
    """Average over studies, and prediction for a new study, of each outcome, shape (D,)."""
    averages, new = average_rates(draws), new_rates(draws, new_normals(len(draws.location), seed))
    found = {}
    for outcome, s in OUTCOMES.items():
        found[outcome, "rate_mean"] = averages[s.start, s.stop]
        found[outcome, "rate_new"] = new[:, s].prod(axis=1)
    return found


def new_normals(count: int, seed: int) -> np.ndarray:
    """Standard normals of the new study of each draw, the same for every profile, shape (D, 3)."""
    return np.random.default_rng(child_seed(seed, "new")).standard_normal((count, len(STAGES)))


def _touched(outcome: str, effects: list[Effect]) -> bool:
    return any(e.stage in STAGES[OUTCOMES[outcome]] for e in effects)


def _basis(outcome: str, supports: Sequence[Sequence[Support]], effects: list[Effect]) -> str:
    """What a number rests on: whatever any of its stages does, at any combination of settings."""
    found = {
        each
        for stage in STAGES[OUTCOMES[outcome]]
        for support in supports
        for each in _stage_basis(stage, support, effects)
    }
    return AND.join(sorted(found))


def _stage_basis(stage: str, support: Sequence[Support], effects: list[Effect]) -> set[str]:
    """What a stage rests on: where no study has a level of it, the prior alone tells."""
    if any(stage in each.judged for each in support):
        return {JUDGEMENT}
    judged = any(e.basis == JUDGEMENT and e.stage == stage for e in effects)
    # Harm carries judgements of its own: notoriety and transport.
    return {EVIDENCE, JUDGEMENT} if judged or stage == HARM else {EVIDENCE}


def _ordered(found: Iterable[Support]) -> list[Support]:
    """Each level once, in the order of a profile's settings."""
    order = list(PROFILE_FIELDS)
    return sorted(dict.fromkeys(found), key=lambda s: (order.index(s.setting), s.level))
