"""Citations of the documents, each compared with the work that is found behind it."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from meta.audit.rows import known_from, rows_of, short_names, text
from meta.evidence.dictionary import load_dictionary
from meta.finding import Finding, joined, quoted, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from meta.audit.rows import Row
    from meta.finding import Kind

#: Stands for authors who are not listed.
OTHERS = "others"
#: Abbreviations that titles are cited with.
WRITTEN_OUT = {
    "ai": "artificial intelligence",
    "dl": "deep learning",
    "drl": "deep reinforcement learning",
    "llm": "large language model",
    "llms": "large language models",
    "rl": "reinforcement learning",
}


def citation_findings(
    citations: pd.DataFrame,
    documents: pd.DataFrame | None = None,
    studies: pd.DataFrame | None = None,
) -> list[Finding]:
    """Find citations that differ from the work behind them.

    Parameters
    ----------
    citations : DataFrame
        Table of the citations.
    documents : DataFrame, optional
        Table of the documents, for their short names.
    studies : DataFrame, optional
        Table of the studies, to name the work that is meant where another one is found.

    Returns
    -------
    list of Finding
        Of kind ``citation``: `wrong_author` (another first author), `left_out_author`,
        `wrong_year` (neither that of the first posting nor that of publication), `wrong_title`,
        `wrong_organisation`, `wrong_subject` (the work is about something else than it is cited
        for) and `dead_link` (by the document's own note). Of kind ``category``:
        `cited_as_another_kind` (a work about one kind of failure, cited for another). What is
        blank on either side is not compared. The same fault in several places is one finding.
    """
    names = short_names(documents)
    known = {text(row, "study_id"): row for row in ([] if studies is None else rows_of(studies))}
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows_of(citations):
        meant = _meant(row, known.get(text(row, "study_id")))
        for finding, compare in COMPARISONS.items():
            if said := compare(row):
                said += meant if finding in OTHER_WORK else ""
                found.setdefault((finding, _cited(row), said), []).append(row)
    return [_finding(*key, rows, names) for key, rows in found.items()]


def _finding(
    finding: str, cited: str, said: str, rows: list[Row], names: dict[str, str]
) -> Finding:
    documents = tuple(dict.fromkeys(text(row, "document") for row in rows))
    keys = tuple(text(row, "citation_id") for row in rows)
    verb = "cite" if len(documents) > 1 else "cites"
    words = f"{_places(rows, names)} {verb} {cited}{said}"
    places = tuple(dict.fromkeys(filter(None, (text(row, "place") for row in rows))))
    kind: Kind = "category" if finding == "cited_as_another_kind" else "citation"
    return Finding(kind, finding, documents, places, keys, sentence(words))


def _meant(row: Row, study: Row | None) -> str:
    """Name the work that is meant, where it is another than the one found."""
    if study is None:
        return ""
    meant = _authors(study, "authors")
    found = _authors(row, "found_authors")
    if not meant or (found and meant[0].casefold() == found[0].casefold()):
        return ""
    who = meant[0] if len(meant) == 1 else f"{meant[0]} and others"
    return f"; the work that is meant is by {who} ({text(study, 'year')})"


def _wrong_author(row: Row) -> str:
    cited, found = _authors(row, "cited_authors"), _authors(row, "found_authors")
    if not cited or not found or _plain(cited[0]) == _plain(found[0]):
        return ""
    return f", but the first author of the work found there is {found[0]}{_work(row)}"


def _left_out_author(row: Row) -> str:
    cited, found = _authors(row, "cited_authors"), _authors(row, "found_authors")
    if OTHERS in (*cited[-1:], *found[-1:]) or _wrong_author(row) or not cited:
        return ""
    listed = {_plain(name) for name in cited}
    missing = [name for name in found if _plain(name) not in listed]
    return f", which leaves out {joined(missing)}{_basis(row)}" if missing else ""


def _wrong_year(row: Row) -> str:
    cited = text(row, "cited_year")
    years = [year for year in (text(row, "found_year"), text(row, "found_published")) if year]
    if not cited or not years or cited in years:
        return ""
    published = f", published in {years[1]}" if len(years) > 1 else ""
    return f", but the work is of {years[0]}{published}{_basis(row)}"


def _wrong_title(row: Row) -> str:
    cited, found = _words(text(row, "cited_title")), _words(text(row, "found_title"))
    # A title may be cited without its subtitle or its end.
    if not cited or not found or cited in found or found in cited:
        return ""
    return f", but the title of the work is {quoted(text(row, 'found_title'))}{_basis(row)}"


def _wrong_organisation(row: Row) -> str:
    cited, found = text(row, "cited_organisation"), text(row, "found_organisation")
    known = {_plain(name) for name in found.split(";")}
    if not cited or not found or _plain(cited) in known:
        return ""
    return f"{_subject(row)}, but the work comes from {found}{_work(row)}"


def _other_subject(row: Row) -> str:
    cited, found = text(row, "cited_for"), text(row, "found_about")
    if not cited or not found or _plain(cited) == _plain(found):
        return ""
    return f"{_subject(row)}, but the work found there is about {found}{_work(row)}"


def _wrong_subject(row: Row) -> str:
    return "" if _names_kinds(row) else _other_subject(row)


def _cited_as_another_kind(row: Row) -> str:
    return _other_subject(row) if _names_kinds(row) else ""


def _names_kinds(row: Row) -> bool:
    """Whether a work is cited for one kind of failure and about one."""
    values = load_dictionary()["cases"].fields["failure_type"].values or ()
    kinds = {_plain(value.replace("_", " ")) for value in values}
    return {_plain(text(row, "cited_for")), _plain(text(row, "found_about"))} <= kinds


def _dead_link(row: Row) -> str:
    if text(row, "link_said_dead") != "yes":
        return ""
    return f"{_subject(row)} with a link that it notes as leading nowhere"


#: Findings that say that another work was found.
OTHER_WORK = ("wrong_author", "wrong_organisation", "wrong_subject", "cited_as_another_kind")
#: Comparison of each finding: what is wrong, in words, or an empty text.
COMPARISONS: dict[str, Callable[[Row], str]] = {
    "wrong_author": _wrong_author,
    "left_out_author": _left_out_author,
    "wrong_year": _wrong_year,
    "wrong_title": _wrong_title,
    "wrong_organisation": _wrong_organisation,
    "wrong_subject": _wrong_subject,
    "cited_as_another_kind": _cited_as_another_kind,
    "dead_link": _dead_link,
}


def _subject(row: Row) -> str:
    cited = text(row, "cited_for")
    return f" for {cited}" if cited else ""


def _cited(row: Row) -> str:
    """A citation in words."""
    who = joined(_authors(row, "cited_authors")) or text(row, "cited_organisation")
    title, year = text(row, "cited_title"), text(row, "cited_year")
    if title:
        inside = ", ".join(part for part in (who, year) if part)
        return f"{quoted(title)}{f' ({inside})' if inside else ''}"
    return f"{who or 'a work'}{f' ({year})' if year else ''}"


def _places(rows: list[Row], names: dict[str, str]) -> str:
    """Documents and the places in them."""
    places: dict[str, list[str]] = {}
    for row in rows:
        document = text(row, "document")
        places.setdefault(names.get(document, document), []).append(text(row, "place"))
    return joined([f"{name} ({'; '.join(filter(None, at))})" for name, at in places.items()])


def _work(row: Row) -> str:
    """The work found, as far as it is known, and where that is known from."""
    who, title = joined(_authors(row, "found_authors")), text(row, "found_title")
    named = ", ".join(part for part in (who, quoted(title) if title else "") if part)
    return f" ({named}; {_from(row)})" if named else f" ({_from(row)})"


def _basis(row: Row) -> str:
    return f" ({_from(row)})"


def _from(row: Row) -> str:
    return known_from(row, "found_basis")


def _authors(row: Row, column: str) -> list[str]:
    """Names in their order; a tail that is not listed becomes `OTHERS`."""
    listed = text(row, column).replace(" et al.", f"; {OTHERS}").split(";")
    return [name.strip() for name in listed if name.strip()]


def _plain(name: str) -> str:
    """A name without letter case, marks and what is in brackets."""
    bare = re.sub(r"\(.*?\)", "", name)
    marks = unicodedata.normalize("NFKD", bare)
    return re.sub(r"\W+", " ", marks.encode("ascii", "ignore").decode()).strip().casefold()


def _words(title: str) -> str:
    """A title as words between spaces, abbreviations written out."""
    words = re.sub(r"['\u2019]", "", title).casefold()
    listed = re.findall(r"\w+", words)
    return " ".join(["", *(WRITTEN_OUT.get(word, word) for word in listed), ""]) if listed else ""
