"""Averages over studies, agent sets and arms, by quadrature for each draw."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from meta.estimands.draws import Draws
from meta.models.quadrature import hermite
from meta.models.scale_mixture import AVERAGE_TAILS, mixing

#: Nodes of each dimension, by number of stages: Gauss-Hermite; and, where the logit varies widely
#: (sd above WIDE), of the trapezoidal rule, since Gauss-Hermite spends most of its nodes where the
#: normal has no mass and is too coarse for the inverse logit between them.
NODES = {1: 61, 2: 21, 3: 13}
WIDE_NODES = {1: 121, 2: 41, 3: 21}
WIDE = 3.0
#: Farthest node of the trapezoidal rule, in sd.
REACH = 6.0
#: Array elements of one block, which bounds the memory.
BLOCK = 5_000_000


def mean_of_product(
    location: np.ndarray,
    tau: np.ndarray,
    inner: np.ndarray,
    factor: np.ndarray,
    df: np.ndarray | None = None,
) -> np.ndarray:
    """Average over studies of the product of stage rates, one value a draw.

    Parameters
    ----------
    location, tau, inner
        Shape (D, O): logit location, between-study sd, sd below studies (independent by stage).
    factor
        Shape (D, O, O): Cholesky factor of the correlation of study effects.
    df
        Degrees of freedom of Student-t study effects, shape (D,), or None for normal ones.

    Returns
    -------
    numpy.ndarray
        Shape (D,), by tensor quadrature at each scale of `meta.models.scale_mixture`.

    Notes
    -----
    The trapezoidal rule converges exponentially in its spacing for these integrands (Trefethen &
    Weideman 2014, doi:10.1137/130932132).
    """
    total = np.zeros(len(location))
    for log_share, stretch in mixing(df, AVERAGE_TAILS):
        share = np.broadcast_to(np.exp(log_share), total.shape)
        scaled = tau * stretch
        wide = (scaled**2 + inner**2).max(axis=1) > WIDE**2
        for part in (~wide, wide):
            if part.any():
                rule = _rule(location.shape[1], bool(wide[part][0]))
                root = _root(scaled[part], inner[part], factor[part])
                total[part] += share[part] * _tensor_mean(location[part], root, *rule)
    return total


def _root(tau: np.ndarray, inner: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Cholesky factor of the covariance of an arm's logits, shape (D, O, O)."""
    stages = tau.shape[1]
    spread = tau[:, :, None] * factor
    covariance = spread @ np.swapaxes(spread, 1, 2)
    covariance[:, range(stages), range(stages)] += inner**2 + 1e-12
    return np.asarray(np.linalg.cholesky(covariance))


def _rule(stages: int, wide: bool) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of each dimension of the expectation over standard normals."""
    if not wide:
        points, logs = hermite(NODES[stages])
        return points, np.exp(logs)
    points = np.linspace(-REACH, REACH, WIDE_NODES[stages])
    density = np.exp(-(points**2) / 2)
    return points, density / density.sum()


def _tensor_mean(
    location: np.ndarray, root: np.ndarray, points: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Expectation of the product of rates under normal logits, shape (D,)."""
    stages = location.shape[1]
    grid = np.stack([g.ravel() for g in np.meshgrid(*[points] * stages, indexing="ij")])
    weight = np.prod([g.ravel() for g in np.meshgrid(*[weights] * stages, indexing="ij")], axis=0)
    found = np.empty(len(location))
    step = max(1, BLOCK // grid.size)
    for start in range(0, len(location), step):
        part = slice(start, start + step)
        logits = location[part, :, None] + root[part] @ grid
        found[part] = np.prod(expit(logits), axis=1) @ weight
    return found


def mean_rate(logit: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """E[inverse-logit(logit + sd Z)] by Gauss-Hermite quadrature; arrays that broadcast."""
    if not np.any(sd):
        return np.asarray(expit(logit))
    points, logs = hermite(31 if np.max(sd) <= WIDE else 301)
    weights = np.exp(logs)
    return np.asarray(sum(w * expit(logit + sd * p) for p, w in zip(points, weights, strict=True)))


class StudyAverages:
    """Averages over studies at given settings of the moderators, each computed once.

    Parameters
    ----------
    draws
        Draws of a fit.
    """

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        self._known: dict[tuple[bytes, int, int], np.ndarray] = {}

    def location(self, x: np.ndarray) -> np.ndarray:
        """Logit location at a row of the design matrix, shape (D, O)."""
        return np.asarray(self.draws.location + np.einsum("p,dpo->do", x, self.draws.slope))

    def mean(self, x: np.ndarray, stages: slice) -> np.ndarray:
        """Average over studies of the product of consecutive stages' rates.

        Parameters
        ----------
        x
            Row of the design matrix, shape (P,).
        stages
            Of one stage, or of a chain from the first one.

        Returns
        -------
        numpy.ndarray
            Shape (D,).
        """
        key = (np.asarray(x, float).tobytes(), stages.start, stages.stop)
        if key not in self._known:
            self._known[key] = self._mean(x, stages)
        return self._known[key]

    def _mean(self, x: np.ndarray, s: slice) -> np.ndarray:
        total = np.zeros(len(self.draws.tau))
        for share, d in self.draws.populations():
            one = s.stop - s.start == 1
            factor = np.ones((len(d.tau), 1, 1)) if one else d.factor[:, s, s]
            location = (d.location + np.einsum("p,dpo->do", x, d.slope))[:, s]
            total += share * mean_of_product(location, d.tau[:, s], d.inner[:, s], factor, d.df)
        return total
