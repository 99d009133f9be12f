"""Weights of rows in an average over the evidence: its standard population.

Studies weigh the same, whatever they report, and so do the rows within a study. A row that stands
for several coded cases weighs as many: how cases happen to share their codes changes no average.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def row_weights(rows: pd.DataFrame) -> np.ndarray:
    """Weight of each row of an analysis set, length R, with sum one.

    Parameters
    ----------
    rows
        With `study`, and `n_units`, the cases behind a row, where rows are cells of cases. A code
        set may leave a cell, and so a study, without any: it weighs nothing there.
    """
    cases = rows["n_units"].astype(float) if "n_units" in rows else pd.Series(1.0, rows.index)
    # Without cases, 0 / 0.
    share = (cases / cases.groupby(rows["study"]).transform("sum")).fillna(0.0)
    return np.asarray(share / share.sum())
