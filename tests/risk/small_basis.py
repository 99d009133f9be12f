"""A basis built by hand: made-up draws of the chain, with every setting of a profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from meta.estimands.draws import Draws
from meta.estimands.harm_chain import HarmChain
from meta.models.moderators import monotonic_basis, sum_to_zero_basis
from meta.risk.basis import Basis, Setting
from meta.risk.documents import Documents, read_documents

CLAIMS = Path(__file__).parents[2] / "data" / "raw" / "claims.csv"
SHIFTS = ("none", "superficial", "moderate", "significant", "extreme")
#: Levels of each field of the model of rates, and whether they are ordered.
FIELDS = {
    "shift_type": (SHIFTS, True),
    "specification_quality": (("low", "medium", "high"), True),
    "capability_level": (("below_human", "human_level", "above_human"), True),
    "training_diversity": (("narrow", "mixed", "diverse"), True),
    "alignment_method": (("behavioral_cloning", "human_feedback", "none"), False),
}
#: Columns of the design rows of rates and of harm.
RATE_WIDTH, HARM_WIDTH = 12, 4


def documents() -> Documents:
    """Tables of the document, from the shipped claims."""
    return read_documents(pd.read_csv(CLAIMS))


def rate_settings() -> tuple[Setting, ...]:
    """Settings of the model of rates; each level has 3 studies and 7 arms."""
    found, start = [], 0
    for field, (levels, ordered) in FIELDS.items():
        basis = monotonic_basis(len(levels)) if ordered else sum_to_zero_basis(len(levels))
        stop = start + basis.shape[1]
        count = len(levels)
        rows = tuple(map(tuple, basis.tolist()))
        counts = ((3.0,) * count, (7.0,) * count, (3.0,) * count)
        found.append(Setting(field, (start, stop), levels, rows, *counts))
        start = stop
    assert start == RATE_WIDTH
    return tuple(found)


def harm_settings() -> tuple[Setting, ...]:
    """Settings of the model of harm: the shift type alone."""
    rows = tuple(map(tuple, monotonic_basis(len(SHIFTS)).tolist()))
    return (Setting("shift_type", (0, HARM_WIDTH), SHIFTS, rows, (2.0,) * 5, (4.0,) * 5),)


def small_basis(count: int = 400, seed: int = 0, same: bool = False, **scales: float) -> Basis:
    """Make draws up.

    Parameters
    ----------
    count, seed
        Number of draws, and of the stream that they come from.
    same
        Whether every draw is the same one, so that predictions vary by their own stream alone.
    scales
        `tau`, `inner` or `slope`, by which draws are multiplied; 1 by default.
    """
    rng = np.random.default_rng(seed)
    chain = _chain(rng, 1 if same else count, **scales)
    if same:
        chain = _repeated(chain, count)
    prior = _chain(np.random.default_rng(seed + 1), count, wide=3.0, **scales)
    shares = np.random.default_rng(5).dirichlet(np.ones(2), RATE_WIDTH)[:, 0]
    harm_shares = np.array([0.8, 0.6, 0.3, 0.1])
    effects = {
        "decorrelated_training_data": rng.normal(-1.2, 0.4, count),
        "warning_or_prohibition": rng.normal(-0.5, 0.8, count),
    }
    return Basis(
        chain=chain,
        rate_x=np.tile(shares, (count, 1)),
        harm_x=np.tile(harm_shares, (count, 1)),
        prior=(prior, np.tile(shares, (count, 1)), np.tile(harm_shares, (count, 1))),
        rates=rate_settings(),
        harm=harm_settings(),
        interventions=effects,
        intervention_studies={"decorrelated_training_data": 4, "warning_or_prohibition": 1},
        models={"rates": "by_profile", "harm": "harm_by_shift_type"},
    )


def with_counts(
    basis: Basis, field: str, level: str, studies: float, harm: bool = False, of: str = "k_studies"
) -> Basis:
    """Copy with another number of studies (of harm: lists) behind a level; `of` names the count."""
    which = "harm" if harm else "rates"
    settings = list(getattr(basis, which))
    for i, setting in enumerate(settings):
        if setting.field == field:
            counts = list(getattr(setting, of))
            counts[setting.levels.index(level)] = studies
            settings[i] = replace(setting, **{of: tuple(counts)})
    return replace(basis, **{which: tuple(settings)})


def _chain(
    rng: np.random.Generator,
    count: int,
    tau: float = 1.0,
    inner: float = 1.0,
    slope: float = 1.0,
    wide: float = 1.0,
) -> HarmChain:
    r = np.tanh(rng.normal(0.5, 0.3, count))
    rates = _draws(rng, count, (1.5, -0.3), RATE_WIDTH, (tau, inner, slope, wide), r)
    harm = _draws(rng, count, (-1.0,), HARM_WIDTH, (tau, 0.0, slope, wide), None)
    return HarmChain(rates, harm, 2 * rng.beta(2, 2, count) - 1)


def _draws(
    rng: np.random.Generator,
    count: int,
    centre: tuple[float, ...],
    width: int,
    scales: tuple[float, float, float, float],
    correlation: np.ndarray | None,
) -> Draws:
    tau, inner, slope, wide = scales
    stages = len(centre)
    factor = np.ones((count, 1, 1))
    if correlation is not None:
        factor = np.zeros((count, 2, 2))
        factor[:, 0, 0], factor[:, 1, 0] = 1, correlation
        factor[:, 1, 1] = np.sqrt(1 - correlation**2)
    size = (count, stages)
    return Draws(
        shape=(1, count),
        location=rng.normal(centre, 0.4 * wide, size),
        slope=slope * rng.normal(0.2, 0.3 * wide, (count, width, stages)),
        tau=tau * np.abs(rng.normal(1.0, 0.2 * wide, size)),
        inner=inner * np.abs(rng.normal(0.7, 0.2 * wide, size)),
        icc=None,
        factor=factor,
        df=None,
    )


def _repeated(chain: HarmChain, count: int) -> HarmChain:
    def part(draws: Draws) -> Draws:
        names = ("location", "slope", "tau", "inner", "factor")
        arrays = {n: np.repeat(getattr(draws, n), count, axis=0) for n in names}
        return replace(draws, shape=(1, count), **arrays)

    return HarmChain(part(chain.rates), part(chain.harm), np.repeat(chain.correlation, count))
