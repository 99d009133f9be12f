"""The pages of the site, whichever job writes them."""

from __future__ import annotations

from collections.abc import Collection

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


def navigation(present: Collection[str]) -> list[tuple[str, str]]:
    """File and name of the pages that a run has, in the order of the navigation."""
    return [(file, name) for file, name in PAGES if file in present]


def figure_folder(page: str) -> str:
    """Folder of a page's figures, seen from the page."""
    return f"{FOLDER}/{page.removesuffix('.html')}"
