"""A posterior small enough to lie beside a page: some draws of what is at the top of a model."""

from __future__ import annotations

import numpy as np
import xarray as xr

from meta.inference.top_parameters import TOP_PARAMETERS

#: Draws that are kept, about, of all chains together: their Monte Carlo error is a thirtieth of a
#: posterior standard deviation.
KEPT_DRAWS = 1000
#: Steps between the smallest and the largest value of a parameter: a whole number of two bytes
#: holds them, with room for a mark of what is missing.
STEPS = 65_000
MISSING = -(2**15)


def thinned_posterior(tree: xr.DataTree) -> xr.DataTree:
    """Keep evenly spaced draws of each chain, and of them the parameters at the top of the model.

    Parameters
    ----------
    tree
        Stored fit, with a group `posterior` of dimensions `chain` and `draw`.

    Returns
    -------
    DataTree
        Group `posterior` of about `KEPT_DRAWS` draws, numbered as they were. Written to NetCDF,
        each value is a whole number of two bytes with scale and offset, which readers undo: it is
        off by at most 1/130,000 of its parameter's range.
    """
    whole = tree["posterior"].to_dataset()
    names = [name for name in TOP_PARAMETERS if name in whole]
    each = max(1, KEPT_DRAWS // whole.sizes["chain"])
    kept = np.unique(np.linspace(0, whole.sizes["draw"] - 1, each).round().astype(int))
    thinned = whole[names].isel(draw=kept).load()
    for variable in thinned.data_vars.values():
        values = variable.to_numpy()
        values[~np.isfinite(values)] = np.nan
        variable.encoding = _packing(values)
    return xr.DataTree.from_dict({"/posterior": thinned})


def _packing(values: np.ndarray) -> dict[str, object]:
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    return {
        "dtype": "int16",
        "scale_factor": float(high - low) / STEPS or 1.0,
        "add_offset": float(low + high) / 2,
        "_FillValue": MISSING,
    }
