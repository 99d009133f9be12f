"""Items of the documents' taxonomies with the evidence that instantiates each; zero where none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from meta.audit.rows import rows_of, text
from meta.evidence.codes import agreed_codes
from meta.evidence.screening import NUMBERED, counted_rows
from meta.evidence.taxonomy_links import Link, read_links, read_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meta.audit.rows import Row
    from meta.evidence.codes import CodeSet

#: Columns of the items, then counts of what instantiates them, then its names.
ITEM_COLUMNS = ["item_id", "taxonomy", "item", "parent", "document", "section", "description"]
COUNTS = ["arms", "cases", "studies", "agent_sets", "trials", "disputed"]
#: Goals of the items that tell of goals.
GOALS = ["training_regime", "intended_goal", "learned_goal", "break_point"]
COLUMNS = [*ITEM_COLUMNS, *COUNTS, "arm_ids", "case_ids", "study_ids", *GOALS]
#: Roles whose rows hold trials that stand in other rows of their overlap set too.
REPEATED = ("total", "subset", "superseded", "alternative_definition")


@dataclass
class Instances:
    """What instantiates an item.

    Attributes
    ----------
    arms, cases : set of str
        Names of the arms and cases.
    disputed : set of str
        Units that some coder, but not every coder, coded so, where no code is settled.
    """

    arms: set[str] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)
    disputed: set[str] = field(default_factory=set)

    def add(self, other: Instances) -> None:
        """Add the instances of another item."""
        self.arms |= other.arms
        self.cases |= other.cases
        self.disputed |= other.disputed


def evidence_of_items(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the evidence that instantiates each item of the taxonomies.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``taxonomy``, and of ``arms``, ``cases``, ``codings``, ``contrasts`` and ``goal_pairs``
        those that there are.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row an item, in the order of the table. `arms`, `cases` and `studies` count
        rows; `agent_sets` the sets of agents that were trained or taken as they were; `trials` the
        trials of the arms, those that several rows hold once; `disputed` the units that coders
        code differently, of which one coder would have counted them here. A contrast stands for
        its arm, not for its baseline. An item with neither links nor units has what its parts
        have. `arm_ids` and `case_ids` name the rows, consecutive numbers as ``FIRST..LAST``.
    """
    items = rows_of(tables["taxonomy"])
    base = _Base(tables)
    own = {text(item, "item_id"): base.instances(item) for item in items}
    parts: dict[str, list[str]] = {}
    for item in items:
        if parent := text(item, "parent"):
            parts.setdefault(parent, []).append(text(item, "item_id"))
    records = []
    for item in items:
        found = _with_parts(text(item, "item_id"), own, parts)
        goals = base.goals.get(text(item, "item_id"), dict.fromkeys(GOALS, ""))
        records.append({**{c: text(item, c) for c in ITEM_COLUMNS}, **base.counts(found), **goals})
    return pd.DataFrame(records, columns=COLUMNS)


def _with_parts(
    item: str, own: Mapping[str, Instances | None], parts: Mapping[str, list[str]]
) -> Instances:
    """Instances of an item; those of its parts where it is linked to nothing itself."""
    mine = own.get(item)
    if mine is not None:
        return mine
    found = Instances()
    for part in parts.get(item, ()):
        found.add(_with_parts(part, own, parts))
    return found


class _Base:
    """The evidence, looked up by link."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self.tables = tables
        self.arms = _by_key(tables.get("arms"), "arm_id")
        self.cases = _by_key(tables.get("cases"), "case_id")
        codings = tables.get("codings")
        self.goals = _goals(tables.get("goal_pairs"))
        self.agreed: CodeSet | None = None if codings is None else agreed_codes(codings)

    def instances(self, item: Row) -> Instances | None:
        """What an item's links and units find; None where it has neither."""
        links, units = text(item, "links"), text(item, "units")
        if not links and not units:
            return None
        found = Instances()
        for link in read_links(links):
            found.add(self._linked(link))
        for part in read_units(units):
            named = [_named(table, part.choice) for table in (self.arms, self.cases)]
            found.add(Instances(*named))
        found.disputed -= found.arms | found.cases
        return found

    def _linked(self, link: Link) -> Instances:
        table = self.tables.get(link.table)
        if table is None or link.column not in table:
            return Instances()
        if link.table == "codings":
            return self._coded(link, table)
        rows = table[counted_rows(table, link.filter)]
        if link.table == "cases":
            return Instances(cases=set(rows["case_id"]))
        return Instances(arms=set(rows["arm_id"]) & set(self.arms.index))

    def _coded(self, link: Link, codings: pd.DataFrame) -> Instances:
        if self.agreed is None:
            return Instances()
        agreed = self.agreed(link.column)
        given = set(codings.loc[codings[link.column].isin(link.values), "unit_id"])
        settled = set(agreed.dropna().index)
        units = set(agreed.index[agreed.isin(link.values)])
        known = set(self.arms.index) | set(self.cases.index)
        return Instances(
            units & set(self.arms.index), units & set(self.cases.index), (given - settled) & known
        )

    def counts(self, found: Instances) -> dict[str, object]:
        """Counts and names of the instances of an item."""
        arms = self.arms.loc[[arm in found.arms for arm in self.arms.index]]
        cases = self.cases.loc[[case in found.cases for case in self.cases.index]]
        studies = {*_values(arms, "study_id"), *_values(cases, "study_id")}
        sets = set(_values(arms, "agent_set"))
        return {
            "arms": len(arms), "cases": len(cases), "studies": len(studies),
            "agent_sets": len(sets), "trials": _trials(arms), "disputed": len(found.disputed),
            "arm_ids": spans(arms.index), "case_ids": spans(cases.index),
            "study_ids": "; ".join(sorted(studies)),
        }  # fmt: skip


def _goals(pairs: pd.DataFrame | None) -> dict[str, dict[str, str]]:
    """Goals that documents tell, by item; of several tellings the first."""
    found: dict[str, dict[str, str]] = {}
    for row in [] if pairs is None else rows_of(pairs):
        if text(row, "document"):
            found.setdefault(text(row, "item_id"), {name: text(row, name) for name in GOALS})
    return found


def _by_key(table: pd.DataFrame | None, key: str) -> pd.DataFrame:
    """A table by its key, in the order of the key; an empty one where it is absent."""
    if table is None:
        return pd.DataFrame({key: pd.Series(dtype="string")}).set_index(key, drop=False)
    return table.set_index(key, drop=False).sort_index()


def _named(table: pd.DataFrame, choice: str) -> set[str]:
    key = str(table.index.name)
    return set(table.index[counted_rows(table, f"{key}={choice}").to_numpy()])


def _values(table: pd.DataFrame, column: str) -> list[str]:
    return table[column].dropna().astype(str).tolist() if column in table else []


def _trials(arms: pd.DataFrame) -> int:
    """Trials of some arms, as far as they are certainly different ones.

    Of an overlap set, rows that repeat trials count only where no other row of the set is among
    the arms; the largest of them then.
    """
    if arms.empty or "n_trials" not in arms:
        return 0
    trials = arms["n_trials"].fillna(0).astype("int64")
    blank = pd.Series(pd.NA, index=arms.index, dtype="string")
    sets = arms.get("overlap_set", blank)
    sets = sets.astype("string").fillna(arms["arm_id"].astype("string"))
    repeated = arms.get("role", blank).isin(REPEATED)
    once = trials[~repeated]
    left = trials[repeated & ~sets.isin(sets[~repeated])]
    return int(once.sum() + left.groupby(sets[left.index]).max().sum())


def spans(names: Iterable[str]) -> str:
    """Write names in the way that units of an item are written.

    Parameters
    ----------
    names : iterable of str
        In order.

    Returns
    -------
    str
        Separated by semicolons; three or more with consecutive numbers as ``FIRST..LAST``.
    """
    runs: list[list[str]] = []
    for name in names:
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    return "; ".join(f"{run[0]}..{run[-1]}" if len(run) > 2 else "; ".join(run) for run in runs)


def _follows(name: str, after: str) -> bool:
    one, other = NUMBERED.fullmatch(name), NUMBERED.fullmatch(after)
    return bool(one and other and one[1] == other[1] and int(one[2]) + 1 == int(other[2]))
