"""Taxonomies of the documents under audit for a reader, each item with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.evidence.links import links as links_in
from meta.evidence.screening import counted_rows
from meta.evidence.taxonomy_links import read_units
from meta.plural import counted
from meta.report.wording import study_label

#: Sections of the page: title, what it holds, and the taxonomies that make it.
SECTIONS = {
    "shifts": (
        "Distribution shifts and their example scenarios",
        "Kinds of difference between training and use, and the scenarios that stand for them.",
        ("shift_type", "shift_scenario"),
    ),
    "mechanisms": (
        "Why goals misgeneralize",
        "Failure mechanisms that the documents give.",
        ("cause",),
    ),
    "scaling": (
        "What scale is said to do",
        "Ways in which larger models might help or hurt.",
        ("scaling",),
    ),
    "detection": (
        "Detection methods",
        "Ways of seeing a wrong goal before it does harm.",
        ("detection",),
    ),
    "mitigation": (
        "Mitigations, by family",
        "What is proposed against wrong goals. A family without rows of its own has those of its "
        "parts.",
        ("mitigation",),
    ),
    "factors": (
        "Risk factors and their configurations",
        "What the modifiers are about, and the configurations at their ends.",
        ("risk_factor",),
    ),
    "use": ("Application domains", "Fields of use that risks are printed for.", ("domain",)),
}
#: The taxonomy whose items tell of goals.
GOALS = "goal_example"


@dataclass(frozen=True)
class Item:
    """An item: how deep it lies below others, what it is, its goals and its evidence.

    Attributes
    ----------
    arms, cases, studies
        How many instantiate it.
    disputed
        What coders disagree about, in words; empty where they agree.
    studies_of, cases_of
        Its studies and cases, each with an address or none.
    arms_of
        Its arms by name.
    """

    name: str
    depth: int
    description: str
    goals: Mapping[str, str]
    arms: int
    cases: int
    studies: int
    disputed: str
    studies_of: list[tuple[str, str]]
    cases_of: list[tuple[str, str]]
    arms_of: str

    @property
    def evidence(self) -> bool:
        """Whether anything instantiates it."""
        return bool(self.arms or self.cases)


@dataclass(frozen=True)
class Sources:
    """Where studies and cases are found.

    Attributes
    ----------
    studies
        Address or identifiers of each study.
    cases
        ``case_id``, ``title`` and ``source_url`` of the cases.
    """

    studies: Mapping[str, Any]
    cases: pd.DataFrame

    def cases_of(self, text: str) -> list[tuple[str, str]]:
        """Titles and addresses of cases that are named as units of an item are."""
        found = [
            self.cases[counted_rows(self.cases, f"case_id={u.choice}")] for u in read_units(text)
        ]
        rows = pd.concat(found) if found else self.cases.iloc[:0]
        return [
            (f"{title} ({case})", _address(url))
            for case, title, url in rows[["case_id", "title", "source_url"]].itertuples(
                index=False, name=None
            )
        ]


@dataclass(frozen=True)
class Listing:
    """Items of one document in one section."""

    document: str
    items: list[Item]


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    name: str
    title: str
    lead: str
    listings: list[Listing]
    bare: str


def taxonomy_sections(
    items: pd.DataFrame, names: Mapping[str, str], sources: Sources
) -> list[Section]:
    """Arrange the taxonomies for a reader.

    Parameters
    ----------
    items
        As of `meta.audit.taxonomy.evidence_of_items`.
    names
        What each document is called.
    sources
        Where studies and cases are found.

    Returns
    -------
    list of Section
        Those with items, in the order of `SECTIONS`.
    """
    return [
        _section(name, title, lead, items[items["taxonomy"].isin(kinds)], names, sources)
        for name, (title, lead, kinds) in SECTIONS.items()
        if items["taxonomy"].isin(kinds).any()
    ]


def goal_section(items: pd.DataFrame, names: Mapping[str, str], sources: Sources) -> Section | None:
    """Arrange the goals that the documents tell; None without any. See `taxonomy_sections`."""
    told = items[items["taxonomy"].eq(GOALS)]
    if told.empty:
        return None
    title = "Training regimes, intended goals, learned goals and break points"
    lead = "What was meant, what is said to have been learned instead, and what parts the two."
    return _section("goals", title, lead, told, names, sources)


def _section(
    name: str,
    title: str,
    lead: str,
    items: pd.DataFrame,
    names: Mapping[str, str],
    sources: Sources,
) -> Section:
    rows = items.to_dict("records")
    listings = []
    for document in dict.fromkeys(items["document"]):
        own = [row for row in rows if row["document"] == document]
        shown = [_item(row, depth, sources) for row, depth in _tree(own)]
        listings.append(Listing(names.get(str(document), str(document)), shown))
    every = [item for listing in listings for item in listing.items]
    bare = sum(not item.evidence for item in every)
    verb = "has" if bare == 1 else "have"
    return Section(
        name, title, lead, listings, f"Of {counted(len(every), 'item')} {bare} {verb} no evidence."
    )


def _tree(rows: list[dict[Any, Any]]) -> Iterator[tuple[dict[Any, Any], int]]:
    """Rows with their depth, each after the one that it is a part of."""
    known = {row["item_id"] for row in rows}
    parts: dict[str, list[dict[Any, Any]]] = {}
    for row in rows:
        parent = _text(row, "parent")
        parts.setdefault(parent if parent in known else "", []).append(row)

    def below(parent: str, depth: int) -> Iterator[tuple[dict[Any, Any], int]]:
        for row in parts.get(parent, []):
            yield row, depth
            yield from below(str(row["item_id"]), depth + 1)

    return below("", 0)


def _item(row: Mapping[Any, Any], depth: int, sources: Sources) -> Item:
    named = [name for name in _text(row, "study_ids").split("; ") if name]
    goals = ("training_regime", "intended_goal", "learned_goal", "break_point")
    disputed = int(row["disputed"])
    return Item(
        name=_text(row, "item"),
        depth=depth,
        description=_text(row, "description"),
        goals={name: _text(row, name) for name in goals},
        arms=int(row["arms"]),
        cases=int(row["cases"]),
        studies=int(row["studies"]),
        disputed=f"Coders disagree about {counted(disputed, 'row')} more." if disputed else "",
        studies_of=[(study_label(name), _address(sources.studies.get(name))) for name in named],
        cases_of=sources.cases_of(_text(row, "case_ids")),
        arms_of=_text(row, "arm_ids"),
    )


def _address(cell: Any) -> str:
    found = [] if cell is None or pd.isna(cell) else links_in(str(cell))
    return found[0][1] if found else ""


def _text(row: Mapping[Any, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None or pd.isna(value) else str(value)
