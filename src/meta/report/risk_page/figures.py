"""Figures of the risk page: printed ranges and intervals of the evidence side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes

from meta.report.estimates import Estimate
from meta.report.figures import Block, Strip, interval_plot
from meta.report.ratio_axes import FOOT, ratio_axes, write_label
from meta.report.svg import INK, MUTED, SETTINGS, Drawing, drawing
from meta.report.wording import COLOURS
from meta.risk.flags import EXTRAPOLATES
from meta.risk.profile_risk import EVIDENCE_MODE

#: Row of a table of results, by column.
Row = Mapping[str, Any]
#: Width of a figure, room for labels, at the right edge and below, in points.
EDGE = 14.0
#: Ends of the scale of ratios.
LEAST, MOST = 0.1, 10.0
TICKS = {0.1: "0.1", 0.25: "¼", 0.5: "½", 1: "1", 2: "2", 4: "4", 10: "10"}
NAME = "risk at the high-risk setting over the low-risk one"


@dataclass(frozen=True)
class RiskEstimate(Estimate):
    """A number of the risk page; `remark` says what it does not rest on, empty for nothing."""

    remark: str = ""

    @property
    def no_data(self) -> str:
        """What to say beside the number."""
        return self.remark

    @property
    def shown(self) -> str:
        """The median, or that only a range is printed."""
        return "a range" if math.isnan(self.median) else super().shown


def estimate_of(row: Row) -> RiskEstimate:
    """Number of a row of `risk.csv`; one that is extrapolated says so."""
    evidence = row["mode"] == EVIDENCE_MODE
    flags = str(row["flags"]).split()
    extrapolated = evidence and any(flag.startswith(f"{EXTRAPOLATES}:") for flag in flags)
    return number(
        row["outcome"] if evidence else "published",
        row["estimand"],
        (row["value"], row["low"], row["high"]),
        "extrapolated: hardly any study" if extrapolated else "",
    )


def printed_estimate(row: Row) -> RiskEstimate:
    """Range that a row has as printed for the profile itself."""
    ends = (math.nan, row["printed_low"], row["printed_high"])
    return number("published", "rate_mean", ends)


def number(
    outcome: str, estimand: str, values: tuple[float, float, float], remark: str = ""
) -> RiskEstimate:
    """Median, low and high end as a number that can be drawn and written."""
    median, low, high = (float(value) for value in values)
    shown = estimand if estimand.startswith("rate_") else "rate_mean"
    return RiskEstimate(
        "risk", outcome, "", shown, median, low, high, math.nan, 0.0, 1, True, remark=remark
    )


def comparison_plot(
    name: str, title: str, blocks: Iterable[tuple[str, Sequence[tuple[str, RiskEstimate]]]],
    stamped: str,
) -> Drawing:  # fmt: skip
    """Draw what is published and what the evidence gives, one block a profile.

    Parameters
    ----------
    name, title
        Unique name of the figure, and its title for those who cannot see it.
    blocks
        Heading of each, and its lines: label and number.
    stamped
        Stamp to write across the top; empty for none.
    """
    drawn = [
        Block(heading, tuple(Strip(label, each) for label, each in lines if _drawable(each)))
        for heading, lines in blocks
    ]
    return interval_plot(name, title, drawn, stamped)


def _drawable(estimate: Estimate) -> bool:
    return math.isfinite(estimate.low) and math.isfinite(estimate.high)


@dataclass(frozen=True)
class RatioLine:
    """One line of the figure of ratios: its label, number, and whether it is published."""

    label: str
    median: float
    low: float
    high: float
    published: bool = False


def ratio_plot(
    name: str, title: str, blocks: Sequence[tuple[str, str, Sequence[RatioLine], str]], stamped: str
) -> Drawing:
    """Draw risk ratios on a logarithmic scale, a block a modifier.

    Parameters
    ----------
    name, title
        Unique name of the figure, and its title for those who cannot see it.
    blocks
        Heading, what is set against what, lines, and a remark where there is no number.
    stamped
        Stamp to write across the top; empty for none.
    """
    top = 18.0 if stamped else 2.0
    height = top + sum(38 + 16 * (len(lines) + bool(r)) for _, _, lines, r in blocks) + FOOT
    with matplotlib.rc_context(SETTINGS):
        figure, axes = ratio_axes(height, (LEAST, MOST), TICKS, NAME, edge=EDGE, name_at=0.4)
        if stamped:
            write_label(axes, 9, stamped, weight="bold")
        y = top
        for heading, setting, lines, remark in blocks:
            write_label(axes, y + 14, heading, weight="bold")
            write_label(axes, y + 30, setting, colour=MUTED)
            y += 38
            for line in lines:
                write_label(axes, y + 8, line.label)
                _ratio_line(axes, y + 8, line)
                y += 16
            if remark:
                write_label(axes, y + 8, remark, colour=MUTED)
                y += 16
        said = "; ".join(_said(*block) for block in blocks)
        return drawing(figure, name, title, said, ratio_table(blocks))


def ratio_table(
    blocks: Sequence[tuple[str, str, Sequence[RatioLine], str]],
) -> pd.DataFrame:
    """Ratios of the figure, one row a line; of a block without one of the evidence, why."""
    rows = []
    for heading, setting, lines, remark in blocks:
        of = {"heading": heading, "setting": setting}
        rows += [
            {**of, "label": line.label, "published": line.published, "median": line.median,
             "ci_low": line.low, "ci_high": line.high}
            for line in lines
        ]  # fmt: skip
        rows += [{**of, "remark": remark}] if remark else []
    columns = [
        "heading", "setting", "label", "published", "median", "ci_low", "ci_high", "remark"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _ratio_line(axes: Axes, y: float, line: RatioLine) -> None:
    colour = INK if line.published else COLOURS["capable_goal_failure"][0]
    axes.plot((line.low, line.high), (y, y), color=colour, linewidth=2.4, solid_capstyle="butt")
    axes.plot(line.median, y, marker="D" if line.published else "s", markersize=5.5, color=colour)


def _said(heading: str, setting: str, lines: Sequence[RatioLine], remark: str) -> str:
    each = [
        f"{line.label} {line.median:.2g}"
        + ("" if line.published else f" ({line.low:.2g} to {line.high:.2g})")
        for line in lines
    ]
    return f"{heading}, {setting}: {', '.join([*each, *([remark] if remark else [])])}"
