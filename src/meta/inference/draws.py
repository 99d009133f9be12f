"""Draws of a stored fit as plain arrays, thinned, read without building a model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from meta.errors import StoredFitError
from meta.models.design import Design
from meta.models.levels import SCALE_NAMES
from meta.models.likelihood import Parameters

RECORD = "meta_record"


@dataclass(frozen=True)
class StoredDraws:
    """Thinned draws of a fit.

    Attributes
    ----------
    parameters
        The draws, chains one after the other.
    shape
        Chains and kept draws of each.
    step
        Every how many draws one was kept.
    """

    parameters: Parameters
    shape: tuple[int, int]
    step: int


def read_record(path: Path) -> dict[str, Any]:
    """Read the record that a stored fit carries.

    Raises
    ------
    StoredFitError
        If there is none.
    """
    try:
        with h5py.File(path) as file:
            record: dict[str, Any] = json.loads(file.attrs[RECORD])
    except (OSError, KeyError, ValueError) as error:
        raise StoredFitError(
            f"{path}: not a readable fit ({error}); remove it and run `snakemake --cores 8`"
        ) from None
    return record


def read_draws(path: Path, design: Design, most: int) -> StoredDraws:
    """Read the draws of a fit that a likelihood needs.

    Parameters
    ----------
    path
        `posterior.nc`.
    design
        Design that was fitted.
    most
        Draws to keep at most; they are thinned evenly.

    Raises
    ------
    StoredFitError
        If the file is not a whole fit of this design.
    """
    try:
        with h5py.File(path) as file:
            return _read(file["posterior"], design, most)
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise StoredFitError(
            f"{path}: not a readable fit of these rows ({error}); remove it and run "
            "`snakemake --cores 8`"
        ) from None


def thinned_draws(posterior: xr.Dataset, design: Design, most: int) -> StoredDraws:
    """Thin draws that are in memory, of a posterior or of a prior.

    Parameters
    ----------
    posterior
        Group of a fit.
    design
        Design that was fitted.
    most
        Draws to keep at most; they are thinned evenly.
    """
    arrays = {
        str(name): values.transpose("chain", "draw", ...).to_numpy()
        for name, values in posterior.data_vars.items()
    }
    levels = [lv.name for lv in (*design.levels, *design.crossed) if lv.name != "arm"]
    labels = {name: posterior[name].to_numpy() for name in levels}
    return _read(arrays | labels, design, most)


def _read(group: Any, design: Design, most: int) -> StoredDraws:
    chains, length = group["alpha"].shape[:2]
    step = max(1, -(-chains * length // most))
    kept = len(range(0, length, step))
    count, stages = chains * kept, len(design.stages)

    def flat(name: str) -> np.ndarray:
        values = group[name][:, ::step]
        return np.asarray(values.reshape(count, *values.shape[2:]))

    names = [lv.name for lv in design.levels]
    crossed = [lv.name for lv in design.crossed]
    parameters = Parameters(
        alpha=flat("alpha"),
        beta=flat("beta") if "beta" in group else np.zeros((count, 0, stages)),
        factor=_factor(flat("correlation") if stages > 1 else np.zeros((count, 0)), stages),
        scale={name: flat(SCALE_NAMES[name]) for name in [*names, *crossed]},
        icc=flat("icc") if "icc" in group else None,
        df=flat("df") if "df" in group else None,
        logits={n: _by_label(group, n, flat(f"{n}_logit")) for n in names if n != "arm"},
        crossed={n: _by_label(group, n, flat(f"{n}_effect")) for n in crossed},
        upper_share=flat("upper_share") if "upper_share" in group else None,
        split=flat("split") if "split" in group else None,
    )
    return StoredDraws(parameters, (chains, kept), step)


def _by_label(group: Any, level: str, values: np.ndarray) -> dict[str, np.ndarray]:
    labels = [v.decode() if isinstance(v, bytes) else str(v) for v in group[level][:]]
    return {label: values[:, i] for i, label in enumerate(labels)}


def _factor(pairs: np.ndarray, stages: int) -> np.ndarray:
    """Cholesky factor of the stages' correlation from its lower triangle, row by row."""
    matrix = np.broadcast_to(np.eye(stages), (len(pairs), stages, stages)).copy()
    lower = [(j, i) for j in range(stages) for i in range(j)]
    for k, (j, i) in enumerate(lower):
        matrix[:, i, j] = matrix[:, j, i] = pairs[:, k]
    return np.linalg.cholesky(matrix)
