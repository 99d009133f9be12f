"""Behaviour of a model: what its calibration is bound to, whatever the code looks like.

Names and shapes of the variables that are sampled, and the log density at fixed points on fixed
counts. A refactoring leaves them as they are; another prior, likelihood or parameterisation does
not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm

from meta.models.build import model_of
from meta.models.design import Design
from meta.priors import PriorSet

#: Points at which the log density is evaluated.
POINTS = 4
#: Largest size of a coordinate of a point, on the unconstrained scale.
REACH = 1.0
#: Log densities that differ by less than this share are the same: platforms round differently.
RELATIVE_TOLERANCE = 1e-6
GOLDEN = (1 + 5**0.5) / 2


def model_behaviour(design: Design, priors: PriorSet) -> dict[str, Any]:
    """Describe what a model does at one design.

    Parameters
    ----------
    design
        Design whose shape is used; its counts are not.
    priors
        Prior set.

    Returns
    -------
    dict
        `variables` (shape of each sampled variable by name, on the unconstrained scale) and
        `log_density` (at `POINTS` fixed points, finite or None).
    """
    model = model_of(replace(design, events=fixed_counts(design.trials)), priors)
    # Interpreted, not compiled: four evaluations do not repay a compilation.
    density = model.compile_logp(mode="FAST_COMPILE")
    start = model.initial_point(random_seed=1)
    values = [float(density(_point(start, number))) for number in range(POINTS)]
    return {
        "variables": {name: list(np.shape(start[name])) for name in sorted(start)},
        "log_density": [value if np.isfinite(value) else None for value in values],
    }


def fixed_counts(trials: np.ndarray) -> np.ndarray:
    """Counts that depend on the trials alone: shares spread evenly over (0, 1), zeros among them.

    Parameters
    ----------
    trials
        Length N.
    """
    share = np.arange(1, trials.size + 1) * GOLDEN % 1
    return np.floor(share * (np.asarray(trials) + 1)).astype(np.int64)


def _point(start: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """Return one point: evenly spread, another in every variable, the same on every machine."""
    point = {}
    for name in sorted(start):
        phase = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32
        index = np.arange(1, np.size(start[name]) + 1).reshape(np.shape(start[name]))
        spread = (phase + GOLDEN * (index + 7 * number)) % 1
        point[name] = REACH * (2 * spread - 1)
    return point


def behaviour_differences(stored: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say how a model behaves otherwise than stored; nothing where it does not.

    Parameters
    ----------
    stored, now
        Results of `model_behaviour`.
    """
    before, after = stored["variables"], now["variables"]
    if before != after:
        gone = sorted(set(before) - set(after))
        new = sorted(set(after) - set(before))
        other = sorted(n for n in set(before) & set(after) if before[n] != after[n])
        parts = [
            f"{what} {', '.join(names)}"
            for what, names in (("without", gone), ("with", new), ("of another shape:", other))
            if names
        ]
        return [f"the variables that are sampled are others ({'; '.join(parts)})"]
    # None (not finite) becomes NaN, which equals itself here.
    old = np.array(stored["log_density"], dtype=float)
    new_values = np.array(now["log_density"], dtype=float)
    if old.shape == new_values.shape and np.allclose(
        old, new_values, rtol=RELATIVE_TOLERANCE, atol=0, equal_nan=True
    ):
        return []
    return ["the log density is another one: a prior, the likelihood or their code has changed"]


def fingerprint(behaviour: Mapping[str, Any]) -> str:
    """Short digest of a behaviour, to be shown. `behaviour_differences` decides, by tolerance."""
    values = [None if v is None else f"{v:.5e}" for v in behaviour["log_density"]]
    text = repr((sorted(behaviour["variables"].items()), values))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def log_likelihood(model: pm.Model) -> Any:
    """Log likelihood of the counts given all parameters, as a symbolic scalar."""
    return pm.logp(model["counts"], model["events"]).sum()
