"""Which models a deployment profile's risk is taken from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

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
