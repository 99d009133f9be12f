"""Rules of the audit's tables: items with a parent that is there, links that can hold, tellers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from meta.evidence.coders import undescribed_coders
from meta.evidence.dictionary import UNCLEAR
from meta.evidence.membership import among
from meta.evidence.screening import FilterError
from meta.evidence.suggestion import did_you_mean
from meta.evidence.taxonomy_links import Link, Units, read_links, read_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem, Severity

#: Tables of the audit whose rows name who coded them.
CODED = ("taxonomy", "citations", "goal_pairs")
#: Tables that hold units, with their keys.
UNITS = {"arms": "arm_id", "cases": "case_id"}


#: How the reason begins where a unit of an item has no row.
NO_UNIT = "there is no such arm or case as "


def audit_problems(tables: Mapping[str, TypedTable]) -> list[Problem]:
    """Report rows of the audit's tables that name what is not there.

    Parameters
    ----------
    tables : mapping of str to TypedTable
        All tables.

    Returns
    -------
    list of Problem
        Errors: a parent that is missing, of another document or below its own item; links that
        cannot be read, or to a column or code that does not exist; units that no table has;
        tellings of goals by nobody. Warnings: links to a value that no row has, units of tables
        that are absent, coders whom coders.csv does not describe.
    """
    problems = [*_parents(tables["taxonomy"]), *_items(tables), *_tellers(tables["goal_pairs"])]
    for name in CODED:
        problems += undescribed_coders(tables[name], tables["coders"], "audit-coder-undescribed")
    return problems


def _parents(taxonomy: TypedTable) -> list[Problem]:
    if not all(taxonomy.has(name) for name in ("item_id", "parent")) or not _whole(taxonomy):
        return []
    items = taxonomy.frame.dropna(subset=["item_id"]).drop_duplicates("item_id")
    document = dict(zip(items["item_id"], items["document"], strict=True))
    above = dict(zip(items["item_id"], items["parent"], strict=True))
    problems = []
    parents = taxonomy.believed("parent").dropna()
    for row, parent in zip(parents.index.tolist(), parents.tolist(), strict=True):
        item = taxonomy.frame.loc[row, "item_id"]
        mine, other = document.get(item), document.get(parent)
        reason, remedy = "", "name the item that this one is a part of, or leave the cell blank"
        if parent not in above:
            reason = f"there is no such parent in {taxonomy.file}"
            remedy = "add it, or correct it" + did_you_mean(parent, above)
        elif isinstance(mine, str) and isinstance(other, str) and mine != other:
            reason = "the parent is an item of another document"
        elif _below_itself(item, above):
            reason = "the parent is the item itself or a part of it"
        if reason:
            problems.append(taxonomy.problem(row, "parent", reason, remedy))
    return problems


def _below_itself(item: str, above: Mapping[str, str]) -> bool:
    """Whether one comes back to an item by going from parent to parent."""
    seen = {item}
    here = above.get(item)
    while isinstance(here, str) and here not in seen:
        seen.add(here)
        here = above.get(here)
    return isinstance(here, str) and here == item


def _items(tables: Mapping[str, TypedTable]) -> list[Problem]:
    taxonomy = tables["taxonomy"]
    problems: list[Problem] = []
    for row, links in _read(taxonomy, "links", read_links, problems):
        for link in links:
            problems += _link_problems(taxonomy, row, link, tables[link.table])
    listed = list(_read(taxonomy, "units", read_units, problems))
    return problems + _unit_problems(taxonomy, listed, tables)


def _read[Part](
    taxonomy: TypedTable,
    column: str,
    reader: Callable[[str], list[Part]],
    problems: list[Problem],
) -> Iterator[tuple[int, list[Part]]]:
    """Rows with what their cells say; cells that cannot be read are problems."""
    if not taxonomy.has(column):
        return
    cells = taxonomy.believed(column).dropna()
    for row, cell in zip(cells.index.tolist(), cells.tolist(), strict=True):
        try:
            yield row, reader(cell)
        except FilterError as error:
            problems.append(taxonomy.problem(row, column, error.reason, error.remedy))


def _link_problems(taxonomy: TypedTable, row: int, link: Link, target: TypedTable) -> list[Problem]:
    """What is wrong with one link of an item."""
    fields = {n: f for n, f in target.table.fields.items() if _may_be_linked(target, n)}
    place = f"{link.table}.{link.column}"
    if link.column not in fields:
        reason = f"the link to {place} is to no category of the table"
        remedy = "name one of its categories" + did_you_mean(link.column, fields)
        return [taxonomy.problem(row, "links", reason, remedy)]
    legal = fields[link.column].values
    problems = []
    for value in link.values:
        reason = f"the link to {place} has the value {value!r}, which"
        if legal is not None and (value not in legal or value == UNCLEAR):
            # An unclear says nothing of a unit, so that nothing would ever be found by it.
            codes = [code for code in legal if code != UNCLEAR]
            remedy = "write one of its values" + did_you_mean(value, codes)
            problems.append(taxonomy.problem(row, "links", f"{reason} is no code of it", remedy))
        elif legal is None and _whole(target) and target.has(link.column):
            used = target.believed(link.column)
            if not bool(used.eq(value).any()):
                remedy = "correct it, or leave the link out until there is such a row"
                problems += [
                    taxonomy.problem(row, "links", f"{reason} no row has", remedy, "warning")
                ]
    return problems


def _may_be_linked(target: TypedTable, column: str) -> bool:
    """Whether values of a column say something of a unit; of the codings, only codes do."""
    field = target.table.fields[column]
    return field.type == "category" and (target.table.name != "codings" or bool(field.applies_to))


def _unit_problems(
    taxonomy: TypedTable, listed: list[tuple[int, list[Units]]], tables: Mapping[str, TypedTable]
) -> list[Problem]:
    targets = [tables[name] for name in UNITS]
    present = [typed for typed in targets if typed.raw.present]
    if not listed or not all(_whole(t) and t.has(UNITS[t.table.name]) for t in present):
        return []
    pairs = [(row, name) for row, units in listed for unit in units for name in unit.names]
    names = pd.Series([name for _, name in pairs], dtype="string")
    there = np.zeros(len(names), bool)
    for typed in present:
        there |= among(names, typed.believed(UNITS[typed.table.name])).to_numpy()
    absent = [typed.file for typed in targets if not typed.raw.present]
    problems = []
    for place in np.flatnonzero(~there).tolist():
        row, name = pairs[place]
        reason = f"{NO_UNIT}{name}"
        remedy = "correct the name, or add the arm or case first"
        if absent:
            reason = f"the unit {name} is not there without {' and '.join(absent)}"
            remedy = "add it; until then the item is shown without these rows"
        severity: Severity = "warning" if absent else "error"
        problems.append(taxonomy.problem(row, "units", reason, remedy, severity))
    return problems


def _tellers(pairs: TypedTable) -> list[Problem]:
    if not pairs.raw.present:
        return []
    nobody = pairs.blank("document") & pairs.blank("study_id")
    reason = "the goals are told by neither a document nor a study"
    remedy = "name the document that tells them, or the study if the row is what it says itself"
    return pairs.problems(pairs.rows(nobody), "document", reason, remedy)


def _whole(typed: TypedTable) -> bool:
    return typed.raw.present and typed.raw.complete and not typed.raw.loose
