"""Heterogeneity: how much studies, agent sets and arms differ."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline
from scipy.optimize import elementwise
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from meta.estimands.draws import Draws, Estimate, hyper_draws
from meta.models.design import Design
from meta.models.quadrature import legendre

#: Median distance of two standard normal values, the scale of the median odds ratio of normal
#: effects (Larsen & Merlo 2005, doi:10.1093/aje/kwi017).
MEDIAN_ODDS_FACTOR = float(ndtri(0.75) * np.sqrt(2))
#: Degrees of freedom between which the median distance of two Student-t values is tabulated, at how
#: many points, and nodes of each integral. Degrees of freedom beyond are taken as at the ends.
DF_RANGE = (0.1, 1e4)
DF_POINTS = 120
NODES = 200
#: Log odds ratios are cut off here, far beyond any meaning, so that a mean over draws is finite.
LARGEST_LOG_ODDS = 50.0


def heterogeneity_estimates(posterior: xr.Dataset, design: Design) -> list[Estimate]:
    """Scales of variation by stage: tau, omega, kappa, icc, median odds ratio, correlations."""
    found: list[Estimate] = []
    draws = hyper_draws(posterior, design)

    def add(outcome: str, estimand: str, values: np.ndarray, rows: np.ndarray) -> None:
        found.append(Estimate(outcome, "all", estimand, values, rows))

    for o, stage in enumerate(design.stages):
        rows = design.rows_of_stage(o)
        for name in ("tau", "omega", "kappa", "phi", "icc"):
            if name in posterior:
                values = posterior[name].isel(stage=o).transpose("chain", "draw").to_numpy()
                add(stage, name, values, rows)
                if name == "tau":
                    ratio = median_odds_ratio(draws, o).reshape(draws.shape)
                    add(stage, "median_odds_ratio", ratio, rows)
    for name in ("upper_share", "split", "gap"):
        if name in posterior:
            values = posterior[name].transpose("chain", "draw").to_numpy()
            add(design.stages[-1], name, values, design.rows_of_stage(len(design.stages) - 1))
    if "correlation" in posterior and design.spec.correlation == "lkj":
        for pair in posterior["stage_pair"].to_numpy():
            pairs = posterior["correlation"].sel(stage_pair=pair).transpose("chain", "draw")
            later, earlier = (design.stages.index(s) for s in str(pair).split("~"))
            rows = np.intersect1d(design.rows_of_stage(later), design.rows_of_stage(earlier))
            add(str(pair), "stage_correlation", pairs.to_numpy(), rows)
    return found


def median_odds_ratio(draws: Draws, stage: int) -> np.ndarray:
    """Median, over pairs of studies, of the factor by which their odds differ, shape (D,).

    Parameters
    ----------
    draws
        Draws of a fit.
    stage
        Index of the stage.

    Notes
    -----
    exp of the median of the distance of two study effects: of a normal, of two independent
    Student-t values, or of two studies that may be of one population or of two.
    """
    return np.asarray(np.exp(np.minimum(_median_distance(draws, stage), LARGEST_LOG_ODDS)))


def _median_distance(draws: Draws, stage: int) -> np.ndarray:
    """Median distance of two study effects on the logit scale, shape (D,)."""
    tau = draws.tau[:, stage]
    if draws.df is not None:
        return np.asarray(tau * student_distance(draws.df))
    if draws.upper_share is None or stage < draws.tau.shape[1] - 1:
        return np.asarray(MEDIAN_ODDS_FACTOR * tau)
    (_, lower), (_, upper) = draws.populations()
    gap = upper.location[:, stage] - lower.location[:, stage]
    return _mixed_distance(lower.tau[:, stage], gap, draws.upper_share)


def student_distance(df: np.ndarray) -> np.ndarray:
    """Median distance of two independent standard Student-t values, of the shape of `df`.

    P(|T - T'| < x) is the average of F(T + x) - F(T - x) over T, by Gauss-Legendre quadrature in
    the probability of T; the roots are tabulated over the logarithm of the degrees of freedom.
    """
    bounded = np.clip(df, *DF_RANGE)
    grid = np.geomspace(*DF_RANGE, DF_POINTS)
    points, logs = legendre(NODES)
    weights = np.exp(logs)

    def excess(x: np.ndarray, df: np.ndarray) -> np.ndarray:
        # Lower half only: the distribution is symmetric.
        values = stdtrit(df[..., None], points / 2)
        within = stdtr(df[..., None], values + x[..., None])
        within = within - stdtr(df[..., None], values - x[..., None])
        return np.asarray(within @ weights - 0.5)

    # Both values lie within the quantile .9 of the centre with probability .64, above one half.
    far = 2 * stdtrit(grid, 0.9)
    root = elementwise.find_root(excess, (np.zeros_like(grid), far), args=(grid,))
    if not np.all(root.success):
        raise ArithmeticError("no median distance of two Student-t values was found")
    return np.asarray(np.exp(CubicSpline(np.log(grid), np.log(root.x))(np.log(bounded))))


def _mixed_distance(within: np.ndarray, gap: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Median distance of two studies of two normal populations, shape (D,)."""
    sd = np.maximum(np.sqrt(2) * within, 1e-12)
    apart = 2 * share * (1 - share)

    def excess(x: np.ndarray, sd: np.ndarray, gap: np.ndarray, apart: np.ndarray) -> np.ndarray:
        same = 2 * ndtr(x / sd) - 1
        other = ndtr((x - gap) / sd) - ndtr((-x - gap) / sd)
        return np.asarray((1 - apart) * same + apart * other - 0.5)

    # At the upper end both parts of the mixture are above one half.
    ends = (np.zeros_like(sd), gap + ndtri(0.75) * sd)
    root = elementwise.find_root(excess, ends, args=(sd, gap, apart))
    if not np.all(root.success):
        raise ArithmeticError("no median distance of two studies was found")
    return np.asarray(root.x)
