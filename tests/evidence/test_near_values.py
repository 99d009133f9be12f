"""Values of open categories that are probably misspelt."""

import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from meta.evidence.cells import TypedTable
from meta.evidence.dictionary import load_dictionary
from meta.evidence.near_values import near_value_problems, near_values
from meta.evidence.raw_table import CODED, RawTable
from tests.evidence.small_base import arm, checked


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("timed kernal task", "timed kernel task"),
        ("timed kernle task", "timed kernel task"),
        ("timed kerneel task", "timed kernel task"),
        ("Timed-Kernel Task", "timed kernel task"),
        ("timed_kernel  task", "timed kernel task"),
        ("timedkernel task", "timed kernel task"),
        ("Coin Run", "CoinRun"),
        ("grid", "Grid"),
    ],
)
def test_a_slip_is_found(value, other):
    assert near_values({other: 3, value: 1, "something else": 9}) == {value: other}


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("agent v2", "agent v1"),
        ("GPT-4o", "GPT-4"),
        ("Llama-3.1-8B", "Llama-3.1-70B"),
        ("maze B", "maze A"),
        ("world ii", "world i"),
        ("game", "gate"),
        ("losing position", "winning position"),
        ("told that outputs are trained on", "told that outputs are not trained on"),
        ("x" * 5000, "x" * 4999),
    ],
)
def test_a_sibling_is_not(value, other):
    assert near_values({other: 3, value: 1}) == {}


def test_only_frequent_values_are_models_and_only_rare_ones_slips():
    assert near_values({"kernel": 2, "kernal": 1}) == {}
    assert near_values({"kernel": 3, "kernal": 2}) == {}
    assert near_values({"kernel": 3, "Kernel": 2}) == {"Kernel": "kernel"}
    assert near_values({"kernel": 3, "Kernel": 3}) == {}


def rows(*environments, **columns):
    listed = [arm(f"A{n}", environment=e, n_goal_failure=str(n), agent="a")
              for n, e in enumerate(environments, start=1)]  # fmt: skip
    for name, values in columns.items():
        for row, value in zip(listed, values, strict=True):
            row[name] = value
    return listed


def test_the_check_names_the_other_value(tmp_path):
    arms = rows("timed kernel task", "timed kernel task", "timed kernal task", "timed kernel task")
    (warning,) = checked(tmp_path, arms=arms).problems
    assert (warning.line, warning.column, warning.severity) == (4, "environment", "warning")
    assert warning.code == "near-value"
    assert "almost spelt as timed kernel task, which 3 rows have" in warning.reason


def test_several_rows_are_a_note(tmp_path):
    problems = checked(tmp_path, arms=rows("Kernel", "Kernel", *["kernel"] * 3)).problems
    assert [(p.severity, p.line) for p in problems] == [("note", 2), ("note", 3)]


def test_sources_spell_agents_in_their_own_way(tmp_path):
    studies = [{"study_id": name, "title": name, "year": "2024"} for name in ("one", "two")]
    agents = ["Llama-3", "Llama-3", "Llama-3", "Llama 3"]
    arms = rows(*["e"] * 4, agent=agents, study_id=["one", "one", "one", "two"])
    assert checked(tmp_path / "a", studies=studies, arms=arms).problems == []
    arms[3]["study_id"] = "one"
    problems = checked(tmp_path / "b", studies=studies[:1], arms=arms).problems
    assert [(p.line, p.column) for p in problems] == [(5, "agent")]


def test_a_million_rows_cost_their_distinct_values():
    table = load_dictionary()["cases"]
    names = pa.array([f"word{'abcdefghij'[n % 10]} {n}" for n in range(5000)] + ["domain of use"])
    codes = np.arange(1_000_000, dtype=np.int32) % 5001
    cells = pa.chunked_array([pa.DictionaryArray.from_arrays(codes, names).cast(CODED)])
    raw = RawTable({"domain": cells}, np.arange(1_000_000))
    bad = pd.DataFrame({"domain": np.zeros(1_000_000, bool)})
    typed = TypedTable(table, "cases.csv", raw, pd.DataFrame(), bad)
    start = time.process_time()
    assert near_value_problems(typed) == []
    assert time.process_time() - start < 2
