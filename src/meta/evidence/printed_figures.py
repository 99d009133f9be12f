"""Printed figures held against the counts that were taken from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem

# Only a figure that is the whole cell is sure to be the arm's own.
_NUMBER = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
FRACTION = rf"\s*{_NUMBER}\s*(?:/|of|out of)\s*{_NUMBER}\s*"
PERCENTAGE = r"\s*([0-9]{1,3})(?:\.([0-9]{1,4}))?\s?%\s*"
WHOLES = ("n_trials", "n_capable", "n_at_risk")
PARTS = ("n_capable", "n_goal_failure", "n_harm")


def printed_problems(arms: TypedTable) -> list[Problem]:
    """Report counts that the printed figure beside them contradicts.

    A fraction agrees if it is a count of the row, or what that leaves, out of another. A
    percentage agrees if one of these ratios rounds to it, give or take one trial, since the
    count may have been rebuilt from it.

    Parameters
    ----------
    arms : TypedTable
        The table of arms.

    Returns
    -------
    list of Problem
        Warnings. Figures with other words beside them are not read.
    """
    if not arms.has("printed_figure"):
        return []
    figures = arms.believed("printed_figure")
    return [
        *_contradicted(arms, _disagreeing_fractions(arms, figures)),
        *_contradicted(arms, _disagreeing_percentages(arms, figures)),
    ]


def _pairs(arms: TypedTable) -> list[tuple[pd.Series, pd.Series]]:
    counts = {name: arms.believed(name).astype("Float64") for name in {*WHOLES, *PARTS}}
    pairs = []
    for whole in WHOLES:
        for part in PARTS:
            if part != whole:
                pairs.append((counts[part], counts[whole]))
                pairs.append((counts[whole] - counts[part], counts[whole]))
    return pairs


def _disagreeing_fractions(arms: TypedTable, figures: pd.Series) -> pd.Series:
    found = figures.str.replace(",", "", regex=False).where(figures.str.fullmatch(FRACTION))
    # Replacing is vectorised where extracting is not.
    part = found.str.replace(r"^\D*([0-9]+)\D.*$", r"\1", regex=True).astype("Float64")
    whole = found.str.replace(r"^.*\D([0-9]+)\D*$", r"\1", regex=True).astype("Float64")
    agrees = pd.Series(False, index=figures.index)
    for count, total in _pairs(arms):
        agrees |= ((count == part) & (total == whole)).fillna(False).astype(bool)
    return part.notna() & ~agrees


def _disagreeing_percentages(arms: TypedTable, figures: pd.Series) -> pd.Series:
    found = figures.where(figures.str.fullmatch(PERCENTAGE)).str.strip("% \t")
    value = found.astype("Float64")
    decimals = found.where(found.str.contains(".", regex=False)).str.replace(
        r"^.*\.", "", regex=True
    )
    half_a_digit = 0.5 * 10.0 ** -decimals.str.len().fillna(0).astype("Float64")
    agrees = pd.Series(False, index=figures.index)
    for count, total in _pairs(arms):
        room = half_a_digit + 100 / total
        agrees |= ((100 * count / total - value).abs() <= room).fillna(False).astype(bool)
    return value.notna() & ~agrees


def _contradicted(arms: TypedTable, wrong: pd.Series) -> list[Problem]:
    names = ("n_trials", "n_capable", "n_at_risk", "n_goal_failure")
    problems = []
    for row in arms.rows(wrong):
        counts = [(name, arms.raw.cell(name, row)) for name in names if arms.has(name)]
        shown = ", ".join(f"{name} {count}" for name, count in counts if count)
        reason = f"the printed figure fits none of the counts of the row ({shown})"
        remedy = "correct the counts or the figure, or say in it what else it counts"
        problems.append(arms.problem(row, "printed_figure", reason, remedy, "warning"))
    return problems
