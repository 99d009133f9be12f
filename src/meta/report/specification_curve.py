"""Specification curves: one pooled number under every specification, in order, the primary marked.

Below the curve a mark shows which value of each axis a specification has (Simonsohn, Simmons &
Nelson 2020, doi:10.1038/s41562-020-0912-z).
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from meta.plural import counted
from meta.report.estimates import percent
from meta.report.svg import INK, MUTED, POINTS, RULE, SETTINGS, Drawing, drawing
from meta.report.wording import CHAIN, COLOURS, estimand_name, outcome_name, spell

AXES = (
    "grade", "role", "failure_type", "counted", "assumed_capable", "unclear", "priors",
    "likelihood", "random_effects", "correlation",
)  # fmt: skip
SHOWN = ("rate_mean", "rate_new")
WIDTH, CURVE, LINE, LEFT = 470.0, 150.0, 11.0, 192.0
LONGEST = 44  # characters of a value's label


@dataclass(frozen=True)
class Curve:
    """A pooled number over the multiverse: its figure and what it says in a sentence."""

    name: str
    figure: Drawing
    said: str


def curves(table: pd.DataFrame) -> list[Curve]:
    """Draw a curve for every outcome's average over studies and new-study rate.

    Parameters
    ----------
    table
        Content of ``multiverse.csv``.
    """
    seen = observed(table)
    found = []
    for outcome in CHAIN:
        for estimand in SHOWN:
            part = table[
                seen
                & table["outcome"].eq(outcome)
                & table["estimand"].eq(estimand)
                & table["group"].eq("all")
            ]
            if len(part) > 1:
                found.append(_curve(part, outcome, estimand))
    return found


def observed(table: pd.DataFrame) -> pd.Series:
    """Whether a specification says something of a number: rows count it, and it means the same.

    Where every trial is assumed capable, goal failure given capability is itself the product.
    """
    assumed = table["assumed_capable"].astype(str).eq("True")
    return table["k_rows"].gt(0) & ~(assumed & table["outcome"].eq("capable_goal_failure"))


def left_out(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Reasons why specifications were not fitted, with how many each."""
    reasons = table["reason"].dropna().astype(str)
    reasons = reasons[reasons.ne("")].str.replace(r"equals \w+: ", "equal to another: ", regex=True)
    return [(str(reason), int(count)) for reason, count in reasons.value_counts().items()]


def _curve(part: pd.DataFrame, outcome: str, estimand: str) -> Curve:
    ordered = part.sort_values("median", kind="stable").reset_index(drop=True)
    passed = ordered["passed"].astype(str).eq("True")
    primary = ordered["primary"].astype(str).eq("True")
    name = f"{outcome_name(outcome)}: {estimand_name(estimand)}"
    low, first, third, high = (
        percent(float(v)) for v in ordered["median"].quantile([0, 0.25, 0.75, 1])
    )
    said = (
        f"{counted(len(ordered), 'specification')}; medians from {low} to {high}, half of them "
        f"between {first} and {third}"
    )
    if primary.any():
        said += f"; the primary {percent(ordered.loc[primary, 'median'].iloc[0])}"
    if (~passed).any():
        said += f"; {int((~passed).sum())} fail their own diagnostics (open marks)"
    varied = [axis for axis in AXES if axis in ordered and ordered[axis].astype(str).nunique() > 1]
    with matplotlib.rc_context(SETTINGS):
        figure = _draw(ordered, passed.to_numpy(), primary.to_numpy(), varied, COLOURS[outcome][0])
        identifier = f"fig-curve-{outcome}-{estimand}".replace("_", "-")
        return Curve(name, drawing(figure, identifier, name, said, ordered), said + ".")


def _draw(
    ordered: pd.DataFrame, passed: np.ndarray, primary: np.ndarray, varied: list[str], colour: str
) -> Figure:
    lines = [(axis, v) for axis in varied for v in sorted(ordered[axis].astype(str).unique())]
    below = LINE * (len(lines) + len(varied)) + 8
    height = CURVE + below + 14
    figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
    figure.patch.set_visible(False)
    width = (WIDTH - LEFT - 8) / WIDTH
    top = figure.add_axes((LEFT / WIDTH, (below + 6) / height, width, CURVE / height))
    x = np.arange(len(ordered))
    top.vlines(x, ordered["ci_low"], ordered["ci_high"], color=RULE, linewidth=1.0)
    top.plot(x[passed], ordered["median"][passed], ".", color=colour, markersize=3.5)
    top.plot(x[~passed], ordered["median"][~passed], "o", mfc="none", mec=colour, markersize=3.5)
    for index in np.flatnonzero(primary):
        row = ordered.iloc[index]
        top.vlines(index, row["ci_low"], row["ci_high"], color=INK, linewidth=1.6)
        top.plot(index, row["median"], "D", color=INK, markersize=6)
    top.set_ylim(0, 1)
    top.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"])
    panel = figure.add_axes((LEFT / WIDTH, 2 / height, width, below / height))
    _choices(panel, ordered, lines, primary)
    for axes in (top, panel):
        axes.patch.set_visible(False)
        axes.set_xlim(-1, len(ordered))
        axes.set_xticks([])
        axes.tick_params(length=0, colors=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
    top.grid(axis="y", color=RULE, linewidth=0.7)
    return figure


def _choices(
    panel: matplotlib.axes.Axes,
    ordered: pd.DataFrame,
    lines: list[tuple[str, str]],
    primary: np.ndarray,
) -> None:
    """Mark the value that each specification has on each axis."""
    y, ticks, labels, last = 0.0, [], [], ""
    for axis, value in lines:
        if axis != last:
            y, last = y + LINE, axis
            panel.annotate(
                spell(axis).capitalize(), (0, y), xycoords=panel.get_yaxis_transform(),
                xytext=(4 - LEFT, 0), textcoords="offset points", fontsize=8, weight="bold",
                va="center", color=MUTED, annotation_clip=False,
            )  # fmt: skip
        y += LINE
        where = ordered[axis].astype(str).eq(value).to_numpy()
        x = np.flatnonzero(where)
        panel.plot(x, np.full(x.size, y), "|", color=MUTED, markersize=5, markeredgewidth=0.8)
        chosen = np.flatnonzero(where & primary)
        panel.plot(chosen, np.full(chosen.size, y), "D", color=INK, markersize=4)
        ticks.append(y)
        labels.append(_label(value))
    panel.set_yticks(ticks, labels, fontsize=8)
    panel.set_ylim(y + LINE, 0)


def _label(value: str) -> str:
    words = spell(value).replace("+", ", ")
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
