"""Matplotlib figures as SVG with the numbers they draw: inside a page, and as a file of its own."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from meta.report.wording import COLOURS, FACE, GREYS

# Colours drawn as placeholders; where the figure stands decides what they look like.
INK = "#010203"
MUTED = "#020304"
RULE = "#030405"
PAPER = "#040506"
_NAMED = {INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper"}
#: In a page the style sheet decides, which knows a dark ground; a file is on white.
_CSS = {place: f"var(--{name})" for place, name in _NAMED.items()}
_CSS |= {INK: "currentColor"} | {light: f"var(--{name})" for name, (light, _) in COLOURS.items()}
_LIGHT = {place: GREYS[name][0] for place, name in _NAMED.items()}

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


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure of a page: what is drawn, and the numbers behind it.

    Attributes
    ----------
    name : str
        Prefix of all identifiers, unique within the page.
    title : str
        What the figure is.
    inline : markupsafe.Markup
        SVG elements for use inside a page, coloured by its style sheet; empty where there is
        nothing to draw, and the figure is then false.
    alone : str
        The same as a document that can be opened by itself: light colours, on white.
    data : pandas.DataFrame
        The numbers that are drawn, at full precision.
    """

    name: str
    title: str
    inline: Markup
    alone: str
    data: pd.DataFrame

    def __bool__(self) -> bool:
        return bool(self.inline)


#: What a figure without anything to draw is.
NOTHING = Drawing("", "", Markup(""), "", pd.DataFrame())


def drawing(
    figure: Figure,
    name: str,
    title: str,
    text: str,
    data: pd.DataFrame,
    tips: Mapping[str, str] | None = None,
) -> Drawing:
    """Write a figure as SVG, for a page and for a file.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    name : str
        Prefix of all identifiers, unique within the page.
    title, text : str
        What the figure is and what it shows, for those who cannot see it.
    data : pandas.DataFrame
        The numbers that are drawn, a row each mark or line.
    tips : mapping of str to str, optional
        Tooltip of each element drawn with that ``gid``.

    Returns
    -------
    Drawing
        Text stays text in it, and the same figure gives the same bytes.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    source = buffer.getvalue()
    source = source[source.index("<svg") :]
    source = re.sub(r"<metadata>.*?</metadata>", "", source, flags=re.DOTALL)
    source = _prefix(_plain_links(source), name)
    for gid, tip in (tips or {}).items():
        mark = f'<g id="{name}-{gid}">'
        source = source.replace(mark, f"{mark}<title>{escape(tip)}</title>", 1)
    box = re.search(r'viewBox="([^"]*)"', source)
    frame = box.group(1) if box else "0 0 1 1"
    body = source[source.index(">") + 1 :]
    inline = described(_styled(body, _CSS, "var(--face)"), name, title, text, frame)
    alone = document(_styled(body, _LIGHT, FACE), name, title, text, frame)
    return Drawing(name, title, Markup(inline), alone, data)


def described(body: str, name: str, title: str, text: str, frame: str, attributes: str = "") -> str:
    """Open an SVG element that says what it is and shows, and put the rest of it behind.

    Parameters
    ----------
    body : str
        The rest, with the closing tag.
    name, title, text : str
        As for `drawing`.
    frame : str
        The ``viewBox``.
    attributes : str, optional
        Further attributes, each with a space before it.
    """
    # An image has no parts to operate; a figure with links is a group of them.
    role = "group" if "<a " in body else "img"
    return (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{frame}" role="{role}"'
        f'{attributes} aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">'
        f'{escape(title)}</title><desc id="{name}-desc">{escape(text)}</desc>{body}'
    )


def document(body: str, name: str, title: str, text: str, frame: str, attributes: str = "") -> str:
    """Write an SVG document on white; parameters as for `described`."""
    width, height = frame.split()[2:]
    own = f' xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt"{attributes}'
    ground = f'<rect width="100%" height="100%" fill="{GREYS["paper"][0]}"/>'
    element = described(ground + body, name, title, text, frame, own)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{element.rstrip()}\n'


def _styled(source: str, colours: Mapping[str, str], face: str) -> str:
    """Put colours and a typeface in the place of those drawn."""
    source = re.sub(r"(font: [^\"';]*?[\d.]+px) [^;\"]*", rf"\1 {face}", source)
    for colour, style in colours.items():
        source = source.replace(colour, style)
    return source


def _plain_links(source: str) -> str:
    """Write links as HTML does, telling the other side nothing of the page."""
    return re.sub(
        r'<a xlink:href="(https?://[^"]*)"', r'<a href="\1" rel="noopener noreferrer"', source
    )


def _prefix(source: str, name: str) -> str:
    source = re.sub(r'\bid="', f'id="{name}-', source)
    source = re.sub(r'href="#', f'href="#{name}-', source)
    return re.sub(r"url\(#", f"url(#{name}-", source)
