"""Thresholds that several analyses share are typed once."""

import re
from pathlib import Path

SOURCES = sorted((Path(__file__).parents[2] / "src/meta").rglob("*.py"))


def typed_in(pattern: str) -> list[str]:
    return [p.stem for p in SOURCES if re.search(pattern, p.read_text("utf-8"), re.MULTILINE)]


def test_fewest_studies_that_are_pooled() -> None:
    assert typed_in(r"^\w+_STUDIES = 3$|studies < 3\b|fewer than 3\b") == ["design"]


def test_largest_pareto_k() -> None:
    in_checks = [p.stem for p in SOURCES if p.parent.name == "checks"]
    assert [p for p in typed_in(r"\b0\.7\b") if p in in_checks] == ["importance"]
