"""Settings of the whole chain: which model's harm joins which model's rates, and what is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from meta.priors import Normal, Notoriety, Strict

if TYPE_CHECKING:
    from meta.config import ModelSpec


class Chain(Strict):
    """What no data tell of the chain, and how many draws it is made of.

    `transport` is the prior of the log odds by which harm is likelier in the settings of the arms
    than in those of the catalogued cases.
    """

    transport: Normal = Normal(mu=0, sigma=0.5)
    draws: int = Field(8000, ge=400)


class ChainTask(Strict):
    """One chain: enough, with the two fits, to redo it."""

    rates: str
    harm: str
    notoriety: Notoriety
    transport: Normal
    eta: float
    correlations: tuple[float | Literal["lkj"], ...]
    draws: int
    seed: int


def harm_models(models: Mapping[str, ModelSpec]) -> dict[str, str]:
    """Find the model of harm for each model of rates that can be joined to one.

    Joined are the primary model and those with moderators, to a model of harm that has each of
    their moderators too; of several such, to the one with the fewest. Both need normal study
    effects.

    Parameters
    ----------
    models
        Specifications by name.

    Returns
    -------
    dict
        Name of the model of harm by that of the model of rates.
    """
    harms = joinable_harm(models)
    found = {}
    for name, spec in models.items():
        if not _is_joined(spec):
            continue
        shared = [h for h, other in harms.items() if set(spec.moderators) <= set(other.moderators)]
        if shared:
            found[name] = min(shared, key=lambda h: len(harms[h].moderators))
    return found


def joinable_harm(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    """Compositions with a prior of notoriety and normal effects, by name."""
    return {
        name: spec
        for name, spec in models.items()
        if spec.notoriety is not None and spec.random_effects == "normal"
    }


def _is_joined(spec: ModelSpec) -> bool:
    return (
        spec.frame == "denominator"
        and spec.stages == ("capability_transfer", "goal_failure")
        and spec.random_effects == "normal"
        and not spec.assumed_capable
        and (spec.primary or bool(spec.moderators))
    )
