"""How little a LOO-PIT curve can tell where few studies leave its simultaneous band wide.

Apart from the check itself, which samples: a report only reads what it found.
"""

from __future__ import annotations

import pandas as pd

from meta.plural import counted

#: Half-widths of a band at its widest above which a curve within it says little, or next to
#: nothing: predictions may be off by that share of the studies and pass.
WIDE_BAND = 0.25
VOID_BAND = 0.4


def band_power(table: pd.DataFrame, bands: pd.DataFrame) -> dict[str, str]:
    """Say of each stage with a wide band how little its curve can tell.

    Parameters
    ----------
    table
        Of `loo_pit`.
    bands
        Of `pit_bands`.

    Returns
    -------
    dict of str to str
        By stage; a stage whose band is narrow enough is left out.
    """
    said: dict[str, str] = {}
    if bands.empty or table.empty:
        return said
    studies = table[table["reliable"].astype(bool)].groupby("outcome")["study"].nunique()
    half = (bands["upper"] - bands["lower"]).div(2).groupby(bands["outcome"], sort=False).max()
    for stage, width in half.items():
        if width <= WIDE_BAND:
            continue
        power = "almost no power" if width > VOID_BAND else "little power"
        some = counted(int(studies.get(stage, 0)), "study")
        said[str(stage)] = f"{some} and a band of up to ±{width:.2f}, so that it has {power}"
    return said
