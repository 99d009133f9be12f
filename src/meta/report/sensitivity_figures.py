"""Figures of the sensitivity page: rate against trials, and rates by publication weight."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from meta.plural import counted
from meta.report.estimates import percent
from meta.report.sensitivity import Sensitivity
from meta.report.svg import INK, NOTHING, POINTS, RULE, SETTINGS, Drawing, drawing
from meta.report.wording import CHAIN, COLOURS, outcome_name

WIDTH, HEIGHT = 312.0, 190.0


def size_plot(found: Sensitivity) -> Drawing:
    """Observed rate of each arm against its trials, with the line fitted on 1/n."""
    points, lines = found["small_study_points"], found["small_study"]
    if points.empty:
        return NOTHING
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _panel()
        for outcome in [o for o in CHAIN if o in set(points["outcome"])]:
            part = points[points["outcome"].eq(outcome)]
            colour = COLOURS[outcome][0]
            axes.plot(
                part["trials"], part["rate"], "o", color=colour, markersize=3, alpha=0.6,
                clip_on=False,
            )  # fmt: skip
            fit = lines[lines["outcome"].eq(outcome)].iloc[0]
            if np.isfinite(fit["difference"]):
                n = np.geomspace(part["trials"].min(), part["trials"].max(), 60)
                fitted = fit["rate_large"] + fit["difference"] * fit["n_small"] / n
                axes.plot(n, np.clip(fitted, 0, 1), color=colour, linewidth=1.4)
        axes.set_xscale("log")
        powers = 10 ** np.arange(6)
        low, high = points["trials"].min(), points["trials"].max()
        ticks = [int(n) for n in powers if low / 2 < n < 2 * high]
        axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
        axes.minorticks_off()
        axes.set_xlabel("trials of the arm", fontsize=9)
        studies = counted(points["study"].nunique(), "study")
        said = f"{counted(len(points), 'count')} of {studies}"
        name = f"fig-size-{found.model}"
        data = size_table(points, lines)
        return drawing(figure, name, "Observed rate against number of trials", said, data)


def size_table(points: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Rates of arms beside the line fitted to them: at 1/n = 0, and by how much `n_small` differs.

    Parameters
    ----------
    points
        Content of ``small_study_points.csv``.
    lines
        Content of ``small_study.csv``.
    """
    fitted = lines[["outcome", "rate_large", "difference", "n_small"]]
    return points.merge(fitted, on="outcome", how="left", validate="many_to_one")


def weight_plot(found: Sensitivity) -> Drawing:
    """Average over studies by publication weight of studies without events."""
    table = found["zero_events"]
    if table.empty:
        return NOTHING
    part = table[table["estimand"].eq("rate_mean") & table["group"].eq("all")]
    weights = sorted(part["publication_weight"].unique(), reverse=True)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _panel()
        said = []
        present = [o for o in CHAIN if o in set(part["outcome"])]
        for k, outcome in enumerate(present):
            rows = part[part["outcome"].eq(outcome)].set_index("publication_weight").loc[weights]
            x = np.arange(len(weights)) + 0.14 * (k - (len(present) - 1) / 2)
            colour = COLOURS[outcome][0]
            axes.vlines(x, rows["ci_low"], rows["ci_high"], color=colour, linewidth=1.4)
            for at, median, fine in zip(x, rows["median"], rows["reliable"], strict=True):
                fill = colour if bool(fine) else "none"
                axes.plot(at, median, "s", mfc=fill, mec=colour, markersize=5)
            said.append(f"{outcome_name(outcome)} {_listed(rows['median'])}")
        axes.set_xticks(range(len(weights)), [f"{w:g}" for w in weights])
        axes.set_xlabel("publication weight of a study without events", fontsize=9)
        title = "Rates by publication weight of studies without events"
        name = f"fig-weights-{found.model}"
        return drawing(figure, name, title, "; ".join(said), part)


def _listed(values: pd.Series) -> str:
    return ", ".join(percent(v) for v in values)


def _panel() -> tuple[Figure, matplotlib.axes.Axes]:
    figure = Figure(figsize=(WIDTH / POINTS, HEIGHT / POINTS))
    figure.patch.set_visible(False)
    axes = figure.add_axes((34 / WIDTH, 38 / HEIGHT, (WIDTH - 46) / WIDTH, (HEIGHT - 46) / HEIGHT))
    axes.patch.set_visible(False)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"], fontsize=9)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    return figure, axes
