"""Risk of profiles as text for a terminal: one short table a profile, and what it rests on."""

from __future__ import annotations

import io
import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from meta.evidence.coders import coded_by
from meta.risk.answer import ASKED
from meta.risk.flags import flag_sentences
from meta.risk.profile_risk import EVIDENCE_MODE, PUBLISHED_MODE
from meta.risk.settings import SETTINGS

WIDTH = 120
NAMES = {
    "capability_transfer": "Capability transfers",
    "goal_failure": "Goal fails, given capability",
    "capable_goal_failure": "Capable and the goal fails",
    "harm": "Significant harm, given goal failure",
    "harmful_misgeneralization": "All three: harmful failure",
}
ESTIMANDS = {"rate_mean": "average over studies", "rate_new": "a new study"}
#: What a reader of the table must know.
READING = (
    "Rates are per trial of published evaluations, most of them built to invite failure: none is "
    "the rate of a deployed system.",
    "Data's share (contraction): how much of the prior's variance of the average the data took "
    "away. Near 1 the data decide, near 0 the prior does, below 0 they leave it less certain. "
    "Blank where a period or mitigation takes part.",
    "Harm comes from catalogued cases, under priors of how much likelier harmful ones are written "
    "up and of how far they are like the arms: judgements.",
)

Row = Mapping[Hashable, Any]


def as_text(table: pd.DataFrame, coders: Mapping[str, str]) -> str:
    """Write the risk of profiles for a terminal.

    Parameters
    ----------
    table
        As of `meta.risk.profile_risk.risk_table`.
    coders
        Kind of each coder behind the evidence, by name.
    """
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, highlight=False)
    for (_, name), rows in table.groupby(["kind", "profile"], sort=False):
        for line in (*_heading(str(name), rows), _published(rows)):
            console.print(line, markup=False)
        console.print(_evidence(rows))
        for line in _notes(rows):
            console.print(line, markup=False)
        console.print()
    coded = [f"Harm and the settings of evaluations were coded {coded_by(coders)}."]
    for line in (*READING, *(coded if coders else [])):
        console.print(line, style="dim", markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def _heading(name: str, rows: pd.DataFrame) -> Iterator[str]:
    given = rows.iloc[0]
    if name != ASKED:
        yield name
    settings = [
        f"{setting} {given[setting]}"
        for setting in SETTINGS
        if pd.notna(given[setting]) and given[setting] != ""
    ]
    yield ", ".join(settings).replace("interventions ", "mitigations ")


def _published(rows: pd.DataFrame) -> str:
    (row,) = rows[rows["mode"] == PUBLISHED_MODE].to_dict("records")
    if math.isnan(row["value"]):
        return "Published formula: no number."
    return f"Published formula: {_span(row)}, products of printed figures."


def _evidence(rows: pd.DataFrame) -> Table:
    evidence = rows[rows["mode"] == EVIDENCE_MODE]
    shown = Table(
        box=box.SIMPLE_HEAD,
        title=f"By the evidence: posterior median ({evidence['interval'].iloc[0]} interval)",
        title_justify="left",
        title_style="",
    )
    for column in ("", *ESTIMANDS.values(), "rests on", "data's share"):
        shown.add_column(column, justify="right" if column == "data's share" else "left")
    for outcome, name in NAMES.items():
        each = {
            row["estimand"]: row
            for row in evidence[evidence["outcome"] == outcome].to_dict("records")
        }
        share = each["rate_mean"]["contraction"]
        shown.add_row(
            name,
            *(_span(each[estimand]) for estimand in ESTIMANDS),
            str(each["rate_mean"]["basis"]),
            "" if pd.isna(share) else f"{share:.2f}",
        )
    return shown


def _span(row: Row) -> str:
    median, low, high = (_percent(float(row[end])) for end in ("value", "low", "high"))
    return f"{median} ({low} to {high})"


def _percent(value: float) -> str:
    """Write a share; never a false 0 or 100%, and above 100% as it is."""
    percent = 100 * value
    if 0 < percent < 0.05:
        return "<0.1%"
    if 99.5 < percent < 100:
        return ">99%"
    return f"{percent:.1f}%" if percent < 10 else f"{percent:.0f}%"


def _notes(rows: pd.DataFrame) -> list[str]:
    """Flags and effects in words."""
    flags = flag_sentences(flag for cell in rows["flags"] for flag in str(cell).split())
    notes = dict.fromkeys(part for cell in rows["note"] for part in str(cell).split("; ") if part)
    return [f"- {each}" for each in (*flags, *notes)]
