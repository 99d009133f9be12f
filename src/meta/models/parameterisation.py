"""Parameterisation: in which coordinates the units of a design are sampled, as data and in words.

It is data of the compiled model, chosen by the counts; a refit to other counts makes its own. The
posterior is the same whatever it is.
"""

from __future__ import annotations

import numpy as np

from meta.models.arm_coordinates import ridge_data
from meta.models.centring import centring
from meta.models.design import Design


def coordinate_data(design: Design) -> dict[str, np.ndarray]:
    """Data of the model that say how units are sampled: centring, and the ridges of arms."""
    ridges = ridge_data(design) if design.level("arm") else {}
    return {**centring(design), **ridges}


def parameterisation(design: Design) -> dict[str, dict[str, str]]:
    """Describe, by level and stage, how many units are sampled centred, or along their ridge."""
    described = {}
    data = coordinate_data(design)
    ridge = data.get("ridge_spread", np.zeros(1)) > 0
    for level in design.levels:
        centred = data[f"centred_{level.name}"]
        of = f"of {len(level.units)} units"
        if level.name == "arm" and ridge.any():
            others = centred[~ridge].sum(axis=0)
            of = f"{of} centred, {int(ridge.sum())} along the ridge of their product"
        else:
            others = centred.sum(axis=0)
            of = f"{of} centred"
        described[level.name] = {
            stage: f"{int(others[o])} {of}" for o, stage in enumerate(design.stages)
        }
    for level in design.crossed:
        described[level.name] = dict.fromkeys(design.stages, "crossed; all units non-centred")
    return described
