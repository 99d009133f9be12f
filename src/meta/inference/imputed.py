"""Fits to imputed code sets: compiled once, sampled once for each set, draws stacked.

Each set gets the same number of draws, so that the stacked draws are a sample from the mixture of
the posteriors (Zhou & Reiter 2010, doi:10.1198/tast.2010.09109). The codes are drawn from a model
that does not see the outcome counts: a cut model. Associations between an imputed moderator and
an outcome are therefore drawn towards zero where codes are unsure.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import xarray as xr

from meta.config import FitTask
from meta.inference.refit import refit
from meta.inference.sampling import compile_model, sample_prior, sample_without_divergence
from meta.models.imputed_design import AGREED_GROUPS, ImputedDesign, agreed_design

AGREED_CHAINS = 4


def sample_imputed(
    design: ImputedDesign, task: FitTask, cores: int
) -> tuple[xr.DataTree, dict[str, Any]]:
    """Fit a model to every imputed code set, and once to the agreed codes.

    Returns
    -------
    tuple
        DataTree with the groups posterior and sample_stats, whose chains are those of the sets one
        after the other (coordinate `imputation` of the chain), with the group prior, and with
        posterior and sample_stats of the agreed codes, where those identify the model; and how it
        went.
    """
    one = task.model_copy(update={"sampler": task.imputation_sampler})
    ready = compile_model(design.base, one)
    clock = time.perf_counter()
    trees, attempts = [], []
    for number, each in enumerate(design.sets, start=1):
        tree, tried = refit(ready, each, one, cores, f"imputation {number}")
        trees.append(tree)
        attempts += [{"imputation": number, **attempt} for attempt in tried]
    times = {"compile": ready.seconds, "sample": time.perf_counter() - clock}
    groups = {f"/{name}": _stacked(trees, name) for name in ("posterior", "sample_stats")}
    # One draw in draws_factor: chains long enough for R-hat, draws no more than are needed.
    groups["/posterior"] = groups["/posterior"].isel(
        draw=slice(task.spec.draws_factor - 1, None, task.spec.draws_factor)
    )
    groups["/prior"] = sample_prior(ready, task)
    clock = time.perf_counter()
    reference, note = _sample_agreed(design, task, cores)
    if reference is not None:
        for name, kept in AGREED_GROUPS.items():
            groups[f"/{kept}"] = reference[name].to_dataset()
    times["agreed"] = time.perf_counter() - clock
    course = {"attempts": attempts, "times": times, "agreed": note}
    return xr.DataTree.from_dict(groups), course


def _stacked(trees: list[xr.DataTree], name: str) -> xr.Dataset:
    parts = []
    for number, tree in enumerate(trees, start=1):
        part = tree[name].to_dataset()
        parts.append(part.assign_coords(imputation=("chain", [number] * part.sizes["chain"])))
    whole = xr.concat(parts, dim="chain")
    return whole.assign_coords(chain=np.arange(whole.sizes["chain"]))


def _sample_agreed(
    design: ImputedDesign, task: FitTask, cores: int
) -> tuple[xr.DataTree | None, str]:
    agreed = agreed_design(design)
    if agreed is None:
        return None, "agreed codes alone do not identify the model"
    sampler = task.imputation_sampler.model_copy(
        update={"chains": AGREED_CHAINS, "tune": task.sampler.tune}
    )
    one = task.model_copy(update={"sampler": sampler})
    tree, _ = sample_without_divergence(
        compile_model(agreed, one), agreed, one, cores, stream="agreed", progress=False
    )
    return tree, f"{len(agreed.rows)} rows"
