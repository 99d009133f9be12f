"""Tables of figures that draw pooled numbers: intervals under headings, and forests of studies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from meta.report.descriptive import ForestRow
from meta.report.estimates import Estimate
from meta.report.wording import estimand_name

#: Of a number, as in `pooled.csv`; `remark` says what it does not rest on.
NUMBER = [
    "model", "outcome", "group", "estimand", "median", "ci_low", "ci_high", "ci_prob", "k_rows",
    "remark",
]  # fmt: skip
FOREST = [
    "mark", "study", "label", "failure_type", "indirect", "events", "trials", "observed",
    "wilson_low", "wilson_high", *NUMBER,
]  # fmt: skip


def estimate_table(lines: Iterable[tuple[str, str, Estimate]]) -> pd.DataFrame:
    """Numbers of a figure, one row a line of it.

    Parameters
    ----------
    lines : iterable of tuple
        Heading, label and number of each.
    """
    rows = [
        {"heading": heading, "label": label, **number.record} for heading, label, number in lines
    ]
    return pd.DataFrame(rows, columns=["heading", "label", *NUMBER])


def forest_table(rows: Sequence[ForestRow], pooled: Sequence[Estimate]) -> pd.DataFrame:
    """Numbers of a forest plot, one row a mark.

    Parameters
    ----------
    rows : sequence of ForestRow
        The studies.
    pooled : sequence of Estimate
        Numbers at the bottom.

    Returns
    -------
    pandas.DataFrame
        Columns `FOREST`. `mark` is ``arm`` or ``sum`` (of arms, with Wilson's 95% interval),
        both with counts; or ``shrunken`` (a study's rate by the model) or ``pooled``, with a
        median. `indirect` counts stand for something else than the outcome itself.
    """
    found = []
    for row in rows:
        of = {"study": row.study, "label": row.label, "failure_type": row.failure_type}
        for part in row.sums:
            counts = [("arm", arm.events, arm.trials) for arm in part.arms]
            for mark, events, trials in (*counts, ("sum", part.events, part.trials)):
                seen = {"events": events, "trials": trials, "observed": events / trials}
                found.append({**of, "mark": mark, "indirect": part.indirect, **seen})
            found[-1] |= dict(zip(("wilson_low", "wilson_high"), part.interval, strict=True))
        if row.shrunken is not None:
            found.append({**of, "mark": "shrunken", **row.shrunken.record})
    found += [
        {"mark": "pooled", "label": estimand_name(each.estimand), **each.record} for each in pooled
    ]
    counts_of = {"events": "Int64", "trials": "Int64", "k_rows": "Int64"}
    return pd.DataFrame(found, columns=FOREST).astype(counts_of)
