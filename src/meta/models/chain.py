r"""The chain likelihood: capability transfers, the goal fails given capability, harm given failure.

For row i of study s, agent set a and stage o

.. math::
    \eta_{oi} = \alpha_o + x_i'\beta_o + u_{os} + w_{oa}, \qquad
    \pi_{oi} = \mathrm{logit}^{-1}\eta_{oi}

with u ~ N(0, diag(tau) R diag(tau)), R ~ LKJ, w ~ N(0, omega). Arms vary about pi by a beta
distribution (beta_binomial, intra-class correlation icc) or by a normal effect on the logit
(binomial with the level arm). An arm that counts goal failures among all trials, capable or not,
has the rate pi_capability * pi_goal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from meta.models.design import Design, Level
from meta.priors import HalfNormal, PriorSet, Scale

#: A unit is centred when its information exceeds this; sparse units are safer non-centred
#: (Betancourt & Girolami 2013, arXiv:1312.0906; Papaspiliopoulos et al. 2007,
#: doi:10.1214/088342307000000014).
CENTRING_INFORMATION = 10.0

SCALE_NAMES = {"study": "tau", "source_list": "tau", "agent_set": "omega", "arm": "kappa"}


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
        With the data containers `events` and `trials` (so that a compiled model can be refitted
        to other counts of the same shape) and the parameters `alpha`, `beta`, `tau`,
        `correlation`, `omega`, `kappa`, `icc`, `df` and `<level>_logit`, as far as the
        specification has them.
    """
    if design.spec.frame == "contrasts":
        from meta.models.contrasts import ContrastDesign, build_contrasts

        assert isinstance(design, ContrastDesign)
        return build_contrasts(design, priors)
    with pm.Model(coords=coordinates(design)) as model:
        alpha = pm.Normal("alpha", priors.alpha.mu, priors.alpha.sigma, dims="stage")
        logits = _hierarchy(design, priors, alpha)
        eta = logits[design.row_unit[-1]]
        if design.terms:
            beta = pm.Normal("beta", priors.beta.mu, priors.beta.sigma, dims=("term", "stage"))
            # Data, so that a compiled model can be refitted to other codes of the same rows.
            eta = eta + pt.dot(pm.Data("x", design.x), beta)
        _likelihood(design, priors, eta)
    return model


def coordinates(design: Design) -> dict[str, Any]:
    """Named coordinates of the model's dimensions."""
    named: dict[str, Any] = {"stage": list(design.stages), "observation": _labels(design)}
    if design.terms:
        named["term"] = design.terms
    for level in design.levels:
        named[level.name] = level.units
    if len(design.stages) > 1:
        named["stage_pair"] = [
            f"{a}~{b}" for j, a in enumerate(design.stages) for b in design.stages[:j]
        ]
    return named


def _labels(design: Design) -> list[str]:
    ids = design.rows["row_id"].astype(str).to_numpy()
    return [f"{ids[r]}:{design.stages[o]}" for r, o in zip(design.row, design.stage, strict=True)]


def _half(name: str, prior: Scale) -> Any:
    if isinstance(prior, HalfNormal):
        return pm.HalfNormal(name, prior.sigma, dims="stage")
    return pm.HalfCauchy(name, prior.beta, dims="stage")


def centred(level: Level) -> np.ndarray:
    """Which units of a level are sampled centred, boolean of shape (units, stages)."""
    return np.asarray(level.information > CENTRING_INFORMATION)


def parameterisation(design: Design) -> dict[str, dict[str, str]]:
    """Describe, by level and stage, how many units are sampled centred."""
    return {
        level.name: {
            stage: f"{int(centred(level)[:, o].sum())} of {len(level.units)} units centred"
            for o, stage in enumerate(design.stages)
        }
        for level in design.levels
    }


def _around(name: str, mean: Any, scale: Any, centre: np.ndarray, dim: str) -> Any:
    """Units normal about `mean` with sd `scale`, each centred or not as `centre` says."""
    weight = centre.astype(float)
    raw = pm.Normal(f"{name}_raw", weight * mean, scale**weight, dims=dim)
    return mean + scale ** (1 - weight) * (raw - weight * mean)


def _hierarchy(design: Design, priors: PriorSet, alpha: Any) -> Any:
    """Logit rate of every unit of the lowest level, shape (units, stages)."""
    top = design.levels[0]
    scales = [
        _half(SCALE_NAMES[lv.name], getattr(priors, SCALE_NAMES[lv.name])) for lv in design.levels
    ]
    current = _top_effects(design, priors, alpha, scales[0])
    pm.Deterministic(f"{top.name}_logit", pt.stack(current, axis=1), dims=(top.name, "stage"))
    for level, scale in zip(design.levels[1:], scales[1:], strict=True):
        centre = centred(level)
        current = [
            _around(
                f"{level.name}_{stage}",
                current[o][level.parent],
                scale[o],
                centre[:, o],
                level.name,
            )
            for o, stage in enumerate(design.stages)
        ]
        if level.name != "arm":
            stacked = pt.stack(current, axis=1)
            pm.Deterministic(f"{level.name}_logit", stacked, dims=(level.name, "stage"))
    return pt.stack(current, axis=1)


def _top_effects(design: Design, priors: PriorSet, alpha: Any, tau: Any) -> list[Any]:
    """Logit rates of the top level's units, one vector a stage, correlated between stages."""
    level = design.levels[0]
    centre = centred(level)
    factor = _correlation_factor(design, priors)
    stretch: Any = 1.0
    if design.spec.random_effects == "student_t":
        # Student-t as a scale mixture shared by a study's stages (multivariate t).
        df = pm.Gamma("df", priors.df.alpha, priors.df.beta)
        mixing = pm.Gamma("mixing", df / 2, df / 2, dims=level.name)
        stretch = 1 / pt.sqrt(mixing)
    standard: list[Any] = []
    logits: list[Any] = []
    for o, stage in enumerate(design.stages):
        shared: Any = sum((factor[o][j] * standard[j] for j in range(o)), start=0.0)
        spread = tau[o] * stretch
        mean = alpha[o] + spread * shared
        own = spread * factor[o][o]
        logit = _around(f"{level.name}_{stage}", mean, own, centre[:, o], level.name)
        standard.append((logit - mean) / own)
        logits.append(logit)
    return logits


def _correlation_factor(design: Design, priors: PriorSet) -> list[list[Any]]:
    """Cholesky factor of R ~ LKJ(eta), from canonical partial correlations.

    Lewandowski, Kurowicka & Joe (2009), doi:10.1016/j.jmva.2009.04.008: on a C-vine the partial
    correlation of tree t (0-based) among d variables is 2 Beta(b, b) - 1 with
    b = eta + (d - 2 - t) / 2. For at most three stages this compiles far faster than a general
    matrix prior.
    """
    d = len(design.stages)
    if d == 1:
        return [[1.0]]
    tree = [t for j in range(1, d) for t in range(j)]
    b = np.array([priors.correlation.eta + (d - 2 - t) / 2 for t in tree])
    partial = 2 * pm.Beta("partial_raw", b, b, dims="stage_pair") - 1
    factor: list[list[Any]] = [[1.0]]
    k = 0
    for j in range(1, d):
        left: Any = 1.0
        line: list[Any] = []
        for _ in range(j):
            line.append(partial[k] * left)
            left = left * pt.sqrt(1 - partial[k] ** 2)
            k += 1
        factor.append([*line, left])
    pairs = [
        sum((factor[i][m] * factor[j][m] for m in range(i + 1)), start=pt.as_tensor(0.0))
        for j in range(d)
        for i in range(j)
    ]
    pm.Deterministic("correlation", pt.stack(pairs), dims="stage_pair")
    return factor


def _likelihood(design: Design, priors: PriorSet, eta: Any) -> None:
    events = pm.Data("events", design.events, dims="observation")
    trials = pm.Data("trials", design.trials, dims="observation")
    rate = pm.math.sigmoid(eta[design.row, design.stage])
    through = design.through_capability
    if through.any():
        capability = pm.math.sigmoid(eta[design.row, 0])
        rate = rate * pt.switch(through, capability, 1.0)
    if design.spec.likelihood == "binomial":
        pm.Binomial("counts", n=trials, p=rate, observed=events, dims="observation")
        return
    icc = pm.Beta("icc", priors.icc.alpha, priors.icc.beta, dims="stage")
    size = ((1 - icc) / icc)[design.stage]
    pm.BetaBinomial(
        "counts",
        alpha=rate * size,
        beta=(1 - rate) * size,
        n=trials,
        observed=events,
        dims="observation",
    )
