"""Codings held against the codebook: versions, fields that apply, and who coded what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from meta.evidence.coders import MOST_NAMED, UNDESCRIBED, undescribed_coders
from meta.evidence.codes import ADJUDICATOR
from meta.evidence.dates import UNIT_TABLES
from meta.evidence.dictionary import UNCLEAR
from meta.evidence.findings import told_once
from meta.evidence.membership import among

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.dictionary import Codebook, Field
    from meta.evidence.problems import Problem


@dataclass(frozen=True)
class Units:
    """Which codings are of which kind of unit.

    Attributes
    ----------
    codings : TypedTable
        The table of codings.
    of_kind : dict of str to Series of bool
        Rows whose unit is a case, and rows whose unit is an arm.
    """

    codings: TypedTable
    of_kind: dict[str, pd.Series]


def coding_problems(tables: Mapping[str, TypedTable], codebook: Codebook) -> list[Problem]:
    """Report codings that the codebook does not allow, and units coded oddly.

    Parameters
    ----------
    tables : mapping of str to TypedTable
        All tables.
    codebook : Codebook
        The versions of the codebook.

    Returns
    -------
    list of Problem
        Errors for codes outside the version and for a unit coded twice by one coder, warnings
        for blanks, for fields that do not apply and for coders who are not described, notes for
        units that too few have coded.
    """
    codings = tables["codings"]
    if not codings.raw.present or not (codings.has("unit_id") and codings.has("coder")):
        return []
    ids = codings.believed("unit_id")
    of_kind = {name: among(ids, tables[name].frame[key]) for name, key in UNIT_TABLES.items()}
    units = Units(codings, of_kind)
    return [
        *_versions(codings, codebook),
        *_fields(units),
        *_spellings(codings),
        *_coverage(codings),
        *_needless(codings),
        *_undescribed(codings, tables["coders"]),
    ]


def _coded_fields(codings: TypedTable) -> list[Field]:
    fields = codings.table.fields.values()
    return [field for field in fields if field.applies_to and codings.has(field.name)]


def _versions(codings: TypedTable, codebook: Codebook) -> list[Problem]:
    if not codings.has("codebook_version") or not codebook.versions:
        return []
    given = codings.believed("codebook_version")
    unknown = given.notna() & ~given.isin(list(codebook.versions))
    remedy = f"write one of {', '.join(codebook.versions)}, the versions that the dictionary holds"
    reason = "is not a version of the codebook"
    problems = codings.problems(codings.rows(unknown), "codebook_version", reason, remedy)
    for name, version in codebook.versions.items():
        for field in _coded_fields(codings):
            legal = version.codes.get(field.name, ())
            # The vocabulary was checked before; only a version with less needs another look.
            if field.values is None or set(legal) == set(field.values):
                continue
            values = codings.believed(field.name)
            outside = (given == name) & values.notna() & ~values.isin(list(legal))
            allowed = f"one of {', '.join(legal)}" if legal else "nothing"
            reason = f"is not a code of {field.name} in version {name} of the codebook"
            remedy = f"write {allowed}, or the version that was followed"
            problems += codings.problems(codings.rows(outside), field.name, reason, remedy)
    return problems


def _fields(units: Units) -> list[Problem]:
    problems: list[Problem] = []
    for field in _coded_fields(units.codings):
        cells = units.codings.frame[field.name]
        for kind, rows in units.of_kind.items():
            if not field.is_coded_for(kind):
                problems += _needlessly_coded(units.codings, field, rows & cells.notna())
            elif field.values is not None:
                wrong = rows & units.codings.blank(field.name)
                remedy = f"write one of {', '.join(field.values)}"
                if UNCLEAR in field.values:
                    remedy = f"write {UNCLEAR} if the source does not say, otherwise the code"
                reason = f"{field.name} is blank, and it is coded for {kind}"
                problems += told_once(
                    units.codings, wrong, field.name, reason, remedy, "warning", "code-blank"
                )
    return problems


def _needlessly_coded(codings: TypedTable, field: Field, wrong: pd.Series) -> list[Problem]:
    reason = f"{field.name} is coded for {field.applies_to} only, and the unit is not one of them"
    remedy = "leave the cell blank; nothing reads it"
    code = "field-not-applicable"
    return told_once(codings, wrong, field.name, reason, remedy, "warning", code)


def _spellings(codings: TypedTable) -> list[Problem]:
    """One coder written in two ways would agree with himself."""
    coder = codings.believed("coder")
    names = pd.Series(coder.dropna().unique(), dtype="string")
    plain = names.str.lower().str.replace(r"[\s_-]+", "_", regex=True)
    variants = names[plain.duplicated(keep="first")]
    if variants.empty:
        return []
    usual = dict(zip(plain[::-1], names[::-1], strict=True))
    folded = coder.map(dict(zip(names, plain.map(usual), strict=True)))
    units = codings.believed("unit_id")
    pairs = pd.DataFrame({"unit": units, "coder": folded}).dropna()
    exact = pd.DataFrame({"unit": units, "coder": coder}).duplicated()
    twice = pairs.duplicated().reindex(units.index, fill_value=False) & ~exact
    problems = [
        codings.problem(
            row,
            "coder",
            f"the unit was coded before by {folded[row]}, who differs only in spelling",
            f"write {folded[row]} and remove one of the two rows, or name the coders apart",
        )
        for row in codings.rows(twice)
    ]
    for variant in variants[:MOST_NAMED]:
        wrong = (coder == variant) & ~twice
        usually = usual[plain[names == variant].iloc[0]]
        reason = f"the coder {variant} is also written {usually}"
        remedy = f"write {usually} throughout, or name the coders apart"
        problems += told_once(codings, wrong, "coder", reason, remedy, "warning", "coder-spelling")
    rest = coder.isin(list(variants[MOST_NAMED:])) & ~twice
    reason, remedy = "the coder is also written in another way", "write each coder in one way"
    return problems + told_once(codings, rest, "coder", reason, remedy, "warning", "coder-spelling")


def _coverage(codings: TypedTable) -> list[Problem]:
    units, coder = codings.believed("unit_id"), codings.believed("coder")
    adjudicated = (coder == ADJUDICATOR).fillna(False).astype(bool)
    given = units.notna() & coder.notna() & ~adjudicated
    # Whole numbers are counted faster than names.
    numbers, _ = pd.factorize(units)
    number = pd.Series(numbers, index=units.index)
    coded = number[given].value_counts()
    single = given & number.isin(coded.index[coded == 1])
    reason = "the unit has one coder, so agreement on it cannot be measured"
    remedy = "let a second coder code it independently"
    problems = told_once(codings, single, "unit_id", reason, remedy, "note", "coded-once")
    alone = adjudicated & units.notna() & ~number.isin(coded.index)
    reason = "the unit has an adjudicated code and no coder's code"
    remedy = "keep the rows of the coders: codes are never overwritten"
    return problems + told_once(
        codings, alone, "unit_id", reason, remedy, "warning", "adjudicated-alone"
    )


def _needless(codings: TypedTable) -> list[Problem]:
    """Adjudicated units on which the coders had agreed in every field."""
    units, coder = codings.believed("unit_id"), codings.believed("coder")
    adjudicated = (coder == ADJUDICATOR).fillna(False).astype(bool)
    if not adjudicated.any():
        return []
    fields = [field.name for field in _coded_fields(codings) if field.values is not None]
    # How sure each coder was is no code to settle.
    fields = [name for name in fields if name != "confidence"]
    theirs = codings.frame[among(units, units[adjudicated]) & ~adjudicated]
    grouped = theirs.groupby("unit_id")
    agreed = (grouped[fields].nunique(dropna=False) <= 1).all(axis="columns") & (grouped.size() > 1)
    settled = pd.Series(agreed.index[agreed], dtype="string")
    needless = adjudicated & among(units, settled)
    reason = "the coders had agreed on every field of the adjudicated unit"
    remedy = "nothing to do, if the agreed codes were looked at again"
    return told_once(codings, needless, "unit_id", reason, remedy, "note", "adjudicated-agreed")


def _undescribed(codings: TypedTable, coders: TypedTable) -> list[Problem]:
    if coders.raw.present:
        return undescribed_coders(codings, coders, UNDESCRIBED)
    coder = codings.believed("coder")
    reason = f"who the coders are is not said without {coders.file}"
    columns = ", ".join(coders.table.required_columns)
    remedy = f"describe each: `meta new coder`, which adds {coders.file} with the columns {columns}"
    first = coder.notna() & ~coder.notna().shift(fill_value=False).cummax()
    return told_once(codings, first, "coder", reason, remedy, "note", UNDESCRIBED)
