"""Importance weights: what another likelihood would make of stored draws, and how far to trust it.

Pareto-smoothed importance sampling (Vehtari, Simpson, Gelman, Yao & Gabry 2024,
arXiv:1507.02646). The weights are those of the draws' own posterior towards another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats

from meta.plural import counted

#: Difference between two sums that is noise, whatever its standard error says.
NOISE = 4
#: Weights with a larger Pareto k than this are not used, however many draws there are.
LARGEST_K = 0.7
#: Effective draws below which a reweighted interval says little: its ends lie in the tails. Means
#: need fewer, so that `meta.checks.leave_one_out` goes by the Pareto k alone.
SMALLEST_ESS = 200.0

#: Said of a study whose density would cost too much.
NOT_COMPUTED = "not computed"


@dataclass(frozen=True)
class Weights:
    """Normalised weights of D draws, shape (chains, draws), with their Pareto k."""

    weight: np.ndarray
    pareto_k: float

    @property
    def ess(self) -> float:
        """Effective number of equally weighted draws (Kish)."""
        return float(1 / (self.weight**2).sum())

    @property
    def limit(self) -> float:
        """Largest Pareto k that this number of draws can bear."""
        return min(1 - 1 / np.log10(self.weight.size), LARGEST_K)

    @property
    def reliable(self) -> bool:
        """Whether estimates by these weights, ends of intervals among them, may be used."""
        return self.pareto_k <= self.limit and self.ess >= SMALLEST_ESS

    @property
    def reason(self) -> str:
        """Why they may or may not be used, in words."""
        if not np.isfinite(self.pareto_k) or self.pareto_k > self.limit:
            return f"Pareto k {self.pareto_k:.2f} is above {self.limit:.2f}"
        if self.ess < SMALLEST_ESS:
            return f"{counted(round(self.ess), 'effective draw')}, fewer than {SMALLEST_ESS:.0f}"
        return f"Pareto k {self.pareto_k:.2f} is at most {self.limit:.2f}"


def smoothed_weights(log_ratio: np.ndarray) -> Weights:
    """Smooth importance ratios.

    Parameters
    ----------
    log_ratio
        Log of new over old posterior density, up to a constant, shape (chains, draws).

    Returns
    -------
    Weights
        Pareto k is infinite where a ratio is not finite everywhere, and minus infinity where all
        are equal.
    """
    flat = log_ratio.ravel()
    even = np.full(log_ratio.shape, 1 / flat.size)
    if np.isnan(flat).any() or np.isposinf(flat).any() or not np.isfinite(flat).any():
        return Weights(even, np.inf)
    if np.ptp(flat) < 1e-12:
        return Weights(even, -np.inf)
    # ArviZ smooths the ratios of leave-one-out, minus the log likelihood.
    try:
        logs, k = array_stats.psislw(-np.maximum(flat, flat.max() - 600.0))
    except ValueError:
        # A tail of equal ratios has no shape to estimate.
        return Weights(even, np.inf)
    return Weights(np.exp(logs).reshape(log_ratio.shape), float(k))


@dataclass(frozen=True)
class Shift:
    """Change of a quantity's mean and quantiles under weights, and the mean's Monte Carlo error."""

    mean: float
    median: float
    low: float
    high: float
    mcse: float


def shift(draws: np.ndarray, weights: Weights, ci_prob: float) -> Shift:
    """Summarise what the weights do to a quantity, weighted against unweighted.

    Both sides use the same draws, so that what they share of Monte Carlo error cancels.

    Parameters
    ----------
    draws
        Shape (chains, draws).
    weights
        Of the same shape.
    ci_prob
        Mass of the equal-tailed interval.
    """
    flat, weight = draws.ravel().astype(float), weights.weight.ravel()
    tail = (1 - ci_prob) / 2
    at = [tail, 0.5, 1 - tail]
    new = np.quantile(flat, at, weights=weight, method="inverted_cdf")
    low, median, high = new - np.quantile(flat, at, method="inverted_cdf")
    before, after = flat.mean(), float(weight @ flat)
    # First-order error of a ratio of means less a mean, one term a draw.
    influence = weights.weight * weights.weight.size * (draws - after) - (draws - before)
    constant = np.ptp(influence) < 1e-15
    mcse = 0.0 if constant else float(array_stats.mcse(influence, method="mean"))
    return Shift(after - before, float(median), float(low), float(high), mcse)
