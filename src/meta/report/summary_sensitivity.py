"""Sensitivity as the summary tells it: how far an average moves under each kind of alternative."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from meta.report.estimates import percent
from meta.report.inputs import Fit, ReportInputs
from meta.report.specification_curve import observed
from meta.report.wording import CHAIN

ESTIMAND = "rate_mean"
OUTCOMES = tuple(reversed(CHAIN))
#: Tables of alternatives, the column that names one, and what they are for a reader.
TABLES = (
    ("prior_table", "priors", "priors"),
    ("correlation", "correlation", "correlation of the stages"),
    ("unit_of_n", "icc", "unit of n: trials to agents"),
    ("zero_events", "publication_weight", "unpublished studies without events"),
)


@dataclass(frozen=True)
class Alternatives:
    """One kind of alternative: how many, the medians of each outcome, and how many fail."""

    name: str
    number: int
    ranges: tuple[str, ...]
    failing: int


def alternative_lines(run: ReportInputs, fit: Fit) -> list[Alternatives]:
    """Range of the median of the average over studies, a line each kind of alternative.

    Parameters
    ----------
    run : ReportInputs
        The stored results.
    fit : Fit
        The primary model.

    Returns
    -------
    list of Alternatives
        Kinds that the run does not have are left out.
    """
    found = []
    own = next((each for each in run.sensitivity if each.model == fit.name), None)
    for table, column, name in TABLES:
        if own is not None and not (rows := own[table]).empty:
            found.append(_line(name, rows, column))
    if len(run.rate_fits) > 1:
        rows = pd.concat([each.pooled for each in run.rate_fits])
        found.append(_line("models of rates", rows, "model"))
    if run.multiverse is not None:
        rows = run.multiverse[observed(run.multiverse)]
        found.append(_line("the multiverse of specifications", rows, "cell"))
    return [line for line in found if line.number]


def _line(name: str, table: pd.DataFrame, by: str) -> Alternatives:
    rows = table[table["group"].eq("all") & table["estimand"].eq(ESTIMAND)]
    rows = rows[rows["outcome"].isin(OUTCOMES)]
    bad = pd.Series(False, index=rows.index)
    for column in ("passed", "reliable"):
        if column in rows:
            bad |= rows[column].astype(str).ne("True")
    ranges = tuple(_range(rows.loc[rows["outcome"].eq(outcome), "median"]) for outcome in OUTCOMES)
    return Alternatives(name, rows[by].nunique(), ranges, rows.loc[bad, by].nunique())


def _range(medians: pd.Series) -> str:
    if medians.empty:
        return "–"
    low, high = percent(medians.min()), percent(medians.max())
    return low if low == high else f"{low} to {high}"
