"""Effects of moderators: which shape each may have, given what the field dictionary says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from meta.evidence.dictionary import CODED_TABLE, UNCLEAR, Field, load_dictionary
from meta.evidence.suggestion import nearest

Effect = Literal["categories", "monotonic", "linear", "within_between"]

#: What a shape needs, for messages.
NEEDS = {
    "categories": "a field with a vocabulary",
    "monotonic": "an ordinal field of three levels or more",
    "linear": "a number or an ordinal field",
    "within_between": "a number",
}
#: Fewest levels with a step whose share of the total effect is to be estimated.
FEWEST_LEVELS = 3


def moderator_field(name: str, frame: str) -> Field | None:
    """Find a moderator in the field dictionary; None where an added column is not in it.

    Parameters
    ----------
    name
        Column of arms or studies (frame `denominator`) or cases, or field of the codebook.
    frame
        Sampling frame of the model.
    """
    tables = load_dictionary().tables
    own = ("cases",) if frame == "case_series" else ("arms", "studies")
    found = [tables[t].fields.get(name) for t in (*own, CODED_TABLE)]
    return next((field for field in found if field is not None), None)


def levels_of(field: Field | None) -> tuple[str, ...]:
    """Clear codes of a field in the order of its vocabulary; none where it has no vocabulary."""
    return () if field is None else tuple(v for v in field.values or () if v != UNCLEAR)


def possible_effects(field: Field) -> tuple[Effect, ...]:
    """Shapes that the effect of a field may have, the default first."""
    if field.type in ("integer", "number"):
        return ("linear", "within_between")
    if not field.ordinal:
        return ("categories",)
    if len(levels_of(field)) < FEWEST_LEVELS:
        return ("categories", "linear")
    return ("monotonic", "categories", "linear")


def moderator_effect(
    name: str, chosen: Mapping[str, Effect], frame: str, numeric: bool | None = None
) -> Effect | None:
    """Shape of a moderator's effect.

    Parameters
    ----------
    name
        The moderator.
    chosen
        What the specification says (`moderator_effects`).
    frame
        Sampling frame of the model.
    numeric
        Whether its values are numbers, for a column that the field dictionary does not have.

    Returns
    -------
    str or None
        None where neither the specification, the dictionary nor `numeric` tells.
    """
    if name in chosen:
        return chosen[name]
    field = moderator_field(name, frame)
    if field is not None:
        return possible_effects(field)[0]
    return None if numeric is None else "linear" if numeric else "categories"


def effect_problems(
    moderators: Sequence[str], chosen: Mapping[str, Effect], frame: str
) -> list[str]:
    """Say what is wrong with the chosen shapes: not a moderator, or not a shape of its field."""
    problems = []
    for name, effect in chosen.items():
        if name not in moderators:
            near = nearest(name, list(moderators), cutoff=0.5)
            hint = f"; did you mean {near}?" if near else ""
            problems.append(f"moderator_effects: {name} is not among the moderators{hint}")
            continue
        field = moderator_field(name, frame)
        if field is None or effect in possible_effects(field):
            continue
        known = " or ".join(possible_effects(field))
        problems.append(
            f"moderator_effects: {name} cannot be {effect}, which needs {NEEDS[effect]}; "
            f"it can be {known}"
        )
    return problems
