"""The calculator of the risk page in a browser: figures of `meta risk`, address, keys, warnings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from meta.risk.flags import flag_sentences
from meta.risk.profile_risk import risk_table
from tests.browser.inspection import watch
from tests.report.made_up_risk import CI_PROB, SEED, risk_basis
from tests.risk.small_basis import documents
from tests.risk.test_calculator import PROFILES, TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    from playwright.sync_api import Page

    Opened = Callable[..., Page]

WHOLE = "harmful_misgeneralization"


def fragment(name: str) -> str:
    """Address of a profile."""
    profile = PROFILES[name]
    given: dict[str, Any] = {
        "shift": ",".join(dict.fromkeys(profile.shift)),
        "specification": profile.specification,
        "capability": profile.capability,
        "diversity": profile.diversity,
        "alignment": profile.alignment,
        "period": profile.period,
        "mitigations": ",".join(profile.interventions),
    }
    return "&".join(f"{k}={v}" for k, v in given.items() if v not in (None, ""))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """What `meta risk` says of every profile."""
    asked = {("asked", name): profile for name, profile in PROFILES.items()}
    return risk_table(asked, documents(), risk_basis(), SEED, CI_PROB)


@pytest.fixture
def page(site: Path, opened: Opened) -> Page:
    found = opened()
    found.goto((site / "risk.html").as_uri())
    found.locator("#risk-result").wait_for()
    return found


def go(page: Page, text: str) -> None:
    page.evaluate(
        """(text) => new Promise((done) => {
          addEventListener("hashchange", () => setTimeout(done), { once: true });
          location.hash = text;
        })""",
        text,
    )


def numbers(page: Page, outcome: str) -> list[list[float] | None]:
    """Median and ends of the published mode, the average and a new study, as the page has them."""
    found: list[list[float] | None] = page.evaluate(
        """(outcome) => {
          const cells = document.querySelectorAll(`#risk-table tr[data-outcome=${outcome}] td`);
          return [...cells].map(({ dataset: d }) => d.value === undefined ? null
            : [d.value, d.low, d.high].map(Number));
        }""",
        outcome,
    )
    return found


@pytest.mark.parametrize("name", PROFILES)
def test_the_figures_are_those_of_meta_risk(page: Page, table: pd.DataFrame, name: str) -> None:
    go(page, fragment(name))
    rows = table[table["profile"] == name].to_dict("records")
    for outcome in {row["outcome"] for row in rows}:
        shown = numbers(page, outcome)
        for row in rows:
            if row["outcome"] != outcome:
                continue
            got = shown[["published", "rate_mean", "rate_new"].index(row["estimand"])]
            want = [row[end] for end in ("value", "low", "high")]
            if np.isnan(want[0]):
                assert got is None
            else:
                assert got == pytest.approx(want, abs=TOLERANCE)
    flags = dict.fromkeys(flag for row in rows for flag in row["flags"].split())
    warnings = page.locator("#risk-warnings li").all_inner_texts()
    assert warnings == [said.replace("_", " ") for said in flag_sentences(flags)]


def test_printed_figures_are_called_so_and_products_are_not(page: Page) -> None:
    go(page, "shift=significant")
    published = page.locator("#risk-table td[data-label=Published]")
    assert [" ".join(text.split()) for text in published.all_inner_texts()] == [
        "55% printed C033", "55% printed C034", "not printed", "50% to 70% printed C039 C040",
        "22% printed C035",
    ]  # fmt: skip
    assert published.locator("a").last.get_attribute("href") == "claims.html#C035"
    none = page.get_by_text("The document prints no stage for this setting")
    assert none.is_hidden()
    go(page, "shift=significant&specification=0.5")
    assert published.locator(".tag").all_inner_texts() == ["arithmetic"]
    assert none.is_visible()


def test_fields_and_address_follow_each_other(page: Page) -> None:
    page.get_by_label("Shift type", exact=True).select_option("extreme")
    page.get_by_label("Specification score").fill("0.35")
    page.get_by_label("Capability", exact=True).select_option("above_human")
    page.get_by_text("Mitigations and other interventions", exact=True).click()
    page.get_by_role("checkbox", name="ai control protocols").check()
    want = (
        "shift=extreme&specification=0.35&capability=above_human&mitigations=ai_control_protocols"
    )
    assert page.evaluate("location.hash.slice(1)") == want
    before = numbers(page, WHOLE)
    again = page.context.new_page()
    again.goto(page.url)
    again.locator("#risk-result").wait_for()
    assert numbers(again, WHOLE) == before
    assert again.get_by_label("Specification score").input_value() == "0.35"
    assert again.get_by_role("checkbox", name="ai control protocols").is_checked()
    assert again.locator("#calculator").evaluate(
        "(node) => Math.abs(node.getBoundingClientRect().top) < innerHeight"
    )


def test_the_fields_are_filled_in_with_the_keyboard(page: Page) -> None:
    before = page.locator("#risk-headline").inner_text()
    page.get_by_label("Shift type", exact=True).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("0.9")
    assert "specification=0.9" in page.url
    assert page.locator("#risk-headline").inner_text() != before


def test_a_score_outside_its_range_is_said_and_changes_nothing(page: Page) -> None:
    score = page.get_by_label("Specification score")
    score.fill("0.5")
    before, address = numbers(page, WHOLE), page.url
    for wrong in ("7", "-0.1"):
        score.fill(wrong)
        assert score.get_attribute("aria-invalid") == "true"
        assert "from 0 to 1" in page.get_by_role("alert").inner_text()
        assert "risk-score-error" in (score.get_attribute("aria-describedby") or "")
        assert page.locator("#risk-headline").inner_text().startswith("Last valid settings")
        assert numbers(page, WHOLE) == before and page.url == address
    for right in ("0.9", ""):
        score.fill(right)
        assert score.get_attribute("aria-invalid") is None
        assert page.locator("#risk-score-error").inner_text() == ""
        assert page.locator("#risk-headline").inner_text().startswith("Harmful failure")
    assert "specification" not in page.url


def test_clear_takes_every_setting_back(page: Page) -> None:
    go(page, fragment("everything"))
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("location.hash === '#shift=significant'")
    assert page.locator("input[type=checkbox]:checked").count() == 0
    assert page.get_by_label("Period", exact=True).input_value() == ""


def test_what_the_address_says_wrongly_is_named_and_left_out(page: Page) -> None:
    seen = watch(page)
    go(page, "shift=<img src=x onerror=alert(1)>,moderate&colour=red&specification=7")
    said = page.locator("#risk-headline").inner_text()
    assert said.startswith("Left out, since unknown: shift <img src=x onerror=alert(1)>, colour,")
    assert page.get_by_label("Shift type", exact=True).input_value() == "moderate"
    assert page.locator("#risk-headline img").count() == 0
    assert seen.said == []


def test_dots_and_numbers_follow_the_estimand(page: Page) -> None:
    figure = page.locator("#risk-dots svg")
    assert "the average over studies" in (figure.get_attribute("aria-label") or "")
    assert figure.locator("circle").count() == 5 * 51 + 1
    page.get_by_label("Dots show").select_option("rate_new")
    assert "a new study" in (figure.get_attribute("aria-label") or "")
    texts = page.locator("#risk-table tbody tr td:last-child b").all_inner_texts()
    drawn = figure.locator("text[text-anchor=end]").all_text_contents()
    assert [text for text in drawn if "(" in text] and all(
        any(each.startswith(text) for each in drawn) for text in texts
    )


def test_a_published_line_that_is_cut_says_where_it_ends(page: Page) -> None:
    go(page, "shift=superficial,extreme&period=post-2030")
    figure = page.locator("#risk-dots svg")
    assert "cut at 100%: goes on to 139%" in " ".join(figure.locator("text").all_text_contents())
    assert figure.locator("path").count() == 1
    go(page, "shift=significant")
    assert figure.locator("path").count() == 0


def test_the_direction_stands_beside_an_intervention(page: Page) -> None:
    page.get_by_text("Mitigations and other interventions", exact=True).click()
    tick = page.get_by_role("checkbox", name="decorrelated training data")
    assert tick.get_attribute("value") == "decorrelated_training_data"
    label = page.locator("label", has=tick).inner_text()
    assert "(lowers failures in the evidence)" in label


def test_the_text_is_the_number_rounded(page: Page) -> None:
    go(page, fragment("one"))
    (value, low, high) = numbers(page, "goal_failure")[1] or []
    cell = page.locator("#risk-table tr[data-outcome=goal_failure] td").nth(1).inner_text()
    decimals = 1 if min(value, 1 - value) < 0.1 else 0
    assert cell.startswith(f"{100 * value:.{decimals}f}%")
    assert f"{100 * low:.{decimals}f}% to {100 * high:.{decimals}f}%" in re.sub(r"\s+", " ", cell)


def test_each_number_says_what_it_rests_on(page: Page, table: pd.DataFrame) -> None:
    """As the tables do: judgement alone where hardly any study has the level."""
    for name in ("one", "one remedy", "pair", "unknown levels"):
        go(page, fragment(name))
        rows = table[(table["profile"] == name) & (table["mode"] == "evidence")]
        for (outcome, basis), _ in rows.groupby(["outcome", "basis"]):
            cells = page.locator(f"#risk-table tr[data-outcome={outcome}] td")
            for number in (1, 2):
                tags = cells.nth(number).locator(".tag").all_inner_texts()
                assert " and ".join(tags) == basis, (name, outcome)
    assert set(table["basis"]) >= {"evidence", "judgement", "evidence and judgement"}


def test_an_anchor_is_no_setting(site: Path, opened: Opened) -> None:
    page = opened()
    page.goto((site / "risk.html").as_uri() + "#modifiers")
    page.locator("#risk-result").wait_for()
    assert page.evaluate("location.hash") == "#modifiers"
    assert "shift significant" in page.locator("#risk-command").inner_text()


def test_without_scripts_the_page_says_so(site: Path, opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    page.goto((site / "risk.html").as_uri())
    assert page.get_by_text("The calculator needs JavaScript").is_visible()
    assert page.locator("#risk-form").is_hidden() and page.locator("#risk-result").is_hidden()
    assert page.locator("#shifts table").is_visible()
