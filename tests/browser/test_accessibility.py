"""Accessibility of every page, as axe-core judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meta.report.site import PAGES
from tests.browser.inspection import UNFOLD, go, severe_violations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page


@pytest.mark.parametrize("file", [file for file, _ in PAGES])
@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1200, "dark")])
def test_axe_finds_nothing_serious(
    site: Path, opened: Callable[..., Page], file: str, width: int, scheme: str
) -> None:
    page = opened(width, scheme)
    go(page, (site / file).as_uri())
    page.evaluate(UNFOLD)
    assert severe_violations(page) == []
