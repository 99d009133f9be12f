"""The pages of the site, whichever job writes them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

#: File and name of each page that a run may have, in the order of the navigation.
PAGES = (
    ("index.html", "Report"),
    ("evidence.html", "Evidence"),
    ("diagnostics.html", "Checks"),
    ("sensitivity.html", "Sensitivity"),
    ("risk.html", "Risk"),
    ("claims.html", "Published numbers"),
    ("audit.html", "Documents"),
    ("disagreements.html", "Disagreements"),
    ("methods.html", "Methods"),
    ("codebook.html", "Codebook"),
)
#: Where files of figures are, a folder a page.
FOLDER = "figures"
#: Pages that may have figures: the folder of each is an output of the rule that writes the page.
FIGURES = ("index.html", "diagnostics.html", "sensitivity.html", "risk.html", "methods.html")


#: Bytes, at most, of the pages with their figures, and of the first page.
MOST, MOST_INDEX = 15_000_000, 3_000_000


def taken_names() -> dict[str, str]:
    """Names that no model may have, each with the folder that it would share."""
    pages = {file.removesuffix(".html"): f"reports/{figure_folder(file)}" for file, _ in PAGES}
    return {**pages, "coverage": "calibration/coverage"}


def navigation(present: Collection[str]) -> list[tuple[str, str]]:
    """File and name of the pages that a run has, in the order of the navigation."""
    return [(file, name) for file, name in PAGES if file in present]


def too_large(folder: Path) -> list[str]:
    """Say what of a rendered site is larger than readers should have to load.

    Parameters
    ----------
    folder
        Folder of the pages. Tables beside them are to be downloaded one by one and do not count.

    Returns
    -------
    list of str
        A sentence each; none where all is within bounds.
    """
    pages = {path: path.stat().st_size for path in folder.glob("*.html")}
    drawn = {path: path.stat().st_size for path in (folder / FOLDER).rglob("*") if path.is_file()}
    whole, first = sum(pages.values()) + sum(drawn.values()), pages.get(folder / "index.html", 0)
    said = []
    if first > MOST_INDEX:
        said.append(f"{folder / 'index.html'}: {_megabytes(first)} of {_megabytes(MOST_INDEX)}")
    if whole > MOST:
        largest = sorted({**pages, **drawn}.items(), key=lambda item: -item[1])[:5]
        named = ", ".join(f"{path.relative_to(folder)} {_megabytes(n)}" for path, n in largest)
        said.append(
            f"{folder}: pages and figures are {_megabytes(whole)}, {_megabytes(MOST)} is the "
            f"most that readers should have to load; the largest: {named}"
        )
    return said


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def figure_folder(page: str) -> str:
    """Folder of a page's figures, seen from the page."""
    return f"{FOLDER}/{page.removesuffix('.html')}"
