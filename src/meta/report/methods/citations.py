"""References of the methods: a BibTeX file, the list of references and links to it from texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape
from pybtex.database import BibliographyData, Entry, parse_file
from pybtex.plugin import find_plugin

BIBLIOGRAPHY = Path(__file__).parent / "references.bib"
#: A citation in a text, `[@key]` or `[@key; @key]`.
CITED = re.compile(r"\[(@[\w:-]+(?:;\s*@[\w:-]+)*)\]")


@dataclass(frozen=True)
class Reference:
    """One entry: its key, how texts cite it, the whole reference and its address."""

    key: str
    label: str
    text: Markup
    href: str


@cache
def bibliography() -> BibliographyData:
    """Read the references of the methods."""
    return parse_file(str(BIBLIOGRAPHY), bib_format="bibtex")


def cited_keys(text: str) -> list[str]:
    """Keys that a text cites, in order."""
    return [key.strip(" @") for group in CITED.findall(text) for key in group.split(";")]


def linked(text: str) -> Markup:
    """Turn the citations of a text into links to the list of references.

    Raises
    ------
    KeyError
        If the bibliography has no such key.
    """

    def link(match: re.Match[str]) -> str:
        keys = cited_keys(match.group(0))
        return "; ".join(f'<a href="#ref-{k}">{escape(label(k))}</a>' for k in keys)

    # Brackets and the signs of a key mean nothing to HTML, so escaping leaves citations whole.
    return Markup(CITED.sub(lambda m: f"({link(m)})", str(escape(text))))


def label(key: str) -> str:
    """Cite one entry by family names and year."""
    entry = bibliography().entries[key]
    names = [" ".join(person.last_names).strip("{}") for person in entry.persons["author"]]
    if len(names) > 2:
        names = [f"{names[0]} et al."]
    return f"{' and '.join(names)} {entry.fields['year']}"


def references() -> list[Reference]:
    """Every reference, in the order of authors and years."""
    data = bibliography()
    style = find_plugin("pybtex.style.formatting", "plain")()
    backend = find_plugin("pybtex.backends", "html")()
    return [
        Reference(
            formatted.key,
            label(formatted.key),
            Markup(_external(formatted.text.render(backend))),
            _address(data.entries[formatted.key]),
        )
        for formatted in style.format_bibliography(data)
    ]


def _address(entry: Entry) -> str:
    if "doi" in entry.fields:
        return f"https://doi.org/{entry.fields['doi']}"
    return f"https://arxiv.org/abs/{entry.fields['eprint']}"


def _external(html: str) -> str:
    return html.replace("<a href=", '<a rel="noopener noreferrer" href=')
