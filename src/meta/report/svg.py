"""Matplotlib figures as inline SVG: deterministic, described, coloured by the page."""

import io
import re
from collections.abc import Mapping
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from meta.report.wording import COLOURS

# Colours drawn as placeholders; the page's style sheet decides what they look like.
INK = "#010203"
MUTED = "#020304"
RULE = "#030405"
PAPER = "#040506"
_NAMED = {INK: "currentColor", MUTED: "var(--muted)", RULE: "var(--rule)", PAPER: "var(--paper)"}
_CSS = _NAMED | {light: f"var(--{name})" for name, (light, _) in COLOURS.items()}

POINTS = 72.0
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10.0,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,
}


def inline_svg(
    figure: Figure, name: str, title: str, text: str, tips: Mapping[str, str] | None = None
) -> Markup:
    """Write a figure as an SVG element for use inside a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    name : str
        Prefix of all identifiers, unique within the page.
    title, text : str
        What the figure is and what it shows, for those who cannot see it.
    tips : mapping of str to str, optional
        Tooltip of each element drawn with that ``gid``.

    Returns
    -------
    markupsafe.Markup
        The element. Colours are those of the style sheet, text stays text.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    source = buffer.getvalue()
    source = source[source.index("<svg") :]
    source = re.sub(r"<metadata>.*?</metadata>", "", source, flags=re.DOTALL)
    source = re.sub(r"(font: [^\"';]*?[\d.]+px) [^;\"]*", r"\1 var(--face)", source)
    for colour, style in _CSS.items():
        source = source.replace(colour, style)
    source = _prefix(_plain_links(source), name)
    for gid, tip in (tips or {}).items():
        mark = f'<g id="{name}-{gid}">'
        source = source.replace(mark, f"{mark}<title>{escape(tip)}</title>", 1)
    return Markup(_described(source, name, title, text))


def _plain_links(source: str) -> str:
    """Write links as HTML does, telling the other side nothing of the page."""
    return re.sub(
        r'<a xlink:href="(https?://[^"]*)"', r'<a href="\1" rel="noopener noreferrer"', source
    )


def _prefix(source: str, name: str) -> str:
    source = re.sub(r'\bid="', f'id="{name}-', source)
    source = re.sub(r'href="#', f'href="#{name}-', source)
    return re.sub(r"url\(#", f"url(#{name}-", source)


def _described(source: str, name: str, title: str, text: str) -> str:
    box = re.search(r'viewBox="([^"]*)"', source)
    frame = box.group(1) if box else "0 0 1 1"
    body = source[source.index(">") + 1 :]
    # An image has no parts to operate; a figure with links is a group of them.
    role = "group" if "<a " in body else "img"
    return (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{frame}" role="{role}" '
        f'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(title)}'
        f'</title><desc id="{name}-desc">{escape(text)}</desc>{body}'
    )
