"""Responses: what each coder answered for each unit, field by field.

Arms of one study are coded side by side from one text, and mostly alike. An arm is therefore no
judgement of its own: arms of a study that every coder answered alike are one *item*, counted once
and imputed together. Each case is an item.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from meta.evidence.codes import ADJUDICATOR, UNCLEAR
from meta.evidence.dictionary import load_dictionary
from meta.evidence.membership import among, positions

#: What stands for a coder whose kind no table states.
UNDESCRIBED = "undescribed"
#: Index of a response that was not given.
MISSING = -1

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Responses:
    """Answers to one field.

    Attributes
    ----------
    field
        Codebook field.
    ordinal
        Whether the order of `classes` is an order of degree.
    classes
        Clear codes that some coder used, in the order of the vocabulary, length K.
    vocabulary
        Clear codes that the field may have, used or not, in their order.
    coders
        Names, the adjudicator last, length J.
    units
        One row a unit with an answer: `unit_id`, `kind` (case or arm), `study` (the unit itself
        where it has none), `item` (index of its item).
    answers
        One row a unit, shape (U, J): index of the class, K for unclear, `MISSING` for no answer.
    item_answers
        The same for items, shape (I, J).
    item_group
        Index of each item's group in `groups`, length I.
    groups
        Populations with a prevalence of their own: kind and failure type.
    """

    field: str
    ordinal: bool
    classes: list[str]
    vocabulary: list[str]
    coders: list[str]
    units: pd.DataFrame
    answers: np.ndarray
    item_answers: np.ndarray
    item_group: np.ndarray
    groups: list[str]

    @property
    def independent(self) -> np.ndarray:
        """Columns of coders who worked on their own: all but the adjudicator."""
        return np.array([j for j, coder in enumerate(self.coders) if coder != ADJUDICATOR], int)

    @property
    def places(self) -> np.ndarray:
        """Place of each class in the vocabulary, length K: unused codes are steps too."""
        return np.array([self.vocabulary.index(code) for code in self.classes], int)

    @property
    def hash(self) -> str:
        """SHA-256 of all that a model of the field sees."""
        table = self.units.assign(group=[self.groups[g] for g in self.item_group[self.units.item]])
        text = table.drop(columns="item").to_csv(index=False, lineterminator="\n")
        words = [self.field, *self.classes, "|", *self.coders, text]
        if self.ordinal and (np.diff(self.places) > 1).any():
            words.append(str(self.places.tolist()))
        return hashlib.sha256(
            "\0".join(words).encode() + self.answers.astype(np.int64).tobytes()
        ).hexdigest()


def coded_fields() -> list[str]:
    """Names of the codebook fields with a closed vocabulary that describe the unit."""
    fields = load_dictionary()["codings"].fields.values()
    return [f.name for f in fields if f.values is not None and f.name != "confidence"]


def response_columns() -> dict[str, list[str]]:
    """Columns that the answers are made of, by table; titles, for people, apart."""
    return {
        "cases": ["case_id", "study_id", "failure_type"],
        "arms": ["arm_id", "study_id", "failure_type"],
        "codings": ["unit_id", "coder", *coded_fields()],
        "coders": ["coder", "kind"],
    }


def coder_kinds(tables: Tables) -> dict[str, str]:
    """Kind of each coder who coded something: as table `coders` says, else `UNDESCRIBED`."""
    codings = tables.get("codings")
    if codings is None or codings.empty:
        return {}
    described = tables.get("coders")
    known: dict[str, str] = {}
    if described is not None and {"coder", "kind"} <= set(described):
        stated = described.dropna(subset=["coder", "kind"])
        known = dict(zip(stated["coder"], stated["kind"], strict=True))
    return {str(c): str(known.get(c, UNDESCRIBED)) for c in sorted(codings["coder"].unique())}


def unit_table(tables: Tables) -> pd.DataFrame:
    """List the units that can be coded: `unit_id`, `kind`, `study`, `failure_type`, `title`.

    Sorted by `unit_id`.
    """
    parts = []
    for table, key, title in (("cases", "case_id", "title"), ("arms", "arm_id", "arm_label")):
        rows = tables.get(table)
        if rows is None or rows.empty:
            continue
        columns = {
            "unit_id": rows[key].astype("string"),
            "kind": pd.Series(table.removesuffix("s"), index=rows.index, dtype="string"),
            "study": _column(rows, "study_id"),
            "failure_type": _column(rows, "failure_type").fillna("untyped"),
            "title": _column(rows, title),
        }
        parts.append(pd.DataFrame(columns))
    units = pd.concat(parts, ignore_index=True).drop_duplicates("unit_id")
    # A case without a study is independent of all others.
    units["study"] = units["study"].fillna(units["unit_id"])
    return units.sort_values("unit_id", ignore_index=True)


def _column(rows: pd.DataFrame, name: str) -> pd.Series:
    if name in rows:
        return rows[name].astype("string")
    return pd.Series(pd.NA, index=rows.index, dtype="string")


def every_field(tables: Tables) -> Iterator[Responses]:
    """Collect the answers to each coded field that has any clear code, one field at a time."""
    if tables.get("codings") is None:
        return
    units = unit_table(tables)
    for field in coded_fields():
        responses = field_responses(tables, field, units)
        if responses is not None:
            yield responses


def field_responses(
    tables: Tables, field: str, units: pd.DataFrame | None = None
) -> Responses | None:
    """Collect the answers to one field.

    Parameters
    ----------
    tables
        Evidence tables by name; `codings` and at least one of `cases` and `arms`.
    field
        Codebook field.
    units
        `unit_table` of the tables, where it is known already.

    Returns
    -------
    Responses or None
        None where no coder gave a clear code, so that there is nothing to model.
    """
    codings = tables.get("codings")
    if codings is None or field not in codings:
        return None
    given = codings.loc[codings[field].notna(), ["unit_id", "coder", field]].astype("string")
    known = load_dictionary()["codings"].fields[field]
    used = set(given[field])
    vocabulary = [code for code in known.values or {} if code != UNCLEAR]
    classes = [code for code in vocabulary if code in used]
    if not classes:
        return None
    coders = sorted(set(given["coder"]) - {ADJUDICATOR})
    coders += [ADJUDICATOR] if (given["coder"] == ADJUDICATOR).any() else []
    index = {code: k for k, code in enumerate([*classes, UNCLEAR])}
    units = unit_table(tables) if units is None else units
    units = units[among(units["unit_id"], given["unit_id"])].reset_index(drop=True)
    row = positions(given["unit_id"], units["unit_id"])
    column = pd.Categorical(given["coder"], categories=coders).codes
    code = given[field].map(index).to_numpy(np.int8, na_value=MISSING)
    answers = np.full((len(units), len(coders)), MISSING, np.int8)
    known_code = np.flatnonzero((row >= 0) & (code >= 0))[::-1]
    # Backwards, so that the first of several answers of a coder stands.
    answers[row[known_code], column[known_code]] = code[known_code]
    return _with_items(field, known.ordinal, classes, vocabulary, coders, units, answers)


def _with_items(
    field: str,
    ordinal: bool,
    classes: list[str],
    vocabulary: list[str],
    coders: list[str],
    units: pd.DataFrame,
    answers: np.ndarray,
) -> Responses:
    group = units["kind"] + ":" + units["failure_type"]
    own = units["study"].where(units["kind"] == "arm", units["unit_id"])
    item = _numbered(group, own, answers)
    first = np.unique(item, return_index=True)[1]
    groups = sorted(group.unique())
    codes = pd.Categorical(group, categories=groups).codes
    return Responses(
        field=field,
        ordinal=ordinal,
        classes=classes,
        vocabulary=vocabulary,
        coders=coders,
        units=units[["unit_id", "kind", "study"]].assign(item=item),
        answers=answers,
        item_answers=answers[first],
        item_group=np.asarray(codes)[first].astype(np.int64),
        groups=groups,
    )


def _numbered(group: pd.Series, own: pd.Series, answers: np.ndarray) -> np.ndarray:
    """Number the items in the order of their group, study (or unit) and answers, as text."""
    parts = [pa.array(group), pa.array(own), *(pa.array(column) for column in answers.T)]
    texts = [part.cast(pa.large_string()) for part in parts]
    coded = pc.binary_join_element_wise(*texts, pa.scalar("|", pa.large_string()))
    coded = coded.dictionary_encode()
    rank = np.empty(len(coded.dictionary), np.int64)
    rank[pc.sort_indices(coded.dictionary).to_numpy()] = np.arange(len(rank))
    return rank[coded.indices.to_numpy()]
