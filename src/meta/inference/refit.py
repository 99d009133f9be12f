"""Refits: one compilation of a model's structure, then any number of fits to other data or priors.

What may change without compiling again is data of the compiled model: counts, whether an arm counts
among all trials, codes of moderators, and the numbers of the priors. Rows are left out by counting
0 of 0 there, which says nothing: their units then follow their prior given the rest, and the
posterior of everything else is that of a fit without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from meta.config import FitTask, Sampler
from meta.inference.sampling import CompiledModel, sample_without_divergence
from meta.models.centring import centring
from meta.models.counts import count_data
from meta.models.design import Design
from meta.models.stage_correlation import fixed_correlation


def without_rows(design: Design, rows: Sequence[int] | np.ndarray) -> Design:
    """Return the design with the counts of some rows emptied.

    Parameters
    ----------
    design
        Design of a model.
    rows
        Indices of the rows to leave out.
    """
    out = np.isin(design.row, np.asarray(rows))
    return replace(
        design,
        events=np.where(out, 0, design.events),
        trials=np.where(out, 0, design.trials),
    )


def rows_of_study(design: Design, study: str) -> np.ndarray:
    """Indices of the rows of one unit of the top level."""
    return np.flatnonzero(design.row_unit[0] == design.levels[0].units.index(study))


def shorter(task: FitTask, draws: int, tune: int) -> FitTask:
    """Return a task with at most so many kept draws and tuning steps a chain."""
    sampler: Sampler = task.sampler.model_copy(
        update={"draws": min(draws, task.sampler.draws), "tune": min(tune, task.sampler.tune)}
    )
    return task.model_copy(update={"sampler": sampler})


def refit(
    ready: CompiledModel, design: Design, task: FitTask, cores: int, stream: str
) -> tuple[xr.DataTree, list[dict[str, float]]]:
    """Fit a compiled model to a design of its structure, under the priors of a task.

    Parameters
    ----------
    ready
        Compiled model.
    design
        Counts, conditioning, moderators and fixed correlation to fit; same observations, levels
        and terms as the design that was compiled.
    task
        Priors (of the families that were compiled), sampler arguments and root seed.
    cores
        Chains sampled at the same time.
    stream
        Name of the random stream, one for each refit.

    Returns
    -------
    tuple
        Groups `posterior` and `sample_stats`, and the sampler's attempts (see
        `sample_without_divergence`).

    Raises
    ------
    ValueError
        If the design has another shape, or a prior another family, than what was compiled.
    """
    return sample_without_divergence(
        ready,
        design,
        task,
        cores,
        data=data_of(ready, design, task),
        stream=stream,
        progress=False,
    )


def counts_of(ready: CompiledModel, design: Design) -> dict[str, np.ndarray]:
    """Counts of a design and their centring, as far as they are data of a compiled model."""
    given = {**count_data(design.events, design.trials), **centring(design)}
    return {name: value for name, value in given.items() if name in ready.model.named_vars}


def data_of(ready: CompiledModel, design: Design, task: FitTask) -> dict[str, np.ndarray]:
    """Every datum of a compiled model, read from a design and the priors; arguments as of `refit`.

    Returns
    -------
    dict of str to numpy.ndarray
        By name of the model's data, in their types.

    Raises
    ------
    ValueError
        If the design has another shape, or a prior another family, than what was compiled.
    """
    if task.priors.families() != ready.families:
        raise ValueError("priors of another family need a compilation of their own")
    given: dict[str, np.ndarray] = {
        **count_data(design.events, design.trials),
        "through": design.through_capability.astype(float),
        "x": design.x,
        "fixed_correlation": fixed_correlation(design),
        **centring(design),
    }
    data: dict[str, np.ndarray] = {}
    for variable in ready.model.data_vars:
        name = str(variable.name)
        value = given[name] if name in given else task.priors.numbers(name.removeprefix("prior_"))
        compiled = variable.get_value(borrow=True)
        if value.shape != compiled.shape:
            raise ValueError(f"{name} has shape {value.shape}; compiled was {compiled.shape}")
        data[name] = value.astype(compiled.dtype)
    return data
