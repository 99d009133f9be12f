r"""All stages of the chain at once: their averages over studies, and their rates in a new study.

With :math:`z` the standardised effect of a study on goal failure, its effects on the three stages
are

.. math::
    u_G = \tau_G z, \qquad
    u_C = \tau_C (r z + \sqrt{1 - r^2}\, e_C), \qquad
    u_H = \tau_H (\rho z + \sqrt{1 - \rho^2}\, e_H)

so that given :math:`z` the stages are independent (see `meta.estimands.harm_chain`). Every average,
of one stage or of a product, is thus one integral over :math:`z` of products of integrals over what
varies in a stage alone. All are taken by the trapezoidal rule, which for these analytic integrands
needs fewer nodes than Gauss-Hermite where logits vary widely (Trefethen & Weideman 2014,
doi:10.1137/130932132).
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from meta.estimands.draws import Draws

#: Nodes over a standard normal, and their weights, which sum to one.
NODES = np.linspace(-6, 6, 31)
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
#: Order of the standard normals that a new study is made of: z, e_C, e_H.
SHARED, CAPABILITY, HARM = range(3)
#: Draws of one block, which bounds the memory.
BLOCK = 2000


def stage_correlations(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Correlation with goal failure of capability, and of harm, each of shape (D,).

    Raises
    ------
    ValueError
        If capability and harm are not independent given goal failure.
    """
    correlation = draws.factor @ np.swapaxes(draws.factor, 1, 2)
    r, rho = correlation[:, 0, 1], correlation[:, 1, 2]
    if not np.allclose(correlation[:, 0, 2], r * rho, atol=1e-8):
        raise ValueError("capability and harm must be independent given goal failure")
    return r, rho


def average_rates(draws: Draws) -> dict[tuple[int, int], np.ndarray]:
    """Average over studies of each stage, of the first two, and of all three, shape (D,).

    Parameters
    ----------
    draws
        Of three stages with normal study effects, as `HarmChain.at` gives them.

    Returns
    -------
    dict
        By the first stage that is multiplied and the one after the last.
    """
    count = len(draws.location)
    parts = [_average(draws, slice(i, i + BLOCK)) for i in range(0, count, BLOCK)]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def new_rates(draws: Draws, normals: np.ndarray) -> np.ndarray:
    """Mean rate of each stage in a study not yet seen, one a draw, shape (D, 3).

    Parameters
    ----------
    draws
        As for `average_rates`.
    normals
        Standard normals, shape (D, 3), in the order `SHARED`, `CAPABILITY`, `HARM`.
    """
    logits = draws.location + new_study_effects(draws, normals)
    return np.stack([_smoothed(logits[:, [o]], draws.inner[:, o])[:, 0] for o in range(3)], axis=1)


def new_study_effects(draws: Draws, normals: np.ndarray) -> np.ndarray:
    """Effects of the study that `new_rates` is of on the logits of the stages, shape (D, 3)."""
    r, rho = stage_correlations(draws)
    z = normals[:, SHARED]
    own = np.stack([normals[:, CAPABILITY], np.zeros(len(z)), normals[:, HARM]], axis=1)
    tied = np.stack([r, np.ones(len(z)), rho], axis=1)
    return np.asarray(draws.tau * (tied * z[:, None] + np.sqrt(1 - tied**2) * own))


def _average(draws: Draws, block: slice) -> dict[tuple[int, int], np.ndarray]:
    r, rho = (each[block] for each in stage_correlations(draws))
    tied = (r, np.ones(len(r)), rho)
    location, tau, inner = draws.location[block], draws.tau[block], draws.inner[block]
    given = []
    for o, share in enumerate(tied):
        logits = location[:, [o]] + (tau[:, o] * share)[:, None] * NODES
        alone = np.sqrt(tau[:, o] ** 2 * (1 - share**2) + inner[:, o] ** 2)
        given.append(_smoothed(logits, alone))
    product = np.ones_like(given[0])
    found: dict[tuple[int, int], np.ndarray] = {}
    for o, rates in enumerate(given):
        product = product * rates
        found[o, o + 1] = rates @ WEIGHTS
        found[0, o + 1] = product @ WEIGHTS
    return found


def _smoothed(logits: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """E[inverse-logit(logit + sd Z)], of logits (D, J) and sd (D,)."""
    if not sd.any():
        return np.asarray(expit(logits))
    total = np.zeros_like(logits)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        total += weight * expit(logits + node * sd[:, None])
    return total
