"""Stored fits as draws, and two of them cut to pairs that can be joined draw by draw."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from meta.checks.imputed import combined_statistics
from meta.checks.sampler import chain_checks, mixing_statistics
from meta.config import FitTask, Gate
from meta.errors import DesignError
from meta.estimands.draws import Draws, hyper_draws
from meta.evidence.analysis_set import read_analysis_set
from meta.evidence.imputed_set import IMPUTATION
from meta.inference.store import read_fit
from meta.models.design import Design
from meta.models.imputed_design import build_imputed_design
from meta.models.specification import design_of

#: Draws of a chain below which its mixing cannot be told.
FEWEST_DRAWS = 10


@dataclass(frozen=True)
class FittedModel:
    """A stored fit as draws.

    Attributes
    ----------
    draws, designs
        Of each imputed code set; one of each where no codes are imputed.
    base
        Design that was compiled.
    prior
        Draws of the prior group; None where it was not stored.
    chains_pass
        Whether the sampler's chains pass their checks.
    """

    draws: list[Draws]
    designs: list[Design]
    base: Design
    prior: Draws | None
    chains_pass: bool = True


@dataclass(frozen=True)
class Pair:
    """Draws of rates and of harm, as many of each, with their designs."""

    rates: Draws
    harm: Draws
    rates_design: Design
    harm_design: Design


@dataclass(frozen=True)
class PairedFits:
    """Pairs, one for each imputed code set.

    Attributes
    ----------
    sets
        The pairs.
    dealt
        Chains of the fit whose draws were dealt out to the sets of the other; None where both have
        the same sets.
    """

    sets: tuple[Pair, ...]
    dealt: int | None


def fitted_model(posterior: Path, analysis: Path, task: FitTask, gate: Gate) -> FittedModel:
    """Read a stored fit with the designs that it was fitted to.

    Parameters
    ----------
    posterior, analysis
        The stored fit and its analysis set.
    task
        What was fitted.
    gate
        Thresholds of the sampler's checks.

    Raises
    ------
    StoredFitError
        If the file is not a whole fit of this package.
    """
    tree, _ = read_fit(posterior)
    table = read_analysis_set(analysis)
    sample = tree["posterior"].to_dataset()
    if IMPUTATION in table:
        designs = build_imputed_design(table, task.spec)
        base, sets, parts = designs.base, designs.sets, _by_set(sample, len(designs.sets))
    else:
        base = design_of(table, task.spec)
        sets, parts = [base], [sample]
    prior = hyper_draws(tree["prior"].to_dataset(), base) if "prior" in tree.children else None
    draws = [hyper_draws(part, each) for part, each in zip(parts, sets, strict=True)]
    checks = chain_checks(tree["sample_stats"].to_dataset(), task.imputation_sampler, gate)
    return FittedModel(draws, sets, base, prior, all(check.passed for check in checks))


def _by_set(sample: xr.Dataset, count: int) -> list[xr.Dataset]:
    number = sample["imputation"].to_numpy()
    return [sample.isel(chain=np.flatnonzero(number == i)) for i in range(1, count + 1)]


def paired_fits(rates: FittedModel, harm: FittedModel, most: int) -> PairedFits:
    """Cut the draws of two fits to pairs of the same shape, one pair for each imputed code set.

    Parameters
    ----------
    rates, harm
        The fits. Two of imputed codes have the same sets; where one has a single set, its draws are
        dealt out to the sets of the other, one after the other.
    most
        Draws that are kept in all, evenly spaced.

    Raises
    ------
    DesignError
        If both are of several sets and these differ in number, or the draws are too few to share
        out among the sets.
    """
    counts = {len(rates.draws), len(harm.draws)} - {1}
    if len(counts) > 1:
        raise DesignError(
            "two models of imputed codes can be joined where both have the same imputed sets"
        )
    sets = max(counts, default=1)
    single = [fit for fit in (rates, harm) if len(fit.draws) < sets]
    chains = min(fit.draws[0].shape[0] for fit in (rates, harm) if len(fit.draws) == sets)
    size = min(_size(fit) for fit in (rates, harm))
    length = min(most, size) // (sets * chains)
    if length < FEWEST_DRAWS:
        raise DesignError(
            f"{min(most, size):,} draws are too few to join the harm of {sets:,} imputed code sets "
            f"of {chains} chains; `chain.draws` has to be at least "
            f"{FEWEST_DRAWS * sets * chains:,}, and the fits need as many"
        )
    pairs = zip(*(_cut(fit, sets, chains, length) for fit in (rates, harm)), strict=True)
    designs = zip(*(_repeated(fit.designs, sets) for fit in (rates, harm)), strict=True)
    each = tuple(Pair(*two, *of) for two, of in zip(pairs, designs, strict=True))
    return PairedFits(each, single[0].draws[0].shape[0] if single else None)


def _size(fit: FittedModel) -> int:
    """Draws of a fit that can be shared out evenly among its sets."""
    return min(len(draws.location) for draws in fit.draws) * len(fit.draws)


def _repeated(designs: list[Design], sets: int) -> list[Design]:
    """Designs of several sets as they are, a single one for each set."""
    return designs if len(designs) == sets else designs * sets


def _cut(fit: FittedModel, sets: int, chains: int, length: int) -> list[Draws]:
    """Draws of each set, `length` of each of as many chains."""
    if len(fit.draws) == sets:
        return [thinned(draws, chains, length) for draws in fit.draws]
    kept = thinned(fit.draws[0], 1, sets * chains * length)
    return [_taken(kept, np.arange(i, len(kept.location), sets), chains) for i in range(sets)]


def thinned(draws: Draws, chains: int, length: int) -> Draws:
    """Evenly spaced draws, `length` of each of as many chains."""
    count = len(draws.location)
    return _taken(draws, np.linspace(0, count - 1, chains * length).round().astype(int), chains)


def paired_statistics(draws: np.ndarray, dealt: int | None) -> pd.DataFrame:
    """Mixing statistics of quantities of two fits whose draws were paired.

    Parameters
    ----------
    draws
        Shape (quantity, set, chain, draw).
    dealt
        Chains of the fit whose draws were dealt out to the sets, if one was.

    Returns
    -------
    pandas.DataFrame
        As `meta.checks.sampler.mixing_statistics`. Dealt out, neighbouring draws of a fit lie in
        different sets, which hides how slowly it mixes; put back in its order they show it and hide
        how slowly the other one does. The two errors of a mean are of independent fits, so that
        their squares add up, but for what independent draws would have, which both hold.
    """
    by_set, _, _ = combined_statistics(draws)
    if dealt is None:
        return by_set
    ordered = draws.reshape(*draws.shape[:2], -1).swapaxes(1, 2).reshape(len(draws), -1)
    count = ordered.shape[1] // dealt
    other = mixing_statistics(ordered[:, : dealt * count].reshape(len(draws), dealt, count))
    found = by_set.assign(r_hat=np.maximum(by_set["r_hat"], other["r_hat"]))
    total = ordered.shape[1]
    for name in ("ess_bulk", "ess_tail"):
        one, two = 1 / by_set[name], 1 / other[name]
        found[name] = 1 / np.maximum(one + two - 1 / total, np.maximum(one, two))
    one, two = by_set["mcse_mean"] ** 2, other["mcse_mean"] ** 2
    sampled = np.maximum(one + two - by_set["sd"] ** 2 / total, np.maximum(one, two))
    return found.assign(mcse_mean=np.sqrt(sampled))


def _taken(draws: Draws, index: np.ndarray, chains: int) -> Draws:
    arrays = {
        field.name: getattr(draws, field.name)[index]
        for field in fields(draws)
        if field.name != "shape" and getattr(draws, field.name) is not None
    }
    return replace(draws, shape=(chains, len(index) // chains), **arrays)
