"""The evidence page at work: search, filters, order, deep links, and the row that opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from meta.report.pages import render_report
from tests.browser.inspection import go, severe_violations, sticking_out, unreached, watch
from tests.report.evidence_base import evidence_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    Opened = Callable[..., Page]

#: Every row, in the order of the files.
ALL = ["A1", "A2", "A3", "A4", "smith_2024", "jones_2022", "K1"]


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the page of a small base."""
    assert browser.is_connected()
    folder: Path = tmp_path_factory.mktemp("small")
    render_report(evidence_run(folder), folder / "site")
    return (folder / "site" / "evidence.html").as_uri()


@pytest.fixture
def page(address: str, opened: Opened) -> Page:
    fresh = opened()
    go(fresh, address)
    return fresh


def rows(page: Page) -> list[str]:
    """Names of the rows that are shown."""
    return page.locator("#evidence-table > tbody > tr > th button").all_inner_texts()


def opened_rows(page: Page) -> list[str]:
    return page.locator("#evidence-table button[aria-expanded=true]").all_inner_texts()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).select_option(label=option)


def search(page: Page, words: str) -> None:
    """Type words, and wait until they stand in the address, which they do once they are found."""
    page.get_by_label("Search all texts").fill(words)
    expect(page).to_have_url(re.compile(r"[#&]q="))


def state(page: Page) -> str:
    return page.url.partition("#")[2]


def test_all_rows_are_there(page: Page) -> None:
    assert rows(page) == ALL
    assert "Rows 1 to 7 of 7" in page.get_by_role("status").all_inner_texts()
    assert state(page) == ""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("cheese", ["A4", "jones_2022"]),
        ("mirrored BOAT", ["A2"]),
        ("coder_b on A3", ["A3"]),  # a rationale, which only the open row shows
        ("two lines", ["A1"]),
        ("moderate", ["A3"]),
        ("nothing of the kind", []),
    ],
)
def test_search_covers_every_text(page: Page, words: str, found: list[str]) -> None:
    search(page, words)
    assert rows(page) == found


@pytest.mark.parametrize(
    ("label", "option", "found", "hash_"),
    [
        ("Kind of row", "study", ["smith_2024", "jones_2022"], "kind=study"),
        ("Failure type", "goal misgeneralization", ["A3", "A4"],
         "failure_type=goal_misgeneralization"),
        ("Role", "control", ["A4"], "role=control"),
        ("Grade", "B", ["A3", "A4"], "grade=B"),
        ("Read by model", "rates", ["A1", "A2", "A3", "smith_2024", "jones_2022"], "used=rates"),
        ("Read by model", "no model", ["A4", "K1"], "used=%28none%29"),
        ("Coders", "differ", ["A3"], "coders=differ"),
        ("Coders", "agree", ["A1"], "coders=agree"),
        ("Study", "Smith 2024", ["A1", "A2", "smith_2024"], "study_id=smith_2024"),
        ("Some coder said", "Shift type: none", ["A1", "A3"], "code=shift_type%3Dnone"),
    ],
)  # fmt: skip
def test_a_filter_shows_its_rows_and_stands_in_the_address(
    page: Page, opened: Opened, label: str, option: str, found: list[str], hash_: str
) -> None:
    choose(page, label, option)
    assert rows(page) == found
    assert state(page) == hash_
    other = opened()
    go(other, page.url)
    assert rows(other) == found


def test_filters_and_search_work_together_and_are_cleared(page: Page) -> None:
    choose(page, "Kind of row", "arm")
    search(page, "maze")
    choose(page, "Role", "main")
    assert rows(page) == ["A3"]
    page.get_by_role("button", name="Clear").click()
    assert rows(page) == ALL
    assert state(page) == ""


# Numbers of 3/30, 12/30, 19/20 and 1/20; rows without a number come last either way.
@pytest.mark.parametrize(
    ("heading", "clicks", "order", "hash_"),
    [
        ("Goal failures", 1, ["A3", "A2", "A1", "A4"], "sort=goal-failures.desc"),
        ("Goal failures", 2, ["A4", "A1", "A2", "A3"], "sort=goal-failures.asc"),
        ("What", 1, ["K1", "A1", "A2", "A3", "A4"], "sort=what.asc"),
        ("Year", 2, ["K1", "A3", "A4", "jones_2022"], "sort=year.asc"),
        ("Codes", 1, ["A3"], "sort=codes.desc"),
        ("Influence", 1, ["A1", "A2", "smith_2024", "A3"], "sort=influence.desc"),
    ],
)
def test_a_column_orders_the_rows(
    page: Page, opened: Opened, heading: str, clicks: int, order: list[str], hash_: str
) -> None:
    for _ in range(clicks):
        page.locator("#evidence-table thead").get_by_text(heading, exact=True).click()
    expect(page).to_have_url(re.compile(f"#{re.escape(hash_)}$"))
    assert rows(page)[: len(order)] == order
    cell = page.locator("#evidence-table thead th", has_text=heading)
    assert cell.get_attribute("aria-sort") == f"{hash_.rpartition('.')[2]}ending"
    other = opened(400)
    go(other, page.url)
    assert rows(other)[: len(order)] == order
    assert other.get_by_label("Order").input_value() == hash_.removeprefix("sort=")


def test_the_order_can_be_chosen_where_there_are_no_headings(page: Page) -> None:
    choose(page, "Order", "Goal failures, largest first")
    expect(page).to_have_url(re.compile("#sort="))
    assert rows(page)[:2] == ["A3", "A2"]
    choose(page, "Order", "as in the files")
    assert rows(page) == ALL


def test_a_deep_link_opens_the_row(address: str, opened: Opened) -> None:
    page = opened()
    go(page, f"{address}#A3")
    assert opened_rows(page) == ["A3"]
    assert page.evaluate("document.activeElement.textContent") == "A3"
    assert page.locator("tr.opened, td.opened").first.is_visible()
    assert state(page) == "A3"
    # A link from elsewhere, while the page is open.
    page.evaluate("location.hash = 'jones_2022'")
    expect(page.get_by_role("button", name="jones_2022")).to_be_focused()
    assert state(page) == "jones_2022"


def test_a_row_outside_the_filters_is_shown_all_the_same(address: str, opened: Opened) -> None:
    page = opened()
    go(page, f"{address}#kind=case&row=A2")
    assert opened_rows(page) == ["A2"]
    assert rows(page) == ALL


def test_a_name_that_is_not_there_is_said(address: str, opened: Opened) -> None:
    for name in ("A9", "%ZZ", "<img>"):
        page = opened()
        go(page, f"{address}#{name}")
        assert "There is no row named" in page.locator("#notice").inner_text()
        assert rows(page) == ALL
        assert page.locator("#notice img").count() == 0


def test_an_open_row_tells_all_that_is_known(page: Page) -> None:
    page.get_by_role("button", name="A3").click()
    detail = page.locator(".detail")
    text = detail.inner_text()
    assert "Read by the models: rates." in text
    assert "data/raw/arms.csv, line 5" in text
    assert (
        "Without the study, “Goal fails, given capability, average over studies” moves by" in text
    )
    links = detail.get_by_role("link", name="arXiv:2201.03544")
    assert links.get_attribute("href") == "https://arxiv.org/abs/2201.03544"
    differing = detail.get_by_role("row", name="Shift type")
    assert differing.inner_text().split() == ["Shift", "type", "≠", "differ", "moderate", "none"]
    assert "differ" not in detail.get_by_role("row", name="Elicitation").inner_text()
    assert "coder_b (low confidence): coder_b on A3 data/raw/codings.csv, line 3" in text
    assert detail.get_by_role("columnheader", name="coder_b").inner_text().split()[1:] == [
        "machine", "assisted",
    ]  # fmt: skip
    label = detail.get_by_role("link", name="Trials at risk")
    assert label.get_attribute("href") == "codebook.html#arms.n_at_risk"
    page.get_by_role("button", name="A3").click()
    assert detail.count() == 0
    assert state(page) == ""


def test_what_is_not_pooled_says_so(page: Page) -> None:
    page.get_by_role("button", name="A4").click()
    text = page.locator(".detail").inner_text()
    assert "No model reads this row." in text
    assert "The primary model (rates) does not pool this row." in text
    page.get_by_role("button", name="K1").click()
    assert "never a rate" in page.locator(".detail").last.inner_text()


def test_the_keyboard_is_enough(page: Page) -> None:
    page.get_by_role("button", name="A2").focus()
    page.keyboard.press("Enter")
    assert opened_rows(page) == ["A2"]
    page.keyboard.press("Space")
    assert opened_rows(page) == []
    heading = page.locator("#evidence-table thead th", has_text="Year").get_by_role("button")
    heading.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#sort=year\.desc$"))
    assert unreached(page)[1] == []


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1200, "light")])
def test_an_open_row_is_accessible_and_fits(
    address: str, opened: Opened, width: int, scheme: str
) -> None:
    page = opened(width, scheme)
    seen = watch(page)
    go(page, f"{address}#A3")
    assert severe_violations(page) == []
    assert sticking_out(page) == []
    assert (seen.said, seen.asked) == ([], [])


def test_paper_has_all_that_is_filtered_and_says_how(page: Page) -> None:
    choose(page, "Role", "main")
    search(page, "boat")
    page.evaluate("new DataTable.Api('#evidence-table').page.len(1).draw()")
    assert rows(page) == ["A1"]
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert rows(page) == ["A1", "A2"]
    assert page.locator("#chosen").inner_text() == "Only rows with Role: main; Search: boat."
    assert page.locator("#filters").is_hidden()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert rows(page) == ["A1"]
    assert page.locator("#chosen").is_hidden()


def test_a_phone_folds_the_filters_until_one_is_used(address: str, opened: Opened) -> None:
    page = opened(400)
    go(page, address)
    assert not page.get_by_label("Role", exact=True).is_visible()
    page.get_by_text("Filters and order").click()
    choose(page, "Role", "control")
    assert rows(page) == ["A4"]
    other = opened(400)
    go(other, page.url)
    assert other.get_by_label("Role", exact=True).is_visible()


@pytest.mark.parametrize(
    "broken",
    ["delete window.DecompressionStream", "window.atob = () => { throw new Error('damaged'); }"],
)
def test_a_browser_that_cannot_unpack_the_rows_says_so(
    address: str, opened: Opened, broken: str
) -> None:
    page = opened()
    page.add_init_script(broken)
    seen = watch(page)
    page.goto(f"{address}#A3")
    expect(page.locator("#notice")).to_contain_text("evidence.csv has all of them")
    assert page.locator("#filters").is_hidden()
    names = page.locator("#evidence-table > tbody > tr > th bdi:first-child").all_inner_texts()
    assert names == ALL
    assert (seen.said, seen.asked) == ([], [])


def test_without_javascript_the_rows_are_a_table(address: str, opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    page.goto(f"{address}#A3")
    names = page.locator("#evidence-table > tbody > tr > th bdi:first-child").all_inner_texts()
    assert names == ALL
    row = page.locator("#A3")
    assert "19 of 20" in row.inner_text() and "arms.csv, line 5" in row.inner_text()
    assert row.get_by_role("link").get_attribute("href") == "https://arxiv.org/abs/2201.03544"
    assert not page.get_by_label("Search all texts").is_visible()
