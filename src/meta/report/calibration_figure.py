"""Figure of a calibration: by how much each quantity's ranks leave the uniform distribution."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.checks.uniformity import RANKED_DRAWS, band_probability, rank_ecdf
from meta.report.standalone_svg import BLUE, GREY, LIGHT, ORANGE, SETTINGS, write_svg

COLUMNS = 3
WIDTH, HEIGHT = 2.4, 1.75  # inches of one panel
#: Points of an ECDF that are drawn: ranks tell no more than so many fractions apart.
DRAWN = RANKED_DRAWS + 2


def write_calibration_figure(model: str, ranks: pd.DataFrame, path: Path) -> None:
    """Draw ECDF minus uniform of the ranks of every quantity, with its simultaneous band.

    Parameters
    ----------
    model
        Name of the model.
    ranks
        Ranks of all replicates (`meta.checks.calibration.ranks`).
    path
        SVG file to write.
    """
    quantities = sorted(ranks["quantity"].unique())
    probability = band_probability(len(quantities))
    lines = math.ceil(len(quantities) / COLUMNS)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH * COLUMNS, HEIGHT * lines + 0.4), layout="constrained")
        # Bands are alike in all panels, so that one scale serves them.
        axes = figure.subplots(lines, COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
        outside = []
        for ax, quantity in zip(axes, quantities, strict=False):
            rank = ranks.loc[ranks["quantity"] == quantity, "rank"].to_numpy()
            if not _panel(ax, quantity, rank, probability):
                outside.append(quantity)
        for place, ax in enumerate(axes):
            ax.set_axis_off() if place >= len(quantities) else _edges(ax, place, len(quantities))
        figure.supxlabel("Rank of the true value as a fraction of the posterior draws")
        figure.supylabel("ECDF minus uniform")
    count = ranks["replicate"].nunique()
    verdict = f"outside: {', '.join(outside)}" if outside else "all inside their bands"
    write_svg(
        figure,
        path,
        f"Calibration of the model {model}",
        f"{count} simulated data sets, {len(quantities)} quantities, {verdict}.",
    )


def _edges(ax: Axes, place: int, panels: int) -> None:
    """Leave ticks and lines to the panels at the left and at the foot."""
    left, foot = place % COLUMNS == 0, place + COLUMNS >= panels
    ax.tick_params(labelsize=7, left=left, labelleft=left, bottom=foot, labelbottom=foot)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    for side, drawn in (("top", False), ("right", False), ("left", left), ("bottom", foot)):
        ax.spines[side].set_visible(drawn)


def _panel(ax: Axes, quantity: str, rank: np.ndarray, probability: float) -> bool:
    points, ecdf, lower, upper = rank_ecdf(rank, probability)
    inside = bool(((lower <= ecdf) & (ecdf <= upper)).all())
    few = np.unique(np.linspace(0, points.size - 1, DRAWN).astype(int))
    points, ecdf, lower, upper = points[few], ecdf[few], lower[few], upper[few]
    ax.fill_between(points, lower - points, upper - points, color=LIGHT, linewidth=0, step="post")
    ax.axhline(0, color=GREY, linewidth=0.5)
    ax.step(points, ecdf - points, where="post", color=BLUE if inside else ORANGE, linewidth=1.2)
    name, _, cell = quantity.replace("_", " ").removesuffix("]").partition("[")
    ax.set_title(f"{name}\n{cell.replace('~', ' with ')}" if cell else name, fontsize=7)
    ax.patch.set_visible(False)
    ax.set_xlim(0, 1)
    return inside
