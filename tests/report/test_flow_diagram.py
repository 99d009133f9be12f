"""The flow diagram: phases, and the lines that a box consists of."""

from itertools import pairwise
from pathlib import Path

import pytest

from meta.config import DENOMINATOR_FILTER
from meta.evidence.checking import check
from meta.evidence.flow import evidence_flow
from meta.report.flow_diagram import LINE, WIDE, WIDTH, flow_diagram, prisma_note

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def boxes():
    return evidence_flow(check(ROOT).tables, DENOMINATOR_FILTER)


def test_every_number_of_the_flow_is_drawn(boxes):
    diagram = flow_diagram({"boxes": boxes})
    drawn = [
        " ".join([*b.lines, b.count, *b.reasons]).replace("\u00a0", " ") for b in diagram.boxes
    ]
    text = " ".join(" ".join(drawn).split())
    for box in boxes:
        assert f"{box['n']:,} {box['unit']}" in text or (box["id"] == "sought" and not box["n"])
        for part in box["parts"]:
            number = f" (n = {part['n']:,})" if part["n"] else ""
            assert f"{part['label']}{number}" in text
    assert "2 sources, no records" in text


def test_boxes_stand_below_each_other_within_the_width(boxes):
    placed = flow_diagram({"boxes": boxes}).boxes
    for above, below in pairwise(placed):
        assert above.y + above.height < below.y
        assert above.x >= 0
        assert above.x + above.width <= WIDTH
        assert above.height >= LINE * (len(above.lines) + len(above.reasons) + 1)


def test_a_wide_page_has_what_was_left_out_beside_what_lost_it(boxes):
    diagram, narrow = flow_diagram({"boxes": boxes}, wide=True), flow_diagram({"boxes": boxes})
    assert diagram.width == WIDE
    assert diagram.text == narrow.text
    assert diagram.height < narrow.height
    left = [box for box in diagram.boxes if not box.out]
    right = [box for box in diagram.boxes if box.out]
    assert max(box.x + box.width for box in left) < min(box.x for box in right)
    assert max(box.x + box.width for box in right) <= WIDE
    for column in (left, right):
        for above, below in pairwise(column):
            assert above.y + above.height < below.y
    counts = {box["id"]: f"{box['n']:,} {box['unit']}" for box in boxes}
    by_count = {box.count: box for box in left}
    for box in boxes:
        if not box["reason"] or not box["n"]:
            continue
        (out,) = [each for each in right if each.count == counts[box["id"]]]
        parent = by_count[counts[box["of"]]]
        assert out.y >= parent.y
        assert out.wire.startswith(f"M{parent.x + parent.width:g} ")
        assert out.wire.endswith(f"H{out.x:g}")


def test_each_phase_is_named_where_it_begins(boxes):
    named = [box.phase for box in flow_diagram({"boxes": boxes}).boxes if box.phase]
    assert named == [
        *("Identification", "Screening", "Included", "Pooling", "Included", "Composition"),
    ]
    assert not [b for b in flow_diagram({"boxes": [{"id": "a", "n": 1}]}).boxes if b.phase]


def test_why_boxes_of_prisma_are_missing_is_said_where_they_are(boxes):
    assert "has no row with the decision duplicate" in prisma_note({"boxes": boxes})
    assert prisma_note({"boxes": [*boxes, {"id": "screened", "n": 3}]}) == ""
    assert prisma_note({"boxes": [{"id": "records", "n": 3}]}) == ""
