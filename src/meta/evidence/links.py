"""Links: addresses, DOIs and arXiv identifiers in a cell, and what is malformed about them."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    import pandas as pd

    from meta.evidence.cells import TypedTable
    from meta.evidence.problems import Problem, Severity

# Schemes that run or read something of the reader's own when a page links to them. A word and a
# colon may be prose, so data and file need what follows them in an address.
DANGEROUS = re.compile(
    r"(?i)(?<![\w.])(javascript|vbscript|data(?=:(?:[\w.+-]+/|[,;]))|file(?=:[/\\])|blob(?=:\w+:))\s*:"
)
# ASCII control characters: browsers ignore some of them inside a scheme.
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# An identifier of each kind (DOI handbook, section 2.2; arXiv identifier scheme since 2007, and
# before it with the archive's name).
ARXIV = r"(?:\d{4}\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?"
DOI = r"10\.\d{4,9}(?:\.\d+)*/[^\s;<>\"]+"
_TOKEN = re.compile(
    rf"""(?P<url>https?://[^\s;<>"]+)
    |\barxiv[:\s]\s*(?P<arxiv>{ARXIV})(?![\d.]*\d)
    |(?:\bdoi[:\s]\s*|(?<![\w/.]))(?P<doi>{DOI})
    |\bgithub\s+(?P<github>[\w.-]+/[\w.-]+)
    |(?<![\w/.@])(?P<bare>(?:[a-z0-9-]+\.)+(?:com|org|net|io|edu|ai|gov|uk|de|fr)/[^\s;<>"]+)""",
    re.VERBOSE | re.IGNORECASE,
)
# Resolvers, and publishers whose addresses hold the DOI.
_DOI_ADDRESS = r"https?://(?:[a-z0-9.-]+/)?(?:dx\.)?doi(?:\.org)?/"
_TRAILING = ".,:!?'"

# Cells of one plain link, which need no closer look.
PLAIN = r"https?://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(/[A-Za-z0-9._~%/&?=+#,@!$'()*-]*)?"

# Behind a blank only a number is an identifier: "arXiv preprint" is prose.
_ARXIV_WRITTEN = re.compile(
    r"(?i)\barxiv(?:\s?:\s*|\s+(?=\d))(?P<id>[^\s;,)]*)"
    r"|arxiv\.org/(?:abs|pdf)/(?P<path>[^\s;,)?#]*)"
)
_DOI_WRITTEN = re.compile(
    r"(?i)\bdoi(?:\s?:\s*|\s+(?=10\.))(?P<id>[^\s;]*)|\bdoi\.org/(?P<path>[^\s;]*)"
)
# A part of a cell that is an address, an arXiv identifier or a DOI, but for what comes before it.
_HOST_ALONE = re.compile(
    r"(?i)(?:www\.(?:[a-z0-9-]+\.)+[a-z]{2,}|(?:[a-z0-9-]+\.)+(?:com|org|net|io|edu|ai|gov|uk|de|fr))"
    r"|(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?/\S*"
)
_ARXIV_ALONE = re.compile(r"\d{4}\.\d{3,6}(?:v\d+)?")
_DOI_ALONE = re.compile(r"10\.\d+/\S+")
_URL_WRITTEN = re.compile(
    r"(?i)(?<![\w.])(?P<scheme>[a-z][a-z0-9+.-]{1,9})(?P<mark>:/{1,3}|//)(?P<rest>[^\s;]*)"
)
_HOST = re.compile(r"(?i)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")


def links(cell: str) -> list[tuple[str, str]]:
    """Find the links in a cell, in the order in which they stand.

    Parameters
    ----------
    cell : str
        Any text, such as ``arXiv:2105.14111; github owner/name``.

    Returns
    -------
    list of (str, str)
        A short label and an address for each. Every address begins with ``https://`` or
        ``http://``, holds no quote, blank or angle bracket, and stands once.
    """
    found: dict[str, str] = {}
    for match in _TOKEN.finditer(CONTROL.sub(" ", cell)):
        label, address = _link(str(match.lastgroup), match[match.lastgroup or 0])
        if address:
            found.setdefault(address, label)
    return [(label, address) for address, label in found.items()]


def link_faults(cell: str, today: date) -> list[tuple[Severity, str, str]]:
    """Say what is malformed about the links of a cell.

    Parameters
    ----------
    cell : str
        Any text. Words beside the links, and text without any, are legal.
    today : date
        No arXiv identifier may name a later month.

    Returns
    -------
    list of (severity, reason, remedy)
        Errors for schemes to which no page may link, warnings for malformed links.
    """
    dangerous = DANGEROUS.search(CONTROL.sub("", cell)) or DANGEROUS.search(cell)
    if dangerous:
        reason = f"the scheme {dangerous[1].lower()}: runs or reads something when it is followed"
        return [("error", reason, "write an address that begins with https://")]
    faults = [*_url_faults(cell), *_arxiv_faults(cell, today), *_doi_faults(cell)]
    faults += [fault for part in cell.split(";") for fault in _unmarked(part.strip())]
    return [("warning", reason, remedy) for reason, remedy in dict.fromkeys(faults)]


def address_faults(cell: str, today: date) -> list[tuple[Severity, str, str]]:
    """Say what is wrong with a cell that is to hold one address and nothing else.

    Parameters
    ----------
    cell : str
        Any text.
    today : date
        As for `link_faults`.

    Returns
    -------
    list of (severity, reason, remedy)
        As of `link_faults`; a warning where the cell does not begin with http:// or https://.
    """
    faults = link_faults(cell, today)
    if faults or re.match(r"(?i)https?://", cell):
        return faults
    found = links(cell)
    meant = f"write {found[0][1]}" if len(found) == 1 else "write the address, or leave it blank"
    return [("warning", "the address does not begin with https:// or http://", meant)]


#: How the cells of a field are judged, by its format.
FAULTS = {"link": link_faults, "address": address_faults}


def link_problems(typed: TypedTable, today: date) -> list[Problem]:
    """Report malformed links in the fields that hold links.

    Parameters
    ----------
    typed : TypedTable
        Any table.
    today : date
        Day of the check.

    Returns
    -------
    list of Problem
        One for each fault of each cell.
    """
    problems: list[Problem] = []
    for field in typed.table.fields.values():
        if field.format not in FAULTS or not typed.has(field.name):
            continue
        faults_of = FAULTS[field.format]
        cells = typed.believed(field.name).dropna()
        suspect = cells[~cells.str.fullmatch(PLAIN).astype(bool) | _has_identifier(cells)]
        faults = {cell: faults_of(cell, today) for cell in suspect.unique()}
        wrong = suspect[suspect.isin([cell for cell, found in faults.items() if found])]
        for row, cell in zip(wrong.index.tolist(), wrong.tolist(), strict=True):
            problems += [
                typed.problem(row, field.name, reason, remedy, severity)
                for severity, reason, remedy in faults[cell]
            ]
    return problems


def identifiers(cell: str) -> list[str]:
    """Catalogue numbers that are the whole of a part of a cell.

    A number inside a phrase ("retold in arXiv:1803.03453") names another source.

    Parameters
    ----------
    cell : str
        Parts separated by semicolons.

    Returns
    -------
    list of str
        ``arxiv:...`` without version and ``doi:...`` in lower case.
    """
    found = []
    for part in (part.strip() for part in cell.split(";")):
        arxiv = re.fullmatch(rf"(?i)(?:arxiv:\s*|https?://arxiv\.org/(?:abs|pdf)/)({ARXIV})", part)
        doi = re.fullmatch(rf"(?i)(?:doi:\s*|{_DOI_ADDRESS})?({DOI})", part)
        if arxiv:
            found.append("arxiv:" + re.sub(r"(?i)v\d+$", "", arxiv[1]).lower())
        elif doi:
            found.append("doi:" + doi[1].lower())
    return found


def _link(kind: str, text: str) -> tuple[str, str]:
    text = text.rstrip(_TRAILING)
    # A bracket that was opened before the address closes after it.
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1].rstrip(_TRAILING)
    if kind == "arxiv":
        return f"arXiv:{text}", f"https://arxiv.org/abs/{text}"
    if kind == "doi":
        return f"doi:{text}", "https://doi.org/" + quote(text, safe="/:;()._-")
    if kind == "github":
        return f"github.com/{text}", f"https://github.com/{text}"
    address = text if kind == "url" else f"https://{text}"
    if not _HOST.fullmatch(_host(address)):
        return "", ""
    return _shown(address), address.replace("'", "%27")


def _shown(address: str) -> str:
    arxiv = re.fullmatch(rf"(?i)https?://arxiv\.org/(?:abs|pdf)/({ARXIV})", address)
    if arxiv:
        return f"arXiv:{arxiv[1]}"
    return address.split("://", 1)[1].removeprefix("www.").rstrip("/")


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        # A name before the host makes one site look like another; a port must be a number.
        named = parts.username is not None or parts.port == 0
        return "" if named else parts.hostname or ""
    except ValueError:
        return ""


def _url_faults(cell: str) -> list[tuple[str, str]]:
    faults = []
    for match in _URL_WRITTEN.finditer(cell):
        scheme, mark, rest = match["scheme"].lower(), match["mark"], match["rest"]
        if scheme not in ("http", "https"):
            near = scheme.startswith(("htt", "htp", "hxx")) or scheme.endswith(("ttp", "ttps"))
            if mark == "://" or near:
                hint = "write https" if near else "write an address of the web, or none"
                faults.append((f"the scheme {scheme} of the address is not http or https", hint))
        elif mark != "://":
            faults.append((f"{scheme} is not followed by ://", f"write {scheme}://"))
        elif not _HOST.fullmatch(_host(f"{scheme}://{rest}")):
            reason = f"the address has no host such as example.org after {scheme}://"
            faults.append((reason, "copy the address again, whole"))
    return faults


def _unmarked(part: str) -> list[tuple[str, str]]:
    """Say of a part of a cell what it lacks in front to be what it looks like."""
    if _ARXIV_ALONE.fullmatch(part):
        reason = f"the arXiv identifier {part} has no arXiv: before it"
        return [(reason, f"write arXiv:{part}, if it is one")]
    if _DOI_ALONE.fullmatch(part):
        return [(f"the DOI {part} has no doi: before it", f"write doi:{part}, if it is one")]
    if _HOST_ALONE.fullmatch(part):
        reason = "the address does not begin with https:// or http://"
        return [(reason, f"write https://{part}")]
    return []


def _arxiv_faults(cell: str, today: date) -> list[tuple[str, str]]:
    faults = []
    for match in _ARXIV_WRITTEN.finditer(cell):
        written = (match["id"] if match["id"] is not None else match["path"]).rstrip(_TRAILING)
        written = written.removesuffix(".pdf")
        fault = _arxiv_fault(written, today)
        if fault:
            reason = f"the arXiv identifier {written or '(blank)'} {fault}"
            faults.append((reason, "write it as printed, such as arXiv:2105.14111"))
    return faults


def _arxiv_fault(written: str, today: date) -> str:
    if not re.fullmatch(ARXIV, written):
        return "is not of the form YYMM.NNNNN"
    if "/" in written:
        return ""
    year, month = 2000 + int(written[:2]), int(written[2:4])
    if not 1 <= month <= 12:
        return f"has no month {written[2:4]}"
    if (year, month) > (today.year, today.month):
        return "is of a month that has not come yet"
    number = written[5:].partition("v")[0]
    # Numbers have had five digits since January 2015.
    digits = 5 if year >= 2015 else 4
    if len(number) != digits:
        return f"has {len(number)} digits after the point where {digits} are due"
    return ""


def _doi_faults(cell: str) -> list[tuple[str, str]]:
    faults = []
    for match in _DOI_WRITTEN.finditer(cell):
        written = (match["id"] if match["id"] is not None else match["path"]).rstrip(_TRAILING)
        written = re.sub(r"(?i)^https?://(dx\.)?doi\.org/", "", written)
        if not re.fullmatch(DOI, written):
            what = "does not begin with 10." if not written.startswith("10.") else ""
            what = what or "is not 10., four to nine digits, a slash and a name"
            remedy = "write doi: and the name as printed, such as doi:10.1000/182"
            faults.append((f"the DOI {written or '(blank)'} {what}", remedy))
    return faults


def _has_identifier(cells: pd.Series) -> pd.Series:
    return cells.str.contains(r"(?i)arxiv|doi", regex=True).astype(bool)
