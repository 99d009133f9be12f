"""The page of the audit: every finding, table and item on it, links that lead somewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from meta.audit.tables import all_findings, read_tables
from meta.audit.taxonomy import evidence_of_items
from meta.claims.audit import audit_run
from meta.evidence.checking import check
from meta.evidence.warehouse import build_warehouse
from meta.report.audit import KIND_NAMES, audit_page, found_by_document
from meta.report.claims import claims_context
from meta.report.environment import environment
from meta.report.published_tables import published_views
from meta.report.taxonomies import Sources, taxonomy_sections
from meta.report.wording import COLOURS
from meta.risk.arithmetic import arithmetic_checks
from meta.risk.tables import published_tables

ROOT = Path(__file__).parents[2]
SHIPPED = pd.read_csv(ROOT / "data/raw/claims.csv")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Addresses, anchors and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.anchors: list[str] = []
        self.opened: list[str] = []
        self.faults: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.hrefs += [given["href"] or ""] if tag == "a" else []
        self.anchors += [given["id"] or ""] if "id" in given else []
        self.opened += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        if not self.opened or self.opened.pop() != tag:
            self.faults.append(tag)


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, pd.DataFrame]:
    path = tmp_path_factory.mktemp("warehouse") / "evidence.duckdb"
    build_warehouse(check(ROOT), path)
    return read_tables(path)


def sources(tables: dict[str, pd.DataFrame]) -> Sources:
    studies = tables["studies"]
    addresses = dict(zip(studies["study_id"], studies["url_or_id"], strict=True))
    return Sources(addresses, tables["cases"])


def render(tables: dict[str, pd.DataFrame], claims: bool = True) -> str:
    return audit_page(
        all_findings(tables), evidence_of_items(tables),
        published_tables(tables["claims"], partial=True), tables["documents"], sources(tables),
        claims,
    )  # fmt: skip


@pytest.fixture(scope="module")
def html(tables) -> str:
    return render(tables)


def text_of(html: str) -> str:
    bare = re.sub(r"<style>.*?</style>", " ", html, flags=re.DOTALL)
    bare = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))
    return bare.replace("&#39;", "'").replace("&amp;", "&").replace("&lt;", "<")


def test_every_finding_is_on_the_page_under_each_of_its_documents(tables, html):
    text, found = text_of(html), all_findings(tables)
    for row in found.to_dict("records"):
        assert text.count(row["sentence"]) == len(row["documents"].split("; ")), row["sentence"]
        for line in filter(None, row["sums"].split("; ")):
            assert line in text


def test_the_counts_are_those_of_the_table(tables):
    found = all_findings(tables)
    names = {document: (document, "") for document in tables["documents"]["document"]}
    for document in found_by_document(found, names):
        mine = found[found["documents"].str.contains(document.name, regex=False)]
        assert document.number == len(mine)
        for kind in KIND_NAMES:
            assert document.count(kind) == (mine["kind"] == kind).sum()


def test_anchors_are_unique_and_links_within_the_page_lead_to_one(html):
    page = Page(html)
    assert not page.faults
    assert len(page.anchors) == len(set(page.anchors))
    assert {href[1:] for href in page.hrefs if href.startswith("#")} <= set(page.anchors)


def test_links_to_claims_lead_to_rows_of_the_page_of_claims(html):
    wanted = {href.partition("#")[2] for href in Page(html).hrefs if "claims.html#" in href}
    assert len(wanted) > 100
    audited = audit_run(SHIPPED, arithmetic_checks(SHIPPED), [])
    template = environment().get_template("claims.html.j2")
    claims = template.render(colours=COLOURS, stamp="", failed=[], **claims_context(audited))
    anchors = Page(claims).anchors
    assert len(anchors) == len(set(anchors))
    assert wanted <= set(anchors)
    assert set(SHIPPED["claim_id"]) <= set(anchors)


def test_without_a_page_of_claims_nothing_links_to_it(tables):
    assert not [href for href in Page(render(tables, claims=False)).hrefs if "claims" in href]


def test_other_files_that_are_linked_to_are_those_that_are_written(html):
    local = {href for href in Page(html).hrefs if not re.match(r"https?:|#|claims", href)}
    published = {f"published/{name}.csv" for name in published_tables(SHIPPED)}
    assert local == published | {"index.html", "findings.csv", "taxonomy.csv"}


def test_every_item_is_on_the_page_and_an_empty_one_says_so(tables, html):
    items, text = evidence_of_items(tables), text_of(html)
    for name in items["item"]:
        assert name in text
    bare = items["arms"].eq(0) & items["cases"].eq(0)
    assert html.count(">no evidence</td>") == bare.sum() > 20


def test_an_item_counts_and_names_its_rows(tables):
    items = evidence_of_items(tables)
    shown = {
        item.name: item
        for section in taxonomy_sections(items, {}, sources(tables))
        for listing in section.listings
        for item in listing.items
    }
    for row in items[~items["taxonomy"].eq("goal_example")].to_dict("records"):
        item = shown[row["item"]]
        if sum(items["item"].eq(row["item"])) > 1:  # the same name in two documents
            continue
        assert (item.arms, item.cases) == (row["arms"], row["cases"])
        assert len(item.cases_of) == row["cases"]
        assert len(item.studies_of) == row["studies"]
        assert item.arms_of == row["arm_ids"]
    twenty = shown["Type 3: significant"]
    assert ("CoinRun (GMG-RL01)", "https://arxiv.org/abs/2105.14111") in twenty.cases_of


def test_parts_stand_below_what_they_are_parts_of():
    rows = [
        ("c", "b", "third"), ("a", "", "first"), ("d", "gone", "fourth"), ("b", "a", "second"),
    ]  # fmt: skip
    blank = {"description": "", "study_ids": "", "arm_ids": "", "case_ids": ""}
    zero = {"arms": 0, "cases": 0, "studies": 0, "disputed": 0}
    items = pd.DataFrame(
        {
            "item_id": i,
            "parent": p,
            "item": n,
            "taxonomy": "cause",
            "document": "x",
            **blank,
            **zero,
        }
        for i, p, n in rows
    )
    nothing = Sources({}, pd.DataFrame({"case_id": [], "title": [], "source_url": []}))
    (section,) = taxonomy_sections(items, {"x": "the page"}, nothing)
    (listing,) = section.listings
    assert listing.document == "the page"
    assert [(item.name, item.depth) for item in listing.items] == [
        ("first", 0), ("second", 1), ("third", 2), ("fourth", 0),
    ]  # fmt: skip
    assert section.bare == "Of 4 items 4 have no evidence."


def test_the_goals_are_told_with_their_break_points(tables):
    """Of one row of the lesson, copied by eye."""
    row = evidence_of_items(tables).set_index("item_id").loc["002.goal.coins-always-right"]
    assert row[["training_regime", "intended_goal", "learned_goal", "break_point"]].tolist() == [
        "coin always at the right", "reach the coin", "go right", "the coin is on the left",
    ]  # fmt: skip


def cells(views, table: str, heading: str) -> list[tuple[str, str]]:
    (view,) = [view for view in views if view.name == table]
    (line,) = [line for line in view.lines if line.heading == heading]
    assert len(line.cells) == len(view.columns) - 1
    return [(cell.text, cell.remark) for cell in line.cells]


#: Rows as a reader should see them; figures of the document and of the independent audit.
ROWS = {
    ("base_rates", "Superficial"): [
        ("85% x 12% = 10.2%", ""), ("3.6%", ""),
        ("35.3% (33.2% to 37.6% by rounding)", "outside the stated band"),
        ("5.1% to 7.14%", ""), ("4.59%", ""),
    ],
    ("base_rates", "Moderate"): [
        ("65% x 28% = 18.2%", ""), ("10%", ""), ("54.9% (53.3% to 56.7% by rounding)", ""),
        ("9.1% to 12.7%", ""), ("8.19%", ""),
    ],
    ("pooled", "Printed pooled"): [("87%", ""), ("76%", ""), ("45%", ""), ("29.8%", "")],
    ("pooled", "Mean of products"): [("–", ""), ("–", ""), ("–", ""), ("31.5%", "")],
    ("modifiers", "Specification"): [("0.5x (high, score 0.9)", ""), ("2x (low, score 0.2)", "")],
    ("modifiers", "All four"): [("0.07x", ""), ("12.6x", "")],
    ("specification_levels", "Medium"): [("0.4 to 0.7", ""), ("0.8x to 1.2x", "")],
    ("base_times_modifiers", "Extreme"): [
        ("27.7%", ""), ("1.94%", ""), ("349%", "no probability"),
    ],
    ("risk_ranges", "Superficial"): [("3.6%", ""), ("1% to 10%", ""), ("0.28x to 2.78x", "")],
    ("domains", "AI assistants"): [
        ("types 2 to 3, score 0.3", ""), ("15% to 43.6%", ""),
        ("18% to 35%", "not what the tables give"), ("27% to 52.5%", ""), ("25% to 40%", ""),
    ],
    ("timeline", "Post-2030"): [
        ("3x to 5x", ""), ("10.8% to 18%", ""), ("30% to 50%", ""),
        ("65.4% to 109%", "no probability"), ("83.1% to 139%", "no probability"),
    ],
    ("interventions", "AI control protocols"): [
        ("response", ""), ("60% to 90%", ""), ("10% to 40%", ""), ("system overhead", ""),
        ("very high", ""),
    ],
    ("interventions", "Anomaly monitoring"): [
        ("detection", ""), ("no figure", ""), ("–", ""), ("monitoring overhead", ""),
        ("medium", ""),
    ],
    ("interventions", "All, multiplied"): [
        ("all", ""), ("86.6% to 99.1%", "no rule is printed"), ("0.9% to 13.4%", ""), ("–", ""),
        ("–", ""),
    ],
    ("chart", "Cross cultural"): [
        ("0.4, 0.45", ""), ("superficial", ""), ("moderate", "another type"),
    ],
    ("chart", "Cooperative to competitive"): [
        ("0.5, 0.75", ""), ("between significant and extreme", "on a line"), ("significant", ""),
    ],
    ("chart", "Weather"): [("0.35, 0.4", ""), ("superficial", ""), ("not named", "")],
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_published_row_reads_as_it_should(row):
    assert cells(published_views(published_tables(SHIPPED)), *row) == ROWS[row]


def test_a_table_that_lacks_a_figure_is_shown_with_a_blank():
    for gone in SHIPPED["claim_id"][::3]:
        tables = published_tables(SHIPPED[SHIPPED["claim_id"] != gone], partial=True)
        for view in published_views(tables):
            for cell in (cell for line in view.lines for cell in line.cells):
                assert "nan" not in cell.text, (gone, view.name)
                assert cell.text == cell.text.strip(), (gone, view.name)


#: Columns that reach the page as text, and those that name rows.
TEXTS = {
    "documents": ["short_name", "title"],
    "taxonomy": ["item", "description"],
    "goal_pairs": ["training_regime", "intended_goal", "learned_goal", "break_point", "place"],
    "citations": ["cited_title", "found_title", "place"],
    "cases": ["title", "source_url"],
    "studies": ["url_or_id"],
    "arms": ["environment"],
}
NAMES = {"claims": "claim_id", "arms": "arm_id", "citations": "citation_id"}


def assert_harmless(html: str) -> None:
    assert "&lt;script&gt;" in html
    assert "<script" not in html and "<img" not in html
    known = "https?://|#|claims|index|findings|taxonomy|published|data:,"
    assert not re.search(f'href="(?!{known})', html)


def test_hostile_text_is_escaped(tables):
    changed = {
        name: tables[name].assign(**dict.fromkeys(columns, HOSTILE))
        for name, columns in TEXTS.items()
    }
    assert_harmless(render({**tables, **changed}))


def test_hostile_names_are_escaped(tables):
    changed = {
        name: tables[name].assign(**{column: HOSTILE + tables[name][column]})
        for name, column in NAMES.items()
    }
    assert_harmless(render({**tables, **changed}))


def test_the_page_asks_nothing_of_anyone_and_runs_nothing(html):
    assert not re.search(r'src=|<script|@import|url\(|<link rel="(?!icon)', html)
