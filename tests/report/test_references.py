"""References of all studies: read back by a reader that we did not write."""

import codecs
import json
import re
from pathlib import Path

import latexcodec  # noqa: F401
import pandas as pd
import pytest
from pybtex.database import parse_string

from meta.evidence.checking import check
from meta.evidence.links import links
from meta.report.references import bibtex, csl_json, known_by, read_authors

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def studies():
    return check(ROOT).tables["studies"]


def plain(text: str) -> str:
    """Text as LaTeX would set it."""
    text = text.removeprefix("{").removesuffix("}")
    for mark, sign in ((r"\textbackslash{}", "\\"), (r"\textasciitilde{}", "~"),
                       (r"\textasciicircum{}", "^")):  # fmt: skip
        text = text.replace(mark, sign)
    return codecs.decode(text, "ulatex") if "\\" in text.replace("\\\\", "") else text


def test_every_study_reads_back(studies):
    parsed = parse_string(bibtex(studies), "bibtex").entries
    items = {item["id"]: item for item in json.loads(csl_json(studies))}
    assert list(parsed) == list(items) == sorted(studies["study_id"])
    assert len(parsed) == len(studies) >= 167
    for row in studies.to_dict("records"):
        entry, item = parsed[row["study_id"]], items[row["study_id"]]
        assert plain(entry.fields["title"]) == item["title"] == row["title"]
        assert int(entry.fields["year"]) == item["issued"]["date-parts"][0][0] == row["year"]
        authors = read_authors(row["authors"])
        names = [plain(" ".join(person.last_names)) for person in entry.persons.get("author", [])]
        assert names == [*authors.names, *(["others"] if authors.others else [])]
        assert [n.get("family", "others") for n in item.get("author", [])] == names
        cell = "" if pd.isna(row["url_or_id"]) else row["url_or_id"]
        if re.fullmatch(r"arXiv:[0-9.]+", cell.partition(";")[0]):
            assert entry.fields["eprint"] == cell[6:16].rstrip(";") == item["number"][6:]
        if cell.startswith("doi:"):
            assert entry.type == "article"
            assert cell.lower().startswith(f"doi:{item['DOI']}")
            assert entry.fields["doi"] == item["DOI"]
        if "://" in cell.partition(";")[0] and "arXiv" not in cell:
            assert cell.startswith(entry.fields["url"].rstrip("/"))
        assert str(row["how_read"]) in plain(entry.fields["note"])
        assert str(row["bib_basis"]) in item["note"]


@pytest.mark.parametrize(
    ("cell", "names", "others"),
    [
        ("Langosco; Koch; (Orseau;) Krueger", ("Langosco", "Koch", "Orseau", "Krueger"), False),
        ("Abdel Sadek; Farrugia-Roberts; others", ("Abdel Sadek", "Farrugia-Roberts"), True),
        ("Petrov et al. (Palisade Research)", ("Petrov",), True),
        ("Buckworth and others", ("Buckworth",), True),
        ("METR", ("METR",), False),
        ("not recorded", (), False),
        ("not named in the text read; adapters by x", (), False),
        ("", (), False),
    ],
)
def test_authors(cell, names, others):
    authors = read_authors(cell)
    assert (authors.names, authors.others) == (names, others)


def test_hostile_text_is_escaped():
    title = r'50% of $x_1$ & {#1} "q" ~ ^ \input{/etc/passwd} } @misc{evil, title={x}}'
    rows = pd.DataFrame({"study_id": ["a", "b"], "title": [title, "T"], "year": [2020, 2021],
                         "authors": ["O'Neil & Söhne {x}; others", "B"],
                         "url_or_id": ["https://a.org/%7Bx}?a=1&b=2_c", None]})  # fmt: skip
    text = bibtex(rows)
    parsed = parse_string(text, "bibtex").entries
    assert list(parsed) == ["a", "b"]
    title = parsed["a"].fields["title"]
    assert r"50\% of \$x\_1\$ \& \textbraceleft{}\#1\textbraceright{}" in title
    assert r"\textbackslash{}input\textbraceleft{}" in title
    assert parsed["a"].fields["url"] == "https://a.org/%7Bx%7D?a=1&b=2_c"
    assert json.loads(csl_json(rows))[0]["URL"] == "https://a.org/%7Bx}?a=1&b=2_c"


def test_a_retold_source_has_no_identifier_of_its_own():
    assert known_by("retold in arXiv:1803.03453").arxiv == ""
    known = known_by("doi:10.1/x; arXiv:1805.03454; https://a.org/b.")
    assert (known.doi, known.arxiv, known.url) == ("", "1805.03454", "https://a.org/b")
    acm = known_by("https://dl.acm.org/doi/10.1145/2959100.2959190")
    assert acm.doi == "10.1145/2959100.2959190"


def test_shipped_studies_link_to_their_sources():
    cells = check(ROOT).tables["studies"]["url_or_id"].dropna()
    without = [cell for cell in cells if not links(cell)]
    # Five cells name no address: mirrors, a copyright line, a journal's year.
    assert len(cells) - len(without) >= 145
    assert all("http" not in cell and "arXiv" not in cell for cell in without)


def test_keys_that_bibtex_takes_for_one_or_cannot_hold_do_not_stop_the_file():
    names = ["doe_2025", "Doe_2025", "zz,b", "zz}b"]
    studies = pd.DataFrame({"study_id": names, "title": names, "year": 2025})
    assert set(parse_string(bibtex(studies), "bibtex").entries) == {
        "Doe_2025", "doe_2025-2", "zz-b", "zz-b-2"
    }  # fmt: skip
