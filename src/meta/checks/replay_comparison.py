"""Comparison of two fits of one model: to the byte, or within their Monte Carlo error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import arviz as az
import numpy as np
import pandas as pd
from scipy.stats import norm

#: Probability that any number of two sound fits is called different.
FALSE_ALARM = 0.01
KEY = ["outcome", "group", "estimand"]


@dataclass(frozen=True)
class Fitted:
    """What a fit left behind.

    Attributes
    ----------
    pooled
        Content of `pooled.csv`.
    quantities
        Content of `draws.parquet`, where it is there.
    parameters
        Draws of the parameters, shape (chain, draw, ...), where they are there.
    """

    pooled: pd.DataFrame
    quantities: pd.DataFrame | None
    parameters: dict[str, np.ndarray] | None


@dataclass(frozen=True)
class Distance:
    """One number in both fits, and how many standard errors of their difference lie between."""

    number: str
    before: float
    after: float
    errors: float


@dataclass(frozen=True)
class Comparison:
    """Two fits of one model.

    Attributes
    ----------
    draws
        Draws compared to the byte; 0 where the stored fit has none, so that only numbers were.
    identical
        Whether all of them, and all pooled numbers, are the same to the byte.
    numbers
        Numbers compared against their Monte Carlo error.
    allowed
        Standard errors that a number may lie off.
    worst
        The number that lies furthest off; None where the fits are identical.
    lost
        Quantities that only one of the fits has.
    """

    draws: int
    identical: bool
    numbers: int
    allowed: float
    worst: Distance | None
    lost: list[str]

    @property
    def within_error(self) -> bool:
        """Whether both have the same quantities and none lies further off than allowed."""
        near = self.worst is None or self.worst.errors <= self.allowed
        return near and not self.lost and self.numbers > 0


def compare(before: Fitted, after: Fitted, ci_prob: float) -> Comparison:
    """Compare two fits of one model.

    The mean of every number, and the ends of the interval of those whose draws are there, are set
    against the Monte Carlo standard error of their difference (of means and of quantiles: Vehtari
    et al. 2021, doi:10.1214/20-BA1221), with Bonferroni's correction for their number.

    Parameters
    ----------
    before, after
        The fits.
    ci_prob
        Mass of the intervals.
    """
    same_draws, draws = _same_draws(before, after)
    identical = same_draws and before.pooled.equals(after.pooled)
    lost = sorted(set(_keys(before.pooled)) ^ set(_keys(after.pooled)))
    found = [*_means(before.pooled, after.pooled), *_ends(before, after, ci_prob)]
    allowed = float(norm.isf(FALSE_ALARM / (2 * max(1, len(found)))))
    worst = max(found, key=lambda d: d.errors, default=None)
    return Comparison(draws, identical, len(found), allowed, None if identical else worst, lost)


def _same_draws(before: Fitted, after: Fitted) -> tuple[bool, int]:
    """Whether the draws agree to the byte, and how many of them were compared."""
    one, other = before.parameters, after.parameters
    if one is None or other is None:
        return True, 0
    same = one.keys() == other.keys() and all(
        (values.dtype, values.shape, values.tobytes())
        == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name, values in one.items()
    )
    return same, sum(values.size for values in one.values())


def _keys(pooled: pd.DataFrame) -> list[str]:
    return ["/".join(map(str, key)) for key in pooled[KEY].itertuples(index=False)]


def _means(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Distance]:
    both = before.merge(after, on=KEY, suffixes=("_before", "_after"))
    for row in both.to_dict("records"):
        yield _distance(
            f"mean of {'/'.join(str(row[name]) for name in KEY)}",
            (row["mean_before"], row["mcse_mean_before"]),
            (row["mean_after"], row["mcse_mean_after"]),
        )


def _ends(before: Fitted, after: Fitted, ci_prob: float) -> Iterator[Distance]:
    one, other = before.quantities, after.quantities
    if one is None or other is None:
        return
    for name in (c for c in one.columns if c in other.columns and c not in ("chain", "draw")):
        for prob in ((1 - ci_prob) / 2, (1 + ci_prob) / 2):
            yield _distance(
                f"{prob:g} quantile of {name}", _quantile(one, name, prob),
                _quantile(other, name, prob),
            )  # fmt: skip


def _quantile(draws: pd.DataFrame, name: str, prob: float) -> tuple[float, float]:
    """Quantile of a quantity, and its Monte Carlo error."""
    chains = int(draws["chain"].max()) + 1
    values = draws[name].to_numpy(float).reshape(chains, -1)
    with np.errstate(invalid="ignore"):  # of a quantity that is constant
        error = az.mcse(values, method="quantile", prob=prob)
    return float(np.quantile(values, prob)), float(error)


def _distance(number: str, one: tuple[float, float], other: tuple[float, float]) -> Distance:
    gap, error = abs(one[0] - other[0]), float(np.hypot(one[1], other[1]))
    if gap == 0 or (np.isnan(one[0]) and np.isnan(other[0])):
        return Distance(number, one[0], other[0], 0.0)
    # What has no error, or is no number in one fit only, may not differ at all.
    errors = gap / error if error > 0 and np.isfinite(gap) else float("inf")
    return Distance(number, one[0], other[0], errors)
