"""Axes of a figure of ratios: a logarithmic scale below, labels in points from the top at left."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.report.svg import INK, MUTED, POINTS, RULE

#: Size in points: the figure, its labels, and the scale.
WIDTH, LEFT, FOOT = 312.0, 122.0, 36.0


def ratio_axes(
    height: float, ends: tuple[float, float], ticks: Mapping[float, str], name: str, *,
    edge: float, name_at: float = 0.5,
) -> tuple[Figure, Axes]:  # fmt: skip
    """Make axes with a rule at 1 and light rules at the ticks.

    Parameters
    ----------
    height
        Of the figure, in points.
    ends
        Ends of the scale.
    ticks
        Labels by place.
    name
        Of the scale.
    edge
        Points at the right, where the last label needs them.
    name_at
        Where the name is centred, as a share of the axes.
    """
    figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
    figure.patch.set_visible(False)
    width = (WIDTH - LEFT - edge) / WIDTH
    axes = figure.add_axes((LEFT / WIDTH, FOOT / height, width, 1 - FOOT / height))
    axes.patch.set_visible(False)
    axes.set_xscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(height - FOOT, 0)
    axes.set_yticks([])
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.tick_params(axis="x", length=0, pad=4)
    axes.set_xlabel(name, labelpad=2, x=name_at)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.axvline(1, color=MUTED, linewidth=1.0)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes


def write_label(axes: Axes, y: float, text: str, colour: str = INK, weight: str = "normal") -> None:
    """Write a label left of the scale, at points from the top."""
    axes.annotate(text, (0, y), xytext=(4 - LEFT, 0), xycoords=axes.get_yaxis_transform(),
                  textcoords="offset points", color=colour, weight=weight, va="center",
                  annotation_clip=False)  # fmt: skip
