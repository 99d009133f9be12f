"""Sensitivity analyses as the page shows them: tables of numbers as text, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from meta.plural import counted
from meta.report.estimates import RATES, estimated_percent, percent, plain
from meta.report.sensitivity_remarks import dominated
from meta.report.wording import CHAIN, STAGES, estimand_name, outcome_name, spell

#: Estimands shown beside each alternative; the files hold all.
SHOWN = ("rate_mean", "rate_new")
ESTIMATORS = {
    "gee": "GEE, exchangeable within studies",
    "ratio": "all events over all trials",
    "moment": "moment weights (Kleinman)",
    "average": "plain mean of studies",
}
FAILING = "†"
#: Marks an interval that its own method cannot give.
VOID = "‡"


@dataclass(frozen=True)
class Sensitivity:
    """Tables of one model's sensitivity analyses, by name; a missing one is empty."""

    model: str
    tables: dict[str, pd.DataFrame]

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables.get(name, pd.DataFrame())


@dataclass(frozen=True)
class TextTable:
    """A table of text: columns, and lines whose first cell is a heading."""

    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    @property
    def failing(self) -> bool:
        """Whether any cell is marked as failing its diagnostics."""
        return any(FAILING in cell for line in self.lines for cell in line)


def load_sensitivity(folder: Path) -> Sensitivity:
    """Read the tables of one model; the folder is named after it."""
    tables = {}
    for path in sorted(folder.glob("*.csv")):
        try:
            tables[path.stem] = pd.read_csv(path)
        except pd.errors.EmptyDataError:
            tables[path.stem] = pd.DataFrame()
    return Sensitivity(folder.name, tables)


def value(estimand: str, number: float) -> str:
    """Write a number as a rate or as it is."""
    return estimated_percent(number) if estimand in RATES else plain(number, 2)


def interval(row: Any) -> str:
    """Median and interval of a row, marked where its refit fails its diagnostics."""
    low, middle, high = (value(row["estimand"], row[c]) for c in ("ci_low", "median", "ci_high"))
    mark = "" if bool(row.get("passed", True)) and bool(row.get("reliable", True)) else FAILING
    return f"{middle} ({low} to {high}){mark}"


def alternatives(
    table: pd.DataFrame,
    by: str,
    label: Callable[[Any], str],
    estimands: Sequence[str] = SHOWN,
) -> TextTable | None:
    """One line an outcome and estimand, one column an alternative; None without any.

    Parameters
    ----------
    table
        Numbers under alternatives.
    by
        Column that names the alternative.
    label
        Writes a name for a reader.
    estimands
        What to show.
    """
    if table.empty:
        return None
    chosen = table[table["group"].eq("all") & table["estimand"].isin([*estimands])]
    names = list(dict.fromkeys(chosen[by]))
    lines = []
    for outcome in _ordered(chosen["outcome"]):
        for estimand in estimands:
            part = chosen[chosen["outcome"].eq(outcome) & chosen["estimand"].eq(estimand)]
            cells = {r[by]: interval(r) for r in part.to_dict("records")}
            if cells:
                heading = f"{outcome_name(outcome)}: {estimand_name(estimand)}"
                lines.append((heading, *(cells.get(name, "–") for name in names)))
    return TextTable(("Outcome", *(label(name) for name in names)), tuple(lines))


def _ordered(outcomes: pd.Series) -> list[str]:
    present = set(outcomes)
    order = dict.fromkeys([*CHAIN, *STAGES, *sorted(present)])
    return [o for o in order if o in present]


def prior_alternatives(found: Sensitivity) -> TextTable | None:
    """Pooled rates and tau under the prior of the analysis and each set that differs from it."""
    table = found["prior_table"]
    if table.empty:
        return None
    own = [name for name in dict.fromkeys(table["priors"]) if _is_main(table, name)]
    table = table[~table["priors"].isin(own)]
    return alternatives(table, "priors", _prior_label(table), (*SHOWN, "tau"))


def _is_main(table: pd.DataFrame, name: str) -> bool:
    """Whether a named set is that of the analysis under another name: same priors, same numbers."""
    compared = [
        c for c in map(str, table) if c.endswith("_prior") or c in ("median", "ci_low", "ci_high")
    ]
    main, other = (table.loc[table["priors"].eq(n), compared] for n in ("main", name))
    return name != "main" and main.reset_index(drop=True).equals(other.reset_index(drop=True))


def _prior_label(table: pd.DataFrame) -> Callable[[str], str]:
    """Name a set by its priors of tau and alpha: of an alternative, those that differ."""
    told = [c for c in ("tau", "alpha") if f"{c}_prior" in table]
    rows = (
        {} if table.empty else table.drop_duplicates("priors").set_index("priors").to_dict("index")
    )

    def label(name: str) -> str:
        said = {c: str(rows[name][f"{c}_prior"]) for c in told}
        if name == "main":
            return "this analysis, " + ", ".join(f"{c} ~ {text}" for c, text in said.items())
        main = rows.get("main", {})
        other = {c: text for c, text in said.items() if text != main.get(f"{c}_prior")}
        return ", ".join(f"{c} ~ {text}" for c, text in (other or {"tau": said["tau"]}).items())

    return label


def power_table(found: Sensitivity) -> TextTable | None:
    """Power-scaling sensitivities, with the Pareto k of the weights behind them."""
    table = found["power_scaling"]
    if table.empty:
        return None
    part = table[table["group"].eq("all")]
    lines = [
        (
            f"{outcome_name(r['outcome'])}: {estimand_name(r['estimand'])}",
            f"{r['prior']:.3f}",
            f"{r['likelihood']:.3f}",
            f"{r['prior_pareto_k']:.2f}, {r['likelihood_pareto_k']:.2f}",
            str(r["diagnosis"]),
        )
        for r in part.to_dict("records")
    ]
    columns = ("Number", "To the priors", "To the likelihood", "Pareto k of each", "Diagnosis")
    return TextTable(columns, tuple(lines))


def flips(found: Sensitivity) -> TextTable | None:
    """Conclusions, and the publication weight at which each falls."""
    table = found["flips"]
    if table.empty:
        return None
    lines = [
        (
            f"{outcome_name(r['outcome'])}, {estimand_name(r['estimand'])}: {_end(r['statistic'])} "
            f"stays above {value(r['estimand'], r['threshold'])}",
            _if_known(r["estimand"], r["now"]),
            _if_known(r["estimand"], r["at_smallest"]),
            str(r["verdict"]),
        )
        for r in table.to_dict("records")
    ]
    smallest = f"At w = {table['smallest_weight'].iloc[0]:g}"
    return TextTable(("Conclusion", "Now", smallest, "Verdict"), tuple(lines))


def _if_known(estimand: str, number: float) -> str:
    return "–" if math.isnan(number) else value(estimand, number)


def _end(statistic: str) -> str:
    names = {"ci_low": "lower end of the interval", "ci_high": "upper end of the interval"}
    return names.get(statistic, statistic)


def slopes(found: Sensitivity) -> TextTable | None:
    """Fitted rates of small and of large arms."""
    table = found["small_study"]
    if table.empty:
        return None
    lines = []
    for r in table.to_dict("records"):
        known = not math.isnan(r["difference"])
        said = (
            (
                f"{percent_of(r['rate_small'])} at {int(r['n_small']):,}",
                percent_of(r["rate_large"]),
                _points(r),
            )
            if known
            else ("–", "–", "too few studies, or all arms of one size")
        )
        counts = f"{counted(int(r['k_rows']), 'arm')} of {counted(int(r['k_studies']), 'study')}"
        lines.append((outcome_name(r["outcome"]), counts, *said))
    columns = ("Observed rate of", "From", "At few trials", "At very many", "Difference (points)")
    return TextTable(columns, tuple(lines))


def percent_of(rate: float) -> str:
    """Write a fitted rate, which a straight line may carry beyond 0 or 1, as it is."""
    return percent(rate) if 0 <= rate <= 1 else f"{100 * rate:.0f}%"


def _points(row: Any) -> str:
    """Write a difference of rates in points; its interval ends where rates cannot differ more."""
    middle, low, high = (100 * row[c] for c in ("difference", "ci_low", "ci_high"))
    if low <= -100 and high >= 100:
        return f"{middle:+.0f} (any: {counted(int(row['k_studies']), 'study')} cannot tell)"
    return f"{middle:+.0f} ({max(low, -100):+.0f} to {min(high, 100):+.0f})"


def estimators(found: Sensitivity) -> TextTable | None:
    """Frequentist estimates beside the Bayesian average over studies."""
    table = found["frequentist"]
    if table.empty:
        return None
    lines, void = [], dominated(found)
    for r in table.to_dict("records"):
        bayes = f"{percent(r['bayes'])} ({percent(r['bayes_low'])} to {percent(r['bayes_high'])})"
        other = f"{percent(r['estimate'])} ({percent(r['ci_low'])} to {percent(r['ci_high'])})"
        if math.isnan(r["se"]):
            other = f"{percent(r['estimate'])} (no interval)"
        name = ESTIMATORS.get(r["estimator"], spell(r["estimator"]))
        reason = f"{r['verdict']}: {r['reason']}"
        if r["estimator"] == "ratio" and r["outcome"] in void:
            other, reason = f"{other} {VOID}", f"{reason}; {void[r['outcome']]}"
        lines.append((outcome_name(r["outcome"]), name, other, bayes, reason))
    columns = ("Outcome", "Estimator", "Estimate", "This analysis, mean", "Agreement")
    return TextTable(columns, tuple(lines))
