r"""The chain likelihood: capability transfers, the goal fails given capability, harm given failure.

For row i of study s, agent set a and stage o

.. math::
    \eta_{oi} = \alpha_o + x_i'\beta_o + u_{os} + w_{oa}, \qquad
    \pi_{oi} = \mathrm{logit}^{-1}\eta_{oi}

with u ~ N(0, diag(tau) R diag(tau)), R ~ LKJ, w ~ N(0, omega) (see `meta.models.hierarchy` for the
other forms, and for effects of families of agents that cross studies). An arm that counts goal
failures among all trials, capable or not, has the rate pi_capability * pi_goal. Arms vary about
these rates by a beta distribution (beta_binomial, intra-class correlation icc) or by a normal
effect on the logit (binomial with the level arm, `meta.models.arms`).
"""

from __future__ import annotations

from typing import Any

import pymc as pm

from meta.models.coefficients import coefficient_coordinates
from meta.models.counts import observe_counts
from meta.models.design import Design
from meta.models.hierarchy import row_logits
from meta.models.intercepts import location
from meta.priors import PriorSet


def build_chain(design: Design, priors: PriorSet) -> pm.Model:
    """Build the model of a design.

    Parameters
    ----------
    design
        Arrays of the analysis set.
    priors
        Named prior set of the specification.

    Returns
    -------
    pymc.Model
        With the data containers of `meta.models.counts.count_data`, `through`, `x` and
        `prior_<parameter>` (so that a compiled model can be refitted to other counts, codes and
        priors of the same shape) and the parameters `alpha`, `beta`, `icc`, those of
        `meta.models.intercepts` and `meta.models.hierarchy`, and `<level>_logit`, as far as the
        specification has them.
    """
    with pm.Model(coords=coordinates(design)) as model:
        observe_counts(design, priors, row_logits(design, priors, location(design, priors)))
    return model


def coordinates(design: Design) -> dict[str, Any]:
    """Named coordinates of the model's dimensions."""
    named: dict[str, Any] = {"stage": list(design.stages), "observation": _labels(design)}
    named |= coefficient_coordinates(design)
    if design.terms:
        named["term"] = design.terms
    for level in [*design.levels, *design.crossed]:
        named[level.name] = level.units
    if len(design.stages) > 1:
        named["stage_pair"] = [
            f"{a}~{b}" for j, a in enumerate(design.stages) for b in design.stages[:j]
        ]
    return named


def _labels(design: Design) -> list[str]:
    ids = design.rows["row_id"].astype(str).to_numpy()
    return [f"{ids[r]}:{design.stages[o]}" for r, o in zip(design.row, design.stage, strict=True)]
