"""Forest of odds ratios on a logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.report.estimates import Estimate
from meta.report.svg import INK, MUTED, PAPER, POINTS, RULE, SETTINGS, inline_svg

WIDTH, LEFT, EDGE, FOOT = 312.0, 122.0, 12.0, 36.0
#: Ends of the scale; intervals that reach further end at them.
LOW, HIGH = 1e-3, 1e3
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


def odds_plot(name: str, title: str, blocks: Sequence[OddsBlock], stamped: str) -> Markup:
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
    markupsafe.Markup
        The figure, or nothing where there is nothing to draw.
    """
    if not blocks:
        return Markup("")
    top = 18.0 if stamped else 2.0
    height = top + sum(24 + 16 * len(block.lines) for block in blocks) + FOOT
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _panel(height)
        if stamped:
            _write(axes, 9, stamped, weight="bold")
        y = top
        for block in blocks:
            _write(axes, y + 15, block.heading, weight="bold")
            y += 24
            for line in block.lines:
                _write(axes, y + 8, line.label, colour=MUTED if line.kind == "study" else INK)
                _mark(axes, y + 8, line)
                y += 16
        said = "; ".join(
            f"{block.heading}: "
            + ", ".join(f"{ln.label} {ln.estimate.shown} ({ln.estimate.interval})"
                        for ln in block.lines)
            for block in blocks
        )  # fmt: skip
        return inline_svg(figure, name, title, said)


def _mark(axes: Axes, y: float, line: OddsLine) -> None:
    low, middle, high = np.clip(
        [line.estimate.low, line.estimate.median, line.estimate.high], LOW, HIGH
    )
    new = line.kind == "odds_ratio_new"
    axes.plot((low, high), (y, y), color=INK, linewidth=1.4 if new else 2.4, solid_capstyle="butt",
              linestyle=(0, (2.5, 1.5)) if new else "solid",
              alpha=0.55 if line.kind == "study" else 1.0)  # fmt: skip
    axes.plot(middle, y, marker=MARKERS[line.kind], markersize=5.5, markeredgecolor=INK,
              markerfacecolor=PAPER if new else INK)  # fmt: skip


def _panel(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
    figure.patch.set_visible(False)
    width = (WIDTH - LEFT - EDGE) / WIDTH
    axes = figure.add_axes((LEFT / WIDTH, FOOT / height, width, 1 - FOOT / height))
    axes.patch.set_visible(False)
    axes.set_xscale("log")
    axes.set_xlim(LOW, HIGH)
    axes.set_ylim(height - FOOT, 0)
    axes.set_yticks([])
    axes.set_xticks([0.001, 0.01, 0.1, 1, 10, 100, 1000],
                    ["", "0.01", "0.1", "1", "10", "100", ""])  # fmt: skip
    axes.minorticks_off()
    axes.tick_params(axis="x", length=0, pad=4)
    axes.set_xlabel("odds ratio: fewer failures left of 1", labelpad=2)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.axvline(1, color=MUTED, linewidth=1.0)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes


def _write(axes: Axes, y: float, text: str, colour: str = INK, weight: str = "normal") -> None:
    axes.annotate(text, (0, y), xytext=(4 - LEFT, 0), xycoords=axes.get_yaxis_transform(),
                  textcoords="offset points", color=colour, weight=weight, va="center",
                  annotation_clip=False)  # fmt: skip
