"""The page of documentation names what the tables hold."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from meta.audit.taxonomy import COLUMNS as ITEM_COLUMNS
from meta.finding import COLUMNS, KINDS
from meta.risk.tables import published_tables

ROOT = Path(__file__).parents[2]
PARTS = re.split(r"^## ", (ROOT / "docs/audit.md").read_text(encoding="utf-8"), flags=re.MULTILINE)


def rows(part: str, heading: str) -> list[list[str]]:
    """Cells of the table with a heading, in one part of the page."""
    (text,) = [each for each in PARTS if each.startswith(part)]
    lines = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_the_columns_and_kinds_of_findings_are_those_of_the_code() -> None:
    table = rows("`findings.csv`", "| column | is |")
    assert names([row[0] for row in table]) == COLUMNS
    kinds = rows("`findings.csv`", "| kind | compares |")
    assert names([row[0] for row in kinds]) == list(KINDS)


def test_the_published_tables_are_described_as_they_are_written() -> None:
    written = published_tables(pd.read_csv(ROOT / "data/raw/claims.csv"))
    described = {names(row[:1])[0]: names(row[2:]) for row in rows("`published/`", "| table |")}
    assert list(described) == [
        "base_rates", "pooled", "modifiers", "specification_levels", "base_times_modifiers",
        "risk_ranges", "domains", "timeline", "interventions", "chart",
    ]  # fmt: skip
    for name, table in written.items():
        by_shift = [c for c in table if name == "timeline" and c.endswith(("_low", "_high"))]
        assert described[name] == [c for c in table if c not in by_shift], name


def test_the_columns_of_items_are_those_of_the_code() -> None:
    table = rows("`taxonomy.csv`", "| column | is |")
    assert sorted(names([row[0] for row in table])) == sorted(ITEM_COLUMNS)
