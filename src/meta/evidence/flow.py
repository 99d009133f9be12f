"""Flow of the evidence: how many records became pooled rows, and why the others did not.

Identification and screening come from the record of the search, everything below from the rows
themselves. The boxes of one parent add up to it or the flow is refused (PRISMA 2020, Page et al.
2021, doi:10.1136/bmj.n71).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from meta.errors import FlowError
from meta.evidence.dictionary import load_dictionary
from meta.evidence.problems import Problem, format_text
from meta.evidence.screening import (
    FILE,
    TALLIED,
    is_linked,
    misplaced_decision,
    screening_problems,
    sources,
    uncounted,
)
from meta.plural import counted

Box = dict[str, Any]

#: Boxes that the search has only where it tells duplicates from what was screened.
DUPLICATES, SCREENED = "duplicates", "screened"
#: Tables of records that are kept out of pooling, and why, where no search was recorded.
KEPT_OUT = {
    "arms_unverified": "counts from memory only (grade D)",
    "rates_without_denominators": "printed rates without a denominator",
    "curated_counts": "collections selected on the outcome",
    "continuous_outcomes": "mean returns; no count",
}


def evidence_flow(
    tables: Mapping[str, pd.DataFrame],
    row_filter: Mapping[str, list[str]],
    withdrawn: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> list[Box]:
    """Count the flow of records, arms and cases.

    Parameters
    ----------
    tables
        Checked evidence tables.
    row_filter
        Filter of the primary model: column and the values it keeps.
    withdrawn
        Rows that corrections took out, by table: the search found them, so they are counted and
        shown as kept out.

    Returns
    -------
    list of dict
        Boxes with `id, label, n, unit, of` (parent id or None), `reason` (why rows left, or
        None), `phase` (identification, screening, included, pooling or composition) and `parts`
        (lines of `label` and `n` that sum to the box; may be empty). Boxes of one parent sum to
        it.

    Raises
    ------
    FlowError
        If they do not, or if the record of the search does not add up.
    """
    found = with_withdrawn(tables, withdrawn)
    wrong = [p for p in screening_problems(found) if p.severity == "error"]
    if wrong:
        raise FlowError(f"evidence flow: the search does not add up\n{format_text(wrong)}")
    return _boxes(tables, row_filter, withdrawn)


def flow_problems(
    tables: Mapping[str, pd.DataFrame],
    withdrawn: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> list[Problem]:
    """Report what the rows themselves say against the record of the search.

    Parameters
    ----------
    tables
        Tables without errors, those of `screening_problems` among them.
    withdrawn
        As for `evidence_flow`.

    Returns
    -------
    list of Problem
        An error on the row of the search that counts rows as anything but included.
    """
    if "screening" not in tables:
        return []
    try:
        _boxes(tables, {}, withdrawn)
    except FlowError as error:
        remedy = "correct the decision or the number of the row that counts them"
        line, decision = misplaced_decision(tables["screening"])
        column = "decision" if decision else ""
        return [Problem(FILE, line, column, decision, str(error), remedy)]
    return []


def _boxes(
    tables: Mapping[str, pd.DataFrame],
    row_filter: Mapping[str, list[str]],
    withdrawn: Mapping[str, pd.DataFrame],
) -> list[Box]:
    """Boxes of tables whose record of the search adds up on its own."""
    found = with_withdrawn(tables, withdrawn)
    screened = "screening" in tables and len(tables["screening"]) > 0
    linked = screened and is_linked(tables["screening"])
    boxes = _search_boxes(found, linked) if screened else []
    boxes += [] if linked else _record_boxes(found)
    search = _screened(boxes) if linked else None
    boxes += _arm_boxes(tables, row_filter, search or "records", len(withdrawn.get("arms", ())))
    if "cases" in tables:
        boxes += _case_boxes(tables, search, len(withdrawn.get("cases", ())))
    for parent in boxes:
        for parts, what in (
            ([b["n"] for b in boxes if b["of"] == parent["id"]], "parts"),
            ([line["n"] for line in parent["parts"]], "lines"),
        ):
            if parts and sum(parts) != parent["n"]:
                raise FlowError(
                    f"evidence flow: the {what} of '{parent['label']}' sum to {sum(parts)}, not "
                    f"{parent['n']}"
                )
    return boxes


def with_withdrawn(
    tables: Mapping[str, pd.DataFrame], withdrawn: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Put the rows that corrections took out back into their tables, for what counts all rows."""
    return {
        name: pd.concat([table.astype("object"), withdrawn[name].astype("object")], join="inner",
                        ignore_index=True) if name in withdrawn else table
        for name, table in tables.items()
    }  # fmt: skip


def _box(
    key: str,
    label: str,
    n: int,
    unit: str,
    of: str | None,
    reason: str | None = None,
    *,
    phase: str = "included",
    parts: list[dict[str, Any]] | None = None,
) -> Box:
    return {
        "id": key,
        "label": label,
        "n": int(n),
        "unit": unit,
        "of": of,
        "reason": reason,
        "phase": phase,
        "parts": parts or [],
    }


def _search_boxes(tables: Mapping[str, pd.DataFrame], linked: bool) -> list[Box]:
    """Identification and screening, from the record of the search."""
    screening = tables["screening"]
    found = sources(screening)
    lines = [_part(source.name, source.identified) for source in found if source.identified]
    lines += _added_since(tables) if linked else []
    total = sum(line["n"] for line in lines)
    boxes = [
        _box("identified", "Records identified", total, "records", None,
             phase="identification", parts=lines)
    ]  # fmt: skip
    if (rows := screening[screening["decision"].eq("duplicate")])["records"].sum():
        removed = int(rows["records"].sum())
        boxes += [
            _box(DUPLICATES, "Duplicates removed", removed, "records", "identified",
                 "by source and reason", phase="identification", parts=_reasons(rows)),
            _box(SCREENED, "Records screened", total - removed, "records", "identified",
                 phase="screening"),
        ]  # fmt: skip
    parent = _screened(boxes)
    for decision, label in (("sought", "Sought, not retrieved"), ("excluded", "Records excluded")):
        rows = screening[screening["decision"].eq(decision)]
        if rows.empty:
            continue
        reason = "by source and reason"
        boxes.append(
            _box(decision, label, int(rows["records"].sum()), "records", parent, reason,
                 phase="screening", parts=_reasons(rows))
        )  # fmt: skip
    if not linked:
        included = sum(source.included for source in found)
        boxes.append(_box("included", "Records included", included, "records", parent))
    elif other := _elsewhere(screening):
        label = "Records included in other tables"
        boxes.append(_box("elsewhere", label, other, "records", parent))
    return boxes


def _screened(boxes: list[Box]) -> str:
    """Box that what was included comes from: records screened, where duplicates are told apart."""
    return SCREENED if any(box["id"] == SCREENED for box in boxes) else "identified"


def _part(label: str, n: int) -> dict[str, Any]:
    return {"label": label, "n": int(n)}


def _reasons(rows: pd.DataFrame) -> list[dict[str, Any]]:
    named = rows["reason"] if "reason" in rows else pd.Series(pd.NA, index=rows.index)
    return [
        _part(f"{source}: {reason}" if pd.notna(reason) else str(source), int(n))
        for source, reason, n in zip(rows["source"], named, rows["records"], strict=True)
    ]


def _added_since(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Rows that were added without a record of where they came from: sources of their own."""
    known = load_dictionary().tables
    return [
        _part(f"added to {known[name].title.lower()} since", n)
        for name in TALLIED
        if name in tables and (n := uncounted(tables, name))
    ]


def _elsewhere(screening: pd.DataFrame) -> int:
    """Records that were included, but not as arms or cases."""
    rows = screening[screening["decision"].eq("included")]
    return int(rows.loc[~rows["counts_table"].isin(TALLIED), "records"].sum())


def _record_boxes(tables: Mapping[str, pd.DataFrame]) -> list[Box]:
    """Quantitative records and those kept out, where no search was recorded."""
    kept_out = {name: len(tables[name]) for name in KEPT_OUT if name in tables}
    total = len(tables["arms"]) + sum(kept_out.values())
    return [
        _box("records", "quantitative records collected", total, "records", None),
        *(
            _box(name, "kept out", n, "records", "records", KEPT_OUT[name])
            for name, n in kept_out.items()
        ),
    ]


def _arm_boxes(
    tables: Mapping[str, pd.DataFrame],
    row_filter: Mapping[str, list[str]],
    parent: str,
    withdrawn: int,
) -> list[Box]:
    arms = tables["arms"]
    described = arms.merge(tables["studies"], on="study_id", how="left", suffixes=("", "_study"))
    found = len(arms) + withdrawn
    boxes = [_box("arms", "experiment arms with counts", found, "arms", parent)]
    reasons = {
        "role": "not a main arm (control, ablation, total, subset ...)",
        "failure_type": "neighbouring failure type",
        "sampling_frame": "sample selected on success or failure",
        "grade": "grade of the counts too low",
    }
    left, parent, last = described, "arms", 0
    if withdrawn:
        boxes += _withdrawn_boxes("arms", withdrawn, len(arms))
        parent, last = "standing_arms", 2
    for column, values in row_filter.items():
        kept = left[column].astype("string").isin(values).fillna(False).astype(bool)
        stays = left[kept]
        out, name = len(left) - len(stays), f"after_{column}"
        reason = reasons.get(column, f"{column} is not {' or '.join(values)}")
        if out:
            boxes.append(
                _box(f"out_{column}", "kept out", out, "arms", parent, reason, phase="pooling")
            )
            boxes.append(_box(name, "remaining arms", len(stays), "arms", parent, phase="pooling"))
            parent, last = name, len(boxes) - 1
        left = stays
    studies = counted(left["study_id"].nunique(), "study")
    pooled = f"arms of the primary model, from {studies}"
    boxes[last]["label"] = pooled
    return boxes


def _withdrawn_boxes(unit: str, withdrawn: int, left: int) -> list[Box]:
    """Rows that corrections took out, and those that stand."""
    reason = "withdrawn (see the corrections)"
    return [
        _box(f"withdrawn_{unit}", "kept out", withdrawn, unit, unit, reason),
        _box(f"standing_{unit}", f"remaining {unit}", left, unit, unit),
    ]


def _case_boxes(
    tables: Mapping[str, pd.DataFrame], parent: str | None, withdrawn: int
) -> list[Box]:
    cases = tables["cases"]
    label = "documented cases (selected on failure)"
    boxes = [_box("cases", label, len(cases) + withdrawn, "cases", parent)]
    parent = "cases"
    if withdrawn:
        boxes += _withdrawn_boxes("cases", withdrawn, len(cases))
        parent = "standing_cases"
    if "codings" not in tables or "evidence_kind" not in cases:
        return boxes
    coded = cases["case_id"].isin(tables["codings"]["unit_id"])
    observed = cases["evidence_kind"].eq("observed_behaviour").fillna(False)
    uncoded, other = int((~coded).sum()), int((coded & ~observed).sum())
    if uncoded:
        boxes.append(
            _box("uncoded", "kept out", uncoded, "cases", parent, "no codes", phase="composition")
        )
    if other:
        reason = "no observed behaviour (analysis, report or design only)"
        boxes.append(
            _box("unobserved", "kept out", other, "cases", parent, reason, phase="composition")
        )
    label = "coded cases of observed behaviour: composition only"
    n = int((coded & observed).sum())
    boxes.append(_box("composition", label, n, "cases", parent, phase="composition"))
    return boxes
