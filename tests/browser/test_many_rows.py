"""Ten thousand rows: the page is there at once, and a filter answers as one types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from meta.report.pages import render_report
from tests.browser.inspection import go, watch
from tests.evidence.small_base import arm
from tests.report.evidence_base import CASES, STUDIES, evidence_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

ARMS, OTHERS = 5000, 5000
#: Seconds that a step may take at most. Usual are 0.6 to the first paint, 2 until all is ready and
#: 0.1 for what follows, but machines are shared.
PATIENCE = {"paint": 6.0, "ready": 12.0, "filter": 2.0, "order": 2.0, "search": 2.0}
WORDS = "the agent drove in circles to collect the same points again and again " * 3


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    assert browser.is_connected()
    folder: Path = tmp_path_factory.mktemp("many")
    arms = [
        arm(f"A{n:05d}", n_at_risk="30", n_goal_failure=str(n % 31), note=f"{n} {WORDS}",
            arm_label=f"number {n}", grade="AB"[n % 2])
        for n in range(ARMS)
    ]  # fmt: skip
    cases = [
        {**CASES[0], "case_id": f"K{n:05d}", "title": f"case {n}", "description": f"{n} {WORDS}"}
        for n in range(OTHERS)
    ]
    run = evidence_run(
        folder, pooled=["A00000"], studies=STUDIES, arms=arms, cases=cases, codings=[], coders=[]
    )
    render_report(run, folder / "site")
    return (folder / "site" / "evidence.html").as_uri()


def seconds(page: Page, action: str) -> float:
    """Time from an action until what it leads to is on the screen."""
    spent: float = page.evaluate(f"""async () => {{
      const start = performance.now();
      {action};
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      return (performance.now() - start) / 1000;
    }}""")
    return spent


def test_ten_thousand_rows_do_not_lag(address: str, opened: Callable[..., Page]) -> None:
    page = opened()
    seen = watch(page)
    go(page, address)
    paint = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
    )
    ready = page.evaluate("performance.getEntriesByName('rows')[0].startTime / 1000")
    status = page.locator("#evidence-table_info")
    assert "of 10,002" in status.inner_text()
    choose = "const a = document.getElementById('filter-kind'); a.value = 'case';"
    filtering = seconds(page, f"{choose} a.dispatchEvent(new Event('change'))")
    assert "of 5,000" in status.inner_text()
    ordering = seconds(page, "document.querySelector('th:nth-child(2) [role=button]').click()")
    first = page.locator("#evidence-table > tbody > tr > td").first.inner_text()
    assert first.startswith("case 0")
    page.get_by_label("Search all texts").fill('"case 4321"')
    expect(page.locator("#evidence-table > tbody > tr")).to_have_count(1)
    again = seconds(page, "new DataTable.Api('#evidence-table').search('circles').draw()")
    times = {"paint": paint, "ready": ready, "filter": filtering, "order": ordering,
             "search": again}  # fmt: skip
    assert {name: each for name, each in times.items() if each > PATIENCE[name]} == {}
    assert (seen.said, seen.asked) == ([], [])


def test_a_deep_link_into_ten_thousand_rows(address: str, opened: Callable[..., Page]) -> None:
    page = opened(400)
    go(page, f"{address}#K04321")
    button = page.get_by_role("button", name="K04321")
    assert button.get_attribute("aria-expanded") == "true"
    box = button.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900
    assert page.locator("#evidence-table > tbody > tr").count() <= 51
