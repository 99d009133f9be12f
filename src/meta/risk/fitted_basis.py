"""Basis of the evidence mode from stored fits: rates joined to harm, effects of interventions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from meta.chain_settings import ChainTask
from meta.checks.chain_diagnosis import joined_sets, judgements_of
from meta.checks.paired_fits import FittedModel, fitted_model, paired_fits
from meta.config import FitTask, Gate
from meta.estimands.draws import Draws
from meta.estimands.harm_chain import HarmChain, join
from meta.inference.seeds import child_seed
from meta.models.design import FEWEST_STUDIES, Design
from meta.models.moderators import Moderator
from meta.models.row_weights import row_weights
from meta.risk.basis import ARRAYS, JOINED, Basis, Setting, write_basis

#: Field of a row that says which kind of failure it counts.
KIND = "failure_type"


def basis_of_fits(
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
        Receives the files of `meta.risk.basis.write_basis`.
    """
    read = pd.read_parquet(contrasts) if contrasts else None
    # Whether the fits pass is gated with each of them; nothing here depends on it.
    one, other = (fitted_model(*each, Gate()) for each in (rates, harm))
    write_basis(build_basis(one, other, task, read), folder)


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
    pairs = paired_fits(rates, harm, task.draws).sets
    seed = child_seed(task.seed, task.rates, "risk basis")
    judged = judgements_of(task)
    parts = joined_sets(pairs, judged, seed)
    sizes = [len(part.correlation) for part in parts]
    chain = HarmChain(
        _stacked([p.rates for p in parts]),
        _stacked([p.harm for p in parts]),
        *(
            np.concatenate(
                [np.broadcast_to(getattr(p, name), n) for p, n in zip(parts, sizes, strict=True)]
            )
            for name in JOINED
        ),
    )
    rng = np.random.default_rng([seed, 1])
    effects, studies = intervention_effects(contrasts, sum(sizes), rng)
    return Basis(
        chain=chain,
        rate_x=_means([pair.rates_design for pair in pairs], sizes),
        harm_x=_means([pair.harm_design for pair in pairs], sizes),
        prior=_prior(rates, harm, task, rng),
        rates=settings_behind(rates.designs, rates.base, stage=1, capability=0),
        harm=settings_behind(harm.designs, harm.base, stage=len(harm.base.stages) - 1),
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
    whole = np.concatenate(icc) if icc else None
    return Draws(shape=(1, len(arrays["location"])), icc=whole, df=None, **arrays)


def _means(designs: list[Design], sizes: list[int]) -> np.ndarray:
    """Design row at the evidence's mean, studies weighing the same, repeated for each draw."""
    return np.concatenate(
        [np.tile(row_weights(d.rows) @ d.x, (n, 1)) for d, n in zip(designs, sizes, strict=True)]
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


def settings_behind(
    designs: list[Design], base: Design, stage: int, capability: int | None = None
) -> tuple[Setting, ...]:
    """Settings of a model's moderators, with what observes a stage, and capability, at each.

    Parameters
    ----------
    designs, base
        Designs of the code sets, and the one that was compiled.
    stage, capability
        Indices of the stage that is counted, and of capability if it is counted too.
    """
    found = []
    for index, moderator in enumerate(base.moderators):
        studies, rows = _average_behind(designs, index, stage)
        able = () if capability is None else _average_behind(designs, index, capability)[0]
        other = () if capability is None else _other_kind(designs, index, stage)
        found.append(
            Setting(
                moderator.name,
                (moderator.columns.start, moderator.columns.stop),
                moderator.levels,
                tuple(map(tuple, moderator.settings.tolist())),
                studies,
                rows,
                able,
                other,
            )
        )
    return tuple(found)


def _average_behind(
    designs: list[Design], index: int, stage: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Units and rows behind each level of a moderator, on average over code sets."""
    studies, rows = zip(
        *(_behind(design, design.moderators[index], stage) for design in designs), strict=True
    )
    return tuple(np.mean(studies, axis=0).tolist()), tuple(np.mean(rows, axis=0).tolist())


def _other_kind(designs: list[Design], index: int, stage: int) -> tuple[float, ...]:
    """Studies at each level that are not of the kind of failure that most there are of."""
    kinds = designs[0].rows[KIND]
    if kinds.nunique() < 2 or KIND in {m.name for m in designs[0].moderators}:
        return ()
    counted = [
        [
            _behind(design, design.moderators[index], stage, (design.rows[KIND] == kind).to_numpy())
            for kind in kinds.unique()
        ]
        for design in designs
    ]
    studies = np.array([[studies for studies, _ in by_kind] for by_kind in counted])
    return tuple((studies.sum(axis=1) - studies.max(axis=1)).mean(axis=0).tolist())


def _behind(
    design: Design, moderator: Moderator, stage: int, among: np.ndarray | bool = True
) -> tuple[list[int], list[int]]:
    """Top-level units and rows that observe a stage with trials, at each level, among some rows."""
    seen = np.unique(design.row[(design.stage == stage) & (design.trials > 0)])
    seen = seen[np.broadcast_to(among, len(design.rows))[seen]]
    units = design.row_unit[0]
    at = [np.intersect1d(seen, np.flatnonzero(members)) for members in moderator.members]
    return [len(set(units[rows])) for rows in at], [len(rows) for rows in at]
