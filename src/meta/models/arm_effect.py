"""Likelihood of a binomial count over the normal effect of its arm on the logit.

The effect is integrated by Gauss-Hermite nodes placed at the product of its normal and a normal
approximation of the count's likelihood. Of many items at once, a table over middle and spread is
integrated instead, and read by a cubic spline: a row of a study that is left out is asked for some
million times, and the function of two numbers is smooth.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.special import gammaln, log_expit, logit, logsumexp

from meta.models.quadrature import hermite

NODES = 9
#: By how much the nodes are spread beyond the normal approximation.
STRETCH = 1.2
#: Sd below which arms are taken to vary by this.
SMALLEST_SD = 1e-6
#: Items from which a table is made, and its points along the middle and along the sd.
MANY, TABLE = 100_000, (800, 24)
#: Logits beyond this are taken as this: one in ten to the seventeenth.
FARTHEST = 40.0


def logit_normal_binomial(
    events: int, trials: int, middle: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """Log probability of `events` of `trials` whose rate is normal on the logit.

    Parameters
    ----------
    events, trials
        Counts.
    middle, sd
        Logit of the middle rate, and the sd about it; arrays that broadcast.
    """
    middle = np.clip(middle, -FARTHEST, FARTHEST)
    sd = np.maximum(sd, SMALLEST_SD)
    if middle.size < MANY:
        return _integrated(events, trials, middle, sd)
    low, high = float(sd.min()), float(sd.max())
    spreads = np.geomspace(low, max(high, 1.01 * low), TABLE[1])
    middles = np.linspace(float(middle.min()), float(middle.max()) + 1e-6, TABLE[0])
    table = _integrated(events, trials, middles[:, None], spreads)
    spline = RectBivariateSpline(middles, np.log(spreads), table)
    return np.asarray(spline.ev(middle, np.broadcast_to(np.log(sd), middle.shape)))


def _integrated(events: int, trials: int, middle: np.ndarray, sd: np.ndarray) -> np.ndarray:
    points, logs = hermite(NODES)
    share = (events + 0.5) / (trials + 1)
    information = trials * share * (1 - share)
    middle, sd = middle[..., None], np.asarray(sd)[..., None]
    precise = 1 / sd**2 + information
    centre = (middle / sd**2 + logit(share) * information) / precise
    width = STRETCH / np.sqrt(precise)
    own = centre + width * points
    z = (own - middle) / sd
    density = logs + np.log(width / sd) + 0.5 * points**2 - 0.5 * z**2
    ways = gammaln(trials + 1) - gammaln(events + 1) - gammaln(trials - events + 1)
    given = ways + events * log_expit(own) + (trials - events) * log_expit(-own)
    return np.asarray(logsumexp(given + density, axis=-1))
