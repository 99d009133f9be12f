"""The templates of the pages: escaped whatever a table holds, and strict about names."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from meta.plural import counted
from meta.report.estimates import percent
from meta.report.wording import outcome_name, spell

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """Environment that every page is rendered in."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        spell=spell, percent=percent, number=_number, counted=counted, outcome=outcome_name
    )
    # What only a whole site has; a page rendered alone goes without.
    found.globals.update(pages=(), page="", codes_said="", row_address=lambda *_: "")
    return found


def _number(text: str) -> str:
    """Shorten a number given as text to four digits; leave other text alone."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text
