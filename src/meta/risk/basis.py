"""Basis of the evidence mode: joint draws of the chain, of interventions, and what is behind them.

Everything that the risk of a profile needs of a run, in two small files, so that it is answered in
a second: `draws.parquet` (one row a draw) and `basis.json` (settings of the moderators, evidence).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meta.chain_settings import ChainTask
from meta.checks.chain_diagnosis import (
    FittedModel,
    fitted_model,
    joined_sets,
    judgements_of,
    paired_sets,
)
from meta.config import FitTask
from meta.estimands.draws import Draws
from meta.estimands.harm_chain import HarmChain, join
from meta.estimands.risk_ratio import row_weights
from meta.inference.seeds import child_seed
from meta.models.design import FEWEST_STUDIES, Design
from meta.models.moderators import Moderator
from meta.storage import atomic, write_json
from meta.stored import whole

DRAWS, PRIOR, RECORD = "draws.parquet", "prior.parquet", "basis.json"
#: Arrays of the draws of one model, by name; and the one that only a beta-binomial model has.
ARRAYS = ("location", "slope", "tau", "inner", "factor")
ICC = "icc"


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
    """

    field: str
    columns: tuple[int, int]
    levels: tuple[str, ...]
    settings: tuple[tuple[float, ...], ...]
    k_studies: tuple[float, ...]
    k_rows: tuple[float, ...]


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


def build_basis(
    rates: FittedModel, harm: FittedModel, task: ChainTask, contrasts: pd.DataFrame | None
) -> Basis:
    """Join two fits, and the effects of interventions, to the basis of the evidence mode.

    Parameters
    ----------
    rates, harm
        Fits of the model that has every field of a profile, and of harm.
    task
        Their chain.
    contrasts
        Draws of the model of contrasts (`draws.parquet` of its fit), if there is one.
    """
    pairs = paired_sets(rates, harm, task.draws)
    seed = child_seed(task.seed, task.rates, "risk basis")
    judged = judgements_of(task)
    parts = joined_sets(pairs, judged, seed)
    sizes = [len(part.correlation) for part in parts]
    chain = HarmChain(
        _stacked([p.rates for p in parts]),
        _stacked([p.harm for p in parts]),
        np.concatenate([p.correlation for p in parts]),
        np.concatenate([np.broadcast_to(p.notoriety, len(p.correlation)) for p in parts]),
        np.concatenate([np.broadcast_to(p.transport, len(p.correlation)) for p in parts]),
    )
    rng = np.random.default_rng([seed, 1])
    effects, studies = intervention_effects(contrasts, sum(sizes), rng)
    return Basis(
        chain=chain,
        rate_x=_means([design for _, _, design, _ in pairs], sizes),
        harm_x=_means([design for *_, design in pairs], sizes),
        prior=_prior(rates, harm, task, rng),
        rates=_settings(rates.designs, rates.base, stage=1),
        harm=_settings(harm.designs, harm.base, stage=len(harm.base.stages) - 1),
        interventions=effects,
        intervention_studies=studies,
        models={"rates": task.rates, "harm": task.harm},
    )


def intervention_effects(
    contrasts: pd.DataFrame | None, count: int, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Log odds ratio of each intervention in a study not yet seen, and the studies behind it.

    Where enough studies have it, the model's own prediction. With one or two, the mean effect of
    these and the spread between studies, as if nothing else were known of the mean: the prediction
    is then wider than any one study's effect by sqrt(1 + 1/k) of that spread.

    Parameters
    ----------
    contrasts
        Draws with columns ``goal_failure/<group>/<estimand>``; None for a base without.
    count
        Draws wanted; taken evenly, in random order, since nothing else is of the same fit.
    rng
        Stream of the order and of the spread.
    """
    if contrasts is None:
        return {}, {}
    rows = rng.permutation(np.linspace(0, len(contrasts) - 1, count).round().astype(int))
    taken = contrasts.iloc[rows]
    start, own = "goal_failure/intervention=", "/study_log_odds_ratio"
    single: dict[str, list[np.ndarray]] = {}
    for column in taken.columns:
        if column.startswith(start) and column.endswith(own):
            name = column.removeprefix(start).split("|", 1)[0]
            single.setdefault(name, []).append(taken[column].to_numpy(float))
    spread = taken["goal_failure/all/tau_delta"].to_numpy(float)
    found = {}
    for name, effects in sorted(single.items()):
        pooled = f"{start}{name}/log_odds_ratio_new"
        k = len(effects)
        if k >= FEWEST_STUDIES and pooled in taken:
            found[name] = taken[pooled].to_numpy(float)
        else:
            wide = spread * np.sqrt(1 + 1 / k) * rng.standard_normal(count)
            found[name] = np.mean(effects, axis=0) + wide
    return found, {name: len(effects) for name, effects in sorted(single.items())}


def _stacked(parts: list[Draws]) -> Draws:
    """Draws of several sets one after the other, in one chain."""
    arrays = {name: np.concatenate([getattr(p, name) for p in parts]) for name in ARRAYS}
    icc = [p.icc for p in parts if p.icc is not None]
    return Draws(
        shape=(1, len(arrays["location"])), icc=np.concatenate(icc) if icc else None, df=None,
        **arrays,
    )  # fmt: skip


def _means(designs: list[Design], sizes: list[int]) -> np.ndarray:
    """Design row at the evidence's mean, studies weighing the same, repeated for each draw."""
    return np.concatenate(
        [np.tile(row_weights(d) @ d.x, (n, 1)) for d, n in zip(designs, sizes, strict=True)]
    )


def _prior(
    rates: FittedModel, harm: FittedModel, task: ChainTask, rng: np.random.Generator
) -> tuple[HarmChain, np.ndarray, np.ndarray]:
    """Prior draws of the chain, with the evidence's mean settings of the compiled designs."""
    if rates.prior is None or harm.prior is None:
        raise ValueError("a fit without prior draws is no basis of a risk")
    count = min(len(rates.prior.location), len(harm.prior.location))
    one, other = (_stacked([_first(each, count)]) for each in (rates.prior, harm.prior))
    chain = join(one, other, judgements_of(task), rng)
    return chain, _means([rates.base], [count]), _means([harm.base], [count])


def _first(draws: Draws, count: int) -> Draws:
    arrays = {name: getattr(draws, name)[:count] for name in ARRAYS}
    return Draws(shape=(1, count), icc=None, df=None, **arrays)


def _settings(designs: list[Design], base: Design, stage: int) -> tuple[Setting, ...]:
    found = []
    for index, moderator in enumerate(base.moderators):
        studies, rows = zip(
            *(_behind(design, design.moderators[index], stage) for design in designs), strict=True
        )
        found.append(
            Setting(
                moderator.name,
                (moderator.columns.start, moderator.columns.stop),
                moderator.levels,
                tuple(map(tuple, moderator.settings.tolist())),
                tuple(np.mean(studies, axis=0).tolist()),
                tuple(np.mean(rows, axis=0).tolist()),
            )
        )
    return tuple(found)


def _behind(design: Design, moderator: Moderator, stage: int) -> tuple[list[int], list[int]]:
    """Top-level units and rows that observe a stage with trials, at each level."""
    seen = np.unique(design.row[(design.stage == stage) & (design.trials > 0)])
    units = design.row_unit[0]
    at = [np.intersect1d(seen, np.flatnonzero(members)) for members in moderator.members]
    return [len(set(units[rows])) for rows in at], [len(rows) for rows in at]


def write_basis(
    rates: tuple[Path, Path, FitTask],
    harm: tuple[Path, Path, FitTask],
    contrasts: Path | None,
    task: ChainTask,
    folder: Path,
) -> None:
    """Build the basis of stored fits and write it.

    Parameters
    ----------
    rates, harm
        Posterior, analysis set and task of each.
    contrasts
        Draws of the model of contrasts (Parquet).
    task
        The chain of the two.
    folder
        Receives `draws.parquet`, `prior.parquet` and `basis.json`.
    """
    read = pd.read_parquet(contrasts) if contrasts else None
    basis = build_basis(fitted_model(*rates), fitted_model(*harm), task, read)
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


def _setting(record: dict[str, Any]) -> Setting:
    return Setting(
        field=record["field"],
        columns=(record["columns"][0], record["columns"][1]),
        levels=tuple(record["levels"]),
        settings=tuple(tuple(row) for row in record["settings"]),
        k_studies=tuple(record["k_studies"]),
        k_rows=tuple(record["k_rows"]),
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
    for name in ("correlation", "notoriety", "transport"):
        found[name] = np.broadcast_to(getattr(chain, name), len(rate_x))
    found |= {"rate_x": rate_x, "harm_x": harm_x}
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

    judged = (arrays[name] for name in ("correlation", "notoriety", "transport"))
    chain = HarmChain(part("rates"), part("harm"), *judged)
    return chain, arrays["rate_x"], arrays["harm_x"]
