"""Many names looked up among many others, at the cost of one hash table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def among(names: pd.Series, known: pd.Series) -> pd.Series:
    """Find the names that are among others, at the cost of one hash table.

    ``Series.isin`` turns the other names into Python texts first, which takes longer than
    everything else for a million of them.

    Parameters
    ----------
    names : Series of str
        Names to look up; NA is never found.
    known : Series of str
        Names to look in, in any order and any number of times.

    Returns
    -------
    Series of bool
        By the index of ``names``.
    """
    found = pc.is_in(_text(names), value_set=_text(known.dropna()), skip_nulls=True)
    return pd.Series(found.to_numpy(zero_copy_only=False).astype(bool), index=names.index)


def positions(names: pd.Series, known: pd.Series | pd.Index) -> np.ndarray:
    """Find where each name stands among others.

    Parameters
    ----------
    names : Series of str
        Names to look up; NA is never found.
    known : Series or Index of str
        Names to look in, each once and none NA.

    Returns
    -------
    ndarray of int64
        Position in ``known``, -1 where the name is not there.
    """
    found = pc.index_in(_text(names), value_set=_text(known), skip_nulls=True)
    return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def looked_up(names: pd.Series, values: pd.Series) -> pd.Series:
    """Value of each name.

    ``Series.map`` makes Python texts of both sides first, as ``Series.isin`` does.

    Parameters
    ----------
    names : Series of str
        Names to look up.
    values : Series
        Values by name, each name once.

    Returns
    -------
    Series
        By the index of ``names``, of the type of ``values``; NA where there is no such name.
    """
    taken = values.array.take(positions(names, values.index), allow_fill=True)
    return pd.Series(taken, index=names.index)


def _text(names: pd.Series | pd.Index) -> pa.Array:
    array = pa.array(names, from_pandas=True)
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return whole.cast(pa.large_string())
