"""Prior implications as quantile dots: twenty equally probable values of each quantity.

Kay, Kola, Hullman & Munson 2016, doi:10.1145/2858036.2858558: dots are counted, where areas are
judged.
"""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.report.methods.implications import Implication, Quantity
from meta.report.svg import INK, MUTED, POINTS, RULE, SETTINGS, Drawing, drawing

DOTS = 20
WIDTH = 360.0
EDGE = 14.0
ROW = 62.0
FOOT = 26.0
DOT = 8.0
#: Odds ratios beyond these are drawn at the edge.
ODDS_LIMITS = (0.01, 100.0)
TICKS = {
    "rate": ((0, 0.25, 0.5, 0.75, 1), ("0", "25", "50", "75", "100%")),
    "odds_ratio": ((0.01, 0.1, 1, 10, 100), ("1/100", "1/10", "1", "10", "100")),
}


def prior_figure(name: str, title: str, implication: Implication) -> Drawing:
    """Draw an implication: a panel of rates, and one of odds ratios.

    Parameters
    ----------
    name
        Prefix of identifiers, unique within the page.
    title
        What the figure is, for those who cannot see it.
    implication
        What to draw.
    """
    scales = [s for s in TICKS if any(q.scale == s for q in implication.quantities)]
    panels = [[q for q in implication.quantities if q.scale == s] for s in scales]
    height = sum(len(panel) * ROW + FOOT for panel in panels)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
        figure.patch.set_visible(False)
        top = 0.0
        for scale, panel in zip(scales, panels, strict=True):
            tall = len(panel) * ROW
            axes = figure.add_axes(
                (EDGE / WIDTH, 1 - (top + tall) / height, 1 - 2 * EDGE / WIDTH, tall / height)
            )
            _panel(axes, scale, panel, tall)
            top += tall + FOOT
    said = "; ".join(_said(q) for q in implication.quantities)
    return drawing(figure, name, title, said, dot_table(implication))


def dot_table(implication: Implication) -> pd.DataFrame:
    """Values of the dots, one row each; those of odds ratios within the limits of the axis."""
    rows = [
        (quantity.name, quantity.estimand, quantity.scale, number, value)
        for quantity in implication.quantities
        for number, value in enumerate(quantile_dots(quantity), 1)
    ]
    return pd.DataFrame(rows, columns=["quantity", "estimand", "scale", "dot", "value"])


def _panel(axes: Axes, scale: str, quantities: list[Quantity], tall: float) -> None:
    low, high = _position(scale, np.array(ODDS_LIMITS if scale == "odds_ratio" else (0.0, 1.0)))
    at, labels = TICKS[scale]
    axes.patch.set_visible(False)
    axes.set_xlim(low, high)
    axes.set_ylim(tall, 0)
    axes.set_yticks([])
    axes.set_xticks(_position(scale, np.array(at)), labels)
    axes.tick_params(axis="x", length=0, pad=4)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    for row, quantity in enumerate(quantities):
        base = (row + 1) * ROW - 6
        axes.axhline(base + DOT / 2, color=RULE, linewidth=0.7)
        axes.annotate(
            quantity.name, (0, row * ROW + 9), xytext=(-EDGE + 2, 0),
            xycoords=axes.get_yaxis_transform(), textcoords="offset points",
            color=INK, va="center", weight="bold", annotation_clip=False,
        )  # fmt: skip
        x, y = stacked(_position(scale, quantile_dots(quantity)), low, high)
        # A tall pile is pressed together, so that it stays below its heading.
        step = min(DOT, (ROW - 28) / max(1, int(y.max())))
        axes.plot(
            x, base - y * step, linestyle="none", marker="o", markersize=DOT - 1,
            color=MUTED, markeredgewidth=0, clip_on=False,
        )  # fmt: skip


def quantile_dots(quantity: Quantity) -> np.ndarray:
    """Values at the middles of twenty equally probable parts, within the limits of the axis."""
    values = np.quantile(quantity.draws, (np.arange(DOTS) + 0.5) / DOTS)
    return np.clip(values, *ODDS_LIMITS) if quantity.scale == "odds_ratio" else values


def stacked(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Pile up dots that would overlap: positions on a grid as wide as a dot, and heights from 0."""
    width = (high - low) * DOT / (WIDTH - 2 * EDGE)
    column = np.rint((values - low) / width).astype(int)
    heights = np.array([int((column[:i] == c).sum()) for i, c in enumerate(column)])
    return low + column * width, heights


def _position(scale: str, values: np.ndarray) -> np.ndarray:
    return np.log10(values) if scale == "odds_ratio" else values


def _said(quantity: Quantity) -> str:
    low, middle, high = np.quantile(quantity.draws, (0.025, 0.5, 0.975))
    return f"{quantity.name}: median {middle:.2g}, 95% from {low:.2g} to {high:.2g}"
