"""Sets of arms: those of one trained agent, and those that share trials or test items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.evidence.findings import told_once

if TYPE_CHECKING:
    import pandas as pd

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem, Severity


def arm_set_problems(arms: TypedTable) -> list[Problem]:
    """Report names of sets that look mistaken.

    Parameters
    ----------
    arms : TypedTable
        The table of arms.

    Returns
    -------
    list of Problem
        A warning for an overlap set of arms of several studies. Notes for an agent set of
        several studies (the models keep them apart), for an agent set whose arms differ in the
        number of agents, and for an overlap set of a single arm.
    """
    overlap, agents = arms.believed("overlap_set"), arms.believed("agent_set")
    study = arms.believed("study_id")
    apart = "give each study its own set, or correct the name"
    alone = "the overlap_set has one arm, so nothing overlaps"
    differing = "the agent_set has arms with different numbers of agents"
    return [
        *_across(arms, "overlap_set", _several(overlap, study), "warning", apart),
        *_across(
            arms,
            "agent_set",
            _several(agents, study),
            "note",
            "nothing to do if the same weights were tested; the models take them as different",
        ),
        *told_once(
            arms,
            _several(agents, arms.believed("n_agents")),
            "agent_set",
            differing,
            "use one set for the same trained agents only; nothing to do if some were left out",
            "note",
            "agent-set-sizes",
        ),
        *told_once(
            arms,
            overlap.notna() & ~overlap.duplicated(keep=False),
            "overlap_set",
            alone,
            "nothing to do, or name the arms that it overlaps with",
            "note",
            "overlap-set-single",
        ),
    ]


def _several(names: pd.Series, values: pd.Series) -> pd.Series:
    """Rows of the sets that have more than one value."""
    usable = names.notna() & values.notna()
    distinct = values[usable].groupby(names[usable]).nunique()
    return names.isin(distinct.index[distinct > 1]).astype(bool)


def _across(
    arms: TypedTable, column: str, wrong: pd.Series, severity: Severity, remedy: str
) -> list[Problem]:
    reason = f"the {column} has arms of more than one study"
    return arms.problems(arms.rows(wrong), column, reason, remedy, severity)
