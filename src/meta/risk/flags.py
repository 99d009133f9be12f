"""Flags of a profile's risk and what each means: where a number is no probability or a guess."""

from __future__ import annotations

from collections.abc import Iterable

from meta.models.design import FEWEST_STUDIES
from meta.risk.published import EXCEEDS_ONE, IN_A_GAP, NO_FIGURE, NOT_PRINTED, OUTSIDE

NO_LEVEL, EXTRAPOLATES, FEW_STUDIES = "no_evidence", "extrapolates", "few_studies"
NO_CAPABILITY = "no_capability"
NO_CASES, FEW_CASES, FEW_CONTRASTS = "no_cases", "few_cases", "few_contrasts"
ONE_KIND = "one_kind"

#: Flags of the published mode.
PUBLISHED = {
    EXCEEDS_ONE: "The published product exceeds 1, so it is no probability.",
    NOT_PRINTED: "Published: the document prints no base probability where nothing shifts.",
    IN_A_GAP: "Published: the score lies between two printed levels; multipliers are bridged.",
    OUTSIDE: "Published: a level between or beside the two printed configurations; the whole range "
    "of its multiplier is taken.",
    NO_FIGURE: "Published: an intervention without a printed figure changes nothing.",
}
#: Flags of the evidence mode, of a setting or intervention.
EVIDENCE = {
    NO_LEVEL: "no arm has this level, so it changes nothing.",
    EXTRAPOLATES: "hardly any study has this level: the number is extrapolated by the prior.",
    FEW_STUDIES: f"fewer than {FEWEST_STUDIES} studies have this level: much of the number is the "
    "prior.",
    ONE_KIND: f"all but at most {FEWEST_STUDIES - 1} studies of this level are of one kind of "
    "failure (gaming of a specification, or misgeneralization of a goal): what is the level's and "
    "what the kind's cannot be told apart.",
    NO_CAPABILITY: "hardly any study counts capability at this level: how far it transfers is "
    "extrapolated by the prior.",
    NO_CASES: "hardly any catalogued case has this level: its harm is extrapolated by the prior.",
    FEW_CASES: "hardly one list of cases has this level: its harm is mostly the prior.",
    FEW_CONTRASTS: f"fewer than {FEWEST_STUDIES} studies set this intervention against a baseline.",
}


def flag_sentences(flags: Iterable[str]) -> list[str]:
    """Say flags, `name` or `name:setting=level`, to a reader: each once, with all its settings.

    Raises
    ------
    KeyError
        If one is no flag.
    """
    settings: dict[str, dict[str, None]] = {}
    for flag in flags:
        name, _, setting = flag.partition(":")
        settings.setdefault(name, {}).setdefault(setting.replace("=", " "), None)
    return [
        PUBLISHED[name]
        if name in PUBLISHED
        else f"Evidence, {'; '.join(filter(None, each))}: {EVIDENCE[name]}"
        for name, each in settings.items()
    ]
