"""Parameters at the top of a model: those that no other parameter is drawn around."""

from __future__ import annotations

import numpy as np
import xarray as xr

TOP_PARAMETERS = (
    "alpha", "beta", "tau", "omega", "kappa", "phi", "icc", "correlation", "df",
    "upper_share", "split", "delta", "tau_delta",
)  # fmt: skip

#: What some of them are made of, as it is sampled: the same number on another scale, or nearly.
SAMPLED_COPIES = ("alpha_raw", "beta_free", "df_raw", "partial_raw")


def is_sampled_copy(name: str) -> bool:
    """Whether a variable is a top-level parameter on the scale on which it is sampled.

    The total effect of an ordered moderator is one too: of a linear one it is the coefficient.
    """
    return name in SAMPLED_COPIES or name.endswith("_total")


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
