"""Totals among the main arms: a row that is the sum of others of its overlap set."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from meta.evidence.counts import pooled_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem

# Trials, and the goal failures or (where those were not observed) the capable trials.
Counts = tuple[int, int]

# Every subset is tried up to the first size, and runs of neighbouring rows up to the second.
LARGEST_SUBSET_SEARCH = 12
LARGEST_RUN_SEARCH = 200


def overlap_problems(arms: TypedTable) -> list[Problem]:
    """Report main arms whose counts are the sum of other main arms of their overlap set.

    All the other rows of a set are summed for every main row. Parts of a set are tried only
    among rows that would be pooled: small counts of conditioned rows, which share test items
    and are never pooled, meet such sums by chance.

    Parameters
    ----------
    arms : TypedTable
        The table of arms.

    Returns
    -------
    list of Problem
        One for each total, naming the lines of its parts.
    """
    main = (arms.believed("role") == "main").fillna(False).astype(bool)
    failures = arms.believed("n_goal_failure")
    return [
        *_compare(arms, "n_goal_failure", main & failures.notna()),
        *_compare(arms, "n_capable", main & arms.blank("n_goal_failure")),
    ]


def _compare(arms: TypedTable, column: str, usable: pd.Series) -> list[Problem]:
    trials, counts = arms.believed("n_trials"), arms.believed(column)
    overlap = arms.believed("overlap_set")
    usable = usable & trials.notna() & counts.notna() & overlap.notna()
    sets = overlap[usable]
    sets = sets[sets.groupby(sets, sort=False).transform("size") > 2]
    if sets.empty:
        return []
    rows = sets.index
    pairs = zip(trials[rows].astype(int), counts[rows].astype(int), strict=True)
    pooled = set(arms.rows(pooled_rows(arms)))
    members: dict[str, dict[int, Counts]] = {}
    for row, name, pair in zip(rows, sets, pairs, strict=True):
        members.setdefault(name, {})[row] = pair
    totals: dict[int, list[int]] = {}
    for group in members.values():
        totals |= _totals(group, pooled)

    def reason(row: int) -> str:
        lines = ", ".join(str(arms.line(part)) for part in totals[row])
        return (
            f"n_trials and {column} are the sums of the main rows on lines {lines} "
            "of the same overlap_set"
        )

    remedy = "give this row the role total, or its parts the role subset"
    return arms.problems(list(totals), "n_trials", reason, remedy)


def _totals(group: Mapping[int, Counts], pooled: set[int]) -> dict[int, list[int]]:
    """Find the totals of one overlap set and the rows that they sum."""
    whole = _sum(group.values())
    totals = {
        row: [other for other in group if other != row]
        for row, (trials, count) in group.items()
        if (2 * trials, 2 * count) == whole
    }
    candidates = {row: counts for row, counts in group.items() if row in pooled}
    for row, counts in candidates.items():
        if row not in totals and (parts := _parts(counts, candidates)):
            totals[row] = parts
    return totals


def _parts(total: Counts, candidates: Mapping[int, Counts]) -> list[int] | None:
    # One of several parts has fewer trials than their total, which keeps the search short
    # and leaves out the total itself.
    smaller = {
        row: counts
        for row, counts in candidates.items()
        if counts[0] < total[0] and counts[1] <= total[1]
    }
    rows = list(smaller)
    if len(rows) < LARGEST_SUBSET_SEARCH:
        tried: Iterable[tuple[int, ...]] = (
            subset for size in range(2, len(rows) + 1) for subset in combinations(rows, size)
        )
    elif len(rows) <= LARGEST_RUN_SEARCH:
        tried = _runs(rows, smaller, total[0])
    else:
        return None
    for subset in tried:
        if _sum(smaller[row] for row in subset) == total:
            return list(subset)
    return None


def _sum(counts: Iterable[Counts]) -> Counts:
    trials, others = zip(*counts, strict=True)
    return sum(trials), sum(others)


def _runs(rows: list[int], counts: Mapping[int, Counts], trials: int) -> Iterable[tuple[int, ...]]:
    """Runs of neighbouring rows whose trials sum to those of the total."""
    for start in range(len(rows)):
        running = 0
        for end in range(start, len(rows)):
            running += counts[rows[end]][0]
            if running >= trials:
                if running == trials and end > start:
                    yield tuple(rows[start : end + 1])
                break
