"""Figure of coverage: every cell of the grid with its Monte Carlo error, the worst one named."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.report.standalone_svg import BLUE, GREY, ORANGE, SETTINGS, write_svg
from meta.report.wording import ESTIMAND_NAMES

MARKERS = {0.0: "o", 0.5: "s", 1.5: "^"}


def write_coverage_figure(cells: pd.DataFrame, ci_prob: float, path: Path) -> None:
    """Draw coverage against the number of studies, by estimand and true typical rate.

    Parameters
    ----------
    cells
        Table of cells (`meta.checks.coverage_record.cell_table`).
    ci_prob
        Nominal coverage.
    path
        SVG file to write.
    """
    estimands, rates = sorted(cells["estimand"].unique()), sorted(cells["rate"].unique())
    # Room below the worst for its name.
    low = float(cells["coverage_low"].min()) - 0.12
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(7.2, 6.8), layout="constrained")
        axes = figure.subplots(len(estimands), len(rates), sharex=True, sharey=True, squeeze=False)
        for line, estimand in zip(axes, estimands, strict=True):
            for ax, rate in zip(line, rates, strict=True):
                here = cells[(cells["estimand"] == estimand) & (cells["rate"] == rate)]
                _panel(ax, here, ci_prob)
                ax.set_title(f"{ESTIMAND_NAMES[estimand]}\ntrue typical rate {rate:g}", fontsize=8)
                ax.set_ylim(low, 1.01)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8)
        figure.supylabel(f"Coverage of {100 * ci_prob:g}% intervals")
        figure.supxlabel("Studies; the line is the nominal coverage", fontsize=9)
        _name_worst(axes, cells, estimands, rates)
    write_svg(figure, path, "Coverage of the pooled estimands", describe_worst(cells))


def describe_worst(cells: pd.DataFrame) -> str:
    """Say in one sentence which cell covers least."""
    row = cells.sort_values("coverage", kind="stable").iloc[0]
    seen = "observed" if row["observed"] else "not observed"
    return (
        f"The worst of {len(cells)} cells: {ESTIMAND_NAMES[row['estimand']]}, {row['studies']} "
        f"studies, typical rate {row['rate']:g}, tau {row['tau']:g}, capability {seen}: coverage "
        f"{row['coverage']:.2f} ({row['coverage_low']:.2f} to {row['coverage_high']:.2f}), bias "
        f"{row['bias']:+.2f}."
    )


def _panel(ax: Axes, cells: pd.DataFrame, ci_prob: float) -> None:
    studies = sorted(cells["studies"].unique())
    ax.axhline(ci_prob, color=GREY, linewidth=0.6)
    shift = 0
    for seen, colour in ((True, BLUE), (False, ORANGE)):
        for tau, marker in MARKERS.items():
            part = cells[(cells["observed"] == seen) & (cells["tau"] == tau)]
            part = part.sort_values("studies")
            at = np.searchsorted(studies, part["studies"]) + 0.11 * (shift - 2.5)
            error = [
                part["coverage"] - part["coverage_low"],
                part["coverage_high"] - part["coverage"],
            ]
            ax.errorbar(
                at, part["coverage"], yerr=np.maximum(error, 0), fmt=marker, markersize=3,
                color=colour, linewidth=0.7,
                label=f"capability {'' if seen else 'not '}observed, tau {tau:g}",
            )  # fmt: skip
            shift += 1
    ax.set_xticks(range(len(studies)), [str(s) for s in studies])
    ax.tick_params(labelsize=7)


def _name_worst(
    axes: np.ndarray, cells: pd.DataFrame, estimands: list[str], rates: list[float]
) -> None:
    row = cells.sort_values("coverage", kind="stable").iloc[0]
    ax = axes[estimands.index(row["estimand"])][rates.index(row["rate"])]
    ax.text(
        0.98, 0.03, f"worst: {row['coverage']:.2f}", transform=ax.transAxes, ha="right", fontsize=8
    )
