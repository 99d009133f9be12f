"""A section that other tables of a run add to the risk page."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class More:
    """A section of the risk page.

    Attributes
    ----------
    anchor, title, text
        Address within the page, heading, and what a reader must know.
    figure
        The figure.
    columns, lines
        A table of text; the first cell of a line is its heading.
    file
        The table with all numbers.
    """

    anchor: str
    title: str
    text: str
    figure: Markup
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    file: str
