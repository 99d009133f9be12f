"""Flow of the evidence: how many records became pooled rows, and why the others did not.

Counted from the rows themselves, never typed. The boxes of one parent add up to it or the flow is
refused (PRISMA 2020, Page et al. 2021, doi:10.1136/bmj.n71).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from meta.errors import FlowError

Box = dict[str, Any]


def evidence_flow(
    tables: Mapping[str, pd.DataFrame], row_filter: Mapping[str, list[str]]
) -> list[Box]:
    """Count the flow of arms and cases.

    Parameters
    ----------
    tables
        Checked evidence tables.
    row_filter
        Filter of the primary model: column and the values it keeps.

    Returns
    -------
    list of dict
        Boxes with `id, label, n, unit, of` (parent id or None) and `reason` (why rows left, or
        None); boxes of one parent sum to it.

    Raises
    ------
    FlowError
        If they do not.
    """
    boxes = _arm_boxes(tables, row_filter) + (_case_boxes(tables) if "cases" in tables else [])
    for parent in boxes:
        parts = [b["n"] for b in boxes if b["of"] == parent["id"]]
        if parts and sum(parts) != parent["n"]:
            raise FlowError(
                f"evidence flow: the parts of '{parent['label']}' sum to {sum(parts)}, not "
                f"{parent['n']}"
            )
    return boxes


def _box(key: str, label: str, n: int, unit: str, of: str | None, reason: str | None = None) -> Box:
    return {"id": key, "label": label, "n": int(n), "unit": unit, "of": of, "reason": reason}


def _arm_boxes(
    tables: Mapping[str, pd.DataFrame], row_filter: Mapping[str, list[str]]
) -> list[Box]:
    arms = tables["arms"]
    described = arms.merge(tables["studies"], on="study_id", how="left", suffixes=("", "_study"))
    printed = {
        "arms_unverified": "counts from memory only (grade D)",
        "rates_without_denominators": "printed rates without a denominator",
        "curated_counts": "collections selected on the outcome",
        "continuous_outcomes": "mean returns; no count",
    }
    kept_out = {name: len(tables[name]) for name in printed if name in tables}
    total = len(arms) + sum(kept_out.values())
    boxes = [_box("records", "quantitative records collected", total, "records", None)]
    boxes += [
        _box(name, "kept out", n, "records", "records", printed[name])
        for name, n in kept_out.items()
    ]
    boxes.append(_box("arms", "experiment arms with counts", len(arms), "arms", "records"))
    reasons = {
        "role": "not a main arm (control, ablation, total, subset ...)",
        "failure_type": "neighbouring failure type",
        "sampling_frame": "sample selected on success or failure",
        "grade": "grade of the counts too low",
    }
    left, parent, last = described, "arms", len(boxes) - 1
    for column, values in row_filter.items():
        kept = left[column].astype("string").isin(values).fillna(False).astype(bool)
        stays = left[kept]
        out, name = len(left) - len(stays), f"after_{column}"
        reason = reasons.get(column, f"{column} is not {' or '.join(values)}")
        if out:
            boxes.append(_box(f"out_{column}", "kept out", out, "arms", parent, reason))
            boxes.append(_box(name, "remaining arms", len(stays), "arms", parent))
            parent, last = name, len(boxes) - 1
        left = stays
    pooled = f"arms of the primary model, from {left['study_id'].nunique()} studies"
    boxes[last]["label"] = pooled
    return boxes


def _case_boxes(tables: Mapping[str, pd.DataFrame]) -> list[Box]:
    cases = tables["cases"]
    boxes = [_box("cases", "documented cases (selected on failure)", len(cases), "cases", None)]
    if "codings" not in tables or "evidence_kind" not in cases:
        return boxes
    coded = cases["case_id"].isin(tables["codings"]["unit_id"])
    observed = cases["evidence_kind"].eq("observed_behaviour").fillna(False)
    uncoded, other = int((~coded).sum()), int((coded & ~observed).sum())
    if uncoded:
        boxes.append(_box("uncoded", "kept out", uncoded, "cases", "cases", "no codes"))
    if other:
        reason = "no observed behaviour (analysis, report or design only)"
        boxes.append(_box("unobserved", "kept out", other, "cases", "cases", reason))
    label = "coded cases of observed behaviour: composition only"
    boxes.append(_box("composition", label, int((coded & observed).sum()), "cases", "cases"))
    return boxes
