"""Coefficients of the moderators as random variables of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from meta.models.design import Design
from meta.models.hyperparameters import hyperparameters
from meta.models.moderators import Moderator
from meta.priors import PriorSet


def coefficient_coordinates(design: Design) -> dict[str, list[str]]:
    """Named coordinates of the coefficients: terms, and the steps of monotonic effects."""
    if not design.terms:
        return {}
    named = {"term": list(design.terms)}
    ordered = [m for m in design.moderators if m.ordered]
    if ordered:
        parts = {term for m in ordered for term in m.terms}
        named["free_term"] = [term for term in design.terms if term not in parts]
    return named | {f"{m.name}_step": list(m.terms) for m in ordered if m.effect == "monotonic"}


def moderator_coefficients(design: Design, priors: PriorSet) -> Any:
    """Coefficients `beta` of the design matrix, shape (term, stage), inside a model's context.

    Contrasts and slopes are normal. An ordinal moderator has a total effect `<moderator>_total`
    (stage,) from its first level to its last, prior `monotonic`; a monotonic one shares it out over
    the steps by `<moderator>_simplex` (stage, step), prior `simplex`, and the coefficient of a step
    is its share.

    Parameters
    ----------
    design
        Design with at least one term.
    priors
        Prior set of the specification.
    """
    ordered = [m for m in design.moderators if m.ordered]
    if not ordered:
        return pm.Normal("beta", *hyperparameters("beta", priors), dims=("term", "stage"))
    size = len(design.terms)
    # Rows of the parts below, put in the order of the terms.
    order = np.concatenate(
        [_free_columns(design), *(np.arange(size)[m.columns] for m in ordered)]
    ).astype(int)
    parts = []
    if order.size > sum(len(m.terms) for m in ordered):
        free = pm.Normal("beta_free", *hyperparameters("beta", priors), dims=("free_term", "stage"))
        parts.append(free)
    total_prior = hyperparameters("monotonic", priors)
    simplex_prior = None
    for m in ordered:
        total = pm.Normal(f"{m.name}_total", *total_prior, dims="stage")
        if m.effect == "linear":
            parts.append(total[None, :])
            continue
        simplex_prior = simplex_prior or hyperparameters("simplex", priors)
        parts.append(_monotonic(m, total, simplex_prior[0]))
    whole = pt.concatenate(parts, axis=0)[np.argsort(order)]
    return pm.Deterministic("beta", whole, dims=("term", "stage"))


def _monotonic(moderator: Moderator, total: Any, concentration: Any) -> Any:
    """Share of each step in the total effect, times it: shape (step, stage)."""
    name = moderator.name
    simplex = pm.Dirichlet(
        f"{name}_simplex",
        a=concentration * np.ones(len(moderator.terms)),
        dims=("stage", f"{name}_step"),
    )
    return (total[:, None] * simplex).T


def _free_columns(design: Design) -> np.ndarray:
    taken = {term for m in design.moderators if m.ordered for term in m.terms}
    return np.array([i for i, term in enumerate(design.terms) if term not in taken], int)
