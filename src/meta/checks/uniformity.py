"""Uniformity of ranks: whether a simulation-based calibration looks as it would for right code."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from arviz_stats.ecdf_utils import ecdf_pit

from meta.inference.seeds import child_seed

#: Posterior draws that a rank is taken among.
RANKED_DRAWS = 49
#: Joint probability that all quantities of a calibrated model stay inside their bands.
BAND_PROBABILITY = 0.95
BAND_SIMULATIONS = 4000


def uniformity(table: pd.DataFrame) -> pd.DataFrame:
    """Test each quantity's ranks against simultaneous bands of the uniform ECDF.

    Sailynoja, Buerkner & Vehtari (2022), doi:10.1007/s11222-022-10090-6. The bands are widened so
    that all quantities of a calibrated model stay inside with probability `BAND_PROBABILITY`
    (Bonferroni).

    Parameters
    ----------
    table
        Ranks, as `meta.checks.calibration.ranks` gives them.

    Returns
    -------
    pandas.DataFrame
        One row a quantity: `quantity, replicates, excess` (largest excursion beyond the band, at
        most 0 if inside), `inside`, `z_mean`, `contraction`.
    """
    quantities = table["quantity"].unique()
    probability = band_probability(len(quantities))
    rows = []
    for quantity in quantities:
        part = table[table["quantity"] == quantity]
        _, ecdf, lower, upper = rank_ecdf(part["rank"].to_numpy(), probability)
        excess = float(np.maximum(lower - ecdf, ecdf - upper).max())
        rows.append(
            {
                "quantity": quantity,
                "replicates": len(part),
                "excess": excess,
                "inside": excess <= 0,
                "z_mean": part["z"].mean(),
                "contraction": part["contraction"].median(),
            }
        )
    return pd.DataFrame(rows)


def band_probability(quantities: int) -> float:
    """Probability of each quantity's band, so that all of them hold with `BAND_PROBABILITY`."""
    return 1 - (1 - BAND_PROBABILITY) / quantities


def rank_ecdf(
    rank: np.ndarray, probability: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ECDF of ranks as fractions and its simultaneous band: points, ECDF, lower, upper."""
    # A rank is one of RANKED_DRAWS + 1 equally likely values; jitter makes it continuous.
    rng = np.random.default_rng(child_seed(0, "calibration", "jitter"))
    fraction = np.sort((rank + rng.random(rank.size)) / (RANKED_DRAWS + 1))
    points, lower, upper = _band(rank.size, probability)
    ecdf = np.searchsorted(fraction, points, side="right") / rank.size
    return points, ecdf, lower, upper


@cache
def _band(size: int, probability: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulate the band once for all quantities of a model: points, lower, upper."""
    points, _, lower, upper = ecdf_pit(
        np.linspace(0, 1, size), probability, BAND_SIMULATIONS, rng=np.random.default_rng(1)
    )
    return points, lower, upper
