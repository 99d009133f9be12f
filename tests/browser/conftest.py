"""Debian's Chromium, and sites to open in it. Without it the tests are skipped, in CI they fail."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

#: Set where a missing browser is a fault, such as in CI.
REQUIRED = "REQUIRE_BROWSER"
#: Milliseconds for one step of a page, which a busy machine may need.
PATIENCE = 180_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The installed Chromium, started once."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        reason = "no Chromium is installed (Debian: apt-get install chromium): pages are not tested"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a new page, in a context of its own: `opened(width=400, scheme="dark")`."""
    contexts = []

    def new(width: int = 1200, scheme: str = "light", **options: object) -> Page:
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme, **options))
        contexts[-1].set_default_timeout(PATIENCE)
        return contexts[-1].new_page()

    yield new
    for each in contexts:
        each.close()


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with every page, on the shipped evidence; not rendered where nobody can look."""
    assert browser.is_connected()
    from tests.browser.made_up import ROOT, database, whole_site

    folder = tmp_path_factory.mktemp("whole")
    raw = folder / "data" / "raw"
    shutil.copytree(ROOT / "data" / "raw", raw)
    return whole_site(folder, database(folder))
