"""The studies as references: BibTeX for LaTeX, and CSL-JSON for reference managers.

The citation key is the ``study_id``. BibTeX is written by pybtex; CSL-JSON follows the schema of
the Citation Style Language 1.0.2.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pybtex.database import BibliographyData, Entry, Person
from pybtex.database.output.bibtex import Writer

from meta.evidence.links import identifiers, links

#: Characters that mean something to LaTeX, and how they are written. BibTeX counts braces even
#: behind a backslash, so they need names.
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "$": r"\$",
    "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}  # fmt: skip
CSL_TYPES = {"web_post": "post-weblog", "repository": "software"}
UNKNOWN = ("not recorded", "not named")


@dataclass(frozen=True)
class Authors:
    """Who wrote a source.

    Attributes
    ----------
    names : tuple of str
        Family names, or names of organisations, as recorded.
    others : bool
        Whether there are more.
    """

    names: tuple[str, ...]
    others: bool


@dataclass(frozen=True)
class Known:
    """What a study is known by; an empty text where it has none of the kind."""

    arxiv: str
    doi: str
    url: str


def known_by(cell: str) -> Known:
    """Read the identifiers of a study from the cell that says where it is.

    Parameters
    ----------
    cell : str
        Identifiers and addresses separated by semicolons, with remarks among them. A remark
        before an identifier ("retold in ...") makes it that of another text.

    Returns
    -------
    Known
        Number of the preprint, DOI and first web address.
    """
    found = dict(reversed([name.split(":", 1) for name in identifiers(cell)]))
    parts = [part.strip() for part in cell.split(";")]
    urls = [links(part) for part in parts if part.startswith(("http://", "https://"))]
    addresses = [address for part in urls for _, address in part[:1]]
    return Known(found.get("arxiv", ""), found.get("doi", ""), next(iter(addresses), ""))


def read_authors(cell: str) -> Authors:
    """Read the cell that lists the authors of a study.

    Parameters
    ----------
    cell : str
        Family names separated by semicolons; "others", "and others" and "et al." say that there
        are more; remarks stand in brackets.

    Returns
    -------
    Authors
        Without names where the cell says that they are not known.
    """
    # A name in brackets with its semicolon is an author who rests on memory, not a remark.
    plain = re.sub(r"\((\w[\w-]*);\)", r"\1;", cell)
    plain = re.sub(r"\s*\([^()]*\)", "", plain)
    names, others = [], False
    for part in (part.strip() for part in plain.split(";")):
        if part.startswith(UNKNOWN):
            break
        name = re.sub(r"(^|\s+)(and others|others|et al\.?)$", "", part)
        others = others or name != part
        name = re.sub(r"^(also|and)\s+|,.*$", "", name).strip()
        if name:
            names.append(name)
    return Authors(tuple(names), others)


def bibtex(studies: pd.DataFrame) -> str:
    """Write the studies as BibTeX.

    Parameters
    ----------
    studies : DataFrame
        One row a study: ``study_id``, ``title``, ``year`` and, where known, ``authors``,
        ``url_or_id``, ``how_read``, ``bib_basis``.

    Returns
    -------
    str
        One entry a study, by key: ``article`` with a DOI, ``misc`` otherwise. Text is escaped for
        LaTeX; addresses and identifiers are verbatim. Keys that BibTeX cannot tell apart get a
        number, and a character that would end a key becomes a hyphen.
    """
    entries: dict[str, Entry] = {}
    taken: set[str] = set()
    for row in _rows(studies):
        key = _key(row["study_id"], taken)
        taken.add(key.lower())
        entries[key] = _entry(row)
    return str(_Writer(encoding="UTF-8").to_string(BibliographyData(entries)))


def csl_json(studies: pd.DataFrame) -> str:
    """Write the studies as CSL-JSON.

    Parameters
    ----------
    studies : DataFrame
        As for `bibtex`.

    Returns
    -------
    str
        A JSON list, one item a study, by key.
    """
    return json.dumps([_item(row) for row in _rows(studies)], ensure_ascii=False, indent=1) + "\n"


class _Writer(Writer):
    """Leaves values as they are: text is escaped here, and addresses must not be."""

    def _encode(self, text: str) -> str:
        return text


def _rows(studies: pd.DataFrame) -> list[dict[str, str]]:
    rows = [
        {str(name): str(value) for name, value in row.items() if pd.notna(value)}
        for row in studies.to_dict("records")
    ]
    return sorted(rows, key=lambda row: row["study_id"])


def _key(name: str, taken: set[str]) -> str:
    """Make a citation key, unlike those that are taken even where letter case does not count."""
    plain = re.sub(r"[^\w.:+-]", "-", name)
    key, number = plain, 1
    while key.lower() in taken:
        number += 1
        key = f"{plain}-{number}"
    return key


def _entry(row: dict[str, str]) -> Entry:
    known = known_by(row.get("url_or_id", ""))
    fields = {"title": f"{{{_latex(row['title'])}}}", "year": row["year"]}
    if known.doi:
        fields["doi"] = _verbatim(known.doi)
    if known.arxiv:
        fields |= {"eprint": known.arxiv, "archiveprefix": "arXiv"}
    if address := _address(row):
        fields["url"] = _verbatim(address)
    if note := _note(row):
        fields["note"] = _latex(note)
    authors = read_authors(row.get("authors", ""))
    # Braces keep a name of several words one name.
    people = [Person(last=f"{{{_latex(name)}}}") for name in authors.names]
    people += [Person(last="others")] if authors.others and people else []
    kind = "article" if known.doi else "misc"
    return Entry(kind, fields=fields, persons={"author": people} if people else {})


def _item(row: dict[str, str]) -> dict[str, Any]:
    known = known_by(row.get("url_or_id", ""))
    authors = read_authors(row.get("authors", ""))
    people = [{"family": name} for name in authors.names]
    people += [{"literal": "others"}] if authors.others and people else []
    item: dict[str, Any] = {
        "id": row["study_id"],
        "type": _csl_type(row, known.doi, known.arxiv),
        "title": row["title"],
        "author": people,
        "issued": {"date-parts": [[int(row["year"])]]},
        "DOI": known.doi,
        "number": f"arXiv:{known.arxiv}" if known.arxiv else "",
        "URL": _address(row),
        "note": _note(row),
    }
    return {key: value for key, value in item.items() if value}


def _csl_type(row: dict[str, str], doi: str, arxiv: str) -> str:
    if doi or arxiv:
        return "article-journal" if doi else "article"
    return CSL_TYPES.get(row.get("source_type", ""), "webpage" if _address(row) else "document")


def _address(row: dict[str, str]) -> str:
    """Web address of a study: that of the preprint where it is one, else the first."""
    known = known_by(row.get("url_or_id", ""))
    if known.arxiv and not known.doi:
        return f"https://arxiv.org/abs/{known.arxiv}"
    return known.url


def _note(row: dict[str, str]) -> str:
    """What the entry rests on, and the parts of the record that have no field of their own."""
    authors = row.get("authors", "")
    kept = read_authors(authors)
    plain = "; ".join(kept.names)
    usual = [plain, *(f"{plain}{more}" for more in (" et al.", " and others", "; others"))]
    parts = [
        ("Read", row.get("how_read", "")),
        ("Basis of this entry", row.get("bib_basis", "")),
        ("Authors as recorded", "" if authors in usual else authors),
        ("Where", "" if _address(row) else row.get("url_or_id", "")),
    ]
    return ". ".join(f"{name}: {text}" for name, text in parts if text)


def _latex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in " ".join(text.split()))


def _verbatim(text: str) -> str:
    """Keep an address from closing the braces it stands in."""
    return text.replace("{", "%7B").replace("}", "%7D")
