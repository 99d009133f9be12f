"""Units of a level: a scale under its prior, and units normal about what lies above them."""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt

from meta.models.centring import centring
from meta.models.design import Design
from meta.models.hyperparameters import hyperparameters
from meta.models.levels import Level
from meta.priors import HalfNormal, PriorSet


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


def around_stages(design: Design, level: Level, mean: Any, scale: Any, centre: Any) -> Any:
    """Units of a level about a mean, each stage on its own; all of shape (units, stages)."""
    wide = scale + pt.zeros_like(mean)
    return pt.stack(
        [
            around(f"{level.name}_{stage}", mean[:, o], wide[:, o], centre[:, o], level.name)
            for o, stage in enumerate(design.stages)
        ],
        axis=1,
    )
