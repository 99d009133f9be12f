"""Families of agents whose effects are not known: where in a study they are integrated out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from meta.models.design import Design

LEVEL = "agent_family"


@dataclass(frozen=True)
class NewFamilies:
    """Where the effects of new families of one study join its other effects.

    Attributes
    ----------
    whole_study
        One new family has all rows: its effect adds to the study's.
    groups
        Agent sets of each new family that has several sets, but not all: integrated together.
    sets
        Agent sets that are a new family each: its effect adds to the set's.
    rows
        Rows of new families that share their agent set with another family, or whose agent set is
        known: integrated row by row, as if independent.
    """

    whole_study: bool = False
    groups: tuple[tuple[str, ...], ...] = ()
    sets: frozenset[str] = frozenset()
    rows: frozenset[int] = frozenset()


def shared_families(design: Design) -> frozenset[str]:
    """Families that several studies have: known from the others when any one is left out."""
    top = design.row_unit[0]
    return frozenset(
        level.units[u]
        for level, unit in zip(design.crossed, design.row_crossed, strict=True)
        for u in range(len(level.units))
        if len(set(top[unit == u])) > 1
    )


def new_families(
    design: Design,
    sets: Mapping[str, Sequence[int]],
    known_families: Collection[str],
    known_sets: Collection[str] = (),
    study_known: bool = False,
) -> NewFamilies:
    """Say where the new families of a study are integrated.

    Parameters
    ----------
    design
        Design of the rows.
    sets
        Rows of each agent set of the study.
    known_families
        Families whose effects are known.
    known_sets
        Agent sets whose effects are known.
    study_known
        Whether the study's effect is.
    """
    if not design.crossed:
        return NewFamilies()
    units, unit = design.crossed[0].units, design.row_crossed[0]
    of_set = {label: {units[unit[r]] for r in rows} for label, rows in sets.items()}
    whole = {label for label, names in of_set.items() if len(names) == 1} - set(known_sets)
    members: dict[str, list[str]] = {}
    rows: set[int] = set()
    for label, names in of_set.items():
        if label in whole:
            members.setdefault(next(iter(names)), []).append(label)
        else:
            rows |= {r for r in sets[label] if units[unit[r]] not in known_families}
    new = {name: tuple(of) for name, of in members.items() if name not in known_families}
    several = [of for of in new.values() if len(of) > 1]
    if not study_known and any(len(of) == len(sets) for of in several):
        return NewFamilies(whole_study=True)
    alone = frozenset(of[0] for of in new.values() if len(of) == 1)
    return NewFamilies(False, tuple(several), alone, frozenset(rows))
