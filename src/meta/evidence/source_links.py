"""Identifiers and links of a source, read from the cell that says where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

ARXIV = re.compile(r"arxiv:\s*([0-9]{4}\.[0-9]{4,5}(?:v[0-9]+)?|[a-z.\-]+/[0-9]{7})", re.I)
DOI = re.compile(
    r"(?:doi:\s*|https?://(?:[a-z0-9.\-]+/)?doi(?:\.org)?/)(10\.[0-9]{4,9}/[^\s;,]+)", re.I
)
URL = re.compile(r"https?://[^\s;<>\"]+", re.I)
GITHUB = re.compile(r"github\s+([\w.\-]+/[\w.\-]+)", re.I)


@dataclass(frozen=True)
class Identifiers:
    """What a source is known by; an empty text where it has none of the kind.

    Attributes
    ----------
    arxiv : str
        Number of the preprint, without its prefix.
    doi : str
        Digital object identifier, without its prefix.
    url : str
        First web address.
    """

    arxiv: str
    doi: str
    url: str


def identifiers(cell: str) -> Identifiers:
    """Read the identifiers of a source.

    Parameters
    ----------
    cell : str
        Identifiers and addresses separated by semicolons, with remarks among them. A remark
        before an identifier ("retold in ...") makes it that of another text.

    Returns
    -------
    Identifiers
        Only identifiers that begin a part of the cell.
    """
    found = {"arxiv": "", "doi": "", "url": ""}
    for part in _parts(cell):
        if match := ARXIV.match(part):
            found["arxiv"] = found["arxiv"] or match[1]
        if match := DOI.match(part):
            found["doi"] = found["doi"] or _trimmed(match[1])
        if match := URL.match(part):
            found["url"] = found["url"] or safe_address(match[0])
    return Identifiers(**found)


def source_links(cell: str) -> list[tuple[str, str]]:
    """List what a reader can follow to a source.

    Parameters
    ----------
    cell : str
        As for `identifiers`.

    Returns
    -------
    list of tuple of str
        Label and address, in the order of the cell, each address once. Every address begins
        with ``https://`` or ``http://``.
    """
    links: dict[str, str] = {}
    for part in _parts(cell):
        for match in ARXIV.finditer(part):
            links.setdefault(f"https://arxiv.org/abs/{match[1]}", f"arXiv:{match[1]}")
        for match in DOI.finditer(part):
            doi = _trimmed(match[1])
            links.setdefault(f"https://doi.org/{quote(doi, safe='/:().')}", f"doi:{doi}")
        for match in URL.finditer(part):
            address = safe_address(match[0])
            if address and not DOI.match(match[0]):
                links.setdefault(address, urlsplit(address).hostname or address)
        for match in GITHUB.finditer(part):
            links.setdefault(f"https://github.com/{match[1]}", f"github {match[1]}")
    return [(label, address) for address, label in links.items()]


def safe_address(text: str) -> str:
    """Return a web address that may become a link; an empty text for anything else.

    Parameters
    ----------
    text : str
        What may be an address.

    Returns
    -------
    str
        The address without trailing punctuation, or an empty text: no host, other scheme.
    """
    address = _trimmed(text.strip())
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    plain = address.isprintable() and not re.search(r"[\s\"'<>\\]", address)
    return address if parts.scheme in ("http", "https") and parts.hostname and plain else ""


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _trimmed(text: str) -> str:
    text = text.rstrip(".,:'")
    return text.rstrip(")") if "(" not in text else text
