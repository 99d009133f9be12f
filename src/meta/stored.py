"""Results of the last run as others build on them: read whole, or refused with what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from meta.config import FitTask, Settings
from meta.errors import UserError
from meta.evidence.analysis_set import data_hash, read_analysis_set
from meta.models.design import Design, build_design

PROCESSED = Path("data/processed")
RUN = "run `snakemake --cores 8` first"


class NoResultsError(UserError):
    """There are no results of a run, or they are not of what they should be."""


#: Outcome, group and estimand.
Key = tuple[str, str, str]


def pooled_numbers(pooled: pd.DataFrame) -> dict[Key, dict[str, float]]:
    """Summaries of the rows of a pooled table, by outcome, group and estimand."""
    columns = ["mean", "sd", "median", "ci_low", "ci_high", "mcse_mean"]
    keys = pooled[["outcome", "group", "estimand"]].itertuples(index=False, name=None)
    rows = pooled[columns].astype(float).to_dict("records")
    return {
        (str(o), str(g), str(e)): {str(k): float(v) for k, v in row.items()}
        for (o, g, e), row in zip(keys, rows, strict=True)
    }


@dataclass(frozen=True)
class StoredModel:
    """One model of the last run.

    Attributes
    ----------
    name
        Name of the model.
    folder
        Where its results are.
    task
        Its configuration now, which is that of the fit.
    record
        Content of `fit.json`.
    rows
        Its analysis set, stacked over code sets where it reads imputed codes.
    pooled
        Content of `pooled.csv`.
    """

    name: str
    folder: Path
    task: FitTask
    record: dict[str, Any]
    rows: pd.DataFrame
    pooled: pd.DataFrame

    @cached_property
    def design(self) -> Design:
        """Design of the rows; of a model that reads imputed codes there is one a code set."""
        return build_design(self.rows, self.task.spec)

    @cached_property
    def numbers(self) -> dict[Key, dict[str, float]]:
        """Summaries of each pooled number by its key."""
        return pooled_numbers(self.pooled)

    @property
    def posterior(self) -> Path:
        """The stored draws."""
        return self.folder / "posterior.nc"

    def population_draws(self, step: int) -> dict[Key, np.ndarray]:
        """Every `step`-th draw of the population quantities, shape (chains, draws), by key."""
        table = pq.read_table(self.folder / "draws.parquet")
        chains = int(table["chain"].to_numpy().max()) + 1
        found: dict[Key, np.ndarray] = {}
        for name in table.column_names:
            if name in ("chain", "draw"):
                continue
            outcome, rest = name.split("/", 1)
            group, estimand = rest.rsplit("/", 1)
            values = table[name].to_numpy().reshape(chains, -1)[:, ::step]
            found[outcome, group, estimand] = values.astype(float)
        return found


def read_model(directory: Path, settings: Settings, name: str) -> StoredModel:
    """Read one model of the last run.

    Parameters
    ----------
    directory
        Evidence base.
    settings
        Settings in force.
    name
        Name of the model.

    Raises
    ------
    NoResultsError
        If it was not fitted, or not with these settings, or not to the stored rows.
    """
    folder = directory / PROCESSED / "fits" / name
    task = settings.task(name)
    sets = "codes/sets" if task.spec.imputes else "analysis"
    rows_file = directory / PROCESSED / sets / f"{name}.parquet"
    needed = [folder / f for f in ("fit.json", "pooled.csv", "draws.parquet", "posterior.nc")]
    absent = [path for path in (*needed, rows_file) if not path.is_file()]
    if absent:
        raise NoResultsError(f"{name}: no stored posterior ({absent[0]} is missing): {RUN}")
    record = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    if record["spec_hash"] != task.spec_hash:
        raise NoResultsError(f"{name}: the settings of the model have changed since its fit: {RUN}")
    rows = read_analysis_set(rows_file)
    if record["data_hash"] != data_hash(rows):
        raise NoResultsError(f"{name}: the fit is not of the stored analysis set: {RUN}")
    return StoredModel(name, folder, task, record, rows, pd.read_csv(folder / "pooled.csv"))


def rate_models(settings: Settings) -> list[str]:
    """Names of the rate models whose stored draws can be reweighted, the primary first.

    A model fitted to imputed codes cannot: other rows would have other codes.
    """
    specs = settings.models.items()
    names = [m for m, spec in specs if spec.frame == "denominator" and not spec.imputes]
    return sorted(names, key=lambda m: m != settings.primary)
