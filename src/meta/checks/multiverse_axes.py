"""Axes of the multiverse, and the structures that have to be compiled for it.

Read whenever the workflow is parsed, so that nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from meta.config import Settings

AXES = (
    "grade", "role", "failure_type", "counted", "assumed_capable", "unclear", "priors",
    "likelihood", "random_effects", "correlation",
)  # fmt: skip
#: Axes that filter rows by a column of the same name.
FILTERS = ("grade", "role", "failure_type")


def axes(settings: Settings) -> dict[str, tuple[Any, ...]]:
    """Values of each axis, the primary's own first."""
    spec, declared = settings.models[settings.primary], settings.multiverse
    own = primary_choice(settings)
    found: dict[str, tuple[Any, ...]] = {}
    for axis in AXES:
        others = getattr(declared, axis)
        if axis in FILTERS:
            others = [tuple(sorted(v)) for v in others]
        if axis == "correlation" and len(spec.stages) == 1:
            others = ()
        found[axis] = tuple(dict.fromkeys([own[axis], *others]))
    return found


def primary_choice(settings: Settings) -> dict[str, Any]:
    """Value of each axis that the primary model has."""
    spec = settings.models[settings.primary]
    own: dict[str, Any] = {axis: tuple(sorted(spec.row_filter[axis])) for axis in FILTERS}
    return own | {
        "counted": "all",
        "assumed_capable": spec.assumed_capable,
        "unclear": (),
        "priors": spec.priors,
        "likelihood": spec.likelihood,
        "random_effects": spec.random_effects,
        "correlation": spec.correlation,
    }


def structures(settings: Settings) -> list[str]:
    """Names of the structures that the cells need: one job each.

    Prior sets of one family share a structure, so that it is named after the family.
    """
    named = axes(settings)
    parts = ("likelihood", "random_effects", "correlation", "priors")
    choices = (
        dict(zip(parts, values, strict=True)) for values in product(*(named[p] for p in parts))
    )
    return list(dict.fromkeys(structure_name(with_family(c, settings)) for c in choices))


def with_family(choice: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Add the family of the prior set, which decides what has to be compiled."""
    priors = settings.alternative_priors(settings.primary, str(choice["priors"]))
    family = priors.families()
    return {**choice, "family": "-".join(family[p] for p in ("tau", "omega", "kappa"))}


def structure_name(choice: Mapping[str, Any]) -> str:
    """Name a structure in characters that a file name may have."""
    correlation = "lkj" if choice["correlation"] == "lkj" else "fixed"
    parts = (choice["likelihood"], choice["random_effects"], correlation, choice["family"])
    return ".".join(parts)
