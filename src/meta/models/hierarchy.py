r"""Random effects of the chain: studies, agent sets, and crossed families of agents.

The study effects of all stages are jointly normal, Student-t, or of two populations of studies:

.. math::
    u_s = \mathrm{diag}(\tau)\, L z_s, \quad L L' = R, \qquad
    z_{Gs} \sim (1 - w)\, N(-w \gamma, 1 - v) + w\, N((1 - w) \gamma, 1 - v), \quad
    \gamma = \sqrt{v / (w (1 - w))}

where the second form replaces the standard normal of goal failure: a share w of the studies lies
higher, and the two populations make up a share v of the variance. z keeps mean 0 and variance 1,
so that tau means the same in every family; membership is summed over, never sampled.
"""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt

from meta.models.arms import arm_logits
from meta.models.design import Design
from meta.models.hyperparameters import hyperparameters
from meta.models.intercepts import Location
from meta.models.levels import SCALE_NAMES
from meta.models.stage_correlation import correlation_factor
from meta.models.units import around, around_stages, centred, half
from meta.priors import PriorSet

#: Mixing of a Student-t study effect is held above this: a million scales from the centre.
SMALLEST_MIXING = 1e-12


def row_logits(design: Design, priors: PriorSet, location: Location) -> Any:
    """Logit of the rate that each row counts, shape (rows, stages).

    Where arms have effects of their own (`meta.models.arms`) they are in it, and goal failures
    among all trials are on the logit of the product; else it is each stage's.

    Parameters
    ----------
    design
        Arrays of the analysis set.
    priors
        Named prior set of the specification.
    location
        Intercepts, and what moderators add to them.

    Notes
    -----
    Adds to the model in context the scales (`tau`, `omega`, `kappa`, `phi`), `correlation`, `df`,
    `upper_share`, `split` and `gap` as far as the specification has them, and `<level>_logit`.
    """
    scales = [half(SCALE_NAMES[level.name], priors) for level in design.levels]
    units = _top(design, priors, location, scales[0])
    if design.levels[-1].name == "arm":
        return arm_logits(design, units, scales, location, _crossed(design, priors))
    for level, scale in zip(design.levels[1:], scales[1:], strict=True):
        centre = centred(design, level.name, level.name)
        units = around_stages(design, level, units[level.parent], scale[None, :], centre)
        location.record(level, units)
    return units[design.row_unit[-1]] + location.shift + _crossed(design, priors)


def _crossed(design: Design, priors: PriorSet) -> Any:
    """What crossed levels add to each row, shape (rows, stages)."""
    total: Any = 0.0
    for level, unit in zip(design.crossed, design.row_crossed, strict=True):
        scale = half(SCALE_NAMES[level.name], priors)
        raw = pm.Normal(f"{level.name}_raw", 0, 1, dims=(level.name, "stage"))
        effect = pm.Deterministic(
            f"{level.name}_effect", scale[None, :] * raw, dims=(level.name, "stage")
        )
        total = total + effect[unit]
    return total


def _top(design: Design, priors: PriorSet, location: Location, tau: Any) -> Any:
    """Logit rates of the top level's units, shape (units, stages), correlated between stages."""
    level = design.levels[0]
    centre = centred(design, level.name, level.name)
    factor = correlation_factor(design, priors)
    stretch: Any = 1.0
    if design.spec.random_effects == "student_t":
        # Student-t as a scale mixture shared by a study's stages (multivariate t).
        alpha_df, beta_df, above = hyperparameters("df", priors)
        df = pm.Deterministic("df", above + pm.Gamma("df_raw", alpha_df, beta_df))
        mixing = pm.Gamma("mixing", df / 2, df / 2, dims=level.name)
        # A draw of the mixing rounds to 0 where degrees of freedom are next to none.
        stretch = 1 / pt.sqrt(pt.maximum(mixing, SMALLEST_MIXING))
    standard: list[Any] = []
    logits: list[Any] = []
    for o, stage in enumerate(design.stages):
        shared: Any = sum((factor[o][j] * standard[j] for j in range(o)), start=0.0)
        spread = tau[o] * stretch
        mean = location.middle[o] + spread * shared
        own = spread * factor[o][o]
        name = f"{level.name}_{stage}"
        if design.spec.random_effects == "two_population" and stage == "goal_failure":
            effect, distance = _two_populations(name, priors, level.name)
            pm.Deterministic("gap", own * distance)
            logit = mean + own * effect
        else:
            logit = around(name, mean, own, centre[:, o], level.name)
        standard.append((logit - mean) / own)
        logits.append(logit)
    return location.record(level, pt.stack(logits, axis=1))


def _two_populations(name: str, priors: PriorSet, dim: str) -> tuple[Any, Any]:
    """Standardised effects of units of two populations, and the distance of their centres."""
    upper = pm.Beta("upper_share", *hyperparameters("upper_share", priors))
    split = pm.Beta("split", *hyperparameters("split", priors))
    distance = pt.sqrt(split / (upper * (1 - upper)))
    within = pt.sqrt(1 - split)
    effect = pm.NormalMixture(
        f"{name}_raw",
        w=pt.stack([1 - upper, upper]),
        mu=pt.stack([-upper * distance, (1 - upper) * distance]),
        sigma=pt.stack([within, within]),
        dims=dim,
    )
    return effect, distance
