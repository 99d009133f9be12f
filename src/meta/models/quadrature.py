"""Gauss-Hermite quadrature over normal effects, adapted to where the integrand lies.

Many integrals at once, one a row of the arrays. The nodes are moved and scaled to the integrand's
own mean and covariance, found by the same nodes one pass earlier (Naylor & Smith 1982,
doi:10.2307/2347995), so that few of them do whether the data say little or much.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.polynomial.legendre import leggauss
from scipy.special import logsumexp

#: Passes that place the nodes of the pilot, the last of which is the integral.
PASSES = 3
#: Items on which the nodes are placed first.
PILOT = 40
#: Nodes of each dimension, by number of dimensions.
NODES = {1: 15, 2: 7, 3: 5}
PILOT_NODES = {1: 15, 2: 9, 3: 7}
#: The nodes cover a little more than a normal integrand, since its tails may be heavier.
STRETCH = 1.2
#: Nodes that must share the weight, in effective number.
FEWEST = 3.0
#: Smallest sd that one pass may find, in units of the previous one's, lest it fall between nodes.
SMALLEST = 0.3

#: Maps items (I,) and effects (I, J, O) to the log integrand (I, J).
LogIntegrand = Callable[[np.ndarray, np.ndarray], np.ndarray]


@cache
def hermite(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights of the expectation over a standard normal."""
    points, weights = hermegauss(nodes)
    return points, np.log(weights / weights.sum())


@cache
def legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights of the expectation over a uniform on (0, 1)."""
    points, weights = leggauss(nodes)
    return (points + 1) / 2, np.log(weights / 2)


@cache
def _tensor(nodes: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    points, logs = hermite(nodes)
    grid = np.meshgrid(*[points] * dimensions, indexing="ij")
    weight = np.stack(np.meshgrid(*[logs] * dimensions, indexing="ij"))
    return np.stack([g.ravel() for g in grid], axis=1), weight.reshape(dimensions, -1).sum(axis=0)


def log_expectation(log_integrand: LogIntegrand, mean: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Log of the expectation of an integrand over normal effects, by adaptive quadrature.

    A few items are integrated in passes. What the integrand says beside the effects' own normal,
    as a normal of its own, then places the nodes of every item in one pass.

    Parameters
    ----------
    log_integrand
        Logarithm of the integrand of some items at some effects.
    mean
        Mean of the effects, shape (B, O).
    root
        Lower Cholesky factor of their covariance, shape (B, O, O).

    Returns
    -------
    numpy.ndarray
        Shape (B,).
    """
    batch, dimensions = mean.shape
    pilot = np.unique(np.linspace(0, batch - 1, PILOT).astype(int))
    centre, scale = _place(log_integrand, pilot, mean[pilot], root[pilot])
    prior = np.linalg.inv(root @ np.swapaxes(root, 1, 2))
    found = root[pilot] @ scale
    information = np.linalg.inv(found @ np.swapaxes(found, 1, 2)) * STRETCH**2 - prior[pilot]
    values, vectors = np.linalg.eigh(information.mean(axis=0))
    extra = (vectors * np.maximum(values, 0)) @ vectors.T
    # Where the integrand alone would put the effects: pilot centres free of their prior's pull.
    own = np.einsum("bij,bj->bi", prior[pilot] + extra, centre)
    pull = (own - np.einsum("bij,bj->bi", prior[pilot], mean[pilot])).mean(axis=0)
    precision = prior + extra
    middle = np.linalg.solve(precision, (np.einsum("bij,bj->bi", prior, mean) + pull)[..., None])
    width = STRETCH * np.linalg.cholesky(np.linalg.inv(precision))
    inverse = np.linalg.inv(root)
    start = np.einsum("bij,bj->bi", inverse, middle[..., 0] - mean)
    nodes = _tensor(NODES[dimensions], dimensions)
    items, scale = np.arange(batch), inverse @ width
    terms, standard = _terms(log_integrand, items, mean, root, start, scale, nodes)
    total = np.asarray(logsumexp(terms, axis=1))
    weight = np.exp(terms - total[:, None])
    # Items unlike the pilot, where a few nodes carry everything, are placed by their own moments.
    again = np.flatnonzero((weight**2).sum(axis=1) > 1 / FEWEST)
    for _ in range(PASSES - 1 if again.size else 0):
        moved = _moments(standard[again], weight[again], scale[again])
        start[again], scale[again] = moved
        few, standard[again] = _terms(log_integrand, again, mean[again], root[again], *moved, nodes)
        total[again] = logsumexp(few, axis=1)
        weight[again] = np.exp(few - total[again, None])
    return total


def _place(
    log_integrand: LogIntegrand, items: np.ndarray, mean: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the integrand as a density of effects, and its root in units of `root`."""
    dimensions = mean.shape[1]
    nodes = _tensor(PILOT_NODES[dimensions], dimensions)
    centre = np.zeros(mean.shape)
    scale = np.broadcast_to(np.eye(dimensions), root.shape)
    for _ in range(PASSES):
        terms, standard = _terms(log_integrand, items, mean, root, centre, scale, nodes)
        weight = np.exp(terms - logsumexp(terms, axis=1)[:, None])
        centre, scale = _moments(standard, weight, scale)
    return mean + np.einsum("bij,bj->bi", root, centre), scale


def _terms(
    log_integrand: LogIntegrand,
    items: np.ndarray,
    mean: np.ndarray,
    root: np.ndarray,
    centre: np.ndarray,
    scale: np.ndarray,
    nodes: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Log terms of the sum, shape (B, J), and their standardised effects, shape (B, J, O)."""
    points, logs = nodes
    standard = centre[:, None, :] + np.einsum("bij,kj->bki", scale, points)
    effects = mean[:, None, :] + np.einsum("bij,bkj->bki", root, standard)
    # Weight of a node: the effects' own density over that of the nodes.
    stretch = np.linalg.slogdet(scale)[1]
    change = 0.5 * (points**2).sum(axis=1) - 0.5 * (standard**2).sum(axis=2)
    return log_integrand(items, effects) + logs + change + stretch[:, None], standard


def _moments(
    standard: np.ndarray, weight: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and stretched Cholesky factor of the integrand, seen through weighted nodes."""
    centre = np.einsum("bk,bki->bi", weight, standard)
    off = standard - centre[:, None, :]
    covariance = np.einsum("bk,bki,bkj->bij", weight, off, off)
    width = np.sqrt((scale**2).sum(axis=2))
    index = np.arange(width.shape[1])
    floor = (SMALLEST * width) ** 2
    # A little more on the diagonal keeps a covariance of few nodes positive definite.
    diagonal = np.maximum(covariance[:, index, index], floor) * 1.001
    covariance[:, index, index] = diagonal
    return centre, STRETCH * np.linalg.cholesky(covariance)
