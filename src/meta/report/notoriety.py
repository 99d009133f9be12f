"""How harm among all failures hangs on how readily harmful ones are written up."""

import math
from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta.config import HARM_WITH_NOTORIETY, STAGES
from meta.report.estimates import Estimate
from meta.report.inputs import Fit, ReportInputs
from meta.report.svg import POINTS, RULE, SETTINGS, Drawing, drawing
from meta.report.tables import Line, Table
from meta.report.verdict import stamp
from meta.report.wording import COLOURS, estimand_name, group_name

COLUMNS = [
    "model", "group", "estimand", "offset", "odds_ratio", "median", "ci_low", "ci_high", "ci_prob",
]  # fmt: skip
CURVE = "rate_mean"
ENDS = ["ci_low", "median", "ci_high"]
#: Points: width of the figure, height of a row of panels, and of what lies around them.
WIDTH, PANEL, MARGINS = 312.0, 105.0, 30.0
HARM = COLOURS[STAGES[-1]][0]


@dataclass(frozen=True)
class NotorietySection:
    """Harm of one composition: as catalogued, with the prior of the offset, and over offsets."""

    figure: Drawing
    table: Table
    prior: str
    below_one: str


def notoriety_table(inputs: ReportInputs) -> pd.DataFrame:
    """Harm at each fixed offset, for every group and estimand of a composition.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`: `offset` is a log odds ratio, `odds_ratio` its exponential.
    """
    records = []
    for fit in inputs.composition_fits:
        pooled = fit.pooled[fit.pooled["outcome"].str.startswith(f"{HARM_WITH_NOTORIETY}=")]
        for row in pooled.to_dict("records"):
            offset = float(str(row["outcome"]).partition("=")[2])
            records.append({**row, "offset": offset, "odds_ratio": round(math.exp(offset), 4)})
    return pd.DataFrame(records, columns=COLUMNS).sort_values(
        ["model", "group", "estimand", "offset"], ignore_index=True
    )


def notoriety_section(inputs: ReportInputs, fit: Fit) -> NotorietySection | None:
    """Show what the offset does to harm, or None where the model has no offset."""
    prior = fit.record.get("spec", {}).get("notoriety")
    curve = notoriety_table(inputs)
    curve = curve[(curve["model"] == fit.name) & (curve["estimand"] == CURVE)]
    if not prior or curve.empty:
        return None
    # In the order of the model: levels of an ordinal field as they rise.
    groups = list(dict.fromkeys(g for g in fit.pooled["group"] if g in set(curve["group"])))
    table = Table(
        tuple(f"{name}: {estimand_name(e, is_rate=False)}"
              for name in ("as catalogued", "notoriety prior taken off")
              for e in (CURVE, "rate_new")),
        tuple(Line(group_name(group), STAGES[-1], _cells(inputs, fit, group)) for group in groups),
    )  # fmt: skip
    mu, sigma = float(prior["mu"]), float(prior["sigma"])
    said = odds_factor(mu, sigma)
    below = 0.5 * math.erfc(mu / sigma / math.sqrt(2))
    figure = _curve(curve, groups, stamp(inputs, {fit.name}), f"fig-notoriety-{fit.name}")
    return NotorietySection(figure, table, said, f"{100 * below:.0f}%")


def odds_factor(mu: float, sigma: float) -> str:
    """Write the median of an odds ratio and 95% of it, where its logarithm is normal."""
    low, middle, high = (math.exp(mu + z * sigma) for z in (-1.96, 0, 1.96))
    return f"{middle:.1f} (95% from {low:.1f} to {high:.2g})"


def _cells(inputs: ReportInputs, fit: Fit, group: str) -> tuple[Estimate | None, ...]:
    return tuple(
        inputs.estimate(fit.name, outcome, group, estimand)
        for outcome in (STAGES[-1], HARM_WITH_NOTORIETY)
        for estimand in (CURVE, "rate_new")
    )


def _curve(curve: pd.DataFrame, groups: list[str], stamped: str, name: str) -> Drawing:
    """Median and interval of the average share over the offset, one panel a group."""
    columns = min(2, len(groups))
    rows = -(-len(groups) // columns)
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / POINTS, (MARGINS + rows * PANEL) / POINTS),
                        layout="constrained")  # fmt: skip
        figure.patch.set_visible(False)
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        said = []
        for axes, group in zip(panels, groups, strict=False):
            own = curve[curve["group"] == group]
            offsets, share = own["offset"].to_numpy(), own[ENDS].to_numpy() * 100
            axes.fill_between(offsets, share[:, 0], share[:, 2], color=HARM, alpha=0.2, lw=0)
            axes.plot(offsets, share[:, 1], color=HARM)
            axes.set_title(group_name(group), loc="left", fontsize=9)
            points = zip(offsets, share[:, 1], strict=True)
            said.append(f"{group_name(group)} {', '.join(f'{x:g}: {y:.0f}%' for x, y in points)}")
        for axes in panels:
            _dress(axes)
        for axes in panels[len(groups) :]:
            axes.set_visible(False)
        figure.supxlabel("offset: log odds by which harm is likelier to be written up", fontsize=9)
        if stamped:
            figure.suptitle(stamped, fontsize=10)
        title = "Share of failures with significant harm, by offset for notoriety"
        return drawing(figure, name, title, "; ".join(said), curve)


def _dress(axes: Axes) -> None:
    axes.patch.set_visible(False)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100], ["0", "50", "100%"])
    axes.grid(color=RULE, linewidth=0.7)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
