"""The templates of the pages: escaped whatever a table holds, and strict about names."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from meta.plural import counted
from meta.report.estimates import percent
from meta.report.significant_digits import shortened
from meta.report.svg import Drawing
from meta.report.wording import FACE, GREYS, outcome_name, spell

TEMPLATES = Path(__file__).parent / "templates"
#: Paints of a style sheet: where the page defines them, and where nothing does. They are constants
#: of the code, so that they may stand in a style sheet as they are.
ON_PAGE = {name: Markup(f"var(--{name})") for name in (*GREYS, "face")} | {
    "ink": Markup("currentColor")
}
ON_WHITE = {name: Markup(light) for name, (light, _) in GREYS.items()} | {"face": Markup(FACE)}


def environment() -> Environment:
    """Environment that every page is rendered in."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        spell=spell, percent=percent, number=shortened, counted=counted, outcome=outcome_name
    )
    found.globals.update(greys=GREYS, face=ON_WHITE["face"], paint=ON_PAGE)
    # What only a whole site has; a page rendered alone goes without.
    found.globals.update(pages=(), page="", codes_said="", row_address=lambda *_: "")
    return found


def markdown_environment() -> Environment:
    """Environment of documents in Markdown: text of a table is text there too."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(spell=spell, number=shortened, counted=counted)
    return found


def _plain(value: Any) -> Any:
    """Take from text what Markdown would read as a mark, and its ends of lines."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = re.sub(r"\s+", " ", value)
    # A less-than sign opens an element only before a letter or a mark of its own.
    return re.sub(r"[\\`*_\[\]|~]|<(?=[A-Za-z/!?])", r"\\\g<0>", text)


@pass_context
def _shown(context: Context, value: Any) -> Any:
    """Show a figure by the page's collection of them, so that none goes without its files."""
    return context["drawn"].show(value) if isinstance(value, Drawing) else value
