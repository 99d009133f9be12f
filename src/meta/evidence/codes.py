"""Agreed codes of the documented cases, and their aggregation to cells with counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pandas as pd

from meta.config import STAGES
from meta.evidence.membership import looked_up

#: Codes that count as the event of a stage; every other clear code counts as no event.
EVENT_CODES: dict[str, frozenset[str]] = {
    "capability_transfer": frozenset({"yes"}),
    "goal_failure": frozenset({"yes", "partial"}),
    "harm": frozenset({"significant", "severe"}),
}
ADJUDICATOR = "adjudicated"
UNCLEAR = "unclear"
#: Code of each unit, by `unit_id`, for a codebook field; NA or absent: not observed.
CodeSet = Callable[[str], pd.Series]
#: Source list of cases that no list holds.
NO_LIST = "papers_and_repositories"


def agreed_code(codes: pd.DataFrame, field: str) -> pd.Series:
    """Return the code that stands for each unit, or NA where none does.

    The adjudicated code stands if there is one; otherwise the code that every coder gave. Of the
    outcomes, codes that make the same event agree (`yes` and `partial`; the first stands). Where
    coders differ, or say `unclear`, the unit is not observed: with two equally reliable coders a
    disagreement says nothing about either value (Dawid & Skene 1979, doi:10.2307/2346806).

    Parameters
    ----------
    codes
        Table of codings: `unit_id`, `coder` and the field.
    field
        Codebook field.

    Returns
    -------
    pandas.Series
        Code by `unit_id`.
    """
    given = codes.loc[codes[field].notna(), ["unit_id", "coder", field]]
    adjudicated = given[given["coder"] == ADJUDICATOR].set_index("unit_id")[field]
    free = given[given["coder"] != ADJUDICATOR]
    said = free.assign(said=_event_class(free[field], field)).groupby("unit_id")
    unanimous = said[field].first().where(said["said"].nunique() == 1)
    agreed = adjudicated.combine_first(unanimous)
    return agreed.mask(agreed == UNCLEAR)


def _event_class(codes: pd.Series, field: str) -> pd.Series:
    """What a code says of its stage: the event, no event, or unclear; of other fields, itself."""
    if field not in EVENT_CODES:
        return codes
    event = codes.isin(EVENT_CODES[field]).map({True: "event", False: "no event"})
    return event.mask(codes == UNCLEAR, UNCLEAR)


def agreed_codes(codings: pd.DataFrame) -> CodeSet:
    """Code set of the units on which coders agree; a field is worked out once."""
    return cache(lambda field: agreed_code(codings, field))


def imputed_codes(imputation: pd.DataFrame) -> CodeSet:
    """Code set of one imputation: columns `unit_id`, `field`, `code`."""
    by_field = {field: rows.set_index("unit_id")["code"] for field, rows in
                imputation.groupby("field", observed=True)}  # fmt: skip
    return lambda field: by_field.get(field, pd.Series(dtype="string"))


def any_codes(codings: pd.DataFrame, agreed: CodeSet | None = None) -> CodeSet:
    """Code set that gives every coded unit a code: agreed, else some coder's, else the commonest.

    It stands in for imputed codes where only the shape of a model's rows matters. `agreed` spares
    working out again on which codes coders agree.
    """
    agreed = agreed or agreed_codes(codings)

    def codes(field: str) -> pd.Series:
        given = codings.loc[codings[field].notna(), ["unit_id", field]]
        clear = given[given[field] != UNCLEAR]
        if clear.empty:
            return pd.Series(dtype="string")
        first = clear.groupby("unit_id")[field].first()
        found = agreed(field).combine_first(first)
        return found.reindex(sorted(given["unit_id"].unique())).fillna(clear[field].mode().iloc[0])

    return codes


def case_stages(cases: pd.DataFrame, codes: CodeSet) -> pd.DataFrame:
    """Reduce each case to nullable booleans, one a stage, conditional along the chain.

    Goal failure is read among cases with capability transfer, harm among cases with goal failure.

    Returns
    -------
    pandas.DataFrame
        The cases with the columns `event_<stage>` (boolean, NA: not observed) and
        `eligible_<stage>` (reached the stage).
    """
    table = cases.copy()
    eligible = pd.Series(True, index=table.index)
    for stage in STAGES:
        code = looked_up(table["case_id"], codes(stage))
        event = code.isin(EVENT_CODES[stage]).astype("boolean").mask(code.isna())
        table[f"eligible_{stage}"] = eligible
        table[f"event_{stage}"] = event.mask(~eligible)
        eligible = table[f"event_{stage}"].fillna(False).astype(bool)
    return table


def design_cells(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Aggregate cases to the distinct cells of `by`, so that cost follows cells, not rows.

    Returns
    -------
    pandas.DataFrame
        One row a cell: `by`, `n_units`, and for each stage `events_`, `trials_` (units with an
        agreed clear code) and `unresolved_` (units that reached the stage without one).
    """
    work = table[by].copy()
    for stage in STAGES:
        event = table[f"event_{stage}"]
        work[f"events_{stage}"] = event.fillna(False).astype("int64")
        work[f"trials_{stage}"] = event.notna().astype("int64")
        work[f"unresolved_{stage}"] = (table[f"eligible_{stage}"] & event.isna()).astype("int64")
    work["n_units"] = 1
    return work.groupby(by, as_index=False, sort=True).sum()
