"""The evidence flow as a diagram: what was found, what was left out and why, what is pooled.

In one column, so that it can be read on a phone, or in two for a wide page: the main line on the
left, what was left out on the right. The phases are those of PRISMA 2020 (Page et al. 2021,
doi:10.1136/bmj.n71).
"""

import textwrap
from dataclasses import dataclass, replace
from typing import Any

from meta.evidence.flow import SCREENED
from meta.plural import counted

WIDTH = 360
#: Of two columns, and between them.
WIDE = 1080
BETWEEN = 56
INDENT = 20
LINE = 16
PAD = 8
GAP = 12
PER_CHARACTER = 6.6
#: Height of the name of a phase above the first box of it.
PHASE = 18


@dataclass(frozen=True)
class FlowBox:
    """One box of the diagram, placed.

    Attributes
    ----------
    lines : tuple of str
        Label, wrapped to the box.
    count : str
        The number with its unit.
    reasons : tuple of str
        Why rows were left out, or what the box consists of with the number of each, wrapped;
        empty where the label says it already.
    out : bool
        Whether the rows of the box were left out.
    x, y, width, height : float
        Place of the box.
    wire : str
        Path of the connector from its parent; empty without one.
    phase : str
        Name of the phase, where the box is the first of it; else empty.
    listed : bool
        Whether the reasons are lines of their own.
    """

    lines: tuple[str, ...]
    count: str
    reasons: tuple[str, ...]
    out: bool
    x: float
    y: float
    width: float
    height: float
    wire: str
    phase: str = ""
    listed: bool = False


@dataclass(frozen=True)
class FlowDiagram:
    """Placed boxes, total size, and the flow as one text."""

    boxes: tuple[FlowBox, ...]
    width: float
    height: float
    text: str


def flow_diagram(flow: dict[str, Any], wide: bool = False) -> FlowDiagram:
    """Place the boxes of the evidence flow.

    Parameters
    ----------
    flow : dict
        ``{"boxes": [{"id", "label", "n", "unit", "of", "reason", "phase", "parts"}]}``; ``of``
        names the parent, ``parts`` are lines of ``label`` and ``n``. The last two may be absent.
    wide : bool, optional
        Place what was left out in a column of its own, instead of below its parent.

    Returns
    -------
    FlowDiagram
        The main line runs down the left; boxes with a reason (left out) branch off it.
    """
    placed: dict[str, FlowBox] = {}
    listed = flow.get("boxes") or []
    losing = {str(box.get("of")) for box in listed if box.get("reason")} if wide else set()
    column = (WIDE - BETWEEN) / 2 if wide else WIDTH
    # The next free place of each column: of the main line, and of what was left out.
    y, phase = [2.0, 2.0], ""
    for box, depth in _ordered(listed):
        parent = placed.get(str(box.get("of") or ""))
        beside = wide and parent is not None and bool(box.get("reason"))
        said = str(box.get("phase") or "")
        first = said if said != phase else ""
        phase = said
        x = column + BETWEEN if beside else 2.0 + INDENT * depth
        # What a box loses stands beside it, so that it waits for the losses of those above.
        top = y[0] if not beside else max(y[1], parent.y if parent else 0.0)
        top = max(y) if str(box["id"]) in losing else top
        level = beside and parent is not None and top == parent.y
        top += PHASE if first and not level else 0
        right = x + column if beside else column
        made = replace(_place(box, x, top, right - 2), phase=first.capitalize())
        if parent is not None:
            made = replace(made, wire=_beside(parent, made) if beside else _below(parent, made))
        placed[str(box["id"])] = made
        y[beside] = top + made.height + GAP
    boxes = tuple(placed.values())
    text = "; ".join(_said(box) for box in boxes)
    return FlowDiagram(boxes, WIDE if wide else WIDTH, max(y), text)


def prisma_note(flow: dict[str, Any]) -> str:
    """Say why two boxes of PRISMA 2020 are missing, where they are; empty otherwise.

    Parameters
    ----------
    flow : dict
        As for `flow_diagram`.
    """
    drawn = {str(box["id"]) for box in flow.get("boxes") or []}
    if "identified" not in drawn or SCREENED in drawn:
        return ""
    return (
        "PRISMA 2020 also counts duplicates removed and records screened. The record of the search "
        "has no row with the decision duplicate: records found twice were not counted apart from "
        "those excluded, so that neither number can be given."
    )


def _below(parent: FlowBox, box: FlowBox) -> str:
    """Connector down from the parent, and across to a box that is indented."""
    across, to = parent.x + 9, box.y if box.x == parent.x else box.y + box.height / 2
    end = across if box.x == parent.x else box.x
    return f"M{across:g} {parent.y + parent.height:g}V{to:g}H{end:g}"


def _beside(parent: FlowBox, box: FlowBox) -> str:
    """Connector from the side of the parent to a box in the other column."""
    middle, to = box.x - BETWEEN / 2, box.y + box.height / 2
    # Straight where the two boxes are level.
    start = min(max(to, parent.y + PAD), parent.y + parent.height - PAD)
    return f"M{parent.x + parent.width:g} {start:g}H{middle:g}V{to:g}H{box.x:g}"


def _said(box: FlowBox) -> str:
    lines = [line if line[:1] != "\u2003" else f" {line.strip()}" for line in box.reasons]
    whole = "\n".join(lines).replace("\n ", " ").replace("\n", "; " if box.listed else " ")
    why = f" ({whole})" if lines else ""
    return f"{' '.join(box.lines)}{why}: {box.count}"


def _ordered(boxes: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """Order boxes depth first; left-out boxes before the one that continues the line."""
    names = {str(box["id"]) for box in boxes}
    children: dict[str, list[dict[str, Any]]] = {}
    for box in boxes:
        parent = str(box.get("of") or "")
        children.setdefault(parent if parent in names else "", []).append(box)
    found: list[tuple[dict[str, Any], int]] = []

    def visit(parent: str, depth: int) -> None:
        kept = [box for box in children.get(parent, []) if not box.get("reason")]
        for box in sorted(children.pop(parent, []), key=lambda box: not box.get("reason")):
            straight = parent == "" or (kept and box is kept[-1])
            below = depth if straight else depth + 1
            found.append((box, below))
            visit(str(box["id"]), below)

    visit("", 0)
    return found


def _place(box: dict[str, Any], x: float, y: float, right: float) -> FlowBox:
    width = right - x
    room = max(12, int((width - 2 * PAD) / PER_CHARACTER))
    label, reason = str(box.get("label") or box["id"]), str(box.get("reason") or "")
    lines = tuple(textwrap.wrap(label, room))
    said = reason.strip().casefold() == label.strip().casefold()
    parts = box.get("parts") or []
    reasons = () if said else tuple(textwrap.wrap(reason, room))
    if parts:
        reasons = tuple(line for part in parts for line in _part_lines(part, room))
    height = 2 * PAD + LINE * (len(lines) + len(reasons) + 1) - 2
    count = f"{int(box['n']):,} {box.get('unit') or ''}".strip()
    if parts and not box["n"]:
        count = f"{counted(len(parts), 'source')}, no records"
    return FlowBox(
        lines,
        count,
        reasons,
        bool(reason),
        x,
        y,
        width,
        height,
        "",
        listed=bool(parts),
    )


def _part_lines(part: dict[str, Any], room: int) -> list[str]:
    """Wrap one line of a box, its number at the end; nothing retrieved has no number."""
    number = f" (n\u00a0=\u00a0{int(part['n']):,})" if part["n"] else ""
    return textwrap.wrap(f"{part['label']}{number}", room, subsequent_indent="\u2003")
