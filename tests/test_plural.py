"""Numbers of things in words."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import meta
from meta.checks.importance import Weights
from meta.checks.leave_one_out import Elpd
from meta.plural import counted, counted_on_average


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "row", "1 row"),
        (0, "row", "0 rows"),
        (2, "arm", "2 arms"),
        (1457, "disagreement", "1,457 disagreements"),
        (1, "study", "1 study"),
        (3, "study", "3 studies"),
        (2, "day", "2 days"),
        (2, "pooled number", "2 pooled numbers"),
        (2, "box", "2 boxes"),
        (2, "class", "2 classes"),
    ],
)
def test_a_noun_follows_its_number(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said


@pytest.mark.parametrize(
    ("number", "rows", "said"), [(0, 2, "<1 study"), (0, 0, "0 studies"), (3, 9, "3 studies")]
)
def test_an_average_that_is_rounded_away_is_not_none(number: int, rows: int, said: str) -> None:
    assert counted_on_average(number, rows, "study") == said


PLURAL = re.compile(r" (?:[a-z]+ )?(rows|lines|columns|files|studies|arms|trials|cases|models|draws"
                    r"|units|coders|codes|specifications|counts|chains)\b")  # fmt: skip


def numbered_by_hand(path: Path) -> list[str]:
    """Plural nouns that follow the length of something, which may be one."""
    found = []
    for text in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.JoinedStr)):
        before = ""
        for part, after in itertools.pairwise(text.values):
            number = isinstance(part, ast.FormattedValue) and ast.unparse(part.value)
            said = str(after.value) if isinstance(after, ast.Constant) else ""
            # "of 3 rows" tells how many there are of which some are meant: more than one.
            if number and number.startswith("len(") and not before.endswith(("of ", "of the ")):
                found += [f"{path.name}:{text.lineno}{m[0]}" for m in [PLURAL.match(said)] if m]
            before = str(part.value) if isinstance(part, ast.Constant) else ""
    return found


def test_no_message_counts_in_the_plural_by_hand() -> None:
    folder = Path(meta.__file__).parent
    parts = (".", "audit", "checks", "claims", "evidence", "preview", "report")
    sources = [path for part in parts for path in (folder / part).glob("*.py")]
    assert len(sources) > 100
    assert [said for path in sources for said in numbered_by_hand(path)] == []


def test_the_guard_finds_what_it_is_for(tmp_path: Path) -> None:
    path = tmp_path / "said.py"
    path.write_text("f\"has {len(x)} rows, {n} of {len(y)} arms and {counted(len(z), 'study')}\"")
    assert numbered_by_hand(path) == ["said.py:1 rows"]


def test_numbers_of_studies_in_what_is_reported() -> None:
    assert Elpd(-3.0, 1.0, 1, 0).remark == "not for comparison: 1 study, fewer than 20"
    assert Elpd(-3.0, 1.0, 30, 1).remark == "not for comparison: no reliable density of 1 study"
    assert Weights(np.r_[1.0, np.zeros(999)], 0.1).reason == "1 effective draw, fewer than 200"
