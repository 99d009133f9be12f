"""Figures of a page as files: each an SVG and the CSV of the numbers that it draws."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

from meta.folder_storage import atomic_folder
from meta.report.significant_digits import published_csv
from meta.report.site import FIGURES, figure_folder
from meta.report.svg import Drawing


class PageFigures:
    """The figures that one page shows, collected while it is rendered.

    Parameters
    ----------
    page
        File of the page.
    """

    def __init__(self, page: str) -> None:
        self.page = page
        self.shown: dict[str, Drawing] = {}

    def show(self, drawn: Drawing) -> Markup:
        """Put a figure on the page, with links to its files below it.

        Raises
        ------
        ValueError
            Where no rule has the folder of the page, or two figures of it share a name.
        """
        if not drawn:
            return Markup("")
        if self.page not in FIGURES:
            raise ValueError(f"{self.page} draws {drawn.name}: name the page in site.FIGURES")
        name = drawn.name.removeprefix("fig-")
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(f"{self.page}: {drawn.name!r} is no name of a figure")
        if self.shown.setdefault(name, drawn) is not drawn:
            raise ValueError(f"{self.page}: two figures are called {drawn.name}")
        links = Markup(' <span aria-hidden="true">·</span> ').join(
            Markup('<a href="{}" aria-label="{}">{}</a>').format(
                f"{figure_folder(self.page)}/{name}.{kind}", f"{text}: {drawn.title}", text
            )
            for kind, text in (("svg", "figure (SVG)"), ("csv", "data (CSV)"))
        )
        return drawn.inline + Markup('<p class="files">{}</p>\n').format(links)

    def write(self, folder: Path) -> None:
        """Write the files, and nothing else, to the folder of the page.

        Parameters
        ----------
        folder
            Where the page is. A page that may have figures gets its folder even without one.
        """
        if self.page not in FIGURES:
            return
        with atomic_folder(folder / figure_folder(self.page)) as files:
            for name, drawn in self.shown.items():
                (files / f"{name}.svg").write_text(drawn.alone, encoding="utf-8")
                (files / f"{name}.csv").write_text(
                    published_csv(drawn.data), encoding="utf-8", newline=""
                )
