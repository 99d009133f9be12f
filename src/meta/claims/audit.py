"""Audit: one verdict for each claim, from its own document's sums and from the evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from meta.claims.comparisons import Comparison, comparison_of, load_comparisons
from meta.claims.estimates import Estimate, Estimates, read_estimates
from meta.claims.printed import NOT_GIVEN, Figure, on_scale, printed_figures
from meta.claims.sentences import conclusion, evidence_sentence
from meta.claims.verdict import (
    CONTRADICTED,
    NOT_TESTABLE,
    REPRODUCED,
    Judgement,
    Reason,
    judge,
    overall,
    region,
)
from meta.evidence.analysis_set import Tables
from meta.evidence.canonical import read_canonical
from meta.evidence.dictionary import load_dictionary
from meta.risk.arithmetic import IMPLIED, STATED

#: Columns of `claims.csv`; others may be added at the end.
COLUMNS = [
    "claim_id", "document", "section", "quantity", "subject", "statistic", "value", "unit",
    "verdict", "arithmetic", "evidence", "reason", "claim_low", "claim_high", "agrees_low",
    "agrees_high", "relation", "model", "outcome", "group", "estimand", "median", "ci_low",
    "ci_high", "ci_prob", "new_low", "new_high", "mass", "contraction", "k_studies", "k_rows",
    "n_trials", "k_direct", "frame", "arithmetic_sentence", "why", "sentence", "words", "k_kind",
    "arm_ids", "case_ids", "arithmetic_basis",
]  # fmt: skip
PRINTED = COLUMNS[:8]
ARITHMETIC = ["claim_id", "reproduced", "sentence"]
#: What is said beside a sum whose rule the document does not give.
IMPLIED_RULE = "(The document does not state this rule; its tables together imply it.)"
COUNTS = ("k_studies", "k_rows", "n_trials", "k_direct", "k_kind")


@dataclass(frozen=True)
class Sums:
    """What the sums of one claim come to; empty where no other printed number determines it.

    Attributes
    ----------
    verdict
        `REPRODUCED`, or `CONTRADICTED` if any fails.
    basis
        Of those that decided (all that hold, or those that fail): `STATED` if the document gives
        the rule of any, `IMPLIED` if only its tables do.
    sentence
        The sums written out, those that fail first.
    """

    verdict: str
    basis: str
    sentence: str


NO_SUMS = Sums("", "", "")


@dataclass(frozen=True)
class Held:
    """One claim held against the evidence.

    Attributes
    ----------
    printed, figure
        As printed, and on the scale of the estimate.
    comparison, estimate
        What it is held against; None where there is nothing.
    judgement
        What follows.
    single
        Odds ratios of single studies, where too few have an intervention.
    rows
        Names of the arms and of the cases behind the estimate or the single studies.
    """

    printed: Figure
    figure: Figure
    comparison: Comparison | None
    estimate: Estimate | None
    judgement: Judgement
    single: dict[str, float]
    rows: tuple[str, str] = ("", "")


def audit(
    claims: pd.DataFrame,
    arithmetic: pd.DataFrame,
    estimates: Estimates,
    comparisons: Sequence[Comparison] | None = None,
) -> pd.DataFrame:
    """Give every claim its verdict.

    Parameters
    ----------
    claims
        Claims table.
    arithmetic
        What the documents' own sums say: `claim_id`, `reproduced`, `sentence` and perhaps `basis`;
        a claim may have several rows, and is contradicted if any of its sums is.
    estimates
        Pooled results of a run.
    comparisons
        What is held against what; by default the shipped map.

    Returns
    -------
    pandas.DataFrame
        One row a claim, in the order of the table, with `COLUMNS`.

    Raises
    ------
    ValueError
        If the arithmetic lacks a column or names a claim that is not in the table.
    """
    declared = load_comparisons() if comparisons is None else comparisons
    sums = _sums(arithmetic, claims)
    figures = printed_figures(claims)
    rows = []
    for claim in claims.to_dict("records"):
        held = hold(claim, claims, figures, estimates, declared)
        rows.append(_row(claim, held, sums.get(str(claim["claim_id"]), NO_SUMS)))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(COUNTS, "Int64"))


def hold(
    claim: Mapping[Any, Any],
    claims: pd.DataFrame,
    figures: Mapping[str, Figure],
    estimates: Estimates,
    comparisons: Sequence[Comparison],
) -> Held:
    """Hold one claim against the evidence."""
    printed = figures[str(claim["claim_id"])]
    comparison = comparison_of(comparisons, str(claim["quantity"]), _text(claim.get("subject")))
    if comparison is None:
        reason: Reason = "no comparison" if printed.is_given else "no figure"
        return Held(printed, printed, None, None, Judgement(NOT_TESTABLE, reason), {})
    estimate = estimates.find(comparison) if comparison.compares else None
    figure = on_scale(printed, comparison, claims, figures)
    single: dict[str, float] = {}
    if not printed.is_given:
        judgement = Judgement(NOT_TESTABLE, "no figure")
    elif comparison.not_testable:
        judgement = Judgement(NOT_TESTABLE, "declared")
    elif not figure.is_given:
        judgement = Judgement(NOT_TESTABLE, "no scale")
    elif estimate is None:
        single = estimates.single_studies(comparison)
        judgement = Judgement(NOT_TESTABLE, "few studies" if single else "no estimate")
    else:
        judgement = judge(figure, estimate, comparison.relation, comparison.of_failures)
    rows = estimates.rows_behind(comparison) if estimate or single else ("", "")
    return Held(printed, figure, comparison, estimate, judgement, single, rows)


def _sums(arithmetic: pd.DataFrame, claims: pd.DataFrame) -> dict[str, Sums]:
    """What the sums of each claim that another printed number determines come to."""
    if absent := [name for name in ARITHMETIC if name not in arithmetic]:
        raise ValueError(f"arithmetic of claims lacks {', '.join(absent)}")
    known = set(claims["claim_id"].astype(str))
    if strange := sorted(set(arithmetic["claim_id"].astype(str)) - known):
        raise ValueError(f"arithmetic of claims that are not in the table: {', '.join(strange)}")
    found = {}
    for name, rows in arithmetic.groupby("claim_id", sort=False):
        holds = rows["reproduced"].astype(bool)
        verdict = REPRODUCED if holds.all() else CONTRADICTED
        # Of a contradicted claim the sums that fail come first.
        ordered = pd.concat([rows[~holds], rows[holds]]).to_dict("records")
        deciding = rows if holds.all() else rows[~holds]
        implied = "basis" in rows and deciding["basis"].eq(IMPLIED).all()
        sentence = " ".join(_sum(row) for row in ordered)
        found[str(name)] = Sums(verdict, IMPLIED if implied else STATED, sentence)
    return found


def _sum(row: Mapping[Any, Any]) -> str:
    """A sum as a sentence, with a word of caution where the document does not give its rule."""
    text = str(row["sentence"])
    implied = f" {IMPLIED_RULE}" if row.get("basis") == IMPLIED else ""
    return f"{text[:1].upper()}{text[1:]}{implied}"


def _row(claim: Mapping[Any, Any], held: Held, sums: Sums) -> dict[str, Any]:
    unit = _text(claim.get("unit"))
    held_against = evidence_sentence(
        held.printed, held.figure, unit, held.comparison, held.estimate, held.judgement
    )
    why = conclusion(held.figure, held.comparison, held.estimate, held.judgement, held.single)
    return {
        **{name: claim.get(name) for name in PRINTED},
        "verdict": overall(sums.verdict, held.judgement.verdict, sums.basis),
        "arithmetic": sums.verdict,
        "arithmetic_basis": sums.basis,
        "evidence": held.judgement.verdict,
        "reason": held.judgement.reason,
        **_ends("claim", held.figure),
        **_estimated(held),
        "arm_ids": held.rows[0],
        "case_ids": held.rows[1],
        "arithmetic_sentence": sums.sentence,
        "why": why,
        "sentence": " ".join(part for part in (sums.sentence, held_against, why) if part),
    }


def _estimated(held: Held) -> dict[str, Any]:
    estimate, comparison = held.estimate, held.comparison
    if estimate is None or comparison is None:
        return {"k_studies": len(held.single)} if held.single else {}
    equal = comparison.relation == "equal" and not comparison.not_testable
    agreeing = region(held.figure, estimate.is_ratio) if equal else NOT_GIVEN
    new_low, new_high = estimate.new or (math.nan, math.nan)
    return {
        "relation": comparison.relation if not comparison.not_testable else "",
        "words": comparison.words,
        "model": estimate.model, "outcome": estimate.outcome, "group": estimate.group,
        "estimand": estimate.estimand, "median": estimate.median, "ci_low": estimate.low,
        "ci_high": estimate.high, "ci_prob": estimate.ci_prob, "new_low": new_low,
        "new_high": new_high, "contraction": estimate.contraction, "frame": estimate.frame,
        "mass": estimate.mass(agreeing.low, agreeing.high) if agreeing.is_given else math.nan,
        **{name: getattr(estimate, name) for name in COUNTS},
        **_ends("agrees", agreeing),
    }  # fmt: skip


def _ends(name: str, figure: Figure) -> dict[str, float]:
    """Columns of the two ends; an end that is not printed is blank."""
    ends = {f"{name}_low": figure.low, f"{name}_high": figure.high}
    return {column: end if math.isfinite(end) else math.nan for column, end in ends.items()}


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def audit_run(
    claims: pd.DataFrame,
    arithmetic: pd.DataFrame,
    fits: Sequence[Path],
    sets: Sequence[Path] = (),
    cases: Tables | None = None,
) -> pd.DataFrame:
    """Audit the claims of an evidence base against its stored fits.

    Parameters
    ----------
    claims, arithmetic
        See `audit`.
    fits
        Folders of the fits that claims are held against.
    sets
        Their analysis sets (Parquet), named after the models; without one, no ratio of settings of
        its model decides anything, and no row behind its estimates is named.
    cases
        Tables `cases` and `codings`, if the base has them; without, no case is named.
    """
    declared = load_comparisons()
    pairs = claims[["quantity", "subject"]].drop_duplicates().itertuples(index=False, name=None)
    wanted = [comparison_of(declared, str(q), _text(s)) for q, s in pairs]
    estimates = read_estimates(fits, [each for each in wanted if each], sets, cases)
    return audit(claims, arithmetic, estimates)


def read_claims(tables: Path) -> pd.DataFrame:
    """Read the claims table of a run.

    Parameters
    ----------
    tables
        Folder of the canonical tables.
    """
    known = load_dictionary().tables["claims"].analysis_columns
    table = read_canonical(tables, {"claims": known})["claims"]
    return table.reindex(columns=known).sort_values("claim_id", ignore_index=True)


def read_cases(tables: Path) -> dict[str, pd.DataFrame]:
    """Read the cases of a run with their codes; absent where the base has none.

    Parameters
    ----------
    tables
        Folder of the canonical tables.
    """
    known = load_dictionary().tables
    wanted = {name: known[name].analysis_columns for name in ("cases", "codings")}
    return read_canonical(tables, wanted)
