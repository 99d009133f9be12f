"""Identifiers and links of a source: only web addresses, and only its own identifiers."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.evidence.checking import check
from meta.evidence.source_links import identifiers, safe_address, source_links

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("cell", "links"),
    [
        ("arXiv:2105.14111", [("arXiv:2105.14111", "https://arxiv.org/abs/2105.14111")]),
        ("https://doi.org/10.2196/53164", [("doi:10.2196/53164", "https://doi.org/10.2196/53164")]),
        ("doi:10.1016/j.jss.2020.110825; https://github.com/KTH/x @c26f",
         [("doi:10.1016/j.jss.2020.110825", "https://doi.org/10.1016/j.jss.2020.110825"),
          ("github.com", "https://github.com/KTH/x")]),
        ("arXiv:2310.08043; github UlisseMini/procgen-tools",
         [("arXiv:2310.08043", "https://arxiv.org/abs/2310.08043"),
          ("github UlisseMini/procgen-tools", "https://github.com/UlisseMini/procgen-tools")]),
        ("retold in arXiv:1803.03453", [("arXiv:1803.03453", "https://arxiv.org/abs/1803.03453")]),
        ("JMIR Mental Health 2025", []),
        ("javascript:alert(1)", []),
        ("data:text/html,x; file:///etc/passwd; ftp://a/b; //evil.org", []),
    ],
)  # fmt: skip
def test_links(cell, links):
    assert source_links(cell) == links


def test_a_retold_source_has_no_identifier_of_its_own():
    assert identifiers("retold in arXiv:1803.03453").arxiv == ""
    known = identifiers("doi:10.1/x; arXiv:1805.03454; https://a.org/b.")
    assert (known.doi, known.arxiv, known.url) == ("", "1805.03454", "https://a.org/b")
    acm = identifiers("https://dl.acm.org/doi/10.1145/2959100.2959190")
    assert acm.doi == "10.1145/2959100.2959190"


@given(st.text(st.sampled_from("htps:/.jav\"'<> \n\t\0aé;()@\\10"), max_size=60))
@settings(max_examples=2000, derandomize=True, deadline=None)
def test_no_text_becomes_anything_but_a_web_address(text):
    for address in [safe_address(text), *(address for _, address in source_links(text))]:
        assert address == "" or address.startswith(("http://", "https://"))
        assert not set(address) & set("\"'<> \n\t\0\\")


def test_shipped_studies_link_to_their_sources():
    cells = check(ROOT).tables["studies"]["url_or_id"].dropna()
    without = [cell for cell in cells if not source_links(cell)]
    # Five cells name no address: mirrors, a copyright line, a journal's year.
    assert len(cells) - len(without) >= 145
    assert all("http" not in cell and "arXiv" not in cell for cell in without)
