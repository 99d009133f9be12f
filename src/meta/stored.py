"""Results of the last run as others build on them: read whole, or refused with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from meta.config import FitTask, Settings
from meta.errors import UserError
from meta.evidence.analysis_set import data_hash, read_analysis_set
from meta.models.design import Design
from meta.models.specification import design_of

PROCESSED = Path("data/processed")
RUN = "run `snakemake --cores 8` first"
#: Rates of single studies describe rows; releases and previews are about the populations.
LEFT_OUT = "study_rate"
NUMBERS = ["mean", "sd", "median", "ci_low", "ci_high", "mcse_mean"]
#: What others read of `fit.json`.
RECORD = ("spec_hash", "data_hash", "sampler", "seed", "provenance", "versions", "checks", "passed")


class NoResultsError(UserError):
    """There are no results of a run, or they are not of what they should be."""


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Turn whatever reading a half-written result raises into what to do about it.

    Parameters
    ----------
    path
        The file that is read inside the block.

    Raises
    ------
    NoResultsError
        If the block cannot make sense of the file.
    """
    try:
        yield
    except (
        ValueError, LookupError, TypeError, AttributeError, OSError, pa.ArrowException, duckdb.Error
    ) as error:  # fmt: skip
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NoResultsError(
            f"{path}: not a whole result of a run ({type(error).__name__}: {said}); remove it and "
            "run `snakemake --cores 8`"
        ) from None


#: Outcome, group and estimand.
Key = tuple[str, str, str]


def pooled_numbers(pooled: pd.DataFrame) -> dict[Key, dict[str, float]]:
    """Summaries of the rows of a pooled table, by outcome, group and estimand."""
    keys = pooled[["outcome", "group", "estimand"]].itertuples(index=False, name=None)
    rows = pooled[NUMBERS].astype(float).to_dict("records")
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
        return design_of(self.rows, self.task.spec)

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
        path = self.folder / "draws.parquet"
        with whole(path):
            found = self._population_draws(path, step)
            if lost := sorted({"/".join(key) for key in found.keys() - self.numbers.keys()}):
                raise LookupError(f"pooled.csv lacks {', '.join(lost[:3])}")
        return found

    def _population_draws(self, path: Path, step: int) -> dict[Key, np.ndarray]:
        table = pq.read_table(path)
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
        If it was not fitted, or not with these settings, or not to the stored rows, or a file of
        it is not whole.
    """
    folder = directory / PROCESSED / "fits" / name
    task = settings.task(name)
    sets = "codes/sets" if task.spec.imputes else "analysis"
    rows_file = directory / PROCESSED / sets / f"{name}.parquet"
    needed = [folder / f for f in ("fit.json", "pooled.csv", "draws.parquet", "posterior.nc")]
    absent = [path for path in (*needed, rows_file) if not path.is_file()]
    if absent:
        raise NoResultsError(f"{name}: no stored posterior ({absent[0]} is missing): {RUN}")
    with whole(folder / "fit.json"):
        record = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
        if lost := [name for name in RECORD if name not in record]:
            raise LookupError(f"{', '.join(lost)} missing")
    if record["spec_hash"] != task.spec_hash:
        raise NoResultsError(f"{name}: the settings of the model have changed since its fit: {RUN}")
    with whole(rows_file):
        rows = read_analysis_set(rows_file)
    if record["data_hash"] != data_hash(rows):
        raise NoResultsError(f"{name}: the fit is not of the stored analysis set: {RUN}")
    with whole(folder / "pooled.csv"):
        pooled = pd.read_csv(folder / "pooled.csv")
        if not pooled_numbers(pooled) or set(pooled["model"]) != {name}:
            raise ValueError(f"no numbers of {name}, or of another model too")
        pooled["ci_prob"].astype(float)
    return StoredModel(name, folder, task, record, rows, pooled)


def rate_models(settings: Settings) -> list[str]:
    """Names of the rate models whose stored draws can be reweighted, the primary first.

    A model fitted to imputed codes cannot: other rows would have other codes.
    """
    specs = settings.models.items()
    names = [m for m, spec in specs if spec.frame == "denominator" and not spec.imputes]
    return sorted(names, key=lambda m: m != settings.primary)
