r"""Variance-based sensitivity of a risk to its inputs, from posterior draws as they are.

Inputs of a posterior depend on each other and cannot be sampled at will, so that designs such as
Saltelli's are not open. The first-order index :math:`\mathrm{Var}(E[R \mid x]) / \mathrm{Var}(R)`
is defined under dependence, and `SALib.analyze.rbd_fast` estimates it from given draws: it sorts
them by the input and takes the lowest harmonics of the risk (Plischke 2010,
doi:10.1016/j.ress.2009.11.005; bias correction of Tissot & Prieur 2012,
doi:10.1016/j.ress.2012.06.010). `SALib.analyze.delta` gives the same index by classes of the input,
but takes it from one bootstrap sample, without correction, and from the global random stream.

Under dependence the index holds what an input shares with others too: indices need not add up to
one. Beside it stands what the input adds to all of the others, its uncorrelated share (Xu & Gertner
2008, Reliability Engineering & System Safety 93:1563-1573).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from SALib.analyze import rbd_fast
from scipy.special import ndtri

from meta.estimands.chain_averages import new_rates
from meta.estimands.contraction import comparison_scale
from meta.estimands.draws import Draws
from meta.risk.conditional_expectation import Share, block_sums, block_weights

#: New studies of each draw, from which variation between studies is told from uncertainty.
NEW_STUDIES = 10
#: Bootstrap samples of SALib, which sorts and transforms the draws for each.
INDEX_RESAMPLES = 25
#: Scales of the variance of a risk.
LOGIT, PROBABILITY = "logit", "probability"
SCALES = (LOGIT, PROBABILITY)


def on_scale(risk: np.ndarray, scale: str) -> np.ndarray:
    """Draws of a risk on a scale; logits are cut off as where contraction is measured."""
    return comparison_scale("rate_mean", risk) if scale == LOGIT else risk


def first_order_indices(
    inputs: Mapping[str, np.ndarray], response: np.ndarray, seed: int, ci_prob: float
) -> dict[str, tuple[float, float]]:
    """First-order index of each input, with the half-width of its interval.

    Parameters
    ----------
    inputs
        Draws of each, shape (D,). Only their order counts.
    response
        Shape (D,).
    seed, ci_prob
        Of SALib's bootstrap, whose samples are half as many as the draws: its intervals are wider
        than those of all draws by about the root of 2.
    """
    if not inputs or not np.ptp(response) > 0:
        return {name: (float("nan"), float("nan")) for name in inputs}
    problem = {"num_vars": len(inputs), "names": list(inputs)}
    found = rbd_fast.analyze(
        problem, np.stack(list(inputs.values()), axis=1), response,
        num_resamples=INDEX_RESAMPLES, conf_level=ci_prob, seed=seed,
    )  # fmt: skip
    values = zip(found["S1"], found["S1_conf"], strict=True)
    return {name: (float(s), float(c)) for name, (s, c) in zip(inputs, values, strict=True)}


def uncertainty_shares(
    mixes: Sequence[Draws], outcomes: Mapping[str, slice], seed: int, resamples: int
) -> dict[str, Share]:
    r"""Share of the variance of a new study's risk that is uncertainty about the mean.

    The rest is variation between studies, which no measurement takes away. With K new studies a
    draw, this is the one-way analysis of variance: with :math:`W` the mean variance within draws,
    the variance of the draws' means is that of the expectations plus :math:`W / K`.

    Parameters
    ----------
    mixes
        Draws of the stages at each combination of settings, whose risks are averaged; the normals
        of a new study are the same at each.
    outcomes
        Stages that each risk multiplies, by name.
    seed, resamples
        Of the new studies and of the bootstrap.

    Returns
    -------
    dict
        By outcome, on each of `SCALES`.
    """
    rng = np.random.default_rng(seed)
    risks = [_new_risks(mixes, outcomes, rng) for _ in range(NEW_STUDIES)]
    found = {}
    for outcome in outcomes:
        each = np.stack([risk[outcome] for risk in risks])
        values = np.stack([on_scale(each, scale) for scale in SCALES], axis=2)
        found[outcome] = _between_draws(values, seed, resamples)
    return found


def _between_draws(values: np.ndarray, seed: int, resamples: int) -> Share:
    """Share of the variance of values (K, D, R) that is between the expectations of draws."""
    mean, within = values.mean(axis=0), values.var(axis=0, ddof=1)
    sums = block_sums(np.stack([np.ones_like(mean), mean, mean**2, within], axis=1))
    weights = np.concatenate([np.ones((1, len(sums))), block_weights(len(sums), seed, resamples)])
    count, first, second, inside = np.moveaxis(np.tensordot(weights, sums, axes=1), 1, 0)
    inside = inside / count
    between = second / count - (first / count) ** 2 - inside / len(values)
    share = between / (between + inside)
    return Share(share[0], share[1:])


def _new_risks(
    mixes: Sequence[Draws], outcomes: Mapping[str, slice], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    normals = rng.standard_normal(mixes[0].location.shape)
    each = [new_rates(draws, normals) for draws in mixes]
    return {
        outcome: np.mean([rates[:, stages].prod(axis=1) for rates in each], axis=0)
        for outcome, stages in outcomes.items()
    }


def half_width(error: float, ci_prob: float) -> float:
    """Half-width of a normal interval with a standard error."""
    return float(ndtri(0.5 + ci_prob / 2) * error)
