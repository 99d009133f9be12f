"""Size of a site: said where it is too much to load, with what is to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta.report.site import MOST, MOST_INDEX, too_large

if TYPE_CHECKING:
    from pathlib import Path


def sized(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_a_site_within_bounds_is_not_spoken_of(tmp_path: Path) -> None:
    sized(tmp_path / "index.html", MOST_INDEX)
    sized(tmp_path / "figures/rates/trace.png", MOST - MOST_INDEX)
    # Tables are downloaded one by one.
    sized(tmp_path / "pooled.csv", MOST)
    assert too_large(tmp_path) == []


def test_what_is_too_large_is_named(tmp_path: Path) -> None:
    sized(tmp_path / "index.html", 4_000_000)
    sized(tmp_path / "figures/rates/trace.png", 12_000_000)
    first, whole = too_large(tmp_path)
    assert first == f"{tmp_path / 'index.html'}: 4.0 MB of 3.0 MB"
    assert "pages and figures are 16.0 MB, 15.0 MB is the most" in whole
    assert whole.endswith("the largest: figures/rates/trace.png 12.0 MB, index.html 4.0 MB")
