r"""Arms that vary on the logit of what they count (binomial models with the level arm).

.. math::
    \mathrm{logit}\, p_i = m_i + e_i, \qquad e_i \sim N(0, \kappa_o)

An effect of each observation is the binomial's way to overdispersion (Harrison 2015,
doi:10.7717/peerj.1114). m is the logit of the stage that is counted; where an arm counts goal
failures among all trials, capable or not, it is that of `meta.models.arm_rates.product_logit`, and
kappa that of goal failure. So such an arm has one effect, as its count has one beta distribution in
the beta-binomial. With an effect in each stage, of which the product alone is known, a sampler
would be left a thin curved ridge for every arm. An arm may exceed its set's rate of capability.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from meta.models.arm_rates import product_logit
from meta.models.design import Design
from meta.models.intercepts import Location
from meta.models.units import around_stages, centred

#: The stage that may be counted among all trials.
GOAL = "goal_failure"


def arm_logits(
    design: Design, studies: Any, scales: list[Any], location: Location, crossed: Any
) -> Any:
    """Logit of the rate that each row's counts are of, shape (rows, stages).

    Adds `agent_set_logit` to the model in context where there is that level, and `through`.

    Parameters
    ----------
    design
        Arrays of the analysis set, whose last level is `arm`.
    studies
        Logit rates of the studies, shape (studies, stages).
    scales
        Sd of the units of each level, shape (stages,).
    location
        What moderators add to each row.
    crossed
        What crossed levels add to each row, shape (rows, stages), or 0.

    Notes
    -----
    Arms vary about a mean with the moderators in it. Were these added afterwards, an arm's own
    value, which its counts all but fix, would hold their effects fast.
    """
    arms, kappa = design.levels[-1], scales[-1]
    shift = location.shift + crossed
    shift = shift if isinstance(shift, float) else shift[np.argsort(design.row_unit[-1])]
    passed = _passed(design)
    centre = centred(design, arms.name, arms.name)
    if len(design.levels) == 2:
        mean = _counted(design, studies[arms.parent] + shift, passed, kappa)
        logits = around_stages(design, arms, mean, kappa[None, :], centre)
    else:
        logits = _of_sets(design, studies, scales, location, shift, passed, centre)
    return logits[design.row_unit[-1]]


def _of_sets(
    design: Design,
    studies: Any,
    scales: list[Any],
    location: Location,
    shift: Any,
    passed: Any,
    centre: Any,
) -> Any:
    """Logit rates of the arms of agent sets, shape (arms, stages).

    Most sets have one arm, whose counts cannot tell the set from the arm. It is drawn about the
    study, with both spreads, and the set given its arm: the same model, in which a sampler need
    not find out that only their sum matters. That holds on the logit of a stage, not of a product.
    """
    sets, arms = design.levels[-2:]
    omega, kappa = scales[-2], scales[-1]
    first = np.unique(arms.parent, return_index=True)[1]
    single = np.bincount(arms.parent, minlength=len(sets.units)) == 1
    alone = pt.and_(single, pt.eq(passed[first], 0))[:, None]
    above = studies[sets.parent]
    shared = around_stages(
        design, sets, above, omega[None, :],
        centred(design, sets.name, sets.name) * pt.switch(alone, 0.0, 1.0),
    )  # fmt: skip
    standard = pt.stack(
        [pm.modelcontext(None)[f"{sets.name}_{stage}_raw"] for stage in design.stages], axis=1
    )
    both = pt.sqrt(omega**2 + kappa**2)
    mean = _counted(
        design, pt.switch(alone[arms.parent], above[arms.parent], shared[arms.parent]) + shift,
        passed, kappa,
    )  # fmt: skip
    logits = around_stages(design, arms, mean, pt.switch(alone[arms.parent], both, kappa), centre)
    own = (logits - shift)[first] - above
    given = above + (omega / both) ** 2 * own + omega * kappa / both * standard
    location.record(sets, pt.switch(alone, given, shared))
    return logits


def _passed(design: Design) -> Any:
    """Whether each arm counts goal failures among all trials, capable or not, length arms."""
    if not design.through_capability.any():
        return pt.zeros(len(design.rows))
    # Data, so that a compiled model can be refitted to another reading of the same counts.
    through = pm.Data("through", design.through_capability.astype(float), dims="observation")
    place = np.full(len(design.rows), design.row.size)
    seen = design.stage == design.stages.index(GOAL)
    place[design.row_unit[-1][design.row[seen]]] = np.flatnonzero(seen)
    return pt.concatenate([through, [0.0]])[place]


def _counted(design: Design, logits: Any, passed: Any, kappa: Any) -> Any:
    """Logit of the middle of the rates that arms of each set count, from those of the stages."""
    if not design.through_capability.any():
        return logits
    goal = design.stages.index(GOAL)
    own = logits[:, goal]
    product = product_logit(logits[:, 0], own, kappa[0], kappa[goal], pt.logaddexp)
    return pt.set_subtensor(logits[:, goal], pt.switch(pt.eq(passed, 1), product, own))
