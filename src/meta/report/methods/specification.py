"""A model as it was specified: its options, with the defaults of those that a record leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.config import ModelSpec
from meta.moderator_effects import moderator_effect
from meta.priors import parameters_with_priors
from meta.report.inputs import Fit

#: Fields of a specification whose absence means their default.
_DEFAULTS = {
    name: field.default for name, field in ModelSpec.model_fields.items() if not field.is_required()
}


@dataclass(frozen=True)
class Specification:
    """Options of one model, read from the record of its fit.

    Attributes
    ----------
    options
        The specification, defaults included.
    priors
        Prior of each parameter, by name; empty where the record has none.
    numeric
        Moderators whose values are numbers.
    dropped
        Levels that the specification has and the evidence does not support.
    """

    options: Mapping[str, Any]
    priors: Mapping[str, Mapping[str, Any]]
    numeric: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()

    @property
    def frame(self) -> str:
        """Sampling frame: what a row is drawn from."""
        return str(self.options["frame"])

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages of the chain, in order."""
        return tuple(self.options["stages"])

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels in force."""
        return tuple(name for name in self.options["levels"] if name not in self.dropped)

    @property
    def binomial(self) -> bool:
        """Whether counts are binomial given the arm's rate."""
        return bool(self.options["likelihood"] == "binomial")

    @property
    def correlated(self) -> bool:
        """Whether the correlation of the stages has a prior."""
        return len(self.stages) > 1 and self.options["correlation"] == "lkj"

    @property
    def effects(self) -> dict[str, str]:
        """Shape of each moderator's effect."""
        chosen = self.options.get("moderator_effects") or {}
        return {
            name: moderator_effect(name, chosen, self.frame, name in self.numeric) or "categories"
            for name in self.options["moderators"]
        }

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters of the prior set that the model has, in the order of the equations."""
        options = {**self.options, "levels": self.levels}
        found = parameters_with_priors(options, self.effects, self.numeric)
        return tuple(name for name in found if name in self.priors)


def specification_of(fit: Fit) -> Specification:
    """Read the specification of a stored model.

    Parameters
    ----------
    fit
        A stored model. What its record leaves out takes the default of the settings.
    """
    options = {**_DEFAULTS, **fit.record.get("spec", {})}
    options["frame"] = fit.frame or options["frame"]
    for name in ("levels", "moderators", "filter"):
        options[name] = options.get(name) or ()
    priors = {
        name: prior
        for name, prior in (fit.record.get("prior_set") or {}).items()
        if isinstance(prior, Mapping) and "distribution" in prior
    }
    return Specification(options, priors, _numeric(fit, options["moderators"]), _dropped(fit))


def _numeric(fit: Fit, moderators: list[str]) -> frozenset[str]:
    rows = fit.rows
    if rows is None:
        return frozenset()
    return frozenset(
        name for name in moderators if name in rows and pd.api.types.is_numeric_dtype(rows[name])
    )


def _dropped(fit: Fit) -> frozenset[str]:
    """Levels without a unit that is met twice: the fit says how each level in force was sampled."""
    sampled = fit.record.get("parameterisation") or {}
    optional = {"agent_set", "agent_family"}
    return frozenset(optional - set(sampled)) if sampled else frozenset()
