"""Text of the evidence that would like to be something else is shown as it was written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from meta.report.pages import render_report
from tests.browser.inspection import go, sticking_out, watch
from tests.evidence.small_base import STUDY, arm
from tests.report.evidence_base import CASES, evidence_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    Opened = Callable[..., Page]

RAN = "window.ran = true"
TEXTS = {
    "script": f"<script>{RAN}</script>",
    "image": f"\"><img src=x onerror='{RAN}'>",
    "style": "</style><style>body { display: none }</style>",
    "end": f"</script><script>{RAN}</script><!-- <script>",
    "noscript": f"</noscript></table><svg onload='{RAN}'>",
    "template": "{{ 7 * 7 }} {% raw %} ${7*7} {# note #}",
    "direction": "\u202efdp.exe\u202c \u200f\u2067abc\u2069",
    "long": "x" * 5000,
    "emoji": "🐟👩\u200d👩\u200d👧 é ẞ 漢字",
    "entity": "&lt;b&gt; &amp; &#39; & more",
    "link": f"javascript:{RAN}",
}
#: Fields of free text, and those of a case.
FIELDS = ["arm_label", "goal_failure_definition", "overlap", "locator", "printed_figure",
          "derivation", "note", "other_counts"]  # fmt: skip
TOLD = ["title", "description", "intended_goal", "learned_proxy", "found_in", "classification_note"]


def hostile_base() -> dict[str, list[dict[str, str]]]:
    """One study, arm, case and coding for each text, with the text in every free field."""
    kept = list(TEXTS.items())
    studies = [
        {**STUDY, "study_id": f"{name}_2024", "title": text, "authors": text, "how_read": text}
        for name, text in kept
    ]
    arms = [
        arm(f"A-{name}", study_id=f"{name}_2024", **dict.fromkeys(FIELDS, text))
        for name, text in kept
    ]
    cases = [
        {**CASES[0], "case_id": f"K-{name}", **dict.fromkeys(TOLD, text)} for name, text in kept
    ]
    codings = [
        {"unit_id": f"{kind}-{name}", "coder": "a", "codebook_version": "1", "shift_type": "none",
         "rationale": text}
        for kind in "AK" for name, text in kept
    ]  # fmt: skip
    coders = [{"coder": "a", "kind": "human"}]
    return {
        "studies": studies, "arms": arms, "cases": cases, "codings": codings, "coders": coders,
    }  # fmt: skip


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    assert browser.is_connected()
    folder: Path = tmp_path_factory.mktemp("hostile")
    run = evidence_run(folder, pooled=["A-script"], **hostile_base())
    render_report(run, folder / "site")
    return (folder / "site" / "evidence.html").as_uri()


@pytest.mark.parametrize("name", list(TEXTS))
def test_an_open_row_shows_the_text_as_it_was_written(
    address: str, opened: Opened, name: str
) -> None:
    page = opened(400)
    seen = watch(page)
    for kind, count in (("A-", len(FIELDS)), ("K-", len(TOLD)), ("", 3)):
        row = f"{kind}{name}" if kind else f"{name}_2024"
        page.goto("about:blank")
        go(page, f"{address}#{row}")
        told = page.locator(".detail dd").all_text_contents()
        assert told.count(TEXTS[name]) == count, (row, told)
        if kind:
            assert TEXTS[name] in page.locator(".detail li", has_text="a: ").first.text_content()
        assert sticking_out(page) == []
    assert page.evaluate("window.ran") is None
    assert (seen.said, seen.asked) == ([], [])


@pytest.mark.parametrize("name", list(TEXTS))
def test_a_search_for_the_text_finds_it(address: str, opened: Opened, name: str) -> None:
    page = opened()
    seen = watch(page)
    go(page, address)
    page.get_by_label("Search all texts").fill(TEXTS[name][:200])
    expect(page).to_have_url(re.compile("#q="))
    found = page.locator("#evidence-table > tbody > tr > th button").all_inner_texts()
    assert {f"A-{name}", f"K-{name}", f"{name}_2024"} <= set(found)
    assert page.evaluate("window.ran") is None
    assert (seen.said, seen.asked) == ([], [])


@pytest.mark.parametrize("script", [True, False])
def test_the_table_shows_the_texts(address: str, opened: Opened, script: bool) -> None:
    page = opened(java_script_enabled=script)
    if script:
        go(page, address)
    else:
        page.goto(address)
    shown = page.locator("#evidence-table bdi").all_text_contents()
    for text in TEXTS.values():
        # Of an arm, a study (title and authors) and a case.
        assert shown.count(text) == 4
    assert page.locator("body").is_visible()
    assert page.locator("#evidence-table img, #evidence-table svg").count() == 0
    tall = page.locator("#evidence-table tbody tr").evaluate_all(
        "(all) => Math.max(...all.map((row) => row.offsetHeight))"
    )
    assert tall < 200


def test_an_invisible_mark_turns_nothing_around_it(address: str, opened: Opened) -> None:
    """An override of the writing direction ends with the text that holds it."""
    page = opened()
    go(page, address)
    row = page.locator("#evidence-table tr", has_text="A-direction")
    texts = row.locator("bdi")
    assert texts.count() > 1
    kinds = {
        texts.nth(i).evaluate("(node) => getComputedStyle(node).unicodeBidi") for i in range(2)
    }
    assert kinds == {"isolate"}
