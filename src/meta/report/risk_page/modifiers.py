"""The section on modifiers: each printed ratio beside the risk ratio of the evidence."""

from __future__ import annotations

import pandas as pd

from meta.plural import counted
from meta.report.risk_page.figures import RatioLine, ratio_plot
from meta.report.risk_page.parts import (
    ARITHMETIC,
    Cell,
    Line,
    RiskSection,
    Row,
    is_number,
    listed,
    title,
)
from meta.report.svg import NOTHING
from meta.report.wording import spell
from meta.risk.scenarios import EVIDENCE, JUDGEMENT


def modifier_section(table: pd.DataFrame, stamped: str) -> RiskSection:
    """Ratio of each modifier's two settings, as printed and by the models."""
    blocks, lines = [], []
    for modifier, rows in table.groupby("modifier", sort=False):
        name = title(str(modifier))
        found = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
        head = found[0]
        printed = float(head["published_ratio"])
        drawn = [RatioLine("published", printed, printed, printed, True)]
        # What no study can tell is left to whoever printed the ratio.
        known = any(is_number(row["median"]) for row in found)
        bases = (ARITHMETIC,) if known else (ARITHMETIC, JUDGEMENT)
        cells = [Cell(f"{printed:.3g}", "", bases,
                      f"{head['published_high']:g} over {head['published_low']:g}")]  # fmt: skip
        for outcome, adjusted in (
            ("capable_goal_failure", True),
            ("capable_goal_failure", False),
            ("goal_failure", True),
        ):
            own = [r for r in found if bool(r["adjusted_for"]) == adjusted]
            row = next((r for r in own if r["outcome"] == outcome), None)
            cells.append(_ratio_cell(row))
            if row is not None and outcome == "capable_goal_failure" and is_number(row["median"]):
                label = "adjusted" if adjusted else "alone"
                drawn.append(RatioLine(label, row["median"], row["ci_low"], row["ci_high"]))
        setting = f"{spell(head['high_risk'])} over {spell(head['low_risk'])}"
        absent = "" if len(drawn) > 1 else _absent(head)
        blocks.append((name, setting, drawn, absent))
        lines.append(Line(f"{name}: {setting}", _ratio_remarks(head), tuple(cells)))
    named = "Risk ratio of each modifier: printed, and by the evidence"
    figure = ratio_plot("fig-modifiers", named, blocks, stamped) if blocks else NOTHING
    columns = (
        "Modifier", "Published", "Capable and goal fails, adjusted for the others",
        "The same, unadjusted", "Goal fails, given capability, adjusted",
    )  # fmt: skip
    return RiskSection(figure, columns, tuple(lines), _ratios_said(table))


def _absent(row: Row) -> str:
    """Say which of the two settings no study has."""
    ends = [end for end in ("low", "high") if not row[f"k_studies_{end}"]]
    return f"no evidence on {listed([spell(row[f'{end}_risk']) for end in ends])}" if ends else ""


def _ratios_said(table: pd.DataFrame) -> str:
    """Say which published ratios the adjusted interval of the product leaves out."""
    rows = table[(table["outcome"] == "capable_goal_failure") & (table["adjusted_for"] != "")]
    inside = rows["published_inside"].astype(str)
    parts = [
        f"{what} {listed([spell(str(name)) for name in rows.loc[chosen, 'modifier']])}"
        for what, chosen in (
            ("leaves out the published ratio of", inside == "False"),
            ("holds that of", inside == "True"),
            ("does not exist for", rows["median"].isna()),
        )
        if chosen.any()
    ]
    return f"Adjusted for the others, the interval {'; it '.join(parts)}." if parts else ""


def _ratio_cell(row: Row | None) -> Cell:
    if row is None:
        return Cell()
    if not is_number(row["median"]):
        return Cell("no evidence")
    inside = "holds the published ratio" if str(row["published_inside"]) == "True" else (
        "leaves out the published ratio"
    )  # fmt: skip
    share = row["contraction"]
    said = f"{inside}; data’s share {share:.2f}" if is_number(share) else inside
    interval = f"{row['ci_low']:.2g} to {row['ci_high']:.2g}"
    return Cell(f"{row['median']:.2g}", interval, (EVIDENCE,), said)


def _ratio_remarks(row: Row) -> tuple[str, ...]:
    low, high = (int(row[f"k_studies_{end}"]) for end in ("low", "high"))
    return (
        f"{counted(high, 'study')} with {spell(row['high_risk'])}, "
        f"{counted(low, 'study')} with {spell(row['low_risk'])}",
    )
