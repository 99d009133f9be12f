"""A finding on the published tables, from the figures that it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from meta.finding import Finding, Kind, Numbers, parts_of, sentence
from meta.risk.documents import Documents, Source
from meta.risk.printed import Figure

#: What looks for one fault: a finding, or None where the figures do not show it.
Find = Callable[[Documents], Finding | None]


def table_finding(
    kind: Kind,
    name: str,
    documents: Documents,
    section: str,
    figures: Sequence[Figure],
    words: str,
    numbers: Numbers,
    sums: Iterable[str] = (),
) -> Finding | None:
    """Make a finding, unless a figure that it rests on is not there.

    Parameters
    ----------
    kind, name
        What the fault is of, and its short name.
    documents
        The tables.
    section
        Section of the document at fault.
    figures
        Printed figures that it rests on.
    words
        What is wrong, for a reader.
    numbers
        What was computed.
    sums
        Sums that show it, written out.

    Returns
    -------
    Finding or None
        None where a figure is absent or a number cannot be computed.
    """
    lost = any(
        isinstance(part, float) and math.isnan(part)
        for number in numbers.values()
        for part in parts_of(number)
    )
    if lost or not all(figure.known for figure in figures):
        return None
    printed = {figure.claim_id: figure.text for figure in figures}
    return Finding(
        kind, name, (documents.structure.document,), (section,), tuple(printed), sentence(words),
        printed, tuple(sums), numbers,
    )  # fmt: skip


def times(*figures: Figure) -> str:
    """Write a product of printed figures, ``85% x 0.5``."""
    # A ratio is printed with an x of its own, which reads as a second sign between factors.
    return " x ".join(figure.text.removesuffix("x") for figure in figures)


def source_name(source: Source) -> str:
    """How a sentence calls a row of the pooled table, ``Langosco 2022``."""
    return source.name.replace("_", " ").capitalize()
