r"""Student-t study effects as a scale mixture of normal ones, integrated at a few scales.

With :math:`z` standard normal and :math:`\lambda \sim \Gamma(\nu / 2, \nu / 2)`, the effect
:math:`\tau z / \sqrt{\lambda}` is Student-t with :math:`\nu` degrees of freedom. What is known for
normal effects, a likelihood or an average, is thus known for these as an integral over
:math:`\lambda`. It is taken by the trapezoid rule in the logarithm of :math:`\lambda`, which
converges exponentially for densities that fall off on both sides (Trefethen & Weideman 2014,
doi:10.1137/130932132). Nodes of equal probability would miss the small :math:`\lambda`, whose wide
effects carry the density of a study far out and much of the average of a low rate.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import gamma

#: Nodes of the integral, equally spaced in the logarithm between two tail probabilities.
MIXING_NODES = 16
#: Tails left out below and above: of a likelihood, which may be of a study far out, and of an
#: average of rates. An average is at most 1, so that less of the tails is needed and the same
#: nodes lie closer: within 0.1 % of the integral for rates down to 1e-4, and for 2 degrees of
#: freedom and more.
LIKELIHOOD_TAILS = (1e-9, 1e-6)
AVERAGE_TAILS = (1e-6, 1e-4)
#: Nodes go no lower in the logarithm: with so wide an effect any rate is 0 or 1.
LOWEST_LOG_MIXING = -16.0


def mixing(
    df: np.ndarray | None, tails: tuple[float, float] = LIKELIHOOD_TAILS
) -> list[tuple[np.ndarray | float, np.ndarray | float]]:
    """Log weights (D,) and factors of tau (D, 1) that turn normal effects into Student-t ones.

    Parameters
    ----------
    df
        Degrees of freedom, shape (D,), or None for normal effects.
    tails
        Probabilities of the mixing below the lowest node and above the highest.
    """
    if df is None:
        return [(0.0, 1.0)]
    density = gamma(df / 2, scale=2 / df)
    low = np.maximum(np.log(density.ppf(tails[0])), LOWEST_LOG_MIXING)
    logs = np.linspace(low, np.log(density.isf(tails[1])), MIXING_NODES)
    weight = np.exp(density.logpdf(np.exp(logs)) + logs) * (logs[1] - logs[0])
    # What lies below the lowest node has effects as wide as its own.
    weight[0] += density.cdf(np.exp(low)) - weight[0] / 2
    weight /= weight.sum(axis=0)
    return [
        (log_weight, np.exp(-each / 2)[:, None])
        for log_weight, each in zip(np.log(weight), logs, strict=True)
    ]
