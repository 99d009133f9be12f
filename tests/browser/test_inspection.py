"""The questions that are asked of pages find what is wrong with a page made wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.inspection import (
    lost_on_paper,
    severe_violations,
    sticking_out,
    stray_scrollbars,
    unreached,
    unseen,
    watch,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    Opened = Callable[..., Page]


def show(page: Page, body: str, style: str = "") -> Page:
    head = f"<html lang='en'><title>t</title><style>{style}</style>"
    page.set_content(f"{head}<main><h1>h</h1>{body}</main></html>")
    return page


@pytest.mark.parametrize(
    ("flaw", "rule"),
    [
        ("<img src='data:,'>", "image-alt"),
        ("<p style='color: #ccc; background: #fff'>faint</p>", "color-contrast"),
        ("<button></button>", "button-name"),
    ],
)
def test_axe_finds_what_is_wrong(opened: Opened, flaw: str, rule: str) -> None:
    found = severe_violations(show(opened(), flaw))
    assert [each.split()[0] for each in found] == [rule]
    assert severe_violations(show(opened(), "<p>right</p>")) == []


def test_what_is_too_wide_is_named_unless_its_box_scrolls(opened: Opened) -> None:
    wide = "<p style='width: 50rem'>wide</p>"
    assert len(sticking_out(show(opened(400), wide))) == 1
    assert sticking_out(show(opened(400), f"<div style='overflow-x: auto'>{wide}</div>")) == []


def test_a_box_that_scrolls_by_a_few_pixels_is_named(opened: Opened) -> None:
    line = (
        "<div style='overflow-x: auto; height: 20px'><p style='margin: 0; height: 22px'>x</p></div>"
    )
    assert len(stray_scrollbars(show(opened(), line))) == 1
    hidden = line.replace("overflow-x: auto", "overflow: auto hidden")
    assert stray_scrollbars(show(opened(), hidden)) == []


def test_what_the_keyboard_does_not_reach_or_show_is_named(opened: Opened) -> None:
    right = "<button>one</button><a href='#x'>two</a><input aria-label='three'>"
    assert unreached(show(opened(), right)) == (3, [])
    trap = "<input onkeydown='event.preventDefault()'><button>behind</button>"
    assert "behind" in unreached(show(opened(), trap))[1][0]
    ringless = unreached(show(opened(), "<button>one</button>", "button { outline: none }"))
    assert "one" in ringless[1][0]


def test_what_is_not_printed_is_named(opened: Opened) -> None:
    page = show(
        opened(), "<p>kept</p><p class='gone'>lost</p>", "@media print { .gone { display: none } }"
    )
    assert lost_on_paper(page) == ["lost"]
    page = show(opened(), "<details><summary>more</summary><p>folded</p></details>")
    assert unseen(page) == ["folded"]


def test_requests_and_messages_are_kept(opened: Opened) -> None:
    page = opened()
    seen = watch(page)
    page.route("**/*", lambda route: route.abort())
    show(page, "<img alt='' src='http://example.org/a.png'><script>console.warn('mind')</script>")
    page.wait_for_timeout(200)
    assert seen.asked == ["http://example.org/a.png"]
    assert "warning: mind" in seen.said
