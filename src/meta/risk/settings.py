"""Settings of a profile for the published formula, checked against what is legal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

from meta.errors import SettingsError
from meta.evidence.dictionary import UNCLEAR, load_dictionary
from meta.evidence.near_names import nearest_value
from meta.evidence.suggestion import did_you_mean
from meta.risk.documents import Documents
from meta.risk_settings import PROFILE_FIELDS

LEVELS = ("capability", "diversity", "alignment")
#: What messages call a setting whose option on the command line has another name.
CALLED = {"interventions": "interventions (--mitigation)"}


@dataclass(frozen=True)
class Profile:
    """Settings of the published formula; what is None or empty takes no part in it.

    Attributes
    ----------
    shift
        Least and greatest shift type; the same twice for one.
    specification
        Score from 0 to 1.
    capability, diversity, alignment
        Levels of the code book's fields.
    period
        A period of the timeline.
    interventions
        Names of interventions.
    """

    shift: tuple[str, str]
    specification: float | None = None
    capability: str | None = None
    diversity: str | None = None
    alignment: str | None = None
    period: str | None = None
    interventions: tuple[str, ...] = ()


SETTINGS = tuple(Profile.__dataclass_fields__)


def legal_values(documents: Documents) -> dict[str, list[str]]:
    """Legal values of each setting that is chosen from a list, in their order.

    Shift types are those of the code book, and interventions those of the contrasts after those of
    the document: the published formula has no figure for what the document does not name.
    """
    tables = load_dictionary().tables
    fields, contrasts = tables["codings"].fields, tables["contrasts"].fields
    # That a source does not say is a code, and no setting that a deployment can have.
    coded = {
        name: [v for v in fields[field].values or () if v != UNCLEAR]
        for name, field in (
            ("shift", PROFILE_FIELDS["shift"]),
            *((name, documents.modifiers[name].field) for name in LEVELS),
        )
    }
    named = [*documents.interventions, *(contrasts["intervention"].values or ())]
    return {
        **coded,
        "period": list(documents.periods),
        "interventions": list(dict.fromkeys(named)),
    }


def read_profile(settings: Mapping[str, object], documents: Documents) -> Profile:
    """Check the settings of a profile.

    Parameters
    ----------
    settings
        By name, see `Profile`; shift may be one type or a pair, interventions one name or several.
    documents
        The tables whose names are legal.

    Raises
    ------
    SettingsError
        With every problem and the legal values.
    """
    legal = legal_values(documents)
    lists = {name: _several(settings.get(name)) for name in legal}
    faults = [
        f"{name}: unknown setting{did_you_mean(name, SETTINGS)}"
        for name in settings
        if name not in SETTINGS
    ]
    faults += _list_faults(lists, legal)
    score = settings.get("specification")
    if score is not None and not _is_score(score):
        faults.append(
            f"specification: {score!r} is no score: give a number from 0 (proxy only) to 1 "
            f"(the goal itself)"
        )
    if faults:
        raise SettingsError("\n".join(faults))
    one = {name: str(lists[name][0]) if lists[name] else None for name in (*LEVELS, "period")}
    return Profile(
        (str(lists["shift"][0]), str(lists["shift"][-1])),
        None if score is None else float(score),  # type: ignore[arg-type]
        one["capability"],
        one["diversity"],
        one["alignment"],
        one["period"],
        tuple(str(name) for name in lists["interventions"]),
    )


def number_or_text(text: str | None) -> float | str | None:
    """Read a number where it is one; anything else is left for the check to name."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _list_faults(lists: dict[str, list[object]], legal: dict[str, list[str]]) -> list[str]:
    faults = [
        _unknown(name, value, legal)
        for name, values in lists.items()
        for value in values
        if value not in legal[name]
    ]
    if not 1 <= len(lists["shift"]) <= 2:
        kinds = ", ".join(legal["shift"])
        faults.append(f"shift: give one type, or the least and the greatest: {kinds}")
    faults += [
        f"{name}: {len(lists[name])} values given, there can be one"
        for name in (*LEVELS, "period")
        if len(lists[name]) > 1
    ]
    named = [str(name) for name in lists["interventions"]]
    if len(set(named)) < len(named):
        faults.append(f"{CALLED['interventions']}: one is given twice; name each once")
    return faults


def _several(value: object) -> list[object]:
    if value is None:
        return []
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return [value]


def _is_score(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return 0 <= float(value) <= 1  # which nan is not


def _unknown(name: str, value: object, legal: dict[str, list[str]]) -> str:
    if value == UNCLEAR:
        return (
            f"{name}: {value!r} is no setting that a deployment can have: leave out what is not "
            f"known. Legal values: {', '.join(legal[name])}"
        )
    near = nearest_value(str(value), legal[name])
    hint = f"; did you mean {near}?" if near else "."
    called = CALLED.get(name, name)
    return f"{called}: {value!r} is not known{hint} Legal values: {', '.join(legal[name])}"
