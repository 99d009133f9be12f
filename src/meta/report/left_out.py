"""What the page of checks says of studies left out: how each was reached, and sums of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from meta.checks.importance import NOISE, NOT_COMPUTED
from meta.plural import counted
from meta.report.check_figures import names
from meta.report.inputs import Fit
from meta.report.wording import spell, study_label

#: Options of a specification that decide which counts a model describes.
COUNTS = ("frame", "stages", "assumed_capable", "filter")


def left_out_summary(loo: pd.DataFrame) -> str:
    """Say how many studies were left out, and how those that needed more were reached."""
    if loo.empty:
        return ""
    refitted = loo.loc[loo["method"] == "refit", "study"].tolist()
    bad = loo.loc[~loo["reliable"].astype(bool), "study"].tolist()
    computed = loo[loo["method"] != NOT_COMPUTED]
    fewest = int(computed["draws"].min()) if len(computed) else 0
    said = [f"{counted(len(computed), 'study')} left out, by at least {fewest:,} draws each."]
    if lost := loo.loc[loo["method"] == NOT_COMPUTED, "study"].tolist():
        said.append(f"Not computed, for the cost of their integrals: {names(lost)}.")
        bad = [study for study in bad if study not in lost]
    if refitted:
        said.append(f"Refitted without: {names(refitted)}.")
    if bad:
        said.append(
            f"Not reliable, so that what is shown of them understates their weight: {names(bad)}."
        )
    return " ".join([*said, _precision(loo)]).rstrip()


def _precision(loo: pd.DataFrame) -> str:
    """Say how far the mean of the fewest effective draws among reliable studies errs."""
    reweighted = loo[loo["method"].eq("psis") & loo["reliable"].astype(bool)]
    if "ess" not in loo or reweighted.empty:
        return ""
    least = reweighted.nsmallest(1, "ess")
    study, ess = study_label(str(least["study"].iloc[0])), float(least["ess"].iloc[0])
    draws = counted(round(ess), "effective draw")
    return (
        f"Of the reliable ones that were reweighted, {study} has the fewest: {draws}, by which "
        f"a shift errs by about {ess**-0.5:.2f} posterior sd."
    )


def left_out_lines(loo: pd.DataFrame) -> list[dict[str, Any]]:
    """Lines of the table of left-out studies, the fewest effective draws first."""
    if loo.empty or "ess" not in loo:
        return []
    rows = loo.sort_values("ess", na_position="first", kind="stable").to_dict("records")
    return [_line({str(name): value for name, value in row.items()}) for row in rows]


def _line(row: dict[str, Any]) -> dict[str, Any]:
    chains = "–"
    if row["method"] == "refit":
        diverged = counted(int(row["refit_divergences"]), "divergence")
        chains = f"{row['refit_r_hat']:.3f}, {diverged}"
    return {
        "study": study_label(str(row["study"])),
        "study_id": str(row["study"]),
        "elpd": _number(row["elpd"], ".1f"),
        "pareto_k": _of(row["pareto_k"], row["limit"], ".2f"),
        "ess": _of(row["ess"], row["draws"], ",.0f"),
        "method": row["method"],
        "refit": chains,
        "reliable": "yes" if row["reliable"] else "no",
    }


def _number(value: float, form: str) -> str:
    return "–" if pd.isna(value) else format(value, form)


def _of(value: float, whole: float, form: str) -> str:
    return "–" if pd.isna(value) else f"{value:{form}} of {whole:{form}}"


def density_sum(fit: Fit, fits: Sequence[Fit]) -> str:
    """Give the sum of log predictive densities, and its difference to models of the same counts.

    Parameters
    ----------
    fit : Fit
        A model with checks.
    fits : sequence of Fit
        All models; those without a usable sum of the same counts are not compared.

    Returns
    -------
    str
        The difference with its own standard error: studies that are hard to predict are so for
        every model, so that most of the standard error of each sum cancels.
    """
    summary = {} if fit.checks is None else fit.checks.summary
    if summary.get("elpd") is None:
        return "The sum of log predictive densities could not be computed."
    if not summary.get("comparable"):
        return f"Sum of the log predictive densities: {summary['remark']}."
    said = f"Sum of the log predictive densities: {summary['elpd']:.1f}."
    others = [each for each in fits if each.name != fit.name and _same_counts(fit, each)]
    if not others:
        return f"{said} No other model of the same counts has a usable sum to compare it with."
    differences = "; ".join(f"“{spell(each.name)}” {_difference(fit, each)}" for each in others)
    return (
        f"{said} Less that of other models of the same counts, with the standard error of the "
        f"difference over studies (that of one sum says nothing of it): {differences}. "
        f"A difference below {NOISE} is noise."
    )


def _same_counts(one: Fit, other: Fit) -> bool:
    """Whether another model has a usable sum of the same studies' same counts."""
    if one.checks is None or other.checks is None or one.rows is None or other.rows is None:
        return False
    if not (one.checks.summary.get("comparable") and other.checks.summary.get("comparable")):
        return False
    options = [[_options(fit).get(name) for name in COUNTS] for fit in (one, other)]
    columns = [str(name) for name in one.rows if str(name).startswith(("events_", "trials_"))]
    if options[0] != options[1] or not {*columns} <= {*other.rows}:
        return False
    key = ["row_id", "study"]
    tables = [
        rows[key + columns].sort_values(key).reset_index(drop=True)
        for rows in (one.rows, other.rows)
    ]
    return tables[0].astype(str).equals(tables[1].astype(str))


def _options(fit: Fit) -> dict[str, Any]:
    return {"frame": fit.frame, **fit.record.get("spec", {})}


def _difference(one: Fit, other: Fit) -> str:
    """Difference of two sums over the same studies, and its standard error."""
    sums = [
        fit.checks.loo.set_index("study")["elpd"] for fit in (one, other) if fit.checks is not None
    ]
    each = (sums[0] - sums[1]).to_numpy(float)
    error = np.sqrt(each.size) * each.std(ddof=1) if each.size > 1 else float("nan")
    return f"{each.sum():+.1f} ± {error:.1f}".replace("-", "−")
