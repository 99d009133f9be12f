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

from meta.report.svg_minified import TAG, minified, styled_once
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
#: Of a file, in points.
MARGIN = 8.0
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
    source = _tidied(buffer.getvalue())
    for gid, tip in (tips or {}).items():
        mark = f'<g id="{gid}">'
        source = source.replace(mark, f"{mark}<title>{escape(tip)}</title>", 1)
    box = re.search(r'viewBox="([^"]*)"', source)
    frame = box.group(1) if box else "0 0 1 1"
    body = source[source.index(">") + 1 :]
    inline = styled_once(described(_coloured(_named(body, name), _CSS), name, title, text, frame))
    alone = document(_coloured(body, _LIGHT), title, text, frame)
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
        f' font-size="{SETTINGS["font.size"]:g}px"{attributes}'
        f' aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">'
        f'{escape(title)}</title><desc id="{name}-desc">{escape(text)}</desc>{body}'
    )


def document(body: str, title: str, text: str, frame: str, attributes: str = "") -> str:
    """Write an SVG document on white, with a margin; parameters as for `described`."""
    left, top, width, height = (float(number) for number in frame.split())
    # A page has room around its figure, for the end of a label in a wide typeface.
    left, top, width, height = (
        left - MARGIN, top - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN
    )  # fmt: skip
    own = (
        f' xmlns="http://www.w3.org/2000/svg" width="{width:g}pt" height="{height:g}pt"'
        f' style="font-family: {FACE}"{attributes}'
    )
    ground = (
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"'
        f' fill="{GREYS["paper"][0]}"/>'
    )
    box = f"{left:g} {top:g} {width:g} {height:g}"
    element = styled_once(described(ground + body, "figure", title, text, box, own))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{element.rstrip()}\n'


def _coloured(source: str, colours: Mapping[str, str]) -> str:
    """Put colours in the place of those drawn."""
    return TAG.sub(lambda tag: _replaced(tag.group(), colours), source)


def _replaced(tag: str, colours: Mapping[str, str]) -> str:
    for colour, style in colours.items():
        tag = tag.replace(colour, style)
    return tag


def _tidied(source: str) -> str:
    """Leave out what shows nothing."""
    source = source[source.index("<svg") :]
    source = re.sub(r"<metadata>.*?</metadata>", "", source, flags=re.DOTALL)
    # The line between the points of a single point.
    source = re.sub(r'<path d="M [-\d.]+ [-\d.]+ \n"[^>]*/>', "", source)
    return minified(TAG.sub(lambda tag: _tidied_tag(tag.group()), source))


def _tidied_tag(tag: str) -> str:
    tag = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", tag)
    # Typeface and usual size are those of what the text stands in; text starts at its place.
    usual = f"font-size: {SETTINGS['font.size']:g}px"
    tag = re.sub(rf"(font-family: [^;\"]*|{usual}|text-anchor: start)(; |(?=\"))", "", tag)
    # A thousandth of a point is finer than any screen or printer.
    tag = re.sub(r"(\.\d{3})\d+", r"\1", tag)
    # Links as HTML writes them, telling the other side nothing of the page.
    return re.sub(
        r'<a xlink:href="(https?://[^"]*)"', r'<a href="\1" rel="noopener noreferrer"', tag
    )


def _named(source: str, name: str) -> str:
    """Make identifiers unique within a page."""
    pattern = re.compile(r'(\bid="|href="#|url\(#)')
    return TAG.sub(lambda tag: pattern.sub(rf"\g<1>{name}-", tag.group()), source)
