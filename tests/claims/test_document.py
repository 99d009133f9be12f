"""The page of documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from meta.claims.audit import COLUMNS
from meta.claims.verdict import (
    LEAST_CONTRACTION,
    ODDS_TOLERANCE,
    RATIO_TOLERANCE,
    VERDICTS,
    Reason,
)
from meta.models.design import FEWEST_STUDIES

TEXT = (Path(__file__).parents[2] / "docs/claims.md").read_text(encoding="utf-8")


def test_the_columns_are_those_of_the_table() -> None:
    table = TEXT[TEXT.index("| column | is |") :].splitlines()[2:]
    named = [name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted(COLUMNS)
    for name in (*VERDICTS, *get_args(Reason)):
        assert f"`{name}`" in TEXT, name


def test_the_thresholds_are_those_of_the_rule() -> None:
    text = " ".join(TEXT.split())
    assert f"at least {FEWEST_STUDIES} studies observe it directly" in text
    assert f"at least {LEAST_CONTRACTION} of its prior's variance" in text
    assert f"odds within a factor of {ODDS_TOLERANCE}" in text
    assert f"about a printed ratio, a factor of {RATIO_TOLERANCE}" in text
