"""Sampler checks: whether the chains explored the posterior well enough to report from.

Rank-normalised split R-hat, bulk and tail effective sample size and Monte Carlo error of every
reported quantity (Vehtari, Gelman, Simpson, Carpenter & Buerkner 2021, doi:10.1214/20-BA1221),
E-BFMI (Betancourt 2016, arXiv:1604.00695), divergences and tree depth. A statistic that is
missing or not finite fails its check.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from meta.config import Gate, Sampler

#: Columns of a table of checks.
CHECK_COLUMNS = ["model", "check", "value", "threshold", "rule", "passed", "worst", "meaning"]
#: Chains below which nothing is said of whether chains agree.
FEWEST_CHAINS = 4
#: Comparisons of a value with its threshold, by their sign.
RULES: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One named check: its value, its threshold, and which side of it is wanted.

    Attributes
    ----------
    check
        Name.
    value
        What was found; None where it could not be computed.
    threshold, rule
        The check holds where `value rule threshold` does; `rule` is a key of `RULES`.
    worst
        What the value is of.
    meaning
        What is measured.
    """

    check: str
    value: float | None
    threshold: float
    rule: str
    worst: str
    meaning: str

    @property
    def passed(self) -> bool:
        """Whether the check holds; never without a finite value."""
        if self.value is None or not math.isfinite(self.value):
            return False
        return bool(RULES[self.rule](self.value, self.threshold))

    def as_row(self) -> dict[str, Any]:
        """Return the check as a flat record."""
        row = asdict(self)
        words = {key: row.pop(key) for key in ("worst", "meaning")}
        return {**row, "passed": self.passed, **words}


def mixing_statistics(draws: np.ndarray) -> pd.DataFrame:
    """Convergence statistics of many quantities.

    Parameters
    ----------
    draws
        Shape (quantity, chain, draw).

    Returns
    -------
    pandas.DataFrame
        One row a quantity: r_hat, ess_bulk, ess_tail, mcse_mean, sd.
    """
    data = xr.DataArray(draws, dims=("quantity", "chain", "draw")).to_dataset(name="q")

    def column(result: xr.Dataset) -> np.ndarray:
        return np.atleast_1d(np.asarray(result["q"], dtype=float))

    return pd.DataFrame(
        {
            "r_hat": column(az.rhat(data)),
            "ess_bulk": column(az.ess(data, method="bulk")),
            "ess_tail": column(az.ess(data, method="tail")),
            "mcse_mean": column(az.mcse(data, method="mean")),
            "sd": draws.reshape(len(draws), -1).std(axis=1, ddof=1),
        }
    )


def row_passes(statistics: pd.DataFrame, gate: Gate) -> pd.Series:
    """Whether each quantity meets the thresholds; a statistic that is not finite does not."""
    return (
        (statistics["r_hat"] < gate.r_hat)
        & (statistics["ess_bulk"] >= gate.ess_bulk)
        & (statistics["ess_tail"] >= gate.ess_tail)
        & (statistics["mcse_mean"] <= gate.mcse_over_sd * statistics["sd"])
    )


def quantity_checks(statistics: pd.DataFrame, names: list[str], gate: Gate) -> list[Check]:
    """Checks of the worst quantity of each statistic over all quantities named."""
    ratio = statistics["mcse_mean"] / statistics["sd"]
    return [
        _worst("r_hat", statistics["r_hat"], names, gate.r_hat, "<",
               "largest rank-normalised split R-hat: the chains agree"),
        _worst("ess_bulk", statistics["ess_bulk"], names, gate.ess_bulk, ">=",
               "smallest bulk effective sample size: the centre is known well enough"),
        _worst("ess_tail", statistics["ess_tail"], names, gate.ess_tail, ">=",
               "smallest tail effective sample size: the interval ends are known well enough"),
        _worst("mcse_over_sd", ratio, names, gate.mcse_over_sd, "<=",
               "largest Monte Carlo error of a mean, as a share of the posterior sd"),
    ]  # fmt: skip


def _worst(
    check: str, values: pd.Series, names: list[str], threshold: float, rule: str, meaning: str
) -> Check:
    array = values.to_numpy(float)
    lost = np.flatnonzero(~np.isfinite(array))
    if array.size == 0 or lost.size:
        where = names[int(lost[0])] if lost.size else ""
        return Check(check, None, threshold, rule, where, meaning)
    index = int(array.argmax() if rule in ("<", "<=") else array.argmin())
    return Check(check, float(array[index]), threshold, rule, names[index], meaning)


def chain_checks(sample_stats: xr.Dataset, sampler: Sampler, gate: Gate) -> list[Check]:
    """Checks of the chains themselves: E-BFMI, divergences, tree depth, number of chains.

    The statistics carry nutpie's names; a statistic that is absent fails its check.
    """
    found = {
        "e_bfmi": _statistic(sample_stats, "energy", _smallest_bfmi),
        "divergences": _statistic(sample_stats, "diverging", lambda v: float(v.sum())),
        "max_depth_share": _statistic(sample_stats, "maxdepth_reached", lambda v: float(v.mean())),
    }
    rules = {
        "e_bfmi": (gate.e_bfmi, ">", "smallest E-BFMI: the momentum explores the energy"),
        "divergences": (float(gate.divergences), "<=", "divergent transitions after warm-up"),
        "max_depth_share": (
            gate.max_depth_share, "<=",
            f"share of draws that reached the tree depth limit of {sampler.max_depth}",
        ),
    }  # fmt: skip
    checks = [
        _worst(name, pd.Series([np.nan if value is None else value]), [""], *rules[name])
        for name, value in found.items()
    ]
    chains = float(sample_stats.sizes.get("chain", 0))
    meaning = "chains from separate starting points"
    checks.append(Check("chains", chains, float(FEWEST_CHAINS), ">=", "", meaning))
    return checks


def _statistic(
    sample_stats: xr.Dataset, name: str, reduce: Callable[[np.ndarray], float]
) -> float | None:
    return reduce(sample_stats[name].to_numpy()) if name in sample_stats else None


def _smallest_bfmi(energy: np.ndarray) -> float:
    return float(np.min(az.bfmi(energy)))
