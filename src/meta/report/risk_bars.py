"""Bars of what drives a risk: its tornado, and what new measurements would take of its variance."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from meta.report.estimates import percent
from meta.report.svg import INK, NOTHING, POINTS, RULE, SETTINGS, Drawing, drawing
from meta.report.wording import COLOURS, spell

WIDTH, EDGE, FOOT, TOP, LINE = 312.0, 12.0, 36.0, 2.0, 30.0
#: Bars that a figure shows, the longest ones.
MOST = 10
#: Views of inputs that have no bar: parts of the variance of a new study.
PARTS = "predictive"


def tornado_plot(
    name: str, title: str, rows: pd.DataFrame, percentiles: Sequence[float]
) -> Drawing:
    """Draw the median risk given each input at a low and at a high percentile of its draws.

    Parameters
    ----------
    name, title : str
        Unique name of the figure, and its title for those who cannot see it.
    rows : DataFrame
        Rows of `reports/risk_sensitivity.csv` of one profile, outcome and estimand.
    percentiles : sequence of float
        The two of the inputs.

    Returns
    -------
    Drawing
        The figure, or nothing where there is nothing to draw. Light: the input is low; full: high.
        Of an input of several numbers, low and high are the lower and higher risk that it predicts.
    """
    rows = rows[rows["view"].ne(PARTS)]
    if rows.empty:
        return NOTHING
    order = (rows["risk_high"] - rows["risk_low"]).abs().sort_values(ascending=False, kind="stable")
    rows = rows.loc[order.index].head(MOST)
    risk, colour = float(rows["risk"].iloc[0]), _colour(rows)
    low, high = (f"{100 * p:g}" for p in percentiles)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _panel(len(rows), float(rows[["risk_low", "risk_high"]].max().max()))
        said = []
        for i, (_, row) in enumerate(rows.iterrows()):
            y, ends = _label(axes, i, str(row["said"])), (row["risk_low"], row["risk_high"])
            for end, alpha in zip(ends, (0.4, 1.0), strict=True):
                _bar(axes, y, risk, end, colour, alpha)
            axes.plot((risk, risk), (y - 7, y + 7), color=INK, linewidth=1.0)
            said.append(f"{row['said']}: {percent(ends[0])} and {percent(ends[1])}")
        axes.set_xlabel(
            f"median risk, the input at percentile {low} (light) and {high} (full)", fontsize=9
        )
        text = f"Median {percent(risk)}. With the input at percentile {low} and {high}: "
        return drawing(figure, name, title, text + "; ".join(said), rows)


def information_plot(name: str, title: str, rows: pd.DataFrame) -> Drawing:
    """Draw the share of a risk's variance that each new measurement is expected to take away.

    Parameters
    ----------
    name, title : str
        Unique name of the figure, and its title for those who cannot see it.
    rows : DataFrame
        Rows of sample information of `reports/value_of_information.csv`, of one profile and
        outcome.

    Returns
    -------
    Drawing
        The figure, or nothing where there is nothing to draw: the share on the logit scale (full),
        what no number of such studies exceeds (light), and the Monte Carlo interval of the share.
    """
    rows = rows[rows["information"].eq("sample")].sort_values("rank").head(MOST)
    if rows.empty:
        return NOTHING
    colour = _colour(rows)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _panel(len(rows), float(rows[["share_logit", "limit_logit"]].max().max()))
        said = []
        for i, (_, row) in enumerate(rows.iterrows()):
            label = measurement_name(row["candidate"])
            y, margin = _label(axes, i, label), row["share_logit_margin"]
            share, limit = max(row["share_logit"], 0), max(row["limit_logit"], 0)
            _bar(axes, y, 0, limit, colour, 0.3)
            _bar(axes, y, 0, share, colour, 1.0)
            ends = (max(share - margin, 0), share + margin)
            axes.plot(ends, (y, y), color=INK, linewidth=1.0, solid_capstyle="butt")
            said.append(f"{label}: {percent(share)}, at most {percent(max(share, limit))}")
        axes.set_xlabel("share of the variance that goes; light: at most", fontsize=9)
        text = f"Share of the variance of the log odds. {'; '.join(said)}"
        return drawing(figure, name, title, text, rows)


def measurement_name(candidate: str) -> str:
    """Name of a new measurement for a reader.

    Parameters
    ----------
    candidate : str
        For instance ``by_stage:shift_type=extreme`` (see `meta.risk.new_studies`).
    """
    kind, _, where = candidate.partition(":")
    names = {
        "by_stage": "studies by stage",
        "all_trials": "studies, all trials",
        "cases": "cases with harm",
        "notoriety": "a study of what gets written up",
    }
    field, _, level = where.partition("=")
    at = f": {spell(field)} {spell(level)}" if where else ""
    return names.get(kind, spell(kind)) + at


def _label(axes: Axes, index: int, text: str) -> float:
    """Write the label of a bar above its place, in points from the top; return that place."""
    y = TOP + LINE * index
    axes.annotate(
        text, (0, y + 8), xytext=(0, 0), xycoords=axes.get_yaxis_transform(),
        textcoords="offset points", color=INK, va="center", annotation_clip=False, fontsize=9,
    )  # fmt: skip
    return y + 21


def _bar(axes: Axes, y: float, start: float, end: float, colour: str, alpha: float) -> None:
    axes.plot((start, end), (y, y), color=colour, alpha=alpha, linewidth=8.0, solid_capstyle="butt")


def _colour(rows: pd.DataFrame) -> str:
    return COLOURS.get(str(rows["outcome"].iloc[0]), (INK, INK))[0]


def _panel(lines: int, most: float) -> tuple[Figure, Axes]:
    """Axes from zero across and in points down, with light vertical rules."""
    height = TOP + LINE * lines + FOOT
    figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
    figure.patch.set_visible(False)
    width = (WIDTH - 2 * EDGE) / WIDTH
    axes = figure.add_axes((EDGE / WIDTH, FOOT / height, width, 1 - FOOT / height))
    axes.patch.set_visible(False)
    axes.set_xlim(0, 1.05 * max(most, 0.01))
    axes.set_ylim(height - FOOT, 0)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.3g}%")
    axes.tick_params(axis="x", length=0, pad=4, labelsize=9)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes
