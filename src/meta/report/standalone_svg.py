"""Figures as SVG files of their own: deterministic, described, readable outside the report."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib
from markupsafe import escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from meta.report.svg_minified import minified, styled_once
from meta.storage import write_text

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.0,
    "font.family": "sans-serif",
    "text.parse_math": False,
}
#: Blue and orange of Okabe and Ito's palette, and greys: on white, since the file stands alone.
BLUE, ORANGE, GREY, LIGHT = "#0072b2", "#c24e00", "#666666", "#dddddd"


def write_svg(figure: Figure, path: Path, title: str, text: str) -> None:
    """Write a figure atomically, the same bytes for the same figure.

    Parameters
    ----------
    figure
        The figure.
    path
        File to write.
    title, text
        What the figure is and what it shows, for those who cannot see it.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": path.stem}):
        figure.patch.set_facecolor("white")
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    source = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    # A hundredth of a point is finer than any screen or printer.
    source = minified(re.sub(r"(\d\.\d\d)\d+", r"\1", source))
    head, body = source[: source.index("<svg")], source[source.index("<svg") :]
    end = body.index(">")
    described = (
        f'{body[:end]} role="img" aria-labelledby="title desc"><title id="title">{escape(title)}'
        f'</title><desc id="desc">{escape(text)}</desc>{body[end + 1 :]}'
    )
    write_text(path, head + styled_once(described))
