"""Stored draws that one reweighting reads: those of the units that it conditions on, no others.

The effects of all units are most of a stored fit, and an arm that is added needs those of one study
and one agent set: reading them alone takes a tenth of the time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import xarray as xr

from meta.errors import StoredFitError
from meta.inference.draws import StoredDraws, thinned_draws
from meta.models.levels import SCALE_NAMES

if TYPE_CHECKING:
    from meta.checks.reweighting import Change
    from meta.models.design import Design

#: Parameters of every model that has them, whatever its rows.
SHARED = ("alpha", "beta", "correlation", "icc", "df", "upper_share", "split")


def conditioned_draws(path: Path, design: Design, change: Change) -> StoredDraws:
    """Read the draws that the likelihood ratio of some rows needs.

    Parameters
    ----------
    path
        `posterior.nc`.
    design
        Design that was fitted.
    change
        Rows that differ, which says how many draws may be used.

    Returns
    -------
    StoredDraws
        As `meta.inference.draws.read_draws` gives them, without the effects of units that keep
        all their rows or lose them all.

    Raises
    ------
    NotReweightableError
        If the integrals would cost more than a refit.
    StoredFitError
        If the file is not a whole fit of this design.
    """
    most = change.draws()
    try:
        with h5py.File(path) as file:
            return thinned_draws(_dataset(file["posterior"], design, change), design, most)
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise StoredFitError(
            f"{path}: not a readable fit of these rows ({error}); remove it and run "
            "`snakemake --cores 8`"
        ) from None


def _dataset(group: Any, design: Design, change: Change) -> xr.Dataset:
    nested = [level.name for level in design.levels]
    crossed = [level.name for level in design.crossed]
    names = [*SHARED, *(SCALE_NAMES[name] for name in (*nested, *crossed))]
    arrays = {name: group[name][...] for name in names if name in group}
    labels: dict[str, list[str]] = {}
    for level, wanted in _conditioned(design, change).items():
        there = _labels(group, level)
        places = [i for i, label in enumerate(there) if label in wanted]
        labels[level] = [there[i] for i in places]
        arrays[f"{level}_logit"] = _columns(group[f"{level}_logit"], places)
    for level in crossed:
        labels[level] = _labels(group, level)
        arrays[f"{level}_effect"] = group[f"{level}_effect"][...]
    variables = {
        name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 2))), values)
        for name, values in arrays.items()
    }
    return xr.Dataset(variables, coords=labels)


def _conditioned(design: Design, change: Change) -> dict[str, set[str]]:
    """Units whose stored effects the ratio is given, by level."""
    found: dict[str, set[str]] = {
        level.name: set() for level in design.levels if level.name != "arm"
    }
    for side in (*change.numerator, *change.denominator):
        if side.study_known:
            top = side.design.levels[0]
            found[top.name].update(top.units[side.design.row_unit[0][r]] for r in side.rows)
        if side.known_sets:
            found["agent_set"].update(side.known_sets)
    return found


def _labels(group: Any, level: str) -> list[str]:
    return [v.decode() if isinstance(v, bytes) else str(v) for v in group[level][:]]


def _columns(stored: Any, places: list[int]) -> np.ndarray:
    """Draws of some units, read chunk by chunk."""
    if not places:
        return np.empty((*stored.shape[:2], 0, *stored.shape[3:]))
    return np.asarray(stored[:, :, places])
