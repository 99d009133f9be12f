"""Worst quantities of a fit: those whose chains mix least, by name, with their draws.

Of a fit to imputed code sets, chains of different sets have different data and need not agree: the
set whose chains agree least on a top-level parameter stands for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from meta.inference.top_parameters import TOP_PARAMETERS, is_sampled_copy

#: Top-level parameters that are shown, at most; one quantity of a unit is shown beside them.
TOP_SHOWN = 5
#: Hundreds of quantities of units are compared on that many draws of a chain, at most: what mixes
#: least is autocorrelated over many draws, so that every so many tell nearly as much.
SCREEN_DRAWS = 1000
#: Of them, so many are compared on all draws.
SCREENED = 8


@dataclass(frozen=True)
class WorstQuantities:
    """Quantities of a posterior that mix least.

    Attributes
    ----------
    draws
        Draws (chain, draw) by name, the worst first; the unit's last.
    table
        Their name, level (`top` or `unit`), r_hat, ess_bulk and ess_tail, in the same order.
    imputed_set
        Number of the imputed code set that the chains are of; None where nothing was imputed.
    sets
        Number of imputed code sets; 1 where nothing was imputed.
    """

    draws: dict[str, xr.DataArray]
    table: pd.DataFrame
    imputed_set: int | None
    sets: int


def worst_quantities(posterior: xr.Dataset, top_shown: int = TOP_SHOWN) -> WorstQuantities:
    """Find the quantities that mix least: top-level parameters, and one quantity of a unit.

    Parameters
    ----------
    posterior
        Draws (chain, draw, ...), with the coordinate `imputation` of the chains where these are of
        imputed code sets.
    top_shown
        Number of top-level parameters, at most: those with the smallest effective sample size
        (the smaller of bulk and tail), the one with the largest R-hat always among them.

    Raises
    ------
    ValueError
        If the posterior has no top-level parameter that varies.
    """
    top = named_quantities(posterior, [n for n in TOP_PARAMETERS if n in posterior])
    if not top:
        raise ValueError("the posterior has no top-level parameter that varies")
    number, sets = None, 1
    if "imputation" in posterior.coords:
        numbers = np.unique(posterior["imputation"].to_numpy())
        number, sets = _least_agreed(top, numbers), numbers.size
        posterior = posterior.isel(chain=np.flatnonzero(posterior["imputation"] == number))
        top = {name: array.sel(chain=posterior["chain"]) for name, array in top.items()}
    # A copy of a top-level parameter would say nothing beside it: their plot is a straight line.
    others = [str(name) for name in posterior.data_vars if name not in TOP_PARAMETERS]
    rest = [name for name in others if not is_sampled_copy(name)]
    units = named_quantities(posterior, rest)
    chosen = _worst(_statistics(top), top_shown).assign(level="top")
    if units:
        least = _statistics(_candidates(units)).pipe(_by_size).head(1).assign(level="unit")
        chosen = pd.concat([chosen, least], ignore_index=True)
    draws = {str(name): (top | units)[name] for name in chosen["name"]}
    return WorstQuantities(draws, chosen, number, sets)


def named_quantities(dataset: xr.Dataset, variables: list[str]) -> dict[str, xr.DataArray]:
    """Every number of some variables that varies, by its name as ArviZ writes it.

    Returns
    -------
    dict
        Arrays (chain, draw) by name, for instance `tau[goal_failure]`. What does not vary, such as
        the diagonal of a correlation, is left out.
    """
    return {
        name: array
        for variable in variables
        for name, array in _numbers(dataset[variable], variable)
        if np.ptp(array.to_numpy()) != 0
    }


def _numbers(array: xr.DataArray, variable: str) -> Iterator[tuple[str, xr.DataArray]]:
    array = array.transpose("chain", "draw", ...)
    values = array.to_numpy()
    coords = {dim: array.coords[dim] for dim in ("chain", "draw") if dim in array.coords}
    others = [
        array[dim].to_numpy() if dim in array.coords else np.arange(array.sizes[dim])
        for dim in array.dims[2:]
    ]
    for index in np.ndindex(*values.shape[2:]):
        labels = [str(other[i]) for other, i in zip(others, index, strict=True)]
        name = f"{variable}[{', '.join(labels)}]" if labels else variable
        yield name, xr.DataArray(values[(..., *index)], dims=("chain", "draw"), coords=coords)


def _stacked(quantities: dict[str, xr.DataArray]) -> xr.Dataset:
    values = np.stack([array.to_numpy() for array in quantities.values()])
    return xr.DataArray(values, dims=("quantity", "chain", "draw")).to_dataset(name="q")


def _statistics(quantities: dict[str, xr.DataArray]) -> pd.DataFrame:
    data = _stacked(quantities)
    return pd.DataFrame(
        {
            "name": list(quantities),
            "r_hat": az.rhat(data)["q"].to_numpy(),
            "ess_bulk": az.ess(data, method="bulk")["q"].to_numpy(),
            "ess_tail": az.ess(data, method="tail")["q"].to_numpy(),
        }
    )


def _candidates(quantities: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Quantities with the smallest bulk effective sample size on every so many draws."""
    data = _stacked(quantities)
    step = max(1, data.sizes["draw"] // SCREEN_DRAWS)
    size = az.ess(data.isel(draw=slice(None, None, step)), method="bulk")["q"].fillna(0)
    names = list(quantities)
    return {
        names[i]: quantities[names[i]] for i in size.to_numpy().argsort(kind="stable")[:SCREENED]
    }


def _by_size(table: pd.DataFrame) -> pd.DataFrame:
    """Order by effective sample size; one that has none is the worst."""
    size = table[["ess_bulk", "ess_tail"]].min(axis=1, skipna=False).fillna(0)
    return table.loc[size.sort_values(kind="stable").index]


def _worst(table: pd.DataFrame, number: int) -> pd.DataFrame:
    ordered = _by_size(table)
    least_agreed = int(table["r_hat"].fillna(np.inf).to_numpy().argmax())
    chosen = ordered.head(number)
    if least_agreed not in chosen.index:
        chosen = pd.concat([ordered.head(number - 1), table.loc[[least_agreed]]])
    return chosen.reset_index(drop=True)


def _least_agreed(top: dict[str, xr.DataArray], numbers: np.ndarray) -> int:
    """Imputed set with the largest R-hat of a top-level parameter within it."""
    data = _stacked(top)["q"]
    of_chain = next(iter(top.values()))
    chains = of_chain.sizes["chain"] // numbers.size
    each = data.to_numpy().reshape(data.sizes["quantity"], numbers.size, chains, -1)
    sets = xr.DataArray(each, dims=("quantity", "set", "chain", "draw")).to_dataset(name="q")
    r_hat = az.rhat(sets)["q"].fillna(np.inf)
    return int(numbers[int(r_hat.max("quantity").to_numpy().argmax())])
