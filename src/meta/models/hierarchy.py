r"""Random effects of the chain: studies, agent sets, arms, and crossed families of agents.

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

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from meta.models.centring import centring
from meta.models.design import Design
from meta.models.hyperparameters import hyperparameters
from meta.models.levels import SCALE_NAMES, Level
from meta.models.stage_correlation import correlation_factor
from meta.priors import HalfNormal, PriorSet

#: Mixing of a Student-t study effect is held above this: a million scales from the centre.
SMALLEST_MIXING = 1e-12


def row_logits(design: Design, priors: PriorSet, alpha: Any, shift: Any = 0.0) -> Any:
    """Logit rate of every row, shape (rows, stages).

    Parameters
    ----------
    design
        Arrays of the analysis set.
    priors
        Named prior set of the specification.
    alpha
        Intercepts, length stages.
    shift
        What moderators add to each row, shape (rows, stages).

    Notes
    -----
    Arms that are sampled as they are vary about a mean with the moderators in it. Were these added
    afterwards, an arm's own value, which its counts all but fix, would hold their effects fast.

    Adds to the model in context the scales (`tau`, `omega`, `kappa`, `phi`), `correlation`, `df`,
    `upper_share`, `split` and `gap` as far as the specification has them, and `<level>_logit`.
    """
    of_arms = design.levels[-1].name == "arm"
    logits = _nested(design, priors, alpha, shift if of_arms else 0.0)[design.row_unit[-1]]
    if not of_arms:
        logits = logits + shift
    for level, unit in zip(design.crossed, design.row_crossed, strict=True):
        scale = half(SCALE_NAMES[level.name], priors)
        raw = pm.Normal(f"{level.name}_raw", 0, 1, dims=(level.name, "stage"))
        effect = pm.Deterministic(
            f"{level.name}_effect", scale[None, :] * raw, dims=(level.name, "stage")
        )
        logits = logits + effect[unit]
    return logits


def half(name: str, priors: PriorSet, dims: str | None = "stage") -> Any:
    """Scale parameter under its prior, one for each stage unless `dims` says otherwise."""
    (scale,) = hyperparameters(name, priors)
    if isinstance(getattr(priors, name), HalfNormal):
        return pm.HalfNormal(name, scale, dims=dims)
    return pm.HalfCauchy(name, scale, dims=dims)


def centred(design: Design, level: str, dim: str) -> Any:
    """Add to the model in context which units of a level are centred, shape (units, stages)."""
    name = f"centred_{level}"
    return pm.Data(name, centring(design)[name], dims=(dim, "stage"))


def around(name: str, mean: Any, scale: Any, centre: Any, dim: str) -> Any:
    """Units normal about `mean` with sd `scale`, each centred or not as `centre` says.

    Parameters
    ----------
    name
        Of the variable that is sampled, `<name>_raw`.
    mean, scale
        Of the units, scalars or of length units.
    centre
        Whether each unit is sampled as it is (1) or standardised (0), length units.
    dim
        Dimension of the units.
    """
    middle = pt.switch(centre, mean, 0.0)
    raw = pm.Normal(f"{name}_raw", middle, pt.switch(centre, scale, 1.0), dims=dim)
    return mean + pt.switch(centre, 1.0, scale) * (raw - middle)


def _nested(design: Design, priors: PriorSet, alpha: Any, shift: Any) -> Any:
    """Logit rate of every unit of the lowest nested level, to which rows add a shift."""
    top = design.levels[0]
    scales = [half(SCALE_NAMES[lv.name], priors) for lv in design.levels]
    current = _top(design, priors, alpha, scales[0])
    pm.Deterministic(f"{top.name}_logit", pt.stack(current, axis=1), dims=(top.name, "stage"))
    for level, scale in zip(design.levels[1:], scales[1:], strict=True):
        centre = centred(design, level.name, level.name)
        above = pt.stack(current, axis=1)[level.parent]
        if level.name == "arm":
            mean = above + _of_arms(design, shift)
            return _around_stages(design, level, mean, scale[None, :], centre)
        if design.levels[-1].name == "arm":
            return _sets_and_arms(design, level, above, scales, centre, shift)
        stacked = _around_stages(design, level, above, scale[None, :], centre)
        pm.Deterministic(f"{level.name}_logit", stacked, dims=(level.name, "stage"))
        current = [stacked[:, o] for o in range(len(design.stages))]
    return pt.stack(current, axis=1)


def _around_stages(design: Design, level: Level, mean: Any, scale: Any, centre: Any) -> Any:
    """Units of a level about a mean, each stage on its own; all of shape (units, stages)."""
    wide = scale + pt.zeros_like(mean)
    return pt.stack(
        [
            around(f"{level.name}_{stage}", mean[:, o], wide[:, o], centre[:, o], level.name)
            for o, stage in enumerate(design.stages)
        ],
        axis=1,
    )


def _sets_and_arms(
    design: Design, level: Level, above: Any, scales: list[Any], centre: Any, shift: Any
) -> Any:
    """Logit rates of the arms of agent sets, shape (arms, stages).

    Most sets have one arm, whose counts cannot tell the set from the arm. It is drawn about the
    study, with both spreads, and the set given its arm: the same model, in which a sampler need
    not find out that only their sum matters.
    """
    arms = design.levels[-1]
    omega, kappa = scales[-2], scales[-1]
    alone = (np.bincount(arms.parent, minlength=len(level.units)) == 1)[:, None]
    centre = centre * ~alone
    shared = _around_stages(design, level, above, omega[None, :], centre)
    standard = pt.stack(
        [pm.modelcontext(None)[f"{level.name}_{stage}_raw"] for stage in design.stages], axis=1
    )
    moved = _of_arms(design, shift)
    both = pt.sqrt(omega**2 + kappa**2)
    logits = _around_stages(
        design,
        arms,
        pt.switch(alone[arms.parent], above[arms.parent], shared[arms.parent]) + moved,
        pt.switch(alone[arms.parent], both, kappa),
        centred(design, "arm", "arm"),
    )
    of_sets = np.unique(arms.parent, return_index=True)[1]
    own = (logits - moved)[of_sets] - above
    given = above + (omega / both) ** 2 * own + omega * kappa / both * standard
    pm.Deterministic(
        f"{level.name}_logit", pt.switch(alone, given, shared), dims=(level.name, "stage")
    )
    return logits


def _of_arms(design: Design, shift: Any) -> Any:
    """What moderators add to each arm, which has one row."""
    return shift if isinstance(shift, float) else shift[np.argsort(design.row_unit[-1])]


def _top(design: Design, priors: PriorSet, alpha: Any, tau: Any) -> list[Any]:
    """Logit rates of the top level's units, one vector a stage, correlated between stages."""
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
        mean = alpha[o] + spread * shared
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
    return logits


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
