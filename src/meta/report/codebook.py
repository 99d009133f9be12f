"""The codebook page: what `meta.evidence.codebook` collects, as HTML."""

from __future__ import annotations

from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from meta.evidence.codebook import codebook_page
from meta.evidence.dictionary import Dictionary


def codebook_context(dictionary: Dictionary) -> dict[str, Any]:
    """Everything that the template of the page shows.

    Parameters
    ----------
    dictionary : Dictionary
        The field dictionary.

    Returns
    -------
    dict
        The page, and `inline`, which turns the Markdown of its texts into HTML.
    """
    return {"book": codebook_page(dictionary), "inline": inline}


def inline(text: str) -> Markup:
    """Turn inline Markdown (code, emphasis) into HTML; HTML inside it stays text."""
    return Markup(_markdown().renderInline(text))


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})
