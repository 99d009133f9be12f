"""Links in a cell, and what is malformed about them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta.evidence.links import identifiers, link_faults, links
from tests.evidence.small_base import STUDY, checked, only

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (
            "arXiv:2105.14111; github owner/name.py",
            [
                ("arXiv:2105.14111", "https://arxiv.org/abs/2105.14111"),
                ("github.com/owner/name.py", "https://github.com/owner/name.py"),
            ],
        ),
        ("retold in arXiv:1803.03453", [("arXiv:1803.03453", "https://arxiv.org/abs/1803.03453")]),
        ("doi:10.1000/182.", [("doi:10.1000/182", "https://doi.org/10.1000/182")]),
        ("see (https://x.org/a_(b)).", [("x.org/a_(b)", "https://x.org/a_(b)")]),
        (
            "sites.google.com/view/x",
            [("sites.google.com/view/x", "https://sites.google.com/view/x")],
        ),
        (
            "https://arxiv.org/abs/cs/0501001",
            [("arXiv:cs/0501001", "https://arxiv.org/abs/cs/0501001")],
        ),
        ("https://x.org/a https://x.org/a", [("x.org/a", "https://x.org/a")]),
        ("public mirror (address not known)", []),
        ("", []),
    ],
)
def test_links_are_found_in_order(cell, expected):
    assert links(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "javascript:alert(1)",
        "JAVA\tSCRIPT:x",
        "data:text/html,<p>",
        "https://a@b.org/",
        "https://:9",
    ],
)
def test_nothing_else_becomes_a_link(cell):
    assert links(cell) == []


@given(st.text(max_size=60).map(lambda text: f"https://x.org/{text}") | st.text())
def test_every_address_is_safe_in_an_attribute(cell):
    for _, address in links(cell):
        assert address.startswith(("https://", "http://"))
        assert not set(address) & set("\"'<> \n\t")


@pytest.mark.parametrize(
    ("cell", "severity", "said"),
    [
        ("javascript:alert(1)", "error", "the scheme javascript:"),
        ("java\tscript:alert(1)", "error", "the scheme javascript:"),
        ("see\njavascript:alert(1)", "error", "the scheme javascript:"),
        ("data:text/html,x", "error", "the scheme data:"),
        ("file:///etc/passwd", "error", "the scheme file:"),
        ("htp://x.org", "warning", "scheme htp"),
        ("ftp://x.org", "warning", "scheme ftp"),
        ("https:/x.org", "warning", "https is not followed by ://"),
        ("http//x.org", "warning", "http is not followed by ://"),
        ("https://localhost", "warning", "no host"),
        ("https://[::1", "warning", "no host"),
        ("arXiv:2105.1411", "warning", "2105.1411 has 4 digits after the point where 5 are due"),
        ("arXiv:1412.12345", "warning", "has 5 digits after the point where 4 are due"),
        ("arXiv:2113.14111", "warning", "has no month 13"),
        ("arXiv:2612.00001", "warning", "has not come yet"),
        ("arXiv:21O5.14111", "warning", "is not of the form"),
        ("https://arxiv.org/abs/2105", "warning", "is not of the form"),
        ("doi:10.1/182", "warning", "the DOI 10.1/182 is not 10."),
        ("doi:1000/182", "warning", "does not begin with 10."),
        ("https://doi.org/182", "warning", "the DOI 182 does not begin"),
        ("arXiv 2105.1411", "warning", "has 4 digits after the point where 5 are due"),
        ("arXiv:2105.14111; 2106.00001", "warning", "2106.00001 has no arXiv: before it"),
        ("10.1000/182", "warning", "the DOI 10.1000/182 has no doi: before it"),
        ("doi 10.1/182", "warning", "the DOI 10.1/182 is not 10."),
        ("example.org/paper", "warning", "does not begin with https:// or http://"),
        ("www.example.museum", "warning", "does not begin with https:// or http://"),
        ("example.org", "warning", "does not begin with https:// or http://"),
    ],
)
def test_what_is_malformed_is_named(cell, severity, said):
    ((found, reason, remedy),) = link_faults(cell, TODAY)
    assert found == severity
    assert said in reason
    assert remedy


@pytest.mark.parametrize(
    "cell",
    [
        "data: see the appendix",
        "data zenodo 10200914 (not available here)",
        "file: table 3; file headed 'x'",
        "LessWrong xT7rMYvCFCaBgyYdN",
        "public mirror, see README.md and data/x.csv",
        "arXiv preprint, number not known",
        "arXiv:2611.00001",
        "arXiv:1412.1234",
        "arXiv:hep-th/9901001v2",
        "https://arxiv.org/pdf/2105.14111v2.pdf",
        "doi:https://doi.org/10.1000/182",
        "https://dl.acm.org/doi/10.1145/2959100.2959190",
        "http://citeseerx.ist.psu.edu/viewdoc/download?doi=10.1.1.50.9691&rep=rep1",
        "https://a.org/x;jsessionid=1",
        "https://web.archive.org/web/2005/http://www.a.org/x.html",
    ],
)
def test_what_is_legal_is_left_alone(cell):
    assert link_faults(cell, TODAY) == []


@pytest.mark.parametrize(
    ("cell", "repair"),
    [
        ("www.example.org/a", "write https://www.example.org/a"),
        ("arXiv:2105.14111", "write https://arxiv.org/abs/2105.14111"),
        ("doi:10.1000/182", "write https://doi.org/10.1000/182"),
        ("the list itself", "write the address, or leave it blank"),
        ("https:/example.org/a", "write https://"),
        ("HTTP://example.org/a", None),
        ("https://example.org/a", None),
    ],
)
def test_an_address_is_one_that_a_browser_takes(tmp_path, cell, repair):
    case = {"case_id": "C1", "failure_type": "specification_gaming", "source_url": cell}
    found = [p for p in checked(tmp_path, cases=[case]).problems if p.severity != "note"]
    said = [(p.column, p.severity, p.code, p.remedy) for p in found]
    assert said == ([("source_url", "warning", "url-form", repair)] if repair else [])


def test_the_row_is_named(tmp_path):
    studies = [{**STUDY, "url_or_id": "arXiv:2105.1411"}]
    problem = only(checked(tmp_path, studies=studies))
    assert (problem.line, problem.column, problem.severity) == (2, "url_or_id", "warning")
    assert problem.code == "arxiv-form"


def test_a_plain_looking_address_is_looked_into(tmp_path):
    """The fast path may not wave through what the slow one would catch."""
    studies = [{**STUDY, "url_or_id": "https://doi.org/182"}]
    assert only(checked(tmp_path, studies=studies)).code == "doi-form"


def test_identifiers_stand_alone_in_their_part():
    assert identifiers("doi:10.1016/J.JSS.2020; arXiv:1805.03454v2; https://x.org") == [
        "doi:10.1016/j.jss.2020",
        "arxiv:1805.03454",
    ]
    assert identifiers("retold in arXiv:1803.03453") == []
