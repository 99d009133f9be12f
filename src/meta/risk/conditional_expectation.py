r"""Variance of a number that is explained by others: regression on joint draws of all of them.

:math:`\mathrm{Var}(E[R \mid \phi]) / \mathrm{Var}(R)` is the share of the variance of R that is
expected to go if :math:`\phi` becomes known (Strong, Oakley & Brennan 2014,
doi:10.1177/0272989X13505910; for estimation in place of a decision Jackson et al. 2019,
doi:10.1080/01621459.2018.1562932). The conditional expectation is an additive cubic B-spline in
the columns of :math:`\phi`, with the products of their pairs, by least squares. With thousands of
draws and tens of terms no penalty is needed, and least squares needs cross products alone: those
of each block of consecutive draws are kept, so that every subset of the terms and every bootstrap
sample of blocks (Kuensch 1989, doi:10.1214/aos/1176347265) costs one small linear system.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.interpolate import BSpline

#: Degree of the splines, and inner knots, at evenly spaced quantiles of the draws.
DEGREE, INNER_KNOTS = 3, 3
#: Blocks that the draws are cut into.
BLOCKS = 100
#: Added to the variance of each standardised term, so that terms may repeat each other.
RIDGE = 1e-9


@dataclass(frozen=True)
class Share:
    """Shares of variance of several responses.

    Attributes
    ----------
    value
        Shape (R,).
    resampled
        The same in bootstrap samples of the draws, shape (W, R).
    """

    value: np.ndarray
    resampled: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Monte Carlo standard error, shape (R,)."""
        return np.asarray(self.resampled.std(axis=0, ddof=1))

    def of(self, responses: Sequence[int]) -> Share:
        """Shares of some of the responses, in the order given."""
        return Share(self.value[list(responses)], self.resampled[:, list(responses)])

    def mean(self) -> Share:
        """Average over the responses, as the one response."""
        return Share(self.value.mean(keepdims=True), self.resampled.mean(axis=1, keepdims=True))


class Regression:
    """Regressions of responses on any subset of named groups of columns.

    Parameters
    ----------
    groups
        Columns of each group, shape (D, q).
    responses
        Shape (D, R).
    seed
        Of the bootstrap: the same seed and number of draws resample the same blocks.
    resamples
        Bootstrap samples.
    """

    def __init__(
        self, groups: Mapping[str, np.ndarray], responses: np.ndarray, seed: int, resamples: int
    ) -> None:
        terms = {name: standardised(spline_terms(columns)) for name, columns in groups.items()}
        self._terms = np.concatenate([np.zeros((len(responses), 0)), *terms.values()], axis=1)
        self._where: dict[str, np.ndarray] = {}
        start = 0
        for name, columns in terms.items():
            self._where[name] = np.arange(start, start + columns.shape[1])
            start += columns.shape[1]
        # A response that does not vary has nothing to explain: its share is not a number.
        scale = np.where(np.ptp(responses, axis=0) > 0, responses.std(axis=0), np.nan)
        self._responses = (responses - responses.mean(axis=0)) / scale
        blocks = _cross_products(self._terms, self._responses)
        weights = block_weights(len(blocks), seed, resamples)
        self._all = _covariance(blocks.sum(axis=0)[None])
        flat = weights @ blocks.reshape(len(blocks), -1)
        self._resampled = _covariance(flat.reshape(resamples, *blocks.shape[1:]))

    def share(self, *names: str) -> Share:
        """Share of each response's variance that some groups explain together.

        Adjusted for the number of terms, as an adjusted R squared, so that groups that tell nothing
        are at zero on average.
        """
        columns = self._columns(names)
        one, many = (self._explained(c, columns) for c in (self._all, self._resampled))
        return Share(self._adjusted(one[0], len(columns)), self._adjusted(many, len(columns)))

    def shares_added(self) -> dict[str, Share]:
        r"""Share that each group adds to what all of the others explain.

        With coefficients :math:`\beta` and inverse covariance :math:`Q` of all terms, leaving out a
        group g explains :math:`\beta_g' Q_{gg}^{-1} \beta_g` less: one inverse serves every group.
        """
        width = self._terms.shape[1]
        added: dict[str, list[np.ndarray]] = {name: [] for name in self._where}
        for covariance in (self._all, self._resampled):
            total = np.diagonal(covariance, axis1=1, axis2=2)[:, width:]
            inverse = np.linalg.inv(covariance[:, :width, :width] + RIDGE * np.eye(width))
            slope = inverse @ covariance[:, :width, width:]
            whole = (covariance[:, :width, width:] * slope).sum(axis=1) / total
            for name, own in self._where.items():
                part = slope[:, own]
                lost = (part * np.linalg.solve(inverse[:, own[:, None], own], part)).sum(axis=1)
                rest = self._adjusted(whole - lost / total, width - len(own))
                added[name].append(self._adjusted(whole, width) - rest)
        return {name: Share(one[0], many) for name, (one, many) in added.items()}

    def fitted(self, name: str, response: int) -> np.ndarray:
        """Conditional expectation of a standardised response given a group, shape (D,)."""
        columns = self._columns([name])
        slope = _solved(self._all, columns, self._terms.shape[1])[0][:, response]
        return np.asarray(self._terms[:, columns] @ slope)

    def _adjusted(self, explained: np.ndarray, terms: int) -> np.ndarray:
        count = len(self._terms)
        return np.asarray(1 - (1 - explained) * (count - 1) / max(count - 1 - terms, 1))

    def _columns(self, names: Sequence[str]) -> np.ndarray:
        return np.concatenate([np.zeros(0, int), *(self._where[name] for name in names)])

    def _explained(self, covariance: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """R squared without adjustment, shape (W, R)."""
        width = self._terms.shape[1]
        total = np.diagonal(covariance, axis1=1, axis2=2)[:, width:]
        if not len(columns):
            return np.zeros_like(total)
        slope = _solved(covariance, columns, width)
        return np.asarray((covariance[:, columns, width:] * slope).sum(axis=1) / total)


def spline_terms(columns: np.ndarray) -> np.ndarray:
    """Cubic B-splines of each column, and the products of pairs of columns.

    Parameters
    ----------
    columns
        Shape (D, q). A column with fewer distinct quantiles than knots has fewer terms; one that
        does not vary has none.

    Returns
    -------
    numpy.ndarray
        Shape (D, P), without a constant. A change of a column's unit or origin changes no fit.
    """
    varying = standardised(columns[:, np.ptp(columns, axis=0) > 0])
    splines = [_spline(column) for column in varying.T]
    products = [varying[:, i] * varying[:, j] for i, j in combinations(range(varying.shape[1]), 2)]
    parts = [*splines, *(product[:, None] for product in products)]
    return np.concatenate([np.zeros((len(columns), 0)), *parts], axis=1)


def _spline(column: np.ndarray) -> np.ndarray:
    low, high = column.min(), column.max()
    knots = np.unique(np.quantile(column, np.linspace(0, 1, INNER_KNOTS + 2)[1:-1]))
    inside = knots[(knots > low) & (knots < high)]
    ends = np.ones(DEGREE + 1)
    every = np.concatenate([low * ends, inside, high * ends])
    # The terms sum to one: without the first, a constant beside them is no repetition.
    return np.asarray(BSpline.design_matrix(column, every, DEGREE).toarray()[:, 1:])


def standardised(columns: np.ndarray) -> np.ndarray:
    """Columns (D, q) with mean 0 and sd 1; those that do not vary are left out."""
    kept = columns[:, np.ptp(columns, axis=0) > 0]
    return np.asarray((kept - kept.mean(axis=0)) / kept.std(axis=0))


def block_weights(blocks: int, seed: int, resamples: int) -> np.ndarray:
    """How often each block of draws is in each bootstrap sample, shape (resamples, blocks)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples)


def block_sums(values: np.ndarray) -> np.ndarray:
    """Sums over blocks of consecutive draws, of values (D, ...), shape (B, ...)."""
    starts = np.linspace(0, len(values), min(BLOCKS, len(values)) + 1).astype(int)[:-1]
    return np.asarray(np.add.reduceat(values, starts, axis=0))


def _cross_products(terms: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """Cross products of a constant, the terms and the responses, shape (B, 1 + P + R, ...)."""
    everything = np.concatenate([np.ones((len(terms), 1)), terms, responses], axis=1)
    return np.stack(
        [part.T @ part for part in np.array_split(everything, min(BLOCKS, len(everything)))]
    )


def _covariance(cross: np.ndarray) -> np.ndarray:
    """Covariance of terms and responses from cross products, shape (W, P + R, P + R)."""
    count = cross[:, :1, :1]
    mean = cross[:, 0, 1:] / count[:, 0]
    return np.asarray(cross[:, 1:, 1:] / count - mean[:, :, None] * mean[:, None, :])


def _solved(covariance: np.ndarray, columns: np.ndarray, width: int) -> np.ndarray:
    """Slopes of the responses on some of the terms, shape (W, P, R)."""
    own = covariance[:, columns[:, None], columns] + RIDGE * np.eye(len(columns))
    return np.asarray(np.linalg.solve(own, covariance[:, columns, width:]))
