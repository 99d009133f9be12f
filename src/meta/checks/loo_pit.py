r"""LOO-PIT: whether the counts of each study lie where fits to the other studies expect them.

For study s and stage o, with Y the total events of the study's arms,

.. math:: \mathrm{PIT}_{so} = P(Y^{new} < Y \mid y_{-s}) + v\,P(Y^{new} = Y \mid y_{-s}),
    \qquad v \sim U(0, 1)

under the predictive distribution of a new study with these arms, given the other studies
(randomised for counts: Czado, Gneiting & Held 2009, doi:10.1111/j.1541-0420.2009.01191.x). If the
population is right the values are uniform; their empirical distribution is held against
simultaneous bands (Saeilynoja, Buerkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6). Bands
assume independent values; those of studies that share hyperparameters are slightly dependent, and
slightly too close to uniform.

The check gates: a curve outside its bands in any stage means that the predictions for a new study,
which the report gives as a headline, are too narrow, too wide or off centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from arviz_stats.ecdf_utils import ecdf_pit

from meta.checks.leave_one_out import LeftOut, Refit
from meta.checks.predictive import Part, replicate, take
from meta.checks.sampler import Check
from meta.inference.refit import rows_of_study

#: Replicates of each study, and simulations behind the bands.
REPLICATES = 4000
SIMULATIONS = 4000
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
        `COLUMNS`, one row a study and stage that it observes.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for each in left:
        refit = refits.get(each.study)
        for o, stage in enumerate(parts[0].design.stages):
            below, equal, seen = 0.0, 0.0, []
            for share, part, draws, weight in _sources(parts, each, refit):
                counted = _counts(part, each.study, o)
                if not part.design.trials[counted].sum():
                    continue
                events = part.design.events[counted].sum()
                new = _totals(part, draws, weight, counted, rng)
                below += share * float((new < events).mean())
                equal += share * float((new == events).mean())
                seen.append((share, events, part.design.trials[counted].sum()))
            if not seen:
                continue
            shares, events, trials = (np.array(column, float) for column in zip(*seen, strict=True))
            pit = (below + rng.uniform() * equal) / shares.sum()
            mean = [shares @ column / shares.sum() for column in (events, trials)]
            method = "refit" if refit else "psis"
            sound = refit.sound if refit else each.reliable
            rows.append([each.study, stage, *mean, pit, method, sound])
    return pd.DataFrame(rows, columns=COLUMNS)


def _sources(
    parts: Sequence[Part], each: LeftOut, refit: Refit | None
) -> list[tuple[float, Part, np.ndarray, np.ndarray]]:
    """Share, part, draws and their weights (summing to one) of each code set."""
    if refit is not None:
        part = Part(parts[0].design, refit.parameters, refit.shape)
        count = len(refit.parameters.alpha)
        return [(1.0, part, np.arange(count), np.full(count, 1 / count))]
    found, start = [], 0
    for part, index in zip(parts, each.draws, strict=True):
        weight = each.weights.weight[0, start : start + index.size]
        start += index.size
        share = float(weight.sum())
        if share > 0:
            found.append((share, part, index, weight / share))
    return found


def _counts(part: Part, study: str, stage: int) -> np.ndarray:
    """Observations of a study at a stage."""
    mine = np.isin(part.design.row, rows_of_study(part.design, study))
    return np.flatnonzero(mine & (part.design.stage == stage))


def _totals(
    part: Part, draws: np.ndarray, weight: np.ndarray, counted: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Total events of replicated studies; draws are resampled systematically by weight."""
    position = (np.arange(REPLICATES) + rng.uniform()) / REPLICATES
    last = draws.size - 1
    chosen = draws[np.minimum(np.searchsorted(np.cumsum(weight), position), last)]
    # One study at a time would repeat little: the effects of other studies are drawn in vain, but
    # the model's structure is stated once.
    counts = replicate(part.design, take(part.parameters, chosen), rng)
    return np.asarray(counts[:, counted].sum(axis=1))


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
        `BAND_COLUMNS`; a stage that a single study observes has no curve.
    """
    parts = []
    for stage, rows in table.groupby("outcome", sort=False):
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
        Fails without a curve, and where a value is missing.
    """
    meaning = (
        "largest distance by which the distribution of LOO-PIT values leaves its simultaneous "
        f"{100 * (1 - tail):g}% bands: studies fall where the others predict"
    )
    bands = pit_bands(table, tail)
    if bands.empty or not np.isfinite(table["pit"].to_numpy(float)).all():
        return Check("loo_pit", None, 0.0, False, "", meaning)
    curve, lower, upper = (bands[name].to_numpy(float) for name in ("ecdf", "lower", "upper"))
    excess = np.maximum(curve - upper, lower - curve)
    at = int(excess.argmax())
    value = max(float(excess[at]), 0.0)
    # Curve and bands are multiples of one over the number of studies.
    return Check("loo_pit", value, 0.0, value < 1e-9, str(bands["outcome"].iloc[at]), meaning)
