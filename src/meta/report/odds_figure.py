"""Forest of odds ratios on a logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from meta.report.estimates import Estimate
from meta.report.figure_tables import estimate_table
from meta.report.ratio_axes import FOOT, ratio_axes, write_label
from meta.report.svg import INK, MUTED, NOTHING, PAPER, SETTINGS, Drawing, drawing

EDGE = 12.0
#: Ends of the scale; intervals that reach further end at them, in an arrow.
LOW, HIGH = 1e-3, 1e3
TICKS = {0.001: "0.001", 0.01: "0.01", 0.1: "0.1", 1: "1", 10: "10", 100: "100", 1000: "1000"}
MARKERS = {"study": "o", "odds_ratio": "s", "odds_ratio_new": "D"}


@dataclass(frozen=True)
class OddsLine:
    """One line: a label, its odds ratio, and whether it is of a study, the mean or a new study."""

    label: str
    estimate: Estimate
    kind: str


@dataclass(frozen=True)
class OddsBlock:
    """Lines of one intervention."""

    heading: str
    lines: tuple[OddsLine, ...]


def odds_plot(name: str, title: str, blocks: Sequence[OddsBlock], stamped: str) -> Drawing:
    """Draw medians and intervals of odds ratios.

    Parameters
    ----------
    name, title : str
        Unique name of the figure, and its title for those who cannot see it.
    blocks : sequence of OddsBlock
        What to draw, from the top.
    stamped : str
        Stamp to write across the top; empty for none.

    Returns
    -------
    Drawing
        The figure, or nothing where there is nothing to draw.
    """
    if not blocks:
        return NOTHING
    top = 18.0 if stamped else 2.0
    height = top + sum(24 + 16 * len(block.lines) for block in blocks) + FOOT
    with matplotlib.rc_context(SETTINGS):
        figure, axes = ratio_axes(
            height, (LOW, HIGH), TICKS, "odds ratio: fewer failures left of 1", edge=EDGE
        )
        if stamped:
            write_label(axes, 9, stamped, weight="bold")
        y = top
        for block in blocks:
            write_label(axes, y + 15, block.heading, weight="bold")
            y += 24
            for line in block.lines:
                write_label(axes, y + 8, line.label, colour=MUTED if line.kind == "study" else INK)
                _mark(axes, y + 8, line)
                y += 16
        said = "; ".join(
            f"{block.heading}: "
            + ", ".join(f"{ln.label} {ln.estimate.shown} ({ln.estimate.interval})"
                        for ln in block.lines)
            for block in blocks
        )  # fmt: skip
        data = estimate_table(
            (b.heading, line.label, line.estimate) for b in blocks for line in b.lines
        )
        return drawing(figure, name, title, said, data)


def _mark(axes: Axes, y: float, line: OddsLine) -> None:
    low, middle, high = np.clip(
        [line.estimate.low, line.estimate.median, line.estimate.high], LOW, HIGH
    )
    new = line.kind == "odds_ratio_new"
    axes.plot((low, high), (y, y), color=INK, linewidth=1.4 if new else 2.4, solid_capstyle="butt",
              linestyle=(0, (2.5, 1.5)) if new else "solid",
              alpha=0.55 if line.kind == "study" else 1.0)  # fmt: skip
    for end, cut, arrow in (
        (LOW, line.estimate.low < LOW, "<"), (HIGH, line.estimate.high > HIGH, ">"),
    ):  # fmt: skip
        if cut:
            axes.plot(end, y, marker=arrow, markersize=5.5, color=INK, clip_on=False)
    axes.plot(middle, y, marker=MARKERS[line.kind], markersize=5.5, markeredgecolor=INK,
              markerfacecolor=PAPER if new else INK)  # fmt: skip
