"""Evidence flow: counted from rows, adding up, refused when it does not."""

import pandas as pd
import pytest

from meta.config import DENOMINATOR_FILTER
from meta.errors import FlowError
from meta.evidence import flow
from meta.evidence.checking import check
from meta.evidence.flow import evidence_flow
from tests.workflow.conftest import ROOT


def test_shipped_flow_ends_in_the_pooled_arms() -> None:
    boxes = {box["id"]: box for box in evidence_flow(check(ROOT).tables, DENOMINATOR_FILTER)}
    # Printed in screening.csv: 82 + 212 + 37 + 14 + 466 + 10 + 24 + 14 + 66.
    assert boxes["identified"]["n"] == 925
    assert boxes["excluded"]["n"] == 168 + 10 + 24 + 14 + 66
    assert [part["n"] for part in boxes["sought"]["parts"]] == [0, 0]
    assert boxes["arms"]["n"] == 466
    last = [box for box in boxes.values() if "of the primary model" in box["label"]]
    assert [(box["n"], box["label"]) for box in last] == [
        (118, "arms of the primary model, from 26 studies")
    ]
    assert boxes["cases"]["n"] == 177
    assert boxes["composition"]["n"] == 142
    phases = {box["phase"] for box in boxes.values()}
    assert phases == {"identification", "screening", "included", "pooling", "composition"}


def test_a_search_without_links_to_the_tables_stands_beside_the_rows() -> None:
    tables = check(ROOT).tables
    screening = tables["screening"].drop(columns=["counts_table", "counts_filter"])
    boxes = evidence_flow({**tables, "screening": screening}, DENOMINATOR_FILTER)
    roots = {box["id"]: box["n"] for box in boxes if box["of"] is None}
    assert roots == {"identified": 925, "records": 580, "cases": 177}


def test_without_a_search_the_rows_alone_are_counted() -> None:
    tables = {name: table for name, table in check(ROOT).tables.items() if name != "screening"}
    boxes = {box["id"]: box for box in evidence_flow(tables, DENOMINATOR_FILTER)}
    assert boxes["records"]["n"] == 580
    assert boxes["continuous_outcomes"]["n"] == 66


def test_parts_sum_to_their_whole_or_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    arms = pd.DataFrame(
        {"arm_id": ["a", "b"], "study_id": ["s", "t"], "role": ["main", "control"],
         "failure_type": "specification_gaming", "sampling_frame": "denominator", "grade": "A"}
    )  # fmt: skip
    studies = pd.DataFrame({"study_id": ["s", "t"], "title": ["S", "T"], "year": [2020, 2021]})
    boxes = evidence_flow({"arms": arms, "studies": studies}, DENOMINATOR_FILTER)
    assert [(b["id"], b["n"]) for b in boxes] == [
        ("records", 2), ("arms", 2), ("out_role", 1), ("after_role", 1),
    ]  # fmt: skip
    lost = [{**box, "n": 0} if box["id"] == "out_role" else box for box in boxes]
    monkeypatch.setattr(flow, "_arm_boxes", lambda *_: lost)
    with pytest.raises(FlowError, match="sum to 1, not 2"):
        evidence_flow({"arms": arms, "studies": studies}, DENOMINATOR_FILTER)
