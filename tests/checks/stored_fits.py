"""Stored fits with made-up draws, for tests that read posteriors from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from meta.config import Codes, FitTask, ModelSpec, Sampler
from meta.evidence.imputed_set import AGREED, IMPUTATION
from meta.inference.store import write_fit
from meta.priors import PriorSet
from tests.estimands.chain_tables import GAMING, GOAL, cells


def stored(folder: Path, name: str, spec: dict, table: pd.DataFrame, numbers: list[int],
           diverging: int = 0) -> tuple[Path, Path, FitTask]:  # fmt: skip
    """Write a fit whose intercepts are the number of the chain's code set."""
    of = ModelSpec.model_validate(spec)
    chains, length = len(numbers), 50
    stages = list(of.stages)
    rng = np.random.default_rng(3)

    def dataset(size: int, location: np.ndarray) -> xr.Dataset:
        dims = ("chain", "draw", "stage")
        pairs = [f"{b}~{a}" for i, a in enumerate(stages) for b in stages[i + 1 :]]
        values = {
            "alpha": (dims, location),
            "tau": (dims, np.ones((size, length, len(stages)))),
            "correlation": (("chain", "draw", "stage_pair"), np.zeros((size, length, len(pairs)))),
        }
        return xr.Dataset(values, coords={"stage": stages, "stage_pair": pairs})

    location = np.broadcast_to(np.array(numbers)[:, None, None], (chains, length, len(stages)))
    posterior = dataset(chains, location.astype(float))
    stats = xr.Dataset(
        {
            "energy": (("chain", "draw"), rng.standard_normal((chains, length))),
            "diverging": (("chain", "draw"), np.arange(chains * length).reshape(chains, -1)
                          < diverging),
            "maxdepth_reached": (("chain", "draw"), np.zeros((chains, length), bool)),
        }
    )  # fmt: skip
    if IMPUTATION in table:
        posterior = posterior.assign_coords(imputation=("chain", numbers))
    tree = {"/posterior": posterior, "/sample_stats": stats,
            "/prior": dataset(1, np.full((1, length, len(stages)), -7.0))}  # fmt: skip
    write_fit(xr.DataTree.from_dict(tree), {"model": name}, folder / f"{name}.nc")
    table.to_parquet(folder / f"{name}.parquet")
    task = FitTask(model=name, spec=of, priors=PriorSet(), sampler=Sampler(), seed=1,
                   codes=Codes() if IMPUTATION in table else None)  # fmt: skip
    return folder / f"{name}.nc", folder / f"{name}.parquet", task


def imputed_cells() -> pd.DataFrame:
    """Cells under agreed codes and under two imputed sets, the second with more cases."""
    parts = [
        cells(["l0", "l1", "l2"], [GAMING, GOAL, GAMING], reached).assign(
            n_units=30, **{IMPUTATION: number}
        )
        for number, reached in ((AGREED, [1, 1, 1]), (1, [10, 20, 5]), (2, [12, 24, 9]))
    ]
    return pd.concat(parts, ignore_index=True)
