r"""Scenarios: what periods and remedies do to the odds of a stage, as draws, never as points.

The one exception is the timeline's reference period, whose multiplier is 1 by definition.

A remedy that arms were set against a baseline for takes the prediction of the model of contrasts
for a new study. What no arm measures has a prior made from the printed figure: a multiplier printed
as a range from a to b is log-normal with the middle share `Scenarios.middle` of its mass between a
and b; a printed reduction r multiplies the odds by 1 - r. Remedies of one stage are combined on the
log odds with an overlap o,

.. math::
    \delta = \delta_j + (1 - o) \sum_{i \ne j} \delta_i

where j is the strongest in that draw, the largest whichever its sign: were it the one that helps
most, remedies of which nothing is known would be taken to help. Percentages are never added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import yaml
from pydantic import Field
from scipy.special import ndtri

from meta.inference.seeds import child_seed
from meta.priors import Beta, Strict
from meta.risk.basis import Basis
from meta.risk.documents import Documents
from meta.risk.settings import Profile

EVIDENCE, JUDGEMENT = "evidence", "judgement"
#: Multiplier of the period that the others are multiples of: fixed by definition, so a point.
REFERENCE = 1.0
#: Between the bases of a number that rests on both.
AND = " and "
StageName = Literal["goal_failure", "harm"]


class Remedy(Strict):
    """A remedy of the document: the stage it acts on, and the intervention nearest to it."""

    stage: StageName
    evidence: str | None = None


class Scenarios(Strict):
    """Judgements of the evidence mode (see `scenarios.yaml`)."""

    middle: float = Field(gt=0, lt=1)
    unknown: float = Field(gt=0)
    overlap: Beta
    period_stage: StageName
    remedies: dict[str, Remedy]


@dataclass(frozen=True)
class Effect:
    """What one period or remedy does.

    Attributes
    ----------
    name, stage
        Its name, and the stage whose log odds it changes.
    draws
        Change of the log odds, shape (D,).
    basis
        `EVIDENCE` or `JUDGEMENT`.
    said
        What it rests on, for a reader.
    is_period
        Whether it is a period, which overlaps with no remedy.
    k_studies
        Studies that set it against a baseline; 0 where it is a judgement.
    """

    name: str
    stage: StageName
    draws: np.ndarray
    basis: str
    said: str
    is_period: bool = False
    k_studies: int = 0


@cache
def shipped_scenarios() -> Scenarios:
    """Read the shipped judgements."""
    text = (files("meta.risk") / "scenarios.yaml").read_text(encoding="utf-8")
    return Scenarios.model_validate(yaml.safe_load(text))


def multiplier_prior(low: float, high: float, middle: float) -> tuple[float, float]:
    """Mean and sd of a log multiplier that is printed as a range, or as one figure.

    Parameters
    ----------
    low, high
        The printed ends, above 0. Of a single figure, both are that figure, which is then read as
        the range from 1 to its square; a multiplier of 1 is thus the one that has no spread.
    middle
        Share of the mass between the ends.

    Raises
    ------
    ValueError
        If an end is not above 0.
    """
    if not (low > 0 and high > 0):
        raise ValueError(f"a multiplier of odds lies above 0, not {low:g} to {high:g}")
    if low == high:
        low, high = sorted((1.0, high**2))
    z = float(ndtri(0.5 + middle / 2))
    return (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / (2 * z)


def profile_effects(
    profile: Profile, basis: Basis, documents: Documents, scenarios: Scenarios, seed: int
) -> list[Effect]:
    """Effects of a profile's period and remedies, in that order.

    The draws of each are a stream of their own, so that profiles are compared on the same ones.
    """
    count = len(basis.chain.correlation)
    found = []
    if profile.period is not None:
        low, high = documents.periods[profile.period].ends
        mean, sd = multiplier_prior(low, high, scenarios.middle)
        draws = _normal(mean, sd, count, seed, profile.period)
        printed = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        said = f"odds multiplied by about {printed}, as printed, which no arm measures"
        if low == high == REFERENCE:
            said = "odds as they are: the timeline's reference, 1 by definition, not by a prior"
        found.append(Effect(profile.period, scenarios.period_stage, draws, JUDGEMENT, said, True))
    return found + [
        remedy_effect(name, basis, documents, scenarios, seed) for name in profile.interventions
    ]


def remedy_effect(
    name: str, basis: Basis, documents: Documents, scenarios: Scenarios, seed: int
) -> Effect:
    """Effect of one remedy of the document or one intervention of the contrasts."""
    remedy = scenarios.remedies.get(name)
    source = name if remedy is None else remedy.evidence
    stage: StageName = "goal_failure" if remedy is None else remedy.stage
    if source in basis.interventions:
        studies = basis.intervention_studies[source]
        counted = "1 study" if studies == 1 else f"{studies} studies"
        said = f"arms with {source} against their baselines, {counted}"
        draws = basis.interventions[source]
        return Effect(name, stage, draws, EVIDENCE, said, k_studies=studies)
    count = len(basis.chain.correlation)
    printed = documents.interventions.get(name)
    if printed is not None and printed.has_figure:
        low, high = printed.reduction.ends
        mean, sd = multiplier_prior(1 - high, 1 - low, scenarios.middle)
        said = (
            f"odds less about {100 * low:g} to {100 * high:g}%, as printed, which no arm measures"
        )
    else:
        mean, sd = 0.0, scenarios.unknown
        said = "no figure and no arm: may help or harm"
    return Effect(name, stage, _normal(mean, sd, count, seed, name), JUDGEMENT, said)


def combined(effects: list[Effect], scenarios: Scenarios, seed: int) -> dict[str, np.ndarray]:
    """Change of each stage's log odds by all effects: periods in full, remedies with overlap.

    Parameters
    ----------
    effects
        As `profile_effects` gives them.
    scenarios
        Prior of the overlap.
    seed
        Of its draws, which are the same for every profile.

    Returns
    -------
    dict
        By stage, shape (D,); a stage without an effect is absent.
    """
    found: dict[str, np.ndarray] = {}
    for stage in dict.fromkeys(e.stage for e in effects):
        parts = [e.draws for e in effects if e.stage == stage and e.is_period]
        own = [e.draws for e in effects if e.stage == stage and not e.is_period]
        if own:
            overlap = overlap_draws(scenarios, len(own[0]), seed, stage)
            parts.append(with_overlap(np.stack(own), overlap))
        found[stage] = np.sum(parts, axis=0)
    return found


def overlap_draws(scenarios: Scenarios, count: int, seed: int, stage: str) -> np.ndarray:
    """Draws of the overlap of a stage's remedies, the same for every profile."""
    rng = np.random.default_rng(child_seed(seed, "overlap", stage))
    return rng.beta(scenarios.overlap.alpha, scenarios.overlap.beta, count)


def with_overlap(effects: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Joint log odds ratio of remedies, shape (D,).

    Parameters
    ----------
    effects
        Their own, shape (remedies, D).
    overlap
        Shape (D,): 0 adds them, 1 leaves the strongest alone.
    """
    largest = np.abs(effects).argmax(axis=0)
    strongest = np.take_along_axis(effects, largest[None], axis=0)[0]
    return np.asarray(strongest + (1 - overlap) * (effects.sum(axis=0) - strongest))


def _normal(mean: float, sd: float, count: int, seed: int, name: str) -> np.ndarray:
    return np.random.default_rng(child_seed(seed, "scenario", name)).normal(mean, sd, count)
