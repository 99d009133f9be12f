"""Centring: which units are sampled as they are, and which standardised about their parents.

A unit that its counts inform well is sampled centred, a sparse one non-centred (Papaspiliopoulos et
al. 2007, doi:10.1214/088342307000000014; Betancourt & Girolami 2013, arXiv:1312.0906). The choice
is data of the compiled model: a refit to other counts makes its own, and where transitions
diverge, the next attempt makes it by the scales that the last one found. It changes how the
posterior is sampled, never what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meta.models.contrast_design import ContrastDesign

if TYPE_CHECKING:
    from meta.models.design import Design

#: A unit is centred when its information exceeds this. Arms are many and are centred sooner. Few
#: studies or lists that are centred at 5 make a narrow neck with their spread, and transitions
#: diverge: 113 of 2,000 in a fit of `rates_binomial`.
CENTRING_INFORMATION = 10.0
ARM_CENTRING_INFORMATION = 5.0
#: Intra-class correlation assumed when the information of a beta-binomial row is judged.
TYPICAL_ICC = 0.25
#: Least and largest sd of arms that is assumed before a fit.
SPREADS = (0.5, 1.0)


def information(
    design: Design, scales: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Approximate Fisher information on the logit rate of each unit of the nested levels.

    Parameters
    ----------
    design
        Counts and levels.
    scales
        Sd of the units of each level about their parents, length stages; by default that of arms is
        as of `arm_spread`, and 1 otherwise.

    Returns
    -------
    dict of str to numpy.ndarray
        By level, shape (units, stages). Of contrasts also `effect`, each intervention in each
        study, as if the baselines were known.
    """
    found: dict[str, np.ndarray] = {}
    rows = below = _row_information(design)
    if scales is None and design.levels[-1].name == "arm":
        scales = {"arm": arm_spread(design)}
    for depth in reversed(range(len(design.levels))):
        level = design.levels[depth]
        total = np.zeros((len(level.units), len(design.stages)))
        if not found:
            np.add.at(total, design.row_unit[depth], below)
        else:
            child = design.levels[depth + 1]
            np.add.at(total, child.parent, _passed_on(below, child.name, scales))
        found[level.name] = below = total
    if isinstance(design, ContrastDesign):
        each = _passed_on(rows, "arm", scales) if "arm" in found else rows
        found["effect"] = (design.row_cells != 0).T @ each
    return found


def _passed_on(
    information: np.ndarray, level: str, scales: dict[str, np.ndarray] | None
) -> np.ndarray:
    """What units tell of their parents: never more than one that is known and varies about them."""
    scale = (scales or {}).get(level, np.ones(1))
    return information / (1 + information * scale**2)


def arm_spread(design: Design) -> np.ndarray:
    """Sd of arms about their parents as their counts tell it at once, length stages.

    By moments (DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2) of the arms' logits
    within each unit of the level above, what moderators add included. It decides how the posterior
    is sampled, so that it need not be exact: it is kept within `SPREADS`, because that of few arms
    is often zero by chance, and 1 is assumed of the units of other levels.

    Parameters
    ----------
    design
        Design whose last level is `arm`, one row each.
    """
    parents = design.row_unit[-2] if len(design.levels) > 1 else np.zeros(len(design.rows), int)
    spread = np.ones(len(design.stages))
    rate = (design.events + 0.5) / (design.trials + 1)
    logits, known = np.log(rate / (1 - rate)), _information(design)
    for o in range(len(design.stages)):
        seen = design.stage == o
        parent = parents[design.row[seen]]
        logit, weight = logits[seen], known[seen]
        total = np.bincount(parent, weight)
        mean = np.bincount(parent, weight * logit) / np.where(total > 0, total, 1)
        freedom = seen.sum() - np.count_nonzero(total)
        scale = total.sum() - (np.bincount(parent, weight**2) / np.where(total > 0, total, 1)).sum()
        if freedom > 0:
            excess = float(weight @ (logit - mean[parent]) ** 2) - freedom
            spread[o] = np.clip(np.sqrt(max(0.0, excess / scale)), *SPREADS)
    return spread


def _information(design: Design) -> np.ndarray:
    """Approximate Fisher information of each observation on its logit rate."""
    rate = (design.events + 0.5) / (design.trials + 1)
    size = design.trials.astype(float)
    if design.spec.likelihood == "beta_binomial":
        size = size / (1 + np.maximum(size - 1, 0) * TYPICAL_ICC)
    return np.asarray(size * rate * (1 - rate))


def _row_information(design: Design) -> np.ndarray:
    """Approximate Fisher information of each row on its logit rate, shape (rows, stages)."""
    found = np.zeros((len(design.rows), len(design.stages)))
    np.add.at(found, (design.row, design.stage), _information(design))
    return found


def threshold(level: str) -> float:
    """Information above which a unit of a level is centred."""
    return ARM_CENTRING_INFORMATION if level == "arm" else CENTRING_INFORMATION


def centring(design: Design) -> dict[str, np.ndarray]:
    """Which units are sampled centred (1) or not (0), as data of the model.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (units, stages), by `centred_<level>`.
    """
    return {
        f"centred_{name}": (units > threshold(name)).astype(float)
        for name, units in information(design).items()
    }


def fitted_centring(design: Design, scales: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which units are sampled centred once their scales are known: where counts say more than they.

    Parameters
    ----------
    design
        Counts and levels.
    scales
        Sd of the units of each level about their parents, length stages; levels without one are
        left out.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (units, stages), by `centred_<level>`.
    """
    return {
        f"centred_{name}": (units * scales[name] ** 2 > 1).astype(float)
        for name, units in information(design, scales).items()
        if name in scales
    }


def parameterisation(design: Design) -> dict[str, dict[str, str]]:
    """Describe, by level and stage, how many units are sampled centred."""
    described = {}
    for level in design.levels:
        centred = centring(design)[f"centred_{level.name}"]
        described[level.name] = {
            stage: f"{int(centred[:, o].sum())} of {len(level.units)} units centred"
            for o, stage in enumerate(design.stages)
        }
    for level in design.crossed:
        described[level.name] = dict.fromkeys(design.stages, "crossed; all units non-centred")
    return described
