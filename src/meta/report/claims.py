"""The claims audit as a page: each printed figure, its verdict and what it was held against."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.claims.printed import RANGE, Figure, printed_figures
from meta.claims.sentences import number_text, printed_text, span_text
from meta.claims.verdict import (
    CONTRADICTED,
    FEWEST_STUDIES,
    LEAST_CONTRACTION,
    NOT_SUPPORTED,
    NOT_TESTABLE,
    ODDS_TOLERANCE,
    RATIO_TOLERANCE,
    REPRODUCED,
    SUPPORTED,
    VERDICTS,
)
from meta.models.moderators import AGAINST
from meta.plural import counted, counted_on_average
from meta.report.wording import spell
from meta.risk.arithmetic import IMPLIED, STATED

#: What each verdict means, for a reader.
MEANINGS = {
    CONTRADICTED: "the document's own figures give another number; the sum is shown",
    NOT_SUPPORTED: "what is printed lies outside the interval of the estimate",
    SUPPORTED: "the whole interval agrees with what is printed",
    REPRODUCED: "the document's own figures give the number, which the evidence cannot test",
    NOT_TESTABLE: "nothing observes it, too little does, or the interval is too wide to tell",
}
#: Labels of sums, by what gives their rule.
RULES = {STATED: "Rule stated by the document", IMPLIED: "Rule implied by its tables"}
#: Names of what stands behind an estimate, by column.
ROWS = (("Arms", "arm_ids"), ("Cases", "case_ids"))
#: Statements that a reader of the table needs before it.
THRESHOLDS = {
    "odds": ODDS_TOLERANCE, "ratio": RATIO_TOLERANCE, "studies": FEWEST_STUDIES,
    "contraction": LEAST_CONTRACTION,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One printed figure as shown; the two ends of a range are one entry.

    Attributes
    ----------
    ids
        Claims, in words.
    name, where
        What is claimed, and the document and section that print it.
    printed
        The figure as printed.
    evidence
        Verdict of the evidence, where that of the sums stands above it, or why it stands above
        that of a sum that fails; empty otherwise.
    rule
        Whether the document states the rule of its sums; empty without any.
    median, interval, new, words, behind
        Estimate that it was held against; empty where there is none.
    rows
        Arms and cases behind the estimate, each with what they are; empty where none is named.
    sums, why
        What the document's own figures give, and what follows from the estimate.
    """

    ids: str
    name: str
    where: str
    printed: str
    evidence: str
    rule: str
    median: str
    interval: str
    new: str
    words: str
    behind: str
    rows: list[tuple[str, str]]
    sums: list[str]
    why: str


def claims_context(table: pd.DataFrame) -> dict[str, Any]:
    """Collect what the page of the audit shows.

    Parameters
    ----------
    table
        As of `meta.claims.audit.audit`.

    Returns
    -------
    dict
        Variables of the template.
    """
    entries = audit_entries(table)
    return {
        "total": len(table),
        "counts": verdict_counts(table),
        "alone": evidence_alone(table),
        "sections": [
            (verdict, MEANINGS[verdict], entries.get(verdict, [])) for verdict in VERDICTS
        ],
        "thresholds": THRESHOLDS,
        "interval": _interval(table),
    }


def evidence_alone(table: pd.DataFrame) -> str:
    """Say how the claims fare by the evidence alone, whatever their sums."""
    found = table["evidence"].value_counts()
    each = (f"{int(found.get(v, 0))} {v}" for v in (SUPPORTED, NOT_SUPPORTED, NOT_TESTABLE))
    return f"By the evidence alone: {', '.join(each)}."


def verdict_counts(table: pd.DataFrame) -> list[tuple[str, int, str]]:
    """Count the claims by verdict, those without any included, with what each verdict means."""
    found = table["verdict"].value_counts()
    return [(verdict, int(found.get(verdict, 0)), MEANINGS[verdict]) for verdict in VERDICTS]


def audit_entries(table: pd.DataFrame) -> dict[str, list[Entry]]:
    """Collect the claims of each verdict, the ends of a range as one where they fare alike."""
    figures = printed_figures(table)
    named = any(
        (table[column].notna() & table[column].ne("")).any()
        for _, column in ROWS
        if column in table
    )
    found: dict[str, list[Entry]] = {}
    grouped: dict[tuple[Hashable, ...], list[dict[Hashable, Any]]] = {}
    for row in table.astype(object).where(table.notna(), None).to_dict("records"):
        figure = figures[str(row["claim_id"])]
        key = (
            *(row.get(name) for name in RANGE),
            row["verdict"],
            row["why"],
            figure.low,
            figure.high,
        )
        grouped.setdefault(key, []).append(row)
    for rows in grouped.values():
        text = _printed(rows, figures[str(rows[0]["claim_id"])])
        found.setdefault(str(rows[0]["verdict"]), []).append(_entry(rows, text, named))
    return found


def _printed(rows: list[dict[Hashable, Any]], figure: Figure) -> str:
    """Write a figure as printed, with the ratio that it was turned into if it was.

    Of a range whose ends fare differently, the one end and the range that it is of.
    """
    row = rows[0]
    text = printed_text(figure, row["unit"] or "")
    if len(rows) == 1 and figure.is_closed and not figure.is_point:
        end = printed_text(Figure(row["value"], row["value"]), row["unit"] or "")
        text = f"{end}, the {row['statistic']} end of {text}"
    held = Figure(row["claim_low"] or math.nan, row["claim_high"] or math.nan)
    if held.is_given and figure.is_closed and held != figure:
        return f"{text}: a ratio of {printed_text(held, 'ratio')}"
    return text


def _entry(rows: list[dict[Hashable, Any]], printed: str, named: bool) -> Entry:
    """One entry; `named` tells whether this run names rows at all."""
    row = rows[0]
    verdict, evidence = row["verdict"], row["evidence"]
    sums = dict.fromkeys(each["arithmetic_sentence"] for each in rows)
    places = [str(row[name]) for name in ("document", "section") if row.get(name)]
    return Entry(
        ids=", ".join(str(each["claim_id"]) for each in rows),
        name=": ".join(
            t for t in (quantity_name(row["quantity"]), spell(row["subject"] or "")) if t
        ),
        where=", ".join(places),
        printed=printed,
        evidence=_beside(verdict, evidence, row["arithmetic"]),
        rule=RULES.get(row.get("arithmetic_basis") or "", ""),
        sums=[text for text in sums if text],
        why=row["why"],
        rows=_rows(row) if named else [],
        **_estimate(row),
    )


def _rows(row: Mapping[Hashable, Any]) -> list[tuple[str, str]]:
    """Rows behind an estimate; that there are none but by imputed codes is said."""
    found = [(name, str(row[column])) for name, column in ROWS if row.get(column)]
    if not found and row["median"] is not None and row["k_rows"]:
        return [("Rows", "none by codes that all coders agree on")]
    return found


def _beside(verdict: str, evidence: str, arithmetic: str | None) -> str:
    """Say the half of a verdict that the other half stands above."""
    if verdict == CONTRADICTED:
        return f"Evidence: {evidence}."
    if arithmetic == CONTRADICTED:
        return (
            "The sum fails, but by a rule that is only implied; the evidence supports the figure."
        )
    return ""


def quantity_name(quantity: str) -> str:
    """Name of a quantity for a reader: ``p_...`` a probability, ``m_...`` a multiplier."""
    kind, _, rest = quantity.partition("_")
    words = {"p": "P({})", "m": "Multiplier for {}"}.get(kind, "")
    return words.format(spell(rest)) if words and rest else spell(quantity).capitalize()


def _estimate(row: Mapping[Hashable, Any]) -> dict[str, str]:
    """Words of the estimate in a row; empty where there is none."""
    if row["median"] is None:
        return dict.fromkeys(("median", "interval", "new", "words", "behind"), "")
    estimand = str(row["estimand"])
    ratio = "ratio" in estimand and not estimand.startswith("1 -")
    return {
        "median": number_text(float(row["median"]), ratio),
        "interval": span_text(float(row["ci_low"]), float(row["ci_high"]), ratio),
        "new": "" if row["new_low"] is None else span_text(row["new_low"], row["new_high"], ratio),
        "words": row["words"],
        "behind": _behind(row),
    }


def _behind(row: Mapping[Hashable, Any]) -> str:
    """Studies, rows and trials behind an estimate; of a catalogue, its lists and cases."""
    studies, rows, trials, direct = (
        int(row[name] or 0) for name in ("k_studies", "k_rows", "n_trials", "k_direct")
    )
    if row["frame"] == "case_series":  # its rows are cells of cases, whose number says nothing
        return f"{counted(studies, 'list')}, {counted(trials, 'case')}"
    if not rows:
        return "No row observes it."
    if not studies:  # an average over imputed code sets, of which few have a row here
        study = counted_on_average(studies, rows, "study")
        averages = f"{counted(rows, 'row')}, {counted(trials, 'trial')}"
        return f"{study}, {averages} on average over code sets"
    each = f" at the setting with fewer, of {studies}" if AGAINST in str(row["group"]) else ""
    seen = counted(direct if each else studies, "study") + each
    if not each and direct != studies:
        seen += f" ({direct} directly)"
    return f"{seen}, {counted(rows, 'row')}, {counted(trials, 'trial')}"


def _interval(table: pd.DataFrame) -> str:
    probs = sorted(set(table["ci_prob"].dropna()))
    return " or ".join(f"{100 * prob:.3g}%" for prob in probs) or "95%"
