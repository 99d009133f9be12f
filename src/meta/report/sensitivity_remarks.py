"""What a reader of the sensitivity page is told beside numbers that look odd, and are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from meta.plural import counted
from meta.report.estimates import RATES, percent
from meta.report.wording import PRODUCTS, estimand_name, outcome_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meta.report.sensitivity import Sensitivity

#: Share of the trials from which the variance of a ratio between studies is about one study.
MOST_TRIALS = 0.5
KEY = ["outcome", "group", "estimand"]
#: Share of its interval by which a median may move and still hardly depend on what was changed.
HARDLY = 0.1


def weight_remark(found: Sensitivity, estimands: Sequence[str]) -> str:
    """Say how the row of publication weight 1 differs from the analysis itself, and why.

    Parameters
    ----------
    found
        Tables of a model; empty text without ``zero_events`` or the numbers of the main fit.
    estimands
        Rates that are shown.
    """
    zero, main = found["zero_events"], _main(found)
    if zero.empty or main.empty:
        return ""
    own = zero[zero["publication_weight"].eq(1) & zero["estimand"].isin([*estimands])]
    both = own.merge(main, on=KEY, suffixes=("", "_main"))
    if both.empty:
        return ""
    gap = 100 * (both["median"] - both["median_main"]).abs().max()
    draws = counted(round(own["ess"].max()), "stored draw")
    return (
        f"w = 1 is the analysis as it is, from {draws} (setting weight_draws) in place of all of "
        f"them: its medians differ from those of the analysis by up to {gap:.1f} points, "
        "which is Monte Carlo error. Read the other rows against w = 1."
    )


def _main(found: Sensitivity) -> pd.DataFrame:
    table = found["prior_table"]
    return table if table.empty else table[table["priors"].eq("main")]


def correlation_remark(found: Sensitivity, estimands: Sequence[str]) -> str:
    """Say how far the product moves between the correlations of its stages; empty without it."""
    table = found["correlation"]
    if table.empty:
        return ""
    own = table[table["outcome"].eq(PRODUCTS[0]) & table["group"].eq("all")]
    said, shares = [], []
    for estimand in estimands:
        part = own[own["estimand"].eq(estimand)]
        if part.empty:
            continue
        low, high = part["median"].min(), part["median"].max()
        shares.append((high - low) / (part["ci_high"] - part["ci_low"]).max())
        said.append(
            f"{estimand_name(estimand)} {percent(low)} to {percent(high)}, "
            f"{percent(shares[-1])} of the width of its interval"
        )
    if not said:
        return ""
    how = "hardly depends" if max(shares) <= HARDLY else "depends"
    return f"The product {how} on it: between these correlations its median is, {'; '.join(said)}."


def dominated(found: Sensitivity) -> dict[str, str]:
    """Say of which outcomes one study has most of the trials, so that a ratio's interval is void.

    Parameters
    ----------
    found
        Tables of a model, of which ``small_study_points`` has the trials of each arm.

    Returns
    -------
    dict of str to str
        What to say of the interval, by outcome. The linearised variance of a ratio is the spread
        of studies about the pooled rate (Cochran 1977, section 6.3); a study with nearly all
        trials is itself that rate and adds nothing to it.
    """
    points = found["small_study_points"]
    if points.empty:
        return {}
    said = {}
    for outcome, part in points.groupby("outcome", sort=False):
        totals = part.groupby("study")["trials"].sum()
        share = totals.max() / totals.sum()
        if share >= MOST_TRIALS:
            said[str(outcome)] = (
                f"do not read its interval: {totals.idxmax()} has {share:.0%} of the trials, so "
                "that the pooled rate is nearly its own and the variance between "
                f"{counted(len(totals), 'study')} cannot be told from it"
            )
    return said


def gaps_remark(found: Sensitivity) -> str:
    """Count what became of the gaps between estimators and the analysis, and name what stays.

    Parameters
    ----------
    found
        Tables of a model; empty text without a cross-check.
    """
    table = found["frequentist"]
    if table.empty:
        return ""
    tally = "; ".join(
        f"{n} {'agree' if said == 'agrees' and n > 1 else said}"
        for said, n in table["verdict"].value_counts(sort=False).items()
    )
    held = f"Of {counted(len(table), 'comparison')}: {tally}."
    stays = table[table["verdict"].isin(["partly explained", "unexplained"])]
    if stays.empty:
        return held
    names = [
        f"{outcome_name(r['outcome'])}, {r['estimator']} {100 * r['left']:+.1f} points"
        for r in stays.to_dict("records")
    ]
    return f"{held} What is left: {'; '.join(names)}."


def conflict_remark(found: Sensitivity) -> str:
    """Say which numbers are sensitive to priors and data, and how far other priors move them.

    Parameters
    ----------
    found
        Tables of a model; empty text where no number is sensitive to both.
    """
    power = found["power_scaling"]
    if power.empty:
        return ""
    flagged = power[power["diagnosis"].str.contains("conflict") & power["group"].eq("all")]
    if flagged.empty:
        return ""
    names = [
        f"{outcome_name(r['outcome'])}, {estimand_name(r['estimand'])}{_moves(found, r)}"
        for r in flagged.to_dict("records")
    ]
    return (
        f"Possible prior-data conflict is said of {counted(len(names), 'number')}: "
        f"{'; '.join(names)}. It means that priors and data each move the number, as they do where "
        "few studies inform it, not that one of them is wrong."
    )


def _moves(found: Sensitivity, row: Mapping[Any, Any]) -> str:
    """Range of a number's median over the declared priors, where it is a rate."""
    table = found["prior_table"]
    if table.empty or row["estimand"] not in RATES:
        return ""
    same = table["outcome"].eq(row["outcome"]) & table["estimand"].eq(row["estimand"])
    medians = 100 * table.loc[same & table["group"].eq("all"), "median"]
    if medians.empty:
        return ""
    return f" (median {medians.min():.0f}% to {medians.max():.0f}% under the declared priors)"
