"""Figures of the checks against data: predictive positions, LOO-PIT curves, Pareto k, influence."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from meta.checks.importance import NOT_COMPUTED
from meta.report.figures import EDGE, WIDTH
from meta.report.svg import INK, MUTED, NOTHING, PAPER, POINTS, RULE, SETTINGS, Drawing, drawing
from meta.report.wording import COLOURS, outcome_name, spell, study_label

LINE = 15.0
FOOT = 34.0
LABELS = 146.0
CURVE = 110.0
#: Studies named in the plot of influence, at most.
NAMED = 4
#: Where a name may lie beside its dot: points to the right and up, and how it is aligned.
SIDES = (
    (5, 3, "left", "baseline"), (-5, 3, "right", "baseline"), (5, -3, "left", "top"),
    (-5, -3, "right", "top"), (0, 6, "center", "baseline"), (0, -6, "center", "top"),
)  # fmt: skip


def predictive_figure(name: str, table: pd.DataFrame) -> Drawing:
    """Draw where the data lie among replicates, one line a statistic.

    Parameters
    ----------
    name : str
        Unique name of the figure.
    table : pandas.DataFrame
        ``posterior_predictive.csv`` of a model.

    Returns
    -------
    Drawing
        The figure, or nothing without a statistic.
    """
    if table.empty:
        return NOTHING
    stages = list(dict.fromkeys(table["outcome"]))
    height = LINE * (len(table) + 1.3 * len(stages)) + FOOT
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _lines(height, LABELS)
        y = 0.0
        for stage in stages:
            colour = COLOURS.get(stage, (INK, INK))[0]
            _label(axes, y + LINE / 2, outcome_name(stage), LABELS, colour, "bold")
            y += 1.3 * LINE
            for row in table[table["outcome"] == stage].itertuples():
                middle = y + LINE / 2
                _label(axes, middle, spell(str(row.statistic)), LABELS)
                # Ties make the position of a count an interval of ranks.
                low, high = 1 - float(str(row.tail_high)), float(str(row.tail_low))
                axes.plot((low, high), (middle, middle), color=colour, linewidth=3, alpha=0.5)
                axes.plot((low + high) / 2, middle, "o", color=colour, markersize=5, clip_on=False)
                y += LINE
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"])
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("replicates below the data")
        said = "; ".join(
            f"{outcome_name(str(row.outcome))}, {spell(str(row.statistic))}: tail probability "
            f"{row.tail_probability:.3g}"
            for row in table.itertuples()
        )
        return drawing(figure, name, "Data among replicates of new studies", said, table)


def pit_figure(name: str, bands: pd.DataFrame) -> Drawing:
    """Draw the distribution of LOO-PIT values less the uniform one, with its bands, by stage."""
    if bands.empty:
        return NOTHING
    stages = list(dict.fromkeys(bands["outcome"]))
    height = (CURVE + 20) * len(stages) + FOOT
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
        figure.patch.set_visible(False)
        for i, stage in enumerate(stages):
            part = bands[bands["outcome"] == stage]
            bottom = height - (i + 1) * (CURVE + 20)
            axes = figure.add_axes((0.13, bottom / height, 0.83, CURVE / height))
            _curve(axes, part, stage, last=i == len(stages) - 1)
        said = f"Curves of {len(stages)} stages, each with simultaneous bands."
        return drawing(figure, name, "Distribution of LOO-PIT values", said, bands)


def _curve(axes: Axes, part: pd.DataFrame, stage: str, last: bool) -> None:
    colour = COLOURS.get(stage, (INK, INK))[0]
    at = part["at"].to_numpy(float)
    curve, lower, upper = (part[c].to_numpy(float) - at for c in ("ecdf", "lower", "upper"))
    axes.patch.set_visible(False)
    axes.fill_between(at, lower, upper, color=MUTED, alpha=0.18, linewidth=0)
    axes.axhline(0, color=RULE, linewidth=0.8)
    axes.plot(at, curve, color=colour, linewidth=1.8)
    axes.set_title(outcome_name(stage), loc="left", fontsize=10, color=colour, weight="bold", pad=3)
    axes.set_xlim(0, 1)
    axes.tick_params(length=2, labelsize=9)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"] if last else [""] * 5)
    if last:
        axes.set_xlabel("share of the prediction below the study's events")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def pareto_figure(name: str, loo: pd.DataFrame) -> Drawing:
    """Draw the Pareto k of each study left out, beside the limit of its number of draws."""
    if not loo.empty:
        loo = loo[loo["method"] != NOT_COMPUTED]
    if loo.empty:
        return NOTHING
    rows = loo.sort_values("pareto_k", ascending=False)
    k = rows["pareto_k"].replace([np.inf, -np.inf], np.nan).fillna(2.0).clip(-0.5, 2.0)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _lines(LINE * len(rows) + FOOT, LABELS)
        for i, (row, value) in enumerate(zip(rows.itertuples(), k, strict=True)):
            y = LINE * (i + 0.5)
            refitted = row.method == "refit"
            bad = not row.reliable
            _label(axes, y, study_label(str(row.study)), LABELS, weight="bold" if bad else "normal")
            limit = float(str(row.limit))
            axes.plot((limit, limit), (y - LINE / 2, y + LINE / 2), color=MUTED, lw=1.2)
            face = PAPER if refitted else INK
            axes.plot(value, y, "o", markersize=5.5, markerfacecolor=face, markeredgecolor=INK)
        axes.set_xlim(min(-0.1, float(k.min()) - 0.1), max(1.0, float(k.max()) + 0.1))
        axes.set_xlabel("Pareto k")
        worst = "; ".join(f"{r.study} {r.pareto_k:.2f}" for r in rows.head(5).itertuples())
        title = "Pareto k of each study left out"
        return drawing(figure, name, title, f"Largest: {worst}", rows)


def influence_figure(name: str, studies: pd.DataFrame) -> Drawing:
    """Draw how far each study moves the mean rates against how badly the others predict it."""
    if studies.empty or not np.isfinite(studies["misfit"]).any():
        return NOTHING
    height = 230.0
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
        figure.patch.set_visible(False)
        axes = figure.add_axes((0.13, FOOT / height + 0.01, 0.83, 1 - (FOOT + 12) / height))
        axes.patch.set_visible(False)
        x = studies["misfit"].to_numpy(float)
        y = studies["largest_shift_sd"].abs().to_numpy(float)
        axes.plot(x, y, "o", color=COLOURS["capability_transfer"][0], markersize=5, alpha=0.85)
        axes.set_xlabel("misfit: minus the log density given the others")
        axes.set_ylabel("largest shift of a mean rate (sd)")
        axes.set_ylim(0, float(np.nanmax(y)) * 1.15 + 1e-9)
        _names(axes, studies, x, y)
        axes.tick_params(length=2, labelsize=9)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        said = "; ".join(
            f"{r.study}: {r.largest_shift_sd:+.2f} sd" for r in studies.head(NAMED).itertuples()
        )
        text = f"Most influential: {said}"
        return drawing(figure, name, "Influence against misfit", text, studies)


def _names(axes: Axes, studies: pd.DataFrame, x: np.ndarray, y: np.ndarray) -> None:
    """Name the studies with the largest shifts, the largest first, where there is room.

    A name lies beside its dot or, where a dot or an earlier name is in the way, on another side of
    it. Where no side is free it is left out, and all lesser ones too: the named are the largest.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    ink = FigureCanvasAgg(figure).get_renderer()
    dots = axes.transData.transform(np.column_stack([x, y]))
    dots = dots[np.isfinite(dots).all(axis=1)]
    frame = axes.get_window_extent(ink)
    taken: list[Bbox] = []
    for i in np.argsort(-np.nan_to_num(y), kind="stable")[:NAMED]:
        label = study_label(str(studies["study"].iloc[i]))
        for dx, dy, across, up in SIDES:
            text = axes.annotate(
                label, (x[i], y[i]), fontsize=9, xytext=(dx, dy), textcoords="offset points",
                ha=across, va=up,
            )  # fmt: skip
            box = text.get_window_extent(ink)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0
            free = not box.count_contains(dots) and box.count_overlaps(taken) == 0
            if inside and free:
                taken.append(box)
                break
            text.remove()
        else:
            return


def _lines(height: float, left: float) -> tuple[Figure, Axes]:
    """Axes with one line a row, measured in points downwards, and labels on the left."""
    figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
    figure.patch.set_visible(False)
    width = (WIDTH - left - EDGE) / WIDTH
    axes = figure.add_axes((left / WIDTH, FOOT / height, width, 1 - FOOT / height))
    axes.patch.set_visible(False)
    axes.set_ylim(height - FOOT, 0)
    axes.set_yticks([])
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9)
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _label(
    axes: Axes, y: float, text: str, left: float, colour: str = INK, weight: str = "normal"
) -> None:
    axes.annotate(
        text, (0, y), xytext=(4 - left, 0), xycoords=axes.get_yaxis_transform(),
        textcoords="offset points", color=colour, weight=weight, fontsize=9.5, va="center",
        annotation_clip=False,
    )  # fmt: skip


def names(rows: Sequence[str], most: int = 6) -> str:
    """List studies for a sentence, the last ones counted."""
    shown = ", ".join(study_label(row) for row in rows[:most])
    return shown + (f" and {len(rows) - most} more" if len(rows) > most else "")
