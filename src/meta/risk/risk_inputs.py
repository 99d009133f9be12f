"""What the risk of a profile is made of, draw by draw, in groups that a reader can name.

The logit of each stage at the profile is the level of the evidence as a whole plus what each
setting of the profile adds. The same draws can thus be read by stage (`LEVELS`) or by moderator
(`MODERATORS`); what is neither, such as the spread between studies, belongs to both (`SHARED`).
The harm of catalogued cases, notoriety and transport are kept apart. The risk is a function of
the inputs of either reading, and for a new study also of that study's effects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from meta.estimands.chain_averages import new_study_effects
from meta.estimands.draws import Draws
from meta.estimands.harm_chain import STAGES, WHOLE
from meta.risk.basis import Basis
from meta.risk.documents import Documents
from meta.risk.evidence import (
    OUTCOMES,
    design_rows,
    new_normals,
    profile_mixes,
    stage_rates,
)
from meta.risk.scenarios import (
    AND,
    EVIDENCE,
    JUDGEMENT,
    Effect,
    combined,
    profile_effects,
    shipped_scenarios,
)
from meta.risk.settings import Profile
from meta.risk.support import Mix, mix_support, stage_bases
from meta.risk_settings import PROFILE_FIELDS

#: Outcomes whose sensitivity is analysed.
ANALYSED = (WHOLE, "capable_goal_failure")
LEVELS, MODERATORS, SHARED, NEW_STUDY = "stages", "moderators", "shared", "new_study"
CAPABILITY, GOAL, HARM = STAGES
EVIDENCE_LEVEL = "evidence_level"
#: Words for inputs that have no field of the codebook.
SAID = {
    CAPABILITY: "level of capability transfer",
    GOAL: "level of goal failure",
    HARM: "level of harm among catalogued cases",
    EVIDENCE_LEVEL: "level of the evidence as a whole",
    "between_studies": "spread between studies",
    "within_studies": "spread within studies",
    "correlation": "correlation of the stages",
    "notoriety": "how much likelier harmful failures are to be written up",
    "transport": "how much likelier harm is in the arms' settings than in the cases'",
    NEW_STUDY: "which study the new one is",
}


@dataclass(frozen=True)
class RiskInput:
    """One input of a profile's risk.

    Attributes
    ----------
    name
        `SAID`, a setting of the profile, or the name of a period or remedy.
    view
        `LEVELS`, `MODERATORS`, `SHARED` or `NEW_STUDY`.
    unit
        Of its columns.
    columns
        Draws, shape (D, q).
    stages
        Stage that each column acts on, of length q.
    bases
        What it rests on by stage, where that is not the evidence alone.
    """

    name: str
    view: str
    unit: str
    columns: np.ndarray
    stages: tuple[str, ...]
    bases: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, outcome: str) -> np.ndarray:
        """Columns that act on a stage of the outcome and vary, shape (D, q)."""
        inside = STAGES[OUTCOMES[outcome]]
        kept = self.columns[:, [stage in inside for stage in self.stages]]
        return np.asarray(kept[:, np.ptp(kept, axis=0) > 0])

    def basis(self, outcome: str) -> str:
        """What it rests on where it acts on the outcome."""
        own = [stage for stage in STAGES[OUTCOMES[outcome]] if stage in self.stages]
        evidence = frozenset({EVIDENCE})
        return AND.join(sorted({each for s in own for each in self.bases.get(s, evidence)}))

    @property
    def said(self) -> str:
        """Words for it."""
        return SAID.get(self.name, self.name.replace("_", " "))


@dataclass(frozen=True)
class ProfileDraws:
    """Risk of a profile with its inputs.

    Attributes
    ----------
    risks
        By outcome and estimand, shape (D,): those of `meta.risk.evidence`.
    inputs
        Inputs of both readings.
    mixes
        Draws of the stages at each combination of settings; the risk is their average.
    """

    risks: Mapping[tuple[str, str], np.ndarray]
    inputs: tuple[RiskInput, ...]
    mixes: tuple[Draws, ...]

    def columns(self, outcome: str, estimand: str, view: str) -> dict[str, np.ndarray]:
        """Columns of the inputs of one reading that act on an outcome, by name."""
        views = {view, SHARED} | ({NEW_STUDY} if estimand == "rate_new" else set())
        found = {i.name: i.of(outcome) for i in self.inputs if i.view in views}
        return {name: columns for name, columns in found.items() if columns.shape[1]}


def profile_draws(profile: Profile, basis: Basis, documents: Documents, seed: int) -> ProfileDraws:
    """Risk of a profile and its inputs, draw by draw.

    Parameters
    ----------
    profile, basis, documents, seed
        As for `meta.risk.evidence.evidence_risk`, whose draws the risks are.
    """
    scenarios = shipped_scenarios()
    effects = profile_effects(profile, basis, documents, scenarios, seed)
    moved = combined(effects, scenarios, seed)
    combinations = profile_mixes(profile, documents)
    mixes = []
    for mix in combinations:
        at = basis.chain.at(
            design_rows(basis.rate_x, basis.rates, mix), design_rows(basis.harm_x, basis.harm, mix)
        )
        location = at.location.copy()
        for stage, change in moved.items():
            location[:, STAGES.index(stage)] += change
        mixes.append(replace(at, location=location))
    rates = [stage_rates(draws, seed) for draws in mixes]
    risks = {
        (outcome, estimand): np.mean([each[outcome, estimand] for each in rates], axis=0)
        for outcome in ANALYSED
        for estimand in ("rate_mean", "rate_new")
    }
    inputs = [
        *_levels(basis, combinations, mixes, moved),
        *_moderators(basis, combinations),
        *_shared(basis, mixes[0], effects),
        _new_study(mixes[0], seed),
    ]
    return ProfileDraws(risks, tuple(inputs), tuple(mixes))


def _levels(
    basis: Basis,
    combinations: list[dict[str, Mix]],
    mixes: list[Draws],
    moved: dict[str, np.ndarray],
) -> list[RiskInput]:
    """Logit of each stage at the profile, before periods and remedies; of harm as catalogued."""
    found = []
    supports = [mix_support(mix, basis) for mix in combinations]
    for o, stage in enumerate(STAGES):
        own = np.stack([m.location[:, o] - moved.get(stage, 0.0) for m in mixes], axis=1)
        if stage == HARM:
            judged = np.asarray(basis.chain.notoriety) - np.asarray(basis.chain.transport)
            own = own + np.broadcast_to(judged, len(own))[:, None]
        # Two shift types may have the same level in a model that does not tell them apart.
        columns = np.unique(own, axis=1)
        bases = {stage: stage_bases(stage, supports)}
        found.append(RiskInput(stage, LEVELS, "logit", columns, (stage,) * columns.shape[1], bases))
    return found


def _moderators(basis: Basis, mixes: list[dict[str, Mix]]) -> list[RiskInput]:
    """Level of the evidence's mean in each stage, and what each setting adds to it."""
    chain = basis.chain
    mean = chain.at(basis.rate_x, basis.harm_x).location.copy()
    mean[:, 2] += np.asarray(chain.notoriety) - np.asarray(chain.transport)
    found = [RiskInput(EVIDENCE_LEVEL, MODERATORS, "logit", mean, STAGES)]
    for name in dict.fromkeys(name for mix in mixes for name in mix):
        columns: list[np.ndarray] = []
        stages: list[str] = []
        for mix in mixes:
            own = {name: mix[name]}
            for draws, x, settings, acted in (
                (chain.rates, basis.rate_x, basis.rates, STAGES[:2]),
                (chain.harm, basis.harm_x, basis.harm, STAGES[2:]),
            ):
                step = design_rows(x, settings, own) - x
                columns.append(np.einsum("dp,dpo->do", step, draws.slope))
                stages += acted
        supports = [mix_support({name: mix[name]}, basis) for mix in mixes]
        found.append(
            RiskInput(
                PROFILE_FIELDS[name], MODERATORS, "logit", np.concatenate(columns, axis=1),
                tuple(stages), {stage: stage_bases(stage, supports) for stage in STAGES},
            )
        )  # fmt: skip
    return found


def _shared(basis: Basis, draws: Draws, effects: list[Effect]) -> list[RiskInput]:
    """Spreads, correlations, judgements, periods and remedies."""
    chain, count = basis.chain, len(draws.location)
    judged = {HARM: frozenset({JUDGEMENT})}
    tied = np.stack([draws.factor[:, 1, 0], chain.correlation], axis=1)
    found = [
        RiskInput("between_studies", SHARED, "sd of logits", draws.tau, STAGES),
        RiskInput("within_studies", SHARED, "sd of logits", draws.inner, STAGES),
        RiskInput("correlation", SHARED, "correlation", tied, (GOAL, HARM), judged),
    ]
    for name in ("notoriety", "transport"):
        column = np.broadcast_to(getattr(chain, name), count)[:, None]
        found.append(RiskInput(name, SHARED, "log odds ratio", column, (HARM,), judged))
    for effect in effects:
        column = effect.draws[:, None]
        bases: dict[str, frozenset[str]] = {effect.stage: frozenset({effect.basis})}
        found.append(
            RiskInput(effect.name, SHARED, "log odds ratio", column, (effect.stage,), bases)
        )
    return found


def _new_study(draws: Draws, seed: int) -> RiskInput:
    """Effects of the new study of each draw: those that `rate_new` is made with."""
    effects = new_study_effects(draws, new_normals(len(draws.location), seed))
    return RiskInput(NEW_STUDY, NEW_STUDY, "logit", effects, STAGES)
