"""Names looked up in one hash table: what pandas finds, and NA where there is nothing."""

import pandas as pd
import pytest

from meta.evidence.membership import among, looked_up, positions

NAMES = pd.Series(["b", "x", None, "a", "b"], dtype="string", index=[5, 1, 4, 2, 9])
KNOWN = pd.Series(["a", "b", "c"], dtype="string")


@pytest.mark.parametrize("kind", ["string", "category", "Int64"])
def test_looking_up_is_what_map_does(kind):
    texts = ["1", "2", "3"] if kind == "Int64" else ["u", "v", "u"]
    values = pd.Series(texts, index=pd.Index(KNOWN), dtype="string").astype(kind)
    found = looked_up(NAMES, values)
    assert found.index.equals(NAMES.index)
    assert found.dtype == values.dtype
    assert found.astype("string").tolist() == NAMES.map(values.astype("string")).tolist()


def test_positions_of_unknown_and_blank_names_are_minus_one():
    assert positions(NAMES, KNOWN).tolist() == [1, -1, -1, 0, 1]
    assert among(NAMES, KNOWN).tolist() == [True, False, False, True, True]
    none = pd.Series([], dtype="string")
    assert positions(none, KNOWN).tolist() == []
    assert positions(NAMES, none).tolist() == [-1] * 5
