"""Compilations: the compiled models of one process, one a structure, made when first needed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

import xarray as xr

from meta.config import FitTask
from meta.inference.refit import refit
from meta.inference.sampling import CompiledModel, compile_model
from meta.models.design import Design

#: Parts of a specification that say which rows it takes or how long it samples, not what it is.
NOT_STRUCTURE = {
    "primary", "priors", "filter", "draws_factor", "codes", "correlation", "assumed_capable",
}  # fmt: skip


@dataclass
class Compilations:
    """Fits designs, each structure compiled once.

    Attributes
    ----------
    cores
        Chains sampled at the same time.
    """

    cores: int
    ready: dict[str, CompiledModel] = field(default_factory=dict)

    def fit(self, design: Design, task: FitTask, stream: str) -> xr.DataTree:
        """Fit a design under the priors of a task; `stream` names the random stream."""
        key = structure(design, task)
        through = bool(design.through_capability.any())
        # A model compiled with arms that count among all trials also serves where none does.
        if through or f"{key} through" in self.ready:
            key = f"{key} through"
        if key not in self.ready:
            self.ready[key] = compile_model(design, task)
        return refit(self.ready[key], design, task, self.cores, stream)[0]


def structure(design: Design, task: FitTask) -> str:
    """Digest of all that a compiled model cannot change: families, levels, indices.

    Parameters
    ----------
    design, task
        What is to be fitted.
    """
    spec = design.spec.model_dump(mode="json", exclude=NOT_STRUCTURE)
    # Which number a fixed correlation has is data.
    estimated = design.spec.correlation == "lkj"
    said = [
        spec,
        estimated,
        task.priors.families(),
        [lv.name for lv in design.levels],
        design.x.shape,
    ]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    arrays = [design.stage, design.row, design.row_unit, design.row_crossed]
    arrays += [level.parent for level in design.levels]
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()
