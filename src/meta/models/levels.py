"""Levels of a design: which rows share a random effect.

Studies, agent sets and arms are nested; families of agents cross studies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from meta.config import ModelSpec

#: Name of the sd of each level's units about their parents (or about zero, where crossed).
SCALE_NAMES = {
    "study": "tau",
    "source_list": "tau",
    "agent_set": "omega",
    "arm": "kappa",
    "agent_family": "phi",
    "effect": "tau_delta",
}


@dataclass(frozen=True)
class Level:
    """Units of one level of the hierarchy.

    Attributes
    ----------
    name
        `study`, `agent_set`, `arm`, `source_list`, or the crossed `agent_family`.
    units
        Labels, length U.
    parent
        Index of each unit's parent in the level above, length U (zeros for the top level).
    """

    name: str
    units: list[str]
    parent: np.ndarray


def nested_levels(
    rows: pd.DataFrame, spec: ModelSpec, notes: list[str]
) -> tuple[list[Level], np.ndarray]:
    """Levels in which each unit lies within one unit of the level above.

    Parameters
    ----------
    rows
        Rows of the design, R.
    spec
        Model specification.
    notes
        Receives what a reader must be told.

    Returns
    -------
    tuple
        Levels, top level first, and the unit of each row, shape (levels, R).
    """
    top_codes, top_units = pd.factorize(rows["study"], sort=True)
    named: list[tuple[str, np.ndarray, list[str]]] = [(spec.top_level, top_codes, list(top_units))]
    if "agent_set" in spec.levels:
        # An agent set is nested: the same name in two studies is two sets of trained agents.
        labels = rows["study"].astype(str) + " / " + rows["agent_set"].astype(str)
        set_codes, sets = pd.factorize(labels, sort=True)
        if len(sets) < len(rows):
            named.append(("agent_set", set_codes, list(sets)))
        else:
            notes.append("no agent set has several rows: the agent-set level is left out")
    if "arm" in spec.levels:
        named.append(("arm", np.arange(len(rows)), rows["row_id"].astype(str).tolist()))
    levels = []
    for depth, (name, codes, units) in enumerate(named):
        parent = np.zeros(len(units), dtype=np.int64)
        if depth:
            parent[codes] = named[depth - 1][1]
        levels.append(Level(name, [str(u) for u in units], parent))
    return levels, np.stack([codes for _, codes, _ in named])


def crossed_levels(
    rows: pd.DataFrame, spec: ModelSpec, notes: list[str]
) -> tuple[list[Level], np.ndarray]:
    """Levels whose units are met in several studies: families of agents.

    A row without a family (an agent trained for its study) is of a family of its agent set.

    Parameters
    ----------
    rows
        Rows of the design, R.
    spec
        Model specification.
    notes
        Receives what a reader must be told.

    Returns
    -------
    tuple
        Levels and the unit of each row, shape (crossed levels, R).
    """
    if "agent_family" not in spec.levels:
        return [], np.zeros((0, len(rows)), dtype=np.int64)
    own = rows["study"].astype(str) + " / " + rows["agent_set"].astype(str)
    labels = rows["agent_family"].astype("string").fillna(own.astype("string"))
    codes, units = pd.factorize(labels.astype(str), sort=True)
    shared = int((rows.groupby(codes)["study"].nunique() > 1).sum())
    if not shared:
        notes.append("no family of agents is met in several studies: agent_family is left out")
        return [], np.zeros((0, len(rows)), dtype=np.int64)
    notes.append(f"{shared} families of agents are met in several studies")
    level = Level("agent_family", [str(u) for u in units], np.zeros(len(units), np.int64))
    return [level], codes[None, :]
