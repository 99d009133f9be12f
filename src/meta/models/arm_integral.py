"""Likelihood of one arm's counts, given its logits or integrated over their normal spread.

The spread is integrated stage by stage, each given the earlier ones, by Gauss-Hermite nodes placed
at the product of the effect's normal and a normal approximation of the counts' likelihood. This
follows the ridge along which an arm that counts among all trials confines the product of
capability and goal failure, which nodes around one joint mode would not. The effect that an arm has
on the logit of such a count (`meta.models.arms`) is integrated within.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, log_expit, logit, logsumexp, ndtr, ndtri

from meta.models.arm_effect import logit_normal_binomial
from meta.models.arm_rates import attenuation, product_logit
from meta.models.design import Design
from meta.models.quadrature import hermite, legendre

#: Nodes of each stage; of capability under a binomial product, whose ridge ends abruptly.
NODES = 9
RIDGE_NODES = 21
#: By how much the nodes are spread beyond the normal approximation.
STRETCH = 1.2
#: Array elements of one block, which bounds the memory.
BLOCK = 1_000_000


@dataclass(frozen=True)
class Observation:
    """Events of trials at one stage; `through`: the rate is the product with capability."""

    stage: int
    events: int
    trials: int
    through: bool


@dataclass(frozen=True)
class Counts:
    """What one row observes."""

    observations: tuple[Observation, ...]

    @classmethod
    def of(cls, design: Design, row: int, only: Sequence[int] | None = None) -> Counts:
        """Counts of a row of a design (of some of its observations, where named)."""
        numbers = np.flatnonzero(design.row == row) if only is None else only
        return cls(
            tuple(
                Observation(
                    int(design.stage[n]), int(design.events[n]), int(design.trials[n]),
                    bool(design.through_capability[n]),
                )
                for n in numbers
            )
        )  # fmt: skip

    @property
    def stages(self) -> list[int]:
        """Stages that the likelihood depends on, in order."""
        direct = {o.stage for o in self.observations}
        return sorted(direct | ({0} if self.product else set()))

    @property
    def product(self) -> Observation | None:
        """What is counted among all trials, capable or not, if anything is."""
        return next((o for o in self.observations if o.through), None)

    def direct(self, stage: int) -> Observation | None:
        """What is counted of a stage by itself, if anything is."""
        return next((o for o in self.observations if o.stage == stage and not o.through), None)

    def nodes(self, spread: bool, binomial: bool, arm: bool) -> int:
        """Nodes at which the likelihood is evaluated to integrate over what a row leaves open.

        Parameters
        ----------
        spread
            Whether the logits of its agent set are unknown.
        binomial, arm
            Likelihood, and whether arms have effects of their own.
        """
        if not spread and (not arm or self.product):
            return 1
        first = RIDGE_NODES if binomial and self.product else NODES
        return int(first * NODES ** (len(self.stages) - 1))

    def log_likelihood(self, eta: np.ndarray, icc: np.ndarray | None) -> np.ndarray:
        """Log likelihood given logits of shape (..., O) and icc of shape (..., O) or None."""
        logits = {stage: eta[..., stage] for stage in self.stages}
        return np.asarray(np.zeros(eta.shape[:-1]) + self.at_logits(logits, icc))

    def at_logits(
        self, eta: Mapping[int, np.ndarray], icc: np.ndarray | None
    ) -> np.ndarray | float:
        """Log likelihood given each stage's logits, arrays that broadcast, and icc (..., O)."""
        total: np.ndarray | float = 0.0
        for o in self.observations:
            size = None if icc is None else (1 - icc[..., o.stage]) / icc[..., o.stage]
            total = total + count_log_likelihood(o.events, o.trials, *log_rates(eta, o), size)
        return total


def log_rates(
    eta: Mapping[int, np.ndarray], observation: Observation
) -> tuple[np.ndarray, np.ndarray]:
    """Log of an observation's rate and of its complement, from each stage's logits."""
    own = eta[observation.stage]
    log_rate, log_rest = log_expit(own), log_expit(-own)
    if observation.through:
        log_capable = log_expit(eta[0])
        log_rest = np.logaddexp(log_expit(-eta[0]), log_capable + log_rest)
        log_rate = log_rate + log_capable
    return log_rate, log_rest


def count_log_likelihood(
    events: int,
    trials: int,
    log_rate: np.ndarray,
    log_rest: np.ndarray,
    size: np.ndarray | None = None,
) -> np.ndarray:
    """Log probability of `events` of `trials`: binomial, or beta-binomial of precision `size`.

    Parameters
    ----------
    events, trials
        Counts.
    log_rate, log_rest
        Log of the rate and of its complement; arrays that broadcast.
    size
        Sum of the beta distribution's parameters, (1 - icc) / icc; None for the binomial.
    """
    rest = trials - events
    ways = gammaln(trials + 1) - gammaln(events + 1) - gammaln(rest + 1)
    if size is None:
        return np.asarray(ways + _times(events, log_rate) + _times(rest, log_rest))
    a, b = np.exp(log_rate) * size, np.exp(log_rest) * size
    total = ways + gammaln(size) - gammaln(size + trials)
    if events:
        total = total + gammaln(a + events) - gammaln(a)
    if rest:
        total = total + gammaln(b + rest) - gammaln(b)
    return np.asarray(total + 0 * a)


def _times(count: int, log_rate: np.ndarray) -> np.ndarray | float:
    return count * log_rate if count else 0.0


def arm_log_likelihood(
    counts: Counts,
    mean: np.ndarray,
    spread: np.ndarray,
    icc: np.ndarray | None,
    arm: np.ndarray | None = None,
) -> np.ndarray:
    """Log likelihood of one row whose agent set's logits are normal.

    Parameters
    ----------
    counts
        What the row observes.
    mean
        Mean logits, shape (B, O).
    spread
        Their covariance, shape (B, O, O); zero where the logits are known.
    icc
        Intra-class correlations, shape (B, O), or None for the binomial.
    arm
        Sd of the arm's own effect on the logit of what it counts (`meta.models.arms`), shape
        (B, O); None for none.

    Returns
    -------
    numpy.ndarray
        Shape (B,).
    """
    if arm is not None and not counts.product:
        # On the logit of a stage, effects of the set and of the arm come as their sum.
        spread, arm = spread + arm[:, :, None] ** 2 * np.eye(arm.shape[1]), None
    if arm is None and not spread.any():
        return counts.log_likelihood(mean, icc)
    step = max(1, BLOCK // counts.nodes(bool(spread.any()), icc is None, arm is not None))
    blocks = [slice(i, i + step) for i in range(0, len(mean), step)]
    return np.concatenate(
        [
            _spread_out(counts, mean[b], spread[b], *(_part(v, b) for v in (icc, arm)))
            for b in blocks
        ]
    )


def _part(values: np.ndarray | None, block: slice) -> np.ndarray | None:
    return None if values is None else values[block]


def _spread_out(
    counts: Counts,
    mean: np.ndarray,
    spread: np.ndarray,
    icc: np.ndarray | None,
    arm: np.ndarray | None,
) -> np.ndarray:
    """Integrate over the stages in turn; axis 0 is the batch, each stage adds an axis of nodes."""
    stages = counts.stages
    if arm is not None and not spread.any():
        return _of_arms(counts, {stage: mean[:, stage] for stage in stages}, arm)
    covariance = spread[:, stages][:, :, stages] + 1e-12 * np.eye(len(stages))
    root = np.linalg.cholesky(covariance)
    batch, deep = len(mean), (1,) * len(stages)
    total = np.zeros((batch, *deep))
    standard: list[np.ndarray] = []
    eta: list[np.ndarray] = []
    for i, stage in enumerate(stages):
        centre = mean[:, stage].reshape(batch, *deep)
        for j in range(i):
            centre = centre + root[:, i, j].reshape(batch, *deep) * standard[j]
        sd = root[:, i, i].reshape(batch, *deep)
        if i == 0 and counts.product and icc is None and not (arm is not None and counts.direct(0)):
            wide = None if arm is None else arm.reshape(batch, *deep, -1)
            z, logs = _ridge_nodes(counts.product, centre, sd, wide)
        else:
            z, logs = _nodes(*_guess(counts, i, eta, mean, spread, icc, arm), centre, sd, i)
        total = total + logs
        standard.append(z)
        eta.append(centre + sd * z)
    at = dict(zip(stages, eta, strict=True))
    if arm is not None:
        total = total + _of_arms(counts, at, arm.reshape(batch, *deep, -1))
    else:
        total = total + counts.at_logits(at, None if icc is None else icc.reshape(batch, *deep, -1))
    return np.asarray(logsumexp(total.reshape(batch, -1), axis=1))


def _of_arms(counts: Counts, eta: Mapping[int, np.ndarray], arm: np.ndarray) -> np.ndarray:
    """Log likelihood given the logits of the agent set, over the arm's effect on each count.

    Parameters
    ----------
    counts
        Binomial counts.
    eta
        Logits of each stage, arrays that broadcast.
    arm
        Sd of the arm's effects, shape (..., O).
    """
    total: np.ndarray | float = 0.0
    for o in counts.observations:
        middle, sd = eta[o.stage], arm[..., o.stage]
        if o.through:
            middle = product_logit(eta[0], middle, arm[..., 0], sd)
        total = total + logit_normal_binomial(o.events, o.trials, middle, sd)
    return np.asarray(total)


def _nodes(
    guess: np.ndarray | float,
    information: np.ndarray | float,
    centre: np.ndarray,
    sd: np.ndarray,
    i: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Standardised nodes on axis 1 + i and their log weights, around prior times guess."""
    points, logs = hermite(NODES)
    x = _along(points, i, centre.ndim)
    precise = 1 / sd**2 + information
    middle = (centre / sd**2 + guess * information) / precise
    width = STRETCH / np.sqrt(precise)
    z = (middle + width * x - centre) / sd
    return z, _along(logs, i, centre.ndim) + np.log(width / sd) + 0.5 * x**2 - 0.5 * z**2


def _ridge_nodes(
    product: Observation, centre: np.ndarray, sd: np.ndarray, arm: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of capability where only its product with goal failure is counted.

    Capability below the product's rate is impossible, so the nodes begin there: equal steps of
    the normal's own probability above it (Gauss-Legendre). Arms with effects of their own may lie
    above their set, by some of their sds.
    """
    share = (product.events + 0.5) / (product.trials + 1)
    low: np.ndarray | float = max(
        share - 4 * np.sqrt(share * (1 - share) / product.trials), 1e-6 * share
    )
    low = logit(low)
    if arm is not None:
        kappa = arm[..., product.stage]
        off = 4 * np.sqrt(kappa**2 + 1 / (product.trials * share * (1 - share)))
        low = attenuation(arm[..., 0]) * (logit(share) - off) / attenuation(kappa)
    above = ndtr((centre - low) / sd)
    points, logs = legendre(RIDGE_NODES)
    z = -ndtri(np.maximum(above * (1 - _along(points, 0, centre.ndim)), 1e-300))
    return z, _along(logs, 0, centre.ndim) + np.log(np.maximum(above, 1e-300))


def _along(values: np.ndarray, i: int, dimensions: int) -> np.ndarray:
    shape = [1] * dimensions
    shape[1 + i] = values.size
    return values.reshape(shape)


def _guess(
    counts: Counts,
    i: int,
    eta: list[np.ndarray],
    mean: np.ndarray,
    spread: np.ndarray,
    icc: np.ndarray | None,
    arm: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Where the counts put a stage's logit given earlier stages, and with what information."""
    stages = counts.stages
    batch, deep = len(mean), (1,) * len(stages)
    stage = stages[i]
    product = counts.product
    seen = counts.direct(stage) or (product if product and stage in (0, product.stage) else None)
    if seen is None:
        return np.zeros((batch, *deep)), np.zeros((batch, *deep))
    share = (seen.events + 0.5) / (seen.trials + 1)
    size = np.full((batch, *deep), float(seen.trials))
    if icc is not None:
        size = size / (1 + (seen.trials - 1) * icc[:, seen.stage].reshape(batch, *deep))
    if arm is not None:
        varies = arm[:, seen.stage].reshape(batch, *deep) ** 2
        size = size / (1 + size * share * (1 - share) * varies)
    if not seen.through:
        return np.full((batch, *deep), logit(share)), size * share * (1 - share)
    # The other factor of the product: capability's node, or goal failure's mean.
    ahead = stage == 0
    other = expit(mean[:, seen.stage].reshape(batch, *deep) if ahead else eta[stages.index(0)])
    other = np.maximum(other, 1e-300)
    rate = np.minimum(share / other, 1 - 0.5 / (seen.trials + 1))
    information = size * other * rate * (1 - rate) ** 2 / (1 - other * rate)
    if ahead:
        # Goal failure is not at its mean; its spread blurs what the product says of capability.
        blur = spread[:, seen.stage, seen.stage].reshape(batch, *deep)
        information = information / (1 + information * blur)
    return logit(rate), information
