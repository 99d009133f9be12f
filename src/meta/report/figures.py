"""Figures of the report: intervals of pooled numbers, and forest plots of the studies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.plural import counted
from meta.report.descriptive import ForestRow, StudySum
from meta.report.estimates import Estimate
from meta.report.figure_tables import estimate_table, forest_table
from meta.report.svg import INK, MUTED, NOTHING, PAPER, POINTS, RULE, SETTINGS, Drawing, drawing
from meta.report.wording import COLOURS, estimand_name, spell
from meta.risk.printed import EXACT

WIDTH = 312.0  # points; text of 10 points stays legible when scaled to a phone's width
EDGE = 12.0
FOOT = 22.0
HEADING = 47  # characters of a bold heading that fit the width
HEAD = 16.0  # room for a second row of tick labels on tall figures
MARKERS = {"rate_typical": "o", "rate_mean": "s", "rate_new": "D", "rate_new_arm": "D"}


@dataclass(frozen=True)
class Strip:
    """One line of an interval plot: a label and the number it shows."""

    label: str
    estimate: Estimate


@dataclass(frozen=True)
class Block:
    """Lines of an interval plot under a common heading."""

    heading: str
    strips: tuple[Strip, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """The heading in lines that fit the figure, broken at its colon."""
        name, colon, group = self.heading.partition(": ")
        if len(self.heading) <= HEADING:
            return (self.heading,)
        return (name + colon.strip(), group) if group else (name,)

    @property
    def remark(self) -> str:
        """What to say where no strip of the block rests on data."""
        said = {strip.estimate.no_data for strip in self.strips}
        return said.pop() if len(said) == 1 else ""

    def remark_of(self, strip: Strip) -> str:
        """What to say of one strip that the block does not say of all."""
        return "" if self.remark else strip.estimate.no_data

    def remarks_of(self, strip: Strip) -> tuple[str, ...]:
        """Everything to say below one strip."""
        return tuple(filter(None, (self.remark_of(strip), cut_said(strip.estimate))))

    @property
    def height(self) -> float:
        """Height in points."""
        remarks = bool(self.remark) + sum(len(self.remarks_of(s)) for s in self.strips)
        return 7 + 14 * len(self.headings) + 16 * len(self.strips) + 14 * remarks


def cut_said(estimate: Estimate) -> str:
    """Say that a line is cut at the end of the scale, and where it ends; empty where it is not."""
    if not estimate.high > 1 + EXACT:
        return ""
    return f"cut at 100%: goes on to {estimate.high:.0%}"


def interval_plot(
    name: str, title: str, blocks: Sequence[Block], stamped: str, left: float = 112.0
) -> Drawing:
    """Draw medians and intervals on the scale of probability.

    Parameters
    ----------
    name : str
        Unique name of the figure.
    title : str
        Title for those who cannot see it.
    blocks : sequence of Block
        What to draw, from the top.
    stamped : str
        Stamp to write across the top; empty for none.
    left : float, optional
        Room for the labels, in points.

    Returns
    -------
    Drawing
        The figure, or nothing where there is nothing to draw.
    """
    blocks = [block for block in blocks if block.strips]
    if not blocks:
        return NOTHING
    top = 18.0 if stamped else 2.0
    height = top + sum(block.height for block in blocks) + FOOT
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _panel(height, left)
        _stamp(axes, stamped, left)
        _blocks(axes, blocks, top, 4 - left)
        said = "; ".join(_said(block) for block in blocks)
        data = estimate_table(
            (block.heading, strip.label, strip.estimate)
            for block in blocks
            for strip in block.strips
        )
        return drawing(figure, name, title, said, data)


def forest_plot(
    name: str,
    title: str,
    rows: Sequence[ForestRow],
    pooled: Sequence[Estimate],
    stamped: str,
) -> Drawing:
    """Draw one line a study: its arms, their sum, and the shrunken rate of the study.

    Parameters
    ----------
    name, title : str
        Unique name of the figure, and its title.
    rows : sequence of ForestRow
        The studies, from the top.
    pooled : sequence of Estimate
        Numbers drawn at the bottom.
    stamped : str
        Stamp to write across the top; empty for none.

    Returns
    -------
    Drawing
        The figure, or nothing where no study observes the stage.
    """
    if not rows:
        return NOTHING
    types = list(dict.fromkeys(row.failure_type for row in rows))
    top = HEAD + (18.0 if stamped else 0.0)
    height = top + 20 * len(types) + 37 * len(rows) + 12 + FOOT
    height += sum(32 + 14 * bool(estimate.no_data) for estimate in pooled)
    tips = {f"row-{i}": f"{row.label}: {row.title}" for i, row in enumerate(rows)}
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _panel(height, EDGE, HEAD)
        _stamp(axes, stamped, EDGE, HEAD)
        y = _studies(axes, rows, top)
        _pooled(axes, pooled, y)
        said = f"{counted(len(rows), 'study')}. " + "; ".join(
            _words(estimate) for estimate in pooled
        )
        return drawing(figure, name, title, said, forest_table(rows, pooled), tips)


def _blocks(axes: Axes, blocks: Sequence[Block], y: float, x: float) -> None:
    for block in blocks:
        colour = _colour(block.strips[0].estimate.outcome)
        for heading in block.headings:
            _write(axes, y + 12, heading, x, colour=colour, weight="bold")
            y += 14
        y = _remark(axes, y + 7, block.remark, x)
        for strip in block.strips:
            _write(axes, y + 8, strip.label, x)
            _interval(axes, y + 8, strip.estimate)
            y += 16
            for remark in block.remarks_of(strip):
                y = _remark(axes, y, remark, x)


def _remark(axes: Axes, y: float, remark: str, x: float) -> float:
    if not remark:
        return y
    _write(axes, y + 5, remark, x, colour=MUTED)
    return y + 14


def _pooled(axes: Axes, pooled: Sequence[Estimate], y: float) -> None:
    axes.axhline(y + 6, color=INK, linewidth=0.8)
    y += 12
    for estimate in pooled:
        _write(axes, y + 9, estimand_name(estimate.estimand).capitalize(), 0, weight="bold")
        numbers = f"{estimate.shown} ({estimate.interval})"
        _write(axes, y + 9, numbers, WIDTH - 2 * EDGE, weight="bold", align="right")
        _interval(axes, y + 22, estimate)
        y = _remark(axes, y + 32, estimate.no_data, 0)


def _studies(axes: Axes, rows: Sequence[ForestRow], y: float) -> float:
    heading = None
    for index, row in enumerate(rows):
        if row.failure_type != heading:
            heading = row.failure_type
            _write(axes, y + 13, spell(heading).capitalize(), 0, colour=MUTED, weight="bold")
            y += 20
        label = axes.text(0, y + 9, row.label, va="center", gid=f"row-{index}")
        label.set_clip_on(False)
        label.set_url(row.url or None)
        _write(axes, y + 9, _counts(row), WIDTH - 2 * EDGE, colour=MUTED, align="right")
        for part in row.sums:
            _arms(axes, y + 20, part)
        if row.shrunken is not None:
            _interval(axes, y + 28, row.shrunken, marker="o")
        y += 37
    return y


def _arms(axes: Axes, y: float, part: StudySum) -> None:
    """Draw the arms and the descriptive interval of their sum; hollow where indirect."""
    style = (0, (2, 1.5)) if part.indirect else "solid"
    axes.plot(part.interval, (y, y), color=MUTED, linewidth=1.2, linestyle=style)
    for arm in part.arms:
        axes.plot(
            arm.events / arm.trials,
            y,
            marker="o",
            markersize=2.6 + 0.6 * math.log10(arm.trials),
            markerfacecolor=PAPER if part.indirect else MUTED,
            markeredgecolor=MUTED,
            markeredgewidth=0.9,
            clip_on=False,
        )


def _interval(axes: Axes, y: float, estimate: Estimate, marker: str | None = None) -> None:
    """Draw a median and its interval; open, dashed and lighter where no data are behind it."""
    bare = bool(estimate.no_data)
    colour = _colour(estimate.outcome)
    new = estimate.estimand in {"rate_new", "rate_new_arm"}
    axes.plot(
        (estimate.low, estimate.high),
        (y, y),
        color=colour,
        linewidth=1.4 if new else 2.0 if bare else 3.0,
        linestyle=(0, (2.5, 1.5)) if bare else "solid",
        alpha=0.65 if bare else 1.0,
        solid_capstyle="butt",
        dash_capstyle="butt",
    )
    if cut_said(estimate):
        axes.plot(1, y, marker=">", markersize=7.0, color=colour, clip_on=False)
    axes.plot(
        estimate.median,
        y,
        marker=marker or MARKERS.get(estimate.estimand, "o"),
        markersize=6.0,
        markerfacecolor=PAPER if new or bare else colour,
        markeredgecolor=colour if new or bare else PAPER,
        markeredgewidth=1.3 if new or bare else 0.5,
        clip_on=False,
    )


def _panel(height: float, left: float, head: float = 0.0) -> tuple[Figure, Axes]:
    """Axes in percent across and points down, with light vertical rules."""
    figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
    figure.patch.set_visible(False)
    width = (WIDTH - left - EDGE) / WIDTH
    axes = figure.add_axes((left / WIDTH, FOOT / height, width, 1 - (FOOT + head) / height))
    axes.patch.set_visible(False)
    axes.set_xlim(0, 1)
    axes.set_ylim(height - FOOT, head)
    axes.set_yticks([])
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"])
    axes.tick_params(axis="x", length=0, pad=4, labeltop=head > 0)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _write(
    axes: Axes,
    y: float,
    text: str,
    x: float,
    colour: str = INK,
    weight: str = "normal",
    align: str = "left",
) -> None:
    """Write text at x points from the left of the panel and y points from its top."""
    axes.annotate(
        text,
        (0, y),
        xytext=(x, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        color=colour,
        weight=weight,
        ha=align,
        va="center",
        annotation_clip=False,
    )


def _stamp(axes: Axes, stamped: str, left: float, head: float = 0.0) -> None:
    if stamped:
        _write(axes, head + 9, stamped, -left + 4, weight="bold")


def _counts(row: ForestRow) -> str:
    drawn = sum(len(part.arms) for part in row.sums)
    if not drawn:
        return "no direct count"
    counts = " + ".join(f"{part.events:,}/{part.trials:,}" for part in row.sums)
    share = "" if drawn == row.n_arms else f"{drawn} of "
    return f"{counts}, {share}{counted(row.n_arms, 'arm')}"


def _colour(outcome: str) -> str:
    return COLOURS.get(outcome, (INK, INK))[0]


def _words(estimate: Estimate) -> str:
    return f"{estimand_name(estimate.estimand)} {_numbers(estimate)}"


def _numbers(estimate: Estimate) -> str:
    remark = f", {estimate.no_data}" if estimate.no_data else ""
    return f"{estimate.shown} ({estimate.interval}{remark})"


def _said(block: Block) -> str:
    lines = ", ".join(f"{strip.label} {_numbers(strip.estimate)}" for strip in block.strips)
    return f"{block.heading}: {lines}"
