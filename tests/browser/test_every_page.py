"""Every page of the site in a browser: quiet, offline, within reach, readable on any medium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from meta.report.site import PAGES, too_large
from tests.browser.inspection import (
    UNFOLD,
    go,
    lost_on_paper,
    sticking_out,
    stray_scrollbars,
    unreached,
    unseen,
    watch,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    Opened = Callable[..., Page]

FILES = [file for file, _ in PAGES]
#: Pixels that a sheet of A4 has between its margins.
SHEET = 718
every_page = pytest.mark.parametrize("file", FILES)


def test_the_site_has_every_page_and_is_small(site: Path) -> None:
    written = {path.name: path.stat().st_size for path in site.glob("*.html")}
    assert set(written) == set(FILES)
    assert written["index.html"] < 3e6
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 15e6
    assert too_large(site) == []


@every_page
def test_a_page_says_and_asks_nothing(site: Path, opened: Opened, file: str) -> None:
    page = opened()
    seen = watch(page)
    go(page, (site / file).as_uri())
    page.evaluate(UNFOLD)
    page.wait_for_timeout(100)
    assert (seen.said, seen.asked) == ([], [])


@every_page
def test_pages_lead_to_one_another(site: Path, opened: Opened, file: str) -> None:
    page = opened(java_script_enabled=False)
    page.goto((site / file).as_uri())
    menu = page.get_by_role("navigation", name="Pages").get_by_role("link").all()
    assert [each.get_attribute("href") for each in menu] == FILES
    current = [each.get_attribute("href") for each in menu if each.get_attribute("aria-current")]
    assert current == [file]


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    texts = {path.name: path.read_text() for path in site.glob("*.html")}
    names = {file: set(re.findall(r'\bid="([^"]+)"', text)) for file, text in texts.items()}
    broken = []
    for file, text in texts.items():
        for link in set(re.findall(r'<a [^>]*?href="([^"]*)"', text)):
            if link.startswith(("http://", "https://")):
                continue
            target, _, anchor = link.partition("#")
            target = target or file
            there = (site / target).is_file() and (
                not anchor or "=" in anchor or unquote(anchor) in names[target]
            )
            broken += [] if there or target == "changes.json" else [(file, link)]
    assert broken == []


@every_page
def test_a_phone_scrolls_down_only(site: Path, opened: Opened, file: str) -> None:
    page = opened(400)
    go(page, (site / file).as_uri())
    assert sticking_out(page) == []
    page.evaluate(UNFOLD)
    assert sticking_out(page) == []
    assert stray_scrollbars(page) == []


@every_page
def test_the_keyboard_reaches_everything(site: Path, opened: Opened, file: str) -> None:
    page = opened()
    go(page, (site / file).as_uri())
    number, left = unreached(page)
    assert number >= len(FILES)
    assert left == []


@every_page
def test_what_can_be_read_can_be_printed(site: Path, opened: Opened, file: str) -> None:
    page = opened()
    go(page, (site / file).as_uri())
    assert lost_on_paper(page) == []
    # What is folded on the screen is unfolded on paper.
    page.emulate_media(media="print")
    assert unseen(page) == []
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 1


@every_page
def test_nothing_leaves_the_sheet(site: Path, opened: Opened, file: str) -> None:
    page = opened(width=SHEET)
    go(page, (site / file).as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= SHEET


@every_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_light_or_dark_as_the_reader_has_it(
    site: Path, opened: Opened, file: str, scheme: str
) -> None:
    page = opened(scheme=scheme)
    go(page, (site / file).as_uri())
    look = "getComputedStyle(document.body)"
    ground, ink = (
        sum(map(int, re.findall(r"\d+", page.evaluate(f"{look}.{part}"))[:3]))
        for part in ("backgroundColor", "color")
    )
    assert (ground > ink) is (scheme == "light")


@every_page
def test_the_first_screen_needs_no_script(site: Path, opened: Opened, file: str) -> None:
    page = opened(java_script_enabled=False)
    page.goto((site / file).as_uri())
    assert page.locator("h1").is_visible()
    assert len(page.locator("main").inner_text()) > 200
