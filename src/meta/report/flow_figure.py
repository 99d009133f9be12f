"""The evidence flow as a figure: drawn narrow and wide, with its counts."""

from __future__ import annotations

from typing import Any

import pandas as pd
from markupsafe import Markup

from meta.report.environment import ON_WHITE, environment
from meta.report.flow_diagram import FlowDiagram, flow_diagram
from meta.report.svg import NOTHING, Drawing, described, document

NAME, TITLE = "fig-flow", "Flow of the evidence from records to pooled rows"
COLUMNS = ["id", "of", "phase", "label", "part", "n", "unit", "reason"]


def flow_figure(flow: dict[str, Any]) -> Drawing:
    """Draw the flow in one column and in two, of which the style sheet shows the one that fits.

    Parameters
    ----------
    flow : dict
        As for `meta.report.flow_diagram.flow_diagram`.

    Returns
    -------
    Drawing
        As a file the flow is in two columns.
    """
    narrow, wide = flow_diagram(flow), flow_diagram(flow, wide=True)
    if not narrow.boxes:
        return NOTHING
    inline = [
        described(_body(each), f"{NAME}-{kind}", TITLE, each.text, _frame(each), f' class="{kind}"')
        for each, kind in ((narrow, "narrow"), (wide, "wide"))
    ]
    alone = document(_body(wide, alone=True), TITLE, wide.text, _frame(wide), ' class="flow"')
    return Drawing(NAME, TITLE, Markup("\n".join(inline)), alone, flow_table(flow))


def flow_table(flow: dict[str, Any]) -> pd.DataFrame:
    """Counts of the flow, one row a box, and below it one a `part` of which it consists.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`; `of` is the box that a box is of, `reason` why its rows were left out.
    """
    rows = []
    for box in flow.get("boxes") or []:
        own = {name: box.get(name) or "" for name in COLUMNS} | {"n": box["n"]}
        rows.append(own)
        rows += [
            {"id": box["id"], "part": part["label"], "n": part["n"], "unit": own["unit"]}
            for part in box.get("parts") or []
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _frame(diagram: FlowDiagram) -> str:
    return f"0 0 {diagram.width:g} {diagram.height:g}"


def _body(diagram: FlowDiagram, alone: bool = False) -> str:
    template = environment().get_template("flow.svg.j2")
    return template.render(diagram=diagram, alone=alone, paint=ON_WHITE)
