"""Rules of the contrasts: what may be the baseline of what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from meta.evidence.coders import undescribed_coders
from meta.evidence.contrast_graph import contrast_graph
from meta.evidence.findings import told_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem

#: Roles whose rows hold the trials of other rows of their overlap set.
WHOLES = ("total", "subset", "superseded")


def contrast_problems(tables: Mapping[str, TypedTable]) -> list[Problem]:
    """Report contrasts that cannot be, or that compare what differs in more than one way.

    Parameters
    ----------
    tables : mapping of str to TypedTable
        All tables.

    Returns
    -------
    list of Problem
        Errors: an arm against itself, arms of two studies, two baselines for one intervention,
        contrasts that contradict each other (cycles among them). Warnings: another unit or
        conditioning, no count of goal failures, trials that are in two rows, a coder whom
        coders.csv does not describe.
    """
    contrasts, arms = tables["contrasts"], tables["arms"]
    needed = ("arm_id", "baseline_arm_id", "intervention")
    if not contrasts.raw.present or not all(contrasts.has(name) for name in needed):
        return []
    known = arms.frame.dropna(subset=["arm_id"]).drop_duplicates("arm_id").set_index("arm_id")
    pairs = contrasts.frame[[*needed]].copy()
    for name in needed:
        pairs[name] = contrasts.believed(name)
    pairs = pairs[pairs.notna().all(axis="columns")]
    pairs = pairs[pairs["arm_id"].isin(known.index) & pairs["baseline_arm_id"].isin(known.index)]
    problems = _impossible(contrasts, pairs, known)
    if not problems:
        problems = _contradictory(contrasts, pairs)
    return [
        *problems,
        *_unlike(contrasts, pairs, known),
        *_counted_twice(contrasts, pairs, known),
        *undescribed_coders(contrasts, tables["coders"], "contrast-coder-undescribed"),
    ]


def _impossible(contrasts: TypedTable, pairs: pd.DataFrame, known: pd.DataFrame) -> list[Problem]:
    problems: list[Problem] = []
    same = pairs["arm_id"] == pairs["baseline_arm_id"]
    for row in pairs.index[same]:
        remedy = "name the arm that it is compared with"
        reason = "the arm is its own baseline"
        problems.append(contrasts.problem(row, "baseline_arm_id", reason, remedy))
    study, other = _of(pairs, known, "study_id")
    for row in pairs.index[(study != other).fillna(False) & ~same]:
        reason = f"the baseline is an arm of {other[row]}, the arm one of {study[row]}"
        remedy = "name an arm of the same study; arms of two studies differ in more than one thing"
        problems.append(contrasts.problem(row, "baseline_arm_id", reason, remedy))
    for row in pairs.index[pairs.duplicated(["arm_id", "intervention"])]:
        arm, what = pairs.loc[row, ["arm_id", "intervention"]]
        first = pairs.index[(pairs["arm_id"] == arm) & (pairs["intervention"] == what)][0]
        reason = f"the arm has a baseline for {what} already, on line {contrasts.line(first)}"
        remedy = "keep the baseline that differs from the arm in nothing else"
        problems.append(contrasts.problem(row, "arm_id", reason, remedy))
    return problems


def _contradictory(contrasts: TypedTable, pairs: pd.DataFrame) -> list[Problem]:
    edges = list(pairs[["arm_id", "baseline_arm_id", "intervention"]].itertuples(index=False))
    graph = contrast_graph([(str(a), str(b), str(i)) for a, b, i in edges])
    problems = []
    for position in graph.contradictory:
        arm, baseline, what = edges[position]
        reason = (
            f"other contrasts lead from {baseline} to {arm} too, and by them {arm} has "
            f"{_said(graph.exposure[arm], graph.exposure[baseline])}, not {what} alone"
        )
        remedy = "correct the intervention or the baseline of one of them; a cycle cannot be right"
        row = pairs.index[position]
        problems.append(contrasts.problem(row, "baseline_arm_id", reason, remedy))
    return problems


def _said(arm: dict[str, int], baseline: dict[str, int]) -> str:
    more = {k: arm.get(k, 0) - baseline.get(k, 0) for k in sorted({*arm, *baseline})}
    shown = [f"{'' if n > 0 else 'no longer '}{name}" for name, n in more.items() if n]
    return " and ".join(shown) or "nothing more"


def _of(pairs: pd.DataFrame, known: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
    """A column of the arms, for the arm and for the baseline of each contrast."""
    if column not in known:
        blank = pd.Series(pd.NA, index=pairs.index, dtype="string")
        return blank, blank
    return pairs["arm_id"].map(known[column]), pairs["baseline_arm_id"].map(known[column])


def _unlike(contrasts: TypedTable, pairs: pd.DataFrame, known: pd.DataFrame) -> list[Problem]:
    problems: list[Problem] = []
    for column in ("unit", "conditioning"):
        mine, other = _of(pairs, known, column)
        wrong = (mine != other).fillna(False) & mine.notna() & other.notna()
        for row in pairs.index[wrong.astype(bool)]:
            reason = f"the {column} is {mine[row]} in the arm and {other[row]} in the baseline"
            remedy = "take a baseline that was counted alike, or remove the contrast"
            problem = contrasts.problem(row, "baseline_arm_id", reason, remedy, "warning")
            problems.append(problem)
    for column, where in (("arm_id", 0), ("baseline_arm_id", 1)):
        blank = _of(pairs, known, "n_goal_failure")[where].isna()
        wrong = pd.Series(False, index=contrasts.frame.index)
        wrong[pairs.index[blank.astype(bool)]] = True
        reason = "the arm has no n_goal_failure, so that the contrast cannot be used"
        remedy = "remove the contrast, or fill in the count if the source has it"
        problems += told_once(
            contrasts, wrong, column, reason, remedy, "warning", "contrast-uncounted"
        )
    return problems


def _counted_twice(
    contrasts: TypedTable, pairs: pd.DataFrame, known: pd.DataFrame
) -> list[Problem]:
    """Contrasts of a total (or part) beside contrasts of the rows that share its trials."""
    if "overlap_set" not in known or "role" not in known:
        return []
    used = known.loc[sorted({*pairs["arm_id"], *pairs["baseline_arm_id"]})]
    used = used[used["overlap_set"].notna()]
    whole = used["role"].isin(WHOLES)
    main = used[used["role"] == "main"].groupby("overlap_set", observed=True).groups
    problems = []
    for arm in used.index[whole]:
        beside = main.get(used.loc[arm, "overlap_set"])
        if beside is None:
            continue
        row = pairs.index[(pairs["arm_id"] == arm) | (pairs["baseline_arm_id"] == arm)][0]
        column = "arm_id" if pairs.loc[row, "arm_id"] == arm else "baseline_arm_id"
        reason = (
            f"{arm} is a {used.loc[arm, 'role']} of the overlap set of {beside[0]}, which is in a "
            "contrast too: their trials would count twice"
        )
        remedy = "contrast either the whole or its parts"
        problems.append(contrasts.problem(row, column, reason, remedy, "warning"))
    return problems
