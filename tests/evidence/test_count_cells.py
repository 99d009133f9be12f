"""Counts drawn at random: read as written, and refused where one is more than what it is of."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from meta.evidence.checking import check
from tests.evidence.plain_reading import COUNTS, accepted, read_plainly, unlike
from tests.evidence.small_base import as_csv
from tests.evidence.small_copies import shipped

FIRST_SEED = 20261121
NUMERALS = st.one_of(
    st.text(st.sampled_from("0123456789.,+-eE _'%\u00a0\u0663\uff11ox"), max_size=8),
    st.integers(-3, 10**19).map(str),
    st.sampled_from(
        ["", "1e3", "TRUE", "inf", "nan", "0x1A", "1_000", "١٢", "²", "-0", "+7", "007"]
    ),
)
#: A count, and the one that it is a part of, under `given_capability`.
PARTS = {"n_capable": "n_trials", "n_at_risk": "n_capable", "n_goal_failure": "n_at_risk",
         "n_harm": "n_goal_failure"}  # fmt: skip


@st.composite
def ordered(draw: st.DrawFn) -> dict[str, str]:
    """Counts each of which is a part of the one before it."""
    counts = {"n_trials": draw(st.integers(1, 10**6))}
    for part, whole in PARTS.items():
        counts[part] = draw(st.integers(0, counts[whole]))
    return {name: str(count) for name, count in counts.items()}


@st.composite
def disordered(draw: st.DrawFn) -> dict[str, str]:
    """Counts one of which is more than the one that it is a part of."""
    counts = draw(ordered())
    part = draw(st.sampled_from(list(PARTS)))
    more = int(counts[PARTS[part]]) + draw(st.integers(1, 1000))
    return counts | {part: str(more)}


def any_text() -> st.SearchStrategy[dict[str, str]]:
    """Whatever may stand in the counts and in the note behind them."""
    note = st.text(max_size=20).map(lambda text: text.replace("\0", ""))
    return st.fixed_dictionaries({**dict.fromkeys(COUNTS, NUMERALS), "note": note})


@pytest.mark.parametrize(
    ("drawn", "examples", "legal"),
    [(ordered(), 40, True), (disordered(), 40, False), (any_text(), 60, None)],
    ids=["ordered", "disordered", "any"],
)
def test_whatever_stands_in_a_count_is_read_as_written_or_refused(
    tmp_path: Path, drawn: st.SearchStrategy[dict[str, str]], examples: int, legal: bool | None
) -> None:
    tables = shipped()
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/studies.csv").write_bytes(tables["studies"])
    text = io.StringIO(tables["arms"].decode(), newline="")
    # The second row counts capable trials apart.
    first, second = (row for row in csv.DictReader(text) if row["arm_id"] in ("ARM001", "ARM174"))
    assert second["conditioning"] == "given_capability"
    accepted_examples = []

    @seed(FIRST_SEED)
    @settings(max_examples=examples, deadline=None, database=None)
    @given(drawn)
    def holds(cells: dict[str, str]) -> None:
        data = as_csv([first, {**second, "note": "", **cells}]).encode("utf-8", "replace")
        (tmp_path / "data/raw/arms.csv").write_bytes(data)
        evidence = check(tmp_path)
        refused = {error.column for error in evidence.errors}
        if legal is not None:
            assert bool(refused) != legal, evidence.errors
            assert refused <= set(COUNTS)
        if not refused:
            assert unlike("arms", read_plainly(data), accepted(evidence.tables["arms"])) == ""
        accepted_examples.append(not refused)

    holds()
    # Of texts drawn at random hardly any are legal; of ordered counts all are.
    assert len(accepted_examples) >= examples
    assert sum(accepted_examples) >= {True: examples, False: 0, None: 0}[legal]
