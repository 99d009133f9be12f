"""Basis of the evidence mode: joint draws of the chain, of interventions, and what is behind them.

Everything that the risk of a profile needs of a run, in two small files, so that it is answered in
a second: `draws.parquet` (one row a draw) and `basis.json` (settings of the moderators, evidence).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meta.estimands.draws import Draws
from meta.estimands.harm_chain import HarmChain
from meta.storage import atomic, write_json
from meta.stored import whole

DRAWS, PRIOR, RECORD = "draws.parquet", "prior.parquet", "basis.json"
#: Draws that answers are made of.
SHOWN = 2000
#: Arrays of the draws of one model, by name; and the one that only a beta-binomial model has.
ARRAYS = ("location", "slope", "tau", "inner", "factor")
ICC = "icc"
#: Arrays of the chain beside those of its models.
JOINED = ("correlation", "notoriety", "transport")


@dataclass(frozen=True)
class Setting:
    """A moderator of a profile as one model has it.

    Attributes
    ----------
    field
        Field of the codebook.
    columns
        First and last but one column of the design matrix.
    levels
        Levels that it can be given.
    settings
        Its columns at each level.
    k_studies, k_rows
        Studies and rows (of harm: lists and cases) with each level, on average over code sets.
    k_capability
        Studies that count capability at each level; empty of harm, which has no such stage.
    k_other_kind
        Studies at each level of another kind of failure than most there; empty where the model
        tells kinds apart itself, and where its rows are of one kind.
    """

    field: str
    columns: tuple[int, int]
    levels: tuple[str, ...]
    settings: tuple[tuple[float, ...], ...]
    k_studies: tuple[float, ...]
    k_rows: tuple[float, ...]
    k_capability: tuple[float, ...] = ()
    k_other_kind: tuple[float, ...] = ()


@dataclass(frozen=True)
class Basis:
    """Joint draws, D of them, and what they rest on.

    Attributes
    ----------
    chain
        Draws of rates and harm.
    rate_x, harm_x
        Design row at the evidence's own mean, for each draw, shape (D, P).
    prior
        The same three under the priors alone.
    rates, harm
        Settings of the moderators of either model.
    interventions
        Log odds ratio of each intervention in a new study, shape (D,).
    intervention_studies
        Studies behind each.
    models
        Names of the models of rates, harm and contrasts.
    """

    chain: HarmChain
    rate_x: np.ndarray
    harm_x: np.ndarray
    prior: tuple[HarmChain, np.ndarray, np.ndarray]
    rates: tuple[Setting, ...]
    harm: tuple[Setting, ...]
    interventions: dict[str, np.ndarray]
    intervention_studies: dict[str, int]
    models: dict[str, str]


def write_basis(basis: Basis, folder: Path) -> None:
    """Write a basis.

    Parameters
    ----------
    basis
        What to write.
    folder
        Receives `draws.parquet`, `prior.parquet` and `basis.json`.
    """
    record: dict[str, Any] = {
        "models": basis.models,
        "rates": [asdict(s) for s in basis.rates],
        "harm": [asdict(s) for s in basis.harm],
        "intervention_studies": basis.intervention_studies,
    }
    for name, chain, rate_x, harm_x, more in (
        (DRAWS, basis.chain, basis.rate_x, basis.harm_x, basis.interventions),
        (PRIOR, *basis.prior, {}),
    ):
        columns, shapes = _columns(_arrays(chain, rate_x, harm_x, more))
        record[name] = shapes
        with atomic(folder / name) as temporary:
            pd.DataFrame(columns).to_parquet(temporary, index=False)
    write_json(folder / RECORD, record)


def read_basis(folder: Path) -> Basis:
    """Read a stored basis.

    Raises
    ------
    NoResultsError
        If it is not there or not whole.
    """
    with whole(folder / RECORD):
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        arrays, before = (
            _from_columns(pd.read_parquet(folder / name), record[name]) for name in (DRAWS, PRIOR)
        )
        chain, rate_x, harm_x = _chain(arrays)
        start = "intervention."
        return Basis(
            chain=chain,
            rate_x=rate_x,
            harm_x=harm_x,
            prior=_chain(before),
            rates=tuple(_setting(s) for s in record["rates"]),
            harm=tuple(_setting(s) for s in record["harm"]),
            interventions={
                name.removeprefix(start): values
                for name, values in arrays.items()
                if name.startswith(start)
            },
            intervention_studies=record["intervention_studies"],
            models=record["models"],
        )


def thinned(basis: Basis, count: int = SHOWN) -> Basis:
    """Keep so many draws, evenly spaced, and as many of the prior; all where there are fewer.

    Parameters
    ----------
    basis
        Draws of a run.
    count
        Draws to keep; by default as many as a page can hold, so that the calculator in the browser
        and every other answer are of the same draws.
    """
    rows = _evenly(len(basis.chain.correlation), count)
    before = _evenly(len(basis.prior[0].correlation), count)
    chain, rate_x, harm_x = basis.prior
    return replace(
        basis,
        chain=_taken(basis.chain, rows),
        rate_x=basis.rate_x[rows],
        harm_x=basis.harm_x[rows],
        prior=(_taken(chain, before), rate_x[before], harm_x[before]),
        interventions={name: values[rows] for name, values in basis.interventions.items()},
    )


def _evenly(length: int, count: int) -> np.ndarray:
    return np.linspace(0, length - 1, min(count, length)).round().astype(int)


def _taken(chain: HarmChain, rows: np.ndarray) -> HarmChain:
    def part(draws: Draws) -> Draws:
        arrays = {name: getattr(draws, name)[rows] for name in ARRAYS}
        icc = None if draws.icc is None else draws.icc[rows]
        return replace(draws, shape=(1, len(rows)), icc=icc, **arrays)

    joined = (each[rows] for each in _joined(chain).values())
    return HarmChain(part(chain.rates), part(chain.harm), *joined)


def _joined(chain: HarmChain) -> dict[str, np.ndarray]:
    count = len(chain.correlation)
    return {name: np.broadcast_to(getattr(chain, name), count) for name in JOINED}


def _setting(record: dict[str, Any]) -> Setting:
    return Setting(
        field=record["field"],
        columns=(record["columns"][0], record["columns"][1]),
        levels=tuple(record["levels"]),
        settings=tuple(tuple(row) for row in record["settings"]),
        k_studies=tuple(record["k_studies"]),
        k_rows=tuple(record["k_rows"]),
        k_capability=tuple(record["k_capability"]),
        k_other_kind=tuple(record["k_other_kind"]),
    )


def _arrays(
    chain: HarmChain, rate_x: np.ndarray, harm_x: np.ndarray, more: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    found = {
        f"{part}.{name}": getattr(getattr(chain, part), name)
        for part in ("rates", "harm")
        for name in ARRAYS
    }
    for part in ("rates", "harm"):
        if (icc := getattr(chain, part).icc) is not None:
            found[f"{part}.{ICC}"] = icc
    found |= _joined(chain) | {"rate_x": rate_x, "harm_x": harm_x}
    return found | {f"intervention.{name}": values for name, values in more.items()}


def _columns(
    arrays: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, list[int]]]:
    """Arrays as columns of one row a draw, and their shapes below the draw."""
    columns = {}
    for name, values in arrays.items():
        for i, column in enumerate(values.reshape(len(values), -1).T):
            columns[f"{name}[{i}]"] = column
    return columns, {name: list(values.shape[1:]) for name, values in arrays.items()}


def _from_columns(table: pd.DataFrame, shapes: dict[str, list[int]]) -> dict[str, np.ndarray]:
    found = {}
    for name, shape in shapes.items():
        width = int(np.prod(shape))
        part = table[[f"{name}[{i}]" for i in range(width)]].to_numpy(float)
        found[name] = part.reshape(len(table), *shape)
    return found


def _chain(arrays: dict[str, np.ndarray]) -> tuple[HarmChain, np.ndarray, np.ndarray]:
    count = len(arrays["correlation"])

    def part(which: str) -> Draws:
        values = {name: arrays[f"{which}.{name}"] for name in ARRAYS}
        return Draws(shape=(1, count), icc=arrays.get(f"{which}.{ICC}"), df=None, **values)

    chain = HarmChain(part("rates"), part("harm"), *(arrays[name] for name in JOINED))
    return chain, arrays["rate_x"], arrays["harm_x"]
