r"""Coordinates in which arms are sampled: as they are, standardised, or along their ridge.

Most arms count goal failures among all trials. Rich counts then fix the product of the rates of
capability and goal failure, and nothing else: on the logit scale the posterior of the arm is a thin
curved ridge, along which a sampler takes hundreds of small steps. Such an arm is sampled by where
it is across and along the ridge. With :math:`s = -\log(p_C p_G)`, an estimate :math:`\hat s` of it
with standard error :math:`e` from the counts, and the arm's mean and sd of capability,

.. math::
    \log s = \log \hat s + w \, e / \hat s, \quad
    h = m_C + \kappa_C r, \quad
    -\log p_C = s \, \sigma(-h - \log s), \quad
    -\log p_G = s \, \sigma(h + \log s)

so that counts inform w alone, and r is close to the standardised capability where goal failure,
not capability, is what is rare. The map from (w, r) to the two logits is one to one; its Jacobian
is accounted for, so that the posterior is the same. Every other arm is centred or not, stage by
stage (see `meta.models.centring`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform

from meta.models.centring import threshold
from meta.models.design import Design

#: Log of the smallest minus log rate: below it the rate would round to one.
SMALLEST = -700.0


def ridge_data(design: Design) -> dict[str, np.ndarray]:
    """Where the ridge of each arm lies, from its counts.

    Parameters
    ----------
    design
        Design with the level arm and both stages.

    Returns
    -------
    dict of str to numpy.ndarray
        Each of length arms: `ridge_total`, minus the logarithm of the product of the rates, and
        `ridge_spread`, its standard error over it; 0 for arms that have no ridge.
    """
    arm = design.row_unit[-1][design.row]
    size = len(design.levels[-1].units)
    events, trials, own = (np.zeros(size) for _ in range(3))
    product = design.through_capability
    np.add.at(events, arm[product], design.events[product])
    np.add.at(trials, arm[product], design.trials[product])
    np.add.at(own, arm[~product], design.trials[~product])
    rate = (events + 0.5) / (trials + 1)
    rich = trials * rate * (1 - rate) > threshold("arm")
    total = -np.log(rate)
    spread = np.sqrt((1 - rate) / (events + 0.5)) / total
    return {
        "ridge_total": total,
        "ridge_spread": np.where(rich & (own == 0), spread, 0.0),
    }


class Coordinates(Transform):
    """Map of the logits of arms, shape (arms, stages), to what is sampled of them.

    Its methods are given the inputs of the distribution, of which it reads the mean and the sd of
    each arm and whether it is centred.
    """

    name = "coordinates"
    ndim_supp = 1

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Coordinates of the logits of arms."""
        mean, scale, centre = inputs[-4:-1]
        return pt.switch(centre, value, (value - mean) / scale)

    def backward(self, value: Any, *inputs: Any) -> Any:
        """Logits of arms at the coordinates."""
        mean, scale, centre = inputs[-4:-1]
        return pt.switch(centre, value, mean + scale * value)

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """Log of the absolute Jacobian determinant of `backward`, length arms."""
        _, scale, centre = inputs[-4:-1]
        return pt.sum(pt.switch(centre, 0.0, pt.log(scale)) + pt.zeros_like(value), axis=-1)


class RidgeCoordinates(Coordinates):
    """The same, where some arms have a ridge: reads `ridge_data` before the others."""

    name = "ridge"

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Coordinates of the logits of arms."""
        total, spread, mean, scale = inputs[-6:-2]
        log_parts = [pt.log(pt.softplus(-value[..., k])) for k in (0, 1)]
        log_total = pt.logaddexp(*log_parts)
        along = log_parts[1] - log_parts[0] - log_total
        ridge = (
            (along - mean[..., 0]) / scale[..., 0],
            (log_total - pt.log(total)) / _positive(spread),
        )
        return _where(spread, ridge, super().forward(value, *inputs))

    def backward(self, value: Any, *inputs: Any) -> Any:
        """Logits of arms at the coordinates."""
        total, spread, mean, scale = inputs[-6:-2]
        parts = _log_parts(value, total, spread, mean, scale)
        return _where(spread, [_logit(part) for part in parts], super().backward(value, *inputs))

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """Log of the absolute Jacobian determinant of `backward`, length arms."""
        total, spread, mean, scale = inputs[-6:-2]
        found = pt.log(_positive(spread)) + pt.log(scale[..., 0])
        for log_part in _log_parts(value, total, spread, mean, scale):
            found = found + log_part - _log_failure(log_part)
        return pt.switch(pt.gt(spread, 0), found, super().log_jac_det(value, *inputs))


def _where(spread: Any, ridge: Sequence[Any], others: Any) -> Any:
    """Columns of the arms that have a ridge, and those of all others."""
    return pt.switch(pt.gt(spread, 0)[..., None], pt.stack(ridge, axis=-1), others)


def _positive(spread: Any) -> Any:
    """Spread of the arms that have a ridge; of others one, which is not used."""
    return pt.switch(pt.gt(spread, 0), spread, 1.0)


def _log_parts(value: Any, total: Any, spread: Any, mean: Any, scale: Any) -> tuple[Any, Any]:
    """Log of minus the log of either rate."""
    log_total = pt.log(total) + spread * value[..., 1]
    along = mean[..., 0] + scale[..., 0] * value[..., 0] + log_total
    return log_total - pt.softplus(along), log_total - pt.softplus(-along)


def _log_failure(log_part: Any) -> Any:
    """Log of one minus the rate whose minus log is exp(log_part)."""
    return pt.log(-pt.expm1(-_part(log_part)))


def _logit(log_part: Any) -> Any:
    """Logit of that rate."""
    return -_part(log_part) - _log_failure(log_part)


def _part(log_part: Any) -> Any:
    """Minus log of that rate, above zero however small."""
    return pt.exp(pt.maximum(log_part, SMALLEST))


def arm_logits(design: Design, mean: Any, scale: Any, centre: Any) -> Any:
    """Add the arms to the model in context, normal about a mean; logits, shape (arms, stages).

    Parameters
    ----------
    design
        Design with the level arm.
    mean
        Of each arm, shape (arms, stages).
    scale
        Sd of the arms about it, shape (arms, stages) or (1, stages).
    centre
        Whether an arm's stage is sampled as it is, shape (arms, stages).
    """
    ridge: list[Any] = []
    transform = Coordinates()
    if design.through_capability.any():
        ridge = [pm.Data(name, value, dims="arm") for name, value in ridge_data(design).items()]
        transform = RidgeCoordinates()
    # The transform may read nothing but inputs of the distribution; the density is the normal's.
    return pm.CustomDist(
        "arm_logit",
        *ridge,
        mean,
        scale,
        centre,
        dist=_draw,
        logp=_log_density,
        support_point=_start,
        signature=",".join(["()"] * len(ridge) + ["(k)"] * 3) + "->(k)",
        dims=("arm", "stage"),
        transform=transform,
    )


def _draw(*inputs: Any) -> Any:
    mean, scale, _, _ = inputs[-4:]  # last the size, which is that of the means
    return pm.Normal.dist(mean, scale)


def _start(_arms: Any, _size: Any, *inputs: Any) -> Any:
    """Return the mean, of arms that have a ridge the middle of it: far from it chains get stuck."""
    mean = inputs[-3]
    if len(inputs) == 3:
        return mean
    ridge = RidgeCoordinates().backward(pt.zeros_like(mean), *inputs, None)
    return _where(inputs[1], [ridge[..., k] for k in (0, 1)], mean)


def _log_density(value: Any, *inputs: Any) -> Any:
    mean, scale, _ = inputs[-3:]
    return pt.sum(pm.logp(pm.Normal.dist(mean, scale), value), axis=-1)
