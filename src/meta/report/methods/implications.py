"""What priors imply on scales that can be judged: rates, and odds ratios.

Monte Carlo from the priors alone, by the functions that make the estimands of a fit, with a fixed
seed (prior predictive simulation: Gabry et al. 2019, doi:10.1111/rssa.12378).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from meta.estimands import MEDIAN_ODDS_FACTOR, median_odds_ratio
from meta.estimands.averages import StudyAverages, mean_rate
from meta.estimands.draws import Draws
from meta.estimands.population import new_effects
from meta.report.methods.distributions import FAMILIES, draw
from meta.report.methods.specification import Specification

DRAWS = 4000
SEED = 20261121
#: Probabilities of the quantiles in the table.
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
COLUMNS = ["models", "quantity", "estimand", "scale", *(f"q{q:g}" for q in QUANTILES)]
#: Parameters that a rate at the level of a study depends on.
_OF_RATES = (
    "alpha", "tau", "omega", "kappa", "phi", "df", "upper_share", "split",
    "baseline", "delta", "tau_delta",
)  # fmt: skip
#: Parameters that the effects of moderators depend on.
_OF_EFFECTS = ("beta", "monotonic")


@dataclass(frozen=True)
class Quantity:
    """Prior draws of one quantity on the scale `rate` or `odds_ratio`."""

    name: str
    estimand: str
    scale: str
    draws: np.ndarray


@dataclass(frozen=True)
class Implication:
    """What the priors of some models, which have them in common, imply."""

    models: tuple[str, ...]
    quantities: tuple[Quantity, ...]


def implications(specs: Sequence[tuple[str, Specification]]) -> list[Implication]:
    """Draw what every prior in force implies; models with the same priors are one entry.

    Parameters
    ----------
    specs
        Name and specification of each model. What a record has no priors of, or priors of an
        unknown family, is left out.

    Returns
    -------
    list of Implication
        Rates of one stage (without moderators) and what their scale means as an odds ratio; then
        the effects of moderators.
    """
    found = []
    for names, quantities in ((_OF_RATES, _of_rates), (_OF_EFFECTS, _of_moderators)):
        members: dict[str, list[str]] = {}
        first: dict[str, Specification] = {}
        for model, spec in specs:
            used = {p: dict(spec.priors[p]) for p in names if p in spec.parameters}
            if not used or any(p["distribution"] not in FAMILIES for p in used.values()):
                continue
            kinds = sorted(_effect_kinds(spec)) if names is _OF_EFFECTS else [spec.frame]
            key = json.dumps([kinds, used], sort_keys=True)
            members.setdefault(key, []).append(model)
            first.setdefault(key, spec)
        for key, models in members.items():
            if drawn := quantities(first[key], np.random.default_rng(SEED)):
                found.append(Implication(tuple(models), tuple(drawn)))
    return found


def implication_table(found: Sequence[Implication]) -> pd.DataFrame:
    """Quantiles of every quantity, one row each, models separated by spaces."""
    rows: list[list[Any]] = []
    for each in found:
        for q in each.quantities:
            values = np.quantile(q.draws, QUANTILES)
            rows.append([" ".join(each.models), q.name, q.estimand, q.scale, *values])
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_rates(spec: Specification, rng: np.random.Generator) -> list[Quantity]:
    if spec.frame == "contrasts":
        return _of_contrasts(spec, rng)
    unit = "list" if spec.frame == "case_series" else "study"
    share = "Share" if spec.frame == "case_series" else "Rate"
    drawn = {p: draw(spec.priors[p], rng, DRAWS) for p in _OF_RATES if p in spec.parameters}
    d = _as_draws(drawn)
    new = mean_rate(d.location + new_effects(d, rng), d.inner)[:, 0]
    plural = {"list": "lists", "study": "studies"}[unit]
    found = [
        Quantity(f"{share} of the typical {unit}", "rate_typical", "rate", expit(d.location[:, 0])),
        Quantity(
            f"{share}, average over {plural}", "rate_mean", "rate",
            StudyAverages(d).mean(np.zeros(0), slice(0, 1)),
        ),
        Quantity(f"{share} of a new {unit}", "rate_new", "rate", new),
        Quantity(
            f"Median odds ratio of two {plural}", "median_odds_ratio", "odds_ratio",
            median_odds_ratio(d, 0),
        ),
    ]  # fmt: skip
    if d.upper_share is not None:
        (_, lower), (_, upper) = d.populations()
        gap = (upper.location - lower.location)[:, 0]
        name = f"Odds of the upper population of {plural} over the lower's"
        found.append(Quantity(name, "gap", "odds_ratio", np.exp(gap)))
    return found


def _as_draws(drawn: dict[str, np.ndarray]) -> Draws:
    """Hyperparameter draws of one stage."""
    inner = np.sqrt(sum((drawn[p] ** 2 for p in ("omega", "kappa", "phi") if p in drawn),
                        start=np.zeros(DRAWS)))  # fmt: skip
    return Draws(
        shape=(1, DRAWS),
        location=drawn["alpha"][:, None],
        slope=np.zeros((DRAWS, 0, 1)),
        tau=drawn["tau"][:, None],
        inner=inner[:, None],
        icc=None,
        factor=np.ones((DRAWS, 1, 1)),
        df=drawn.get("df"),
        upper_share=drawn.get("upper_share"),
        split=drawn.get("split"),
    )


def _effect_kinds(spec: Specification) -> set[str]:
    """Kinds of contrast that a model's moderators make: of categories, numbers or levels."""
    return {
        "number" if name in spec.numeric else "categories" if shape == "categories" else "levels"
        for name, shape in spec.effects.items()
    }


def _of_moderators(spec: Specification, rng: np.random.Generator) -> list[Quantity]:
    kinds, found = _effect_kinds(spec), []
    if "categories" in kinds and "beta" in spec.parameters:
        # Contrasts are orthonormal: two categories differ by sqrt(2) times the prior's sd.
        one, other = (draw(spec.priors["beta"], rng, DRAWS) for _ in range(2))
        found.append(("One category of a moderator against another", one - other))
    if "number" in kinds and "beta" in spec.parameters:
        found.append(("One sd more of a number", draw(spec.priors["beta"], rng, DRAWS)))
    if "levels" in kinds and "monotonic" in spec.parameters:
        total = draw(spec.priors["monotonic"], rng, DRAWS)
        found.append(("Last level of an ordinal moderator against the first", total))
    return [Quantity(name, "odds_ratio", "odds_ratio", np.exp(v)) for name, v in found]


def _of_contrasts(spec: Specification, rng: np.random.Generator) -> list[Quantity]:
    drawn = {p: draw(spec.priors[p], rng, DRAWS) for p in _OF_RATES if p in spec.parameters}
    made = {
        "baseline": ("Rate of a baseline", "rate_typical", "rate", expit),
        "delta": ("Odds ratio of an intervention", "odds_ratio", "odds_ratio", np.exp),
        "tau_delta": (
            "Median odds ratio of its effect in two studies", "median_odds_ratio", "odds_ratio",
            lambda values: np.exp(MEDIAN_ODDS_FACTOR * values),
        ),
    }  # fmt: skip
    return [
        Quantity(name, estimand, scale, np.asarray(to(drawn[p])))
        for p, (name, estimand, scale, to) in made.items()
        if p in drawn
    ]
