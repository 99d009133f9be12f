r"""LOO-PIT: whether the counts of each study lie where fits to the other studies expect them.

For study s and stage o, with Y the total events of the study's arms,

.. math:: \mathrm{PIT}_{so} = P(Y^{new} < Y \mid y_{-s}) + v\,P(Y^{new} = Y \mid y_{-s}),
    \qquad v \sim U(0, 1)

under the predictive distribution of a new study with these arms, given the other studies
(randomised for counts: Czado, Gneiting & Held 2009, doi:10.1111/j.1541-0420.2009.01191.x). If the
population is right the values are uniform; their empirical distribution is held against
simultaneous bands (Saeilynoja, Buerkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6). Bands
assume independent values; those of studies that share hyperparameters are slightly dependent. Of
few values the curve has few places to be, so that bands of probability .995 are left with
probability .0015 to .0075 (simulated, for 4 to 60 studies).

Families of agents that other studies have too are known; their effects are kept. Studies whose
posterior without them is not reliable (see `meta.checks.leave_one_out`) have no place in a curve:
their values would lie too close to the middle. They are counted, and the check fails where they
are more than a share `MOST_LEFT_OUT` of the studies.

The check gates: a curve outside its bands in any stage means that the predictions for a new study,
which the report gives as a headline, are too narrow, too wide or off centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from arviz_stats.ecdf_utils import ecdf_pit

from meta.checks.band_power import band_power
from meta.checks.leave_one_out import LeftOut, Refit
from meta.checks.predictive import Part, replicate, take
from meta.checks.sampler import Check
from meta.inference.refit import rows_of_study
from meta.models.agent_families import shared_families
from meta.models.design import Design
from meta.plural import counted

#: Replicates of each study at least as many as draws, and simulations behind the bands.
REPLICATES = 4000
SIMULATIONS = 4000
#: Share of studies without a reliable value above which the check fails.
MOST_LEFT_OUT = 1 / 3
COLUMNS = ["study", "outcome", "events", "trials", "pit", "method", "reliable"]
BAND_COLUMNS = ["outcome", "at", "ecdf", "lower", "upper"]


def loo_pit(
    parts: Sequence[Part],
    left: Sequence[LeftOut],
    refits: Mapping[str, Refit],
    seed: int,
) -> pd.DataFrame:
    """Randomised PIT of each study's total events by stage, leaving the study out.

    Parameters
    ----------
    parts
        Posterior draws with their designs.
    left
        Every study, left out by importance sampling.
    refits
        Fits without a study, used instead where present.
    seed
        Seed of replicates and of the randomisation.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, one row a study and stage that it observes; without `pit` where the study was
        not computed.
    """
    rng = np.random.default_rng(seed)
    whole = [_replicates(part, rng) for part in parts]
    rows: list[list[Any]] = []
    for each in left:
        refit = refits.get(each.study)
        method, sound = ("refit", refit.sound) if refit else (each.method, each.reliable)
        if refit:
            part = Part(parts[0].design, refit.parameters, refit.shape)
            count = len(refit.parameters.alpha)
            weight = np.full((1, count), 1 / count)
            sources = [_Source(part.design, _replicates(part, rng), weight[0])]
        elif each.computed:
            sources = _sources(parts, whole, each)
        else:
            sources = [
                _Source(part.design, counts, np.full(len(counts), 1 / (len(counts) * len(parts))))
                for part, counts in zip(parts, whole, strict=True)
            ]
        for o, stage in enumerate(parts[0].design.stages):
            found = _place(sources, each.study, o, rng)
            if found is not None:
                events, trials, pit = found
                known = refit is not None or each.computed
                value = pit if known else np.nan
                rows.append([each.study, stage, events, trials, value, method, sound])
    # Stage by stage, in the order of the chain.
    order = {stage: o for o, stage in enumerate(parts[0].design.stages)}
    rows.sort(key=lambda row: order[row[1]])
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True)
class _Source:
    """A design, counts of new studies of it, shape (D, K, N), and the weight of each draw."""

    design: Design
    counts: np.ndarray
    weight: np.ndarray


def _replicates(part: Part, rng: np.random.Generator) -> np.ndarray:
    """Counts of new studies, several of each draw."""
    count = len(part.parameters.alpha)
    each = max(1, REPLICATES // count)
    index = np.repeat(np.arange(count), each)
    known = take(part.parameters, index, shared_families(part.design))
    counts = replicate(part.design, known, rng)
    return counts.reshape(count, each, -1)


def _sources(parts: Sequence[Part], whole: Sequence[np.ndarray], left: LeftOut) -> list[_Source]:
    found, start = [], 0
    for part, counts, index in zip(parts, whole, left.draws, strict=True):
        weight = left.weights.weight[0, start : start + index.size]
        start += index.size
        found.append(_Source(part.design, counts[index], weight))
    return found


def _place(
    sources: Sequence[_Source], study: str, stage: int, rng: np.random.Generator
) -> tuple[float, float, float] | None:
    """Events, trials and PIT of a study at a stage; None where no code set has a trial."""
    below = equal = events = trials = total = 0.0
    for source in sources:
        design = source.design
        mine = np.isin(design.row, rows_of_study(design, study)) & (design.stage == stage)
        tried = int(design.trials[mine].sum())
        if not tried:
            continue
        seen = int(design.events[mine].sum())
        new = source.counts[:, :, mine].sum(axis=2)
        share = float(source.weight.sum())
        below += float(source.weight @ (new < seen).mean(axis=1))
        equal += float(source.weight @ (new == seen).mean(axis=1))
        events, trials, total = events + share * seen, trials + share * tried, total + share
    if not total:
        return None
    pit = (below + float(rng.uniform()) * equal) / total
    return events / total, trials / total, min(max(pit, 0.0), 1.0)


def pit_bands(table: pd.DataFrame, tail: float, seed: int = 214) -> pd.DataFrame:
    """Empirical distribution of the PIT values of each stage, with simultaneous bands.

    Parameters
    ----------
    table
        Of `loo_pit`.
    tail
        Probability that a curve of uniform values leaves its bands anywhere.
    seed
        Seed of the simulation behind the bands.

    Returns
    -------
    pandas.DataFrame
        `BAND_COLUMNS`, of reliable values alone; a stage that has one of a single study has no
        curve.
    """
    parts = []
    reliable = table[table["reliable"].astype(bool)]
    for stage, rows in reliable.groupby("outcome", sort=False):
        values = rows["pit"].to_numpy(float)
        if values.size < 2:
            continue
        rng = np.random.default_rng(seed)
        curve = ecdf_pit(values, 1 - tail, SIMULATIONS, rng=rng)
        parts.append(pd.DataFrame(dict(zip(BAND_COLUMNS[1:], curve, strict=True)), copy=False))
        parts[-1].insert(0, "outcome", stage)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=BAND_COLUMNS)


def pit_check(table: pd.DataFrame, tail: float) -> Check:
    """Check that no curve leaves its bands; the value is the largest excess of any stage.

    Parameters
    ----------
    table
        Of `loo_pit`.
    tail
        See `pit_bands`.

    Returns
    -------
    Check
        Fails without a curve, where a value that should be reliable is missing, and where more than
        `MOST_LEFT_OUT` of the studies have no reliable value.
    """
    reliable = table["reliable"].astype(bool)
    studies = table["study"].nunique()
    without = table.loc[~reliable, "study"].nunique()
    meaning = (
        "largest distance by which the distribution of LOO-PIT values leaves its simultaneous "
        f"{100 * (1 - tail):g}% bands: studies fall where the others predict"
    )
    if without:
        meaning += f"; {without} of {counted(studies, 'study')} without a reliable value left out"
    bands = pit_bands(table, tail)
    for stage, power in band_power(table, bands).items():
        meaning += f"; of {stage.replace('_', ' ')} it rests on {power}"
    finite = np.isfinite(table.loc[reliable, "pit"].to_numpy(float)).all()
    if bands.empty or not finite or without > MOST_LEFT_OUT * studies:
        return Check("loo_pit", None, 0.0, "<=", "", meaning)
    curve, lower, upper = (bands[name].to_numpy(float) for name in ("ecdf", "lower", "upper"))
    excess = np.maximum(curve - upper, lower - curve)
    at = int(excess.argmax())
    # Curve and bands are multiples of one over the number of studies: what is less is rounding.
    value = 0.0 if excess[at] < 1e-9 else float(excess[at])
    return Check("loo_pit", value, 0.0, "<=", str(bands["outcome"].iloc[at]), meaning)
