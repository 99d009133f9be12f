"""Parameters at the top of a model: those that no other parameter is drawn around."""

from __future__ import annotations

import numpy as np
import xarray as xr

TOP_PARAMETERS = (
    "alpha", "beta", "tau", "omega", "kappa", "phi", "icc", "correlation", "df",
    "upper_share", "split", "delta", "tau_delta",
)  # fmt: skip


def top_parameters(posterior: xr.Dataset) -> tuple[list[str], np.ndarray]:
    """Names and draws, shape (quantity, chain, draw), of the parameters at the top of the model."""
    names: list[str] = []
    values: list[np.ndarray] = []
    for name in TOP_PARAMETERS:
        if name not in posterior:
            continue
        array = posterior[name].transpose("chain", "draw", ...).to_numpy()
        flat = array.reshape(*array.shape[:2], -1)
        names += [f"{name}[{i}]" for i in range(flat.shape[2])]
        values += list(np.moveaxis(flat, 2, 0))
    return names, np.stack(values)
