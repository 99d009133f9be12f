"""Which models a deployment profile's risk is taken from, and what may be measured next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from meta.chain_settings import joinable_harm
from meta.priors import Strict

if TYPE_CHECKING:
    from meta.config import ModelSpec

#: Codebook field of each setting of a profile.
PROFILE_FIELDS = {
    "shift": "shift_type",
    "specification": "specification_quality",
    "capability": "capability_level",
    "diversity": "training_diversity",
    "alignment": "alignment_method",
}


class NewStudies(Strict):
    """Studies of rates that may be coded or run next: `arms` of each, `trials` of each arm."""

    studies: int = Field(10, ge=1, le=1000)
    arms: int = Field(4, ge=1, le=1000)
    trials: int = Field(300, ge=1, le=10_000_000)


class NewCases(Strict):
    """Catalogued failures whose harm may be coded next, shared evenly by lists."""

    cases: int = Field(200, ge=1, le=1_000_000)
    lists: int = Field(4, ge=1, le=1000)

    @model_validator(mode="after")
    def _a_case_for_each_list(self) -> NewCases:
        if self.lists > self.cases:
            raise ValueError(f"{self.lists} lists cannot share {self.cases} cases")
        return self


class NotorietyStudy(Strict):
    """A study of which failures get written up: half of its failures harmful, half not.

    `written_up` is the share of the harmless ones that are.
    """

    failures: int = Field(200, ge=2, le=10_000_000)
    written_up: float = Field(0.2, gt=0, lt=1)


class RiskSettings(Strict):
    """Sensitivity of the risk of profiles, and what new measurements would tell of it.

    `percentiles` are the ends of the tornado's bars, `resamples` the bootstrap samples behind each
    Monte Carlo error.
    """

    new_studies: NewStudies = NewStudies()
    new_cases: NewCases = NewCases()
    notoriety_study: NotorietyStudy = NotorietyStudy()
    percentiles: tuple[
        Annotated[float, Field(ge=0.05, lt=0.5)], Annotated[float, Field(gt=0.5, le=0.95)]
    ] = (0.1, 0.9)
    resamples: int = Field(200, ge=20, le=10_000)


class RiskModels(Strict):
    """Names of the models behind the evidence mode; no contrasts where the base has none."""

    rates: str
    harm: str
    contrasts: str | None = None


def risk_models(models: Mapping[str, ModelSpec]) -> RiskModels | None:
    """Find the models that a profile's risk needs.

    Parameters
    ----------
    models
        Specifications by name.

    Returns
    -------
    RiskModels or None
        The first model of rates that has every field of a profile as a moderator; the model of harm
        that shares most of them, of equal ones that with the fewest moderators; the first model of
        contrasts. None without the first two.
    """
    wanted = set(PROFILE_FIELDS.values())
    rates = [
        name
        for name, spec in models.items()
        if spec.frame == "denominator"
        and spec.stages == ("capability_transfer", "goal_failure")
        and spec.random_effects == "normal"
        and not spec.assumed_capable
        and wanted <= set(spec.moderators)
    ]
    harms = joinable_harm(models)
    if not rates or not harms:
        return None

    def fit(name: str) -> tuple[int, int]:
        moderators = set(harms[name].moderators)
        return len(wanted & moderators), -len(moderators)

    contrasts = [name for name, spec in models.items() if spec.frame == "contrasts"]
    return RiskModels(
        rates=rates[0], harm=max(harms, key=fit), contrasts=next(iter(contrasts), None)
    )


def rate_models_of_profiles(models: Mapping[str, ModelSpec]) -> list[str]:
    """Names of the models of rates with a field of a profile as moderator, jointly or alone.

    Parameters
    ----------
    models
        Specifications by name.
    """
    wanted = set(PROFILE_FIELDS.values())
    return [
        name
        for name, spec in models.items()
        if spec.frame == "denominator"
        and spec.stages == ("capability_transfer", "goal_failure")
        and not spec.assumed_capable
        and (wanted <= set(spec.moderators) or any(spec.moderators == (f,) for f in wanted))
    ]
