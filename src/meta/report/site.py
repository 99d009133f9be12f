"""The pages of the site and how they refer to one another."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from meta.report.inputs import ReportInputs

#: File and name of each page that a run may have, in the order of the navigation.
PAGES = (
    ("index.html", "Report"),
    ("evidence.html", "Evidence"),
    ("diagnostics.html", "Checks"),
    ("sensitivity.html", "Sensitivity"),
    ("risk.html", "Risk"),
    ("claims.html", "Published numbers"),
    ("disagreements.html", "Disagreements"),
    ("methods.html", "Methods"),
    ("codebook.html", "Codebook"),
)


def navigation(present: Collection[str]) -> list[tuple[str, str]]:
    """File and name of the pages that are written, in the order of the navigation."""
    return [(file, name) for file, name in PAGES if file in present]


def row_address(run: ReportInputs, name: str, kind: str = "arm") -> str:
    """Address of a row on the evidence page.

    Parameters
    ----------
    run : ReportInputs
        The stored results.
    name : str
        Identifier of the row.
    kind : str
        ``arm``, ``study`` or ``case``.

    Returns
    -------
    str
        Empty where there is no such row or no evidence page.
    """
    known = {} if run.evidence is None else run.evidence.addresses
    address = known.get((kind, name))
    return "" if address is None else f"evidence.html#{quote(address, safe='')}"
