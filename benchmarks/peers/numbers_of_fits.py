"""Draws of both sides in one format, their effective sample sizes, and whether they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import xarray as xr

#: Beginnings of the names over which the smallest effective sample size is taken.
JUDGED = ("alpha", "tau", "beta", "total")
#: Largest difference of two means, in standard errors of the difference, that passes as chance.
#: Over some 100 comparisons the largest of them exceeds it once in 160 runs.
LARGEST_Z = 4.0

Draws = Mapping[str, np.ndarray]


def write_draws(draws: Draws, path: Path) -> dict[str, Any]:
    """Write draws (chains, draws) one quantity after the other; returns what reads them."""
    np.concatenate([np.ravel(values) for values in draws.values()]).astype("<f8").tofile(path)
    chains, length = next(iter(draws.values())).shape
    return {"names": list(draws), "chains": chains, "draws": length}


def read_draws(path: Path, answer: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Read what either side wrote, shape (chains, draws) by name."""
    shape = (len(answer["names"]), answer["chains"], answer["draws"])
    return dict(zip(answer["names"], np.fromfile(path, "<f8").reshape(shape), strict=True))


def smallest_ess(draws: Draws, names: Sequence[str] = JUDGED) -> float:
    """Smallest bulk effective sample size over the quantities whose names begin so."""
    kept = {name: values for name, values in draws.items() if name.startswith(tuple(names))}
    return float(min(_each(az.ess, kept).values()))


def largest_r_hat(draws: Draws) -> float:
    """Largest rank-normalised R-hat over all quantities."""
    return float(max(_each(az.rhat, draws).values()))


def differences(ours: Sequence[Draws], theirs: Sequence[Draws]) -> dict[str, float]:
    """Difference of the means of two sides in Monte Carlo standard errors, by quantity.

    Parameters
    ----------
    ours, theirs
        Draws of independent fits; those of one side are taken together.

    Raises
    ------
    ValueError
        If the sides do not have the same quantities.
    """
    a, b = _together(ours), _together(theirs)
    if set(a) != set(b):
        raise ValueError(f"the sides differ in {sorted(set(a) ^ set(b))}")
    error_a, error_b = _each(_mcse, a), _each(_mcse, b)
    return {
        name: float((a[name].mean() - b[name].mean()) / np.hypot(error_a[name], error_b[name]))
        for name in a
    }


def _together(fits: Sequence[Draws]) -> dict[str, np.ndarray]:
    shortest = min(next(iter(fit.values())).shape[1] for fit in fits)
    return {name: np.concatenate([fit[name][:, :shortest] for fit in fits]) for name in fits[0]}


def _mcse(data: Any) -> Any:
    return az.mcse(data, method="mean")


def _each(statistic: Any, draws: Draws) -> dict[str, float]:
    data = xr.Dataset({name: (("chain", "draw"), values) for name, values in draws.items()})
    found = statistic(data)
    return {name: float(found[name]) for name in draws}
