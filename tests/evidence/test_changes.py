"""Differences of two states of the evidence."""

import pandas as pd

from meta.evidence.changes import DIGEST, compare_evidence, compare_rows, typed_rows


def rows(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({DIGEST: [""] * len(next(iter(columns.values()))), **columns})


def test_rows_are_told_apart_by_key_whatever_their_order() -> None:
    old = rows(arm_id=["A", "B", "C"], n_trials=["10", "20", "30"], grade=["A", "", "B"])
    new = rows(arm_id=["D", "C", "B"], n_trials=["40", "30", "21"], grade=["A", "B", ""])
    found = compare_rows(old, new, ("arm_id",))
    assert (found.added, found.removed) == (["D"], ["A"])
    assert found.changed == {"B": {"n_trials": ("20", "21")}}
    assert found.other == 0


def test_an_edit_elsewhere_is_counted_only() -> None:
    old = rows(unit_id=["U", "U"], coder=["a", "b"], harm=["none", "none"])
    new = old.assign(**{DIGEST: ["", "edited"]})
    found = compare_rows(old, new, ("unit_id", "coder"))
    assert (found.other, found.changed, found.added) == (1, {}, [])
    assert compare_rows(old, old, ("unit_id", "coder")).empty


def test_a_new_column_is_blank_before_and_a_new_table_is_all_added() -> None:
    old = rows(arm_id=["A", "B"], n_trials=["10", "10"])
    new = old.assign(grade=["A", ""])
    assert compare_rows(old, new, ("arm_id",)).changed == {"A": {"grade": ("", "A")}}
    found = compare_evidence({"arms": old}, {"arms": old, "studies": rows(study_id=["s"])})
    assert list(found) == ["studies"]
    assert found["studies"].added == ["s"]


def test_typed_rows_have_blanks_and_numbers() -> None:
    typed = typed_rows({"arms": rows(arm_id=["A", "B"], n_trials=["10", ""])})["arms"]
    assert str(typed["n_trials"].dtype) == "Int64"
    assert typed["n_trials"].isna().tolist() == [False, True]
    assert DIGEST not in typed
