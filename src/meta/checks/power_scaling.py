r"""Power-scaling sensitivity of every pooled number to its hyperpriors and to the likelihood.

The posterior under prior^a (or likelihood^a) is reached by importance weights
(a - 1) log prior, with a just below and just above 1, and compared by the cumulative
Jensen-Shannon distance per doubling of a (Kallioinen, Paananen, Buerkner & Vehtari 2024,
doi:10.1007/s11222-023-10366-5).

Only hyperpriors are scaled. The distribution of study, agent-set and arm effects is part of the
model: scaling it too reports conflict where there is none. The likelihood is that of the counts
given the effects.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base import array_stats
from scipy import stats

from meta.checks.importance import LARGEST_K, smoothed_weights
from meta.estimands import Estimate
from meta.priors import Beta, Dirichlet, Gamma, HalfCauchy, HalfNormal, Lkj, Normal, PriorSet

CONFLICT = "possible prior-data conflict"
WEAK = "weak likelihood or strong prior"
UNRELIABLE = "weights not reliable"
FINE = "none"
#: Dimensions of hyperparameters, and those of them that are computed from others.
TOP_DIMENSIONS = {"chain", "draw", "stage", "stage_pair", "term", "free_term", "intervention"}
DERIVED = {"beta", "correlation", "gap"}


def log_hyperprior(posterior: xr.Dataset, priors: PriorSet) -> np.ndarray:
    """Log density of the hyperpriors at each draw, up to a constant.

    Parameters
    ----------
    posterior
        Draws.
    priors
        Prior set they were drawn under.

    Returns
    -------
    numpy.ndarray
        Shape (chain, draw). Parameters that the model does not have are left out; of the
        correlation it is the density of the matrix.

    Raises
    ------
    ValueError
        If a variable at the top of the model has no prior that is known here.
    """
    total = np.zeros((posterior.sizes["chain"], posterior.sizes["draw"]))
    scored: set[str] = set()
    for field, prior in priors:
        for name in _variables(field, posterior):
            values = posterior[name].transpose("chain", "draw", ...).to_numpy()
            # The parts of a simplex stay together, whatever else it is repeated over.
            size = values.shape[-1] if isinstance(prior, Dirichlet) else 1
            total += _log_density(prior, values.reshape(*total.shape, -1), size)
            scored.add(name)
    if unknown := sorted(_top_level(posterior) - scored - DERIVED):
        raise ValueError(f"no prior is known for {', '.join(unknown)}: extend _variables")
    return total


def _variables(field: str, posterior: xr.Dataset) -> list[str]:
    """Variables of a posterior that are sampled under one field of a prior set."""
    names = [str(name) for name in posterior.data_vars]
    totals = [name for name in names if name.endswith("_total")]
    wanted = {
        # Of ordinal moderators, `beta` is computed: the totals and simplexes are what is sampled.
        "beta": ["beta_free" if totals else "beta"],
        "monotonic": totals,
        "simplex": [name for name in names if name.endswith("_simplex")],
        "baseline": ["baseline_logit"],
    }
    return [name for name in wanted.get(field, [field]) if name in posterior]


def _top_level(posterior: xr.Dataset) -> set[str]:
    """Variables above the units of levels, but auxiliary ones."""
    return {
        str(name)
        for name, values in posterior.data_vars.items()
        if all(str(d) in TOP_DIMENSIONS or str(d).endswith("_step") for d in values.dims)
        and not str(name).endswith("_raw")
    }


def _log_density(prior: object, values: np.ndarray, size: int = 1) -> np.ndarray:
    match prior:
        case Normal():
            each = stats.norm.logpdf(values, prior.mu, prior.sigma)
        case HalfNormal():
            each = stats.halfnorm.logpdf(values, scale=prior.sigma)
        case HalfCauchy():
            each = stats.halfcauchy.logpdf(values, scale=prior.beta)
        case Beta():
            each = stats.beta.logpdf(values, prior.alpha, prior.beta)
        case Gamma():
            each = stats.gamma.logpdf(values, prior.alpha, prior.above, 1 / prior.beta)
        case Dirichlet():
            parts = np.log(values.reshape(*values.shape[:2], -1, size))
            return np.asarray((prior.concentration - 1) * parts.sum(axis=(2, 3)))
        case Lkj():
            return (prior.eta - 1) * _log_determinant(values)
        case _:
            raise ValueError(f"no density is known for {prior!r}")
    return np.asarray(each.sum(axis=-1))


def _log_determinant(pairs: np.ndarray) -> np.ndarray:
    """Log determinant of correlation matrices from their lower triangles, row by row."""
    size = int((1 + np.sqrt(1 + 8 * pairs.shape[-1])) / 2)
    matrix = np.broadcast_to(np.eye(size), (*pairs.shape[:-1], size, size)).copy()
    lower = [(j, i) for j in range(size) for i in range(j)]
    for k, (j, i) in enumerate(lower):
        matrix[..., i, j] = matrix[..., j, i] = pairs[..., k]
    return np.asarray(np.linalg.slogdet(matrix)[1])


def power_scaling(
    estimates: list[Estimate],
    log_prior: np.ndarray,
    log_likelihood: np.ndarray,
    powers: tuple[float, float],
    threshold: float,
) -> pd.DataFrame:
    """Sensitivity of each quantity, with the Pareto k of the weights behind it.

    Parameters
    ----------
    estimates
        Quantities with draws of shape (chain, draw).
    log_prior, log_likelihood
        Log densities of each draw, shape (chain, draw).
    powers
        Powers below and above 1.
    threshold
        Sensitivity from which a number is called sensitive.

    Returns
    -------
    pandas.DataFrame
        outcome, group, estimand, `prior`, `prior_pareto_k`, `likelihood`, `likelihood_pareto_k`,
        `threshold`, `diagnosis`.
    """
    parts = {"prior": log_prior, "likelihood": log_likelihood}
    weights = {name: _weights(values, powers) for name, values in parts.items()}
    rows = []
    for e in estimates:
        row: dict[str, object] = {"outcome": e.outcome, "group": e.group, "estimand": e.estimand}
        for name, (lower, upper, k) in weights.items():
            value = array_stats.power_scale_sense(e.draws, lower, upper, *powers)
            row[name], row[f"{name}_pareto_k"] = float(value), k
        rows.append(row)
    table = pd.DataFrame(rows)
    table["threshold"] = threshold
    limit = min(1 - 1 / np.log10(log_prior.size), LARGEST_K)
    table["diagnosis"] = [diagnosis(r, threshold, limit) for r in table.to_dict("records")]
    return table


def _weights(
    values: np.ndarray, powers: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, float]:
    even = np.full(values.shape, 1 / values.size)
    if np.ptp(values) == 0:
        return even, even, -np.inf
    try:
        logs = [array_stats.power_scale_lw(values, alpha=a, axis=(0, 1)) for a in powers]
    except ValueError:
        # A tail of equal weights has no shape to estimate.
        return even, even, np.inf
    lower, upper = (np.exp(each - each.max()) for each in logs)
    k = max(smoothed_weights((a - 1) * values).pareto_k for a in powers)
    return lower / lower.sum(), upper / upper.sum(), k


def diagnosis(row: dict, threshold: float, limit: float) -> str:
    """What the two sensitivities of a number say together.

    Both sensitive: prior and data pull apart. Only to the prior: the data say little of it.
    """
    if not max(row["prior_pareto_k"], row["likelihood_pareto_k"]) <= limit:
        return UNRELIABLE
    if row["prior"] < threshold:
        return FINE
    return CONFLICT if row["likelihood"] >= threshold else WEAK
