"""Responses and disagreements: who answered what, and in what order a meeting takes it."""

import pandas as pd

from meta.evidence.disagreements import disagreement_table, flat_table
from meta.evidence.responses import MISSING, coder_kinds, field_responses
from tests.evidence.coding_base import base

ROWS = [
    ("K1", "a", "none"), ("K1", "b", "severe"),
    ("K2", "a", "minor"), ("K2", "b", "minor"),
    ("K3", "a", "none"), ("K3", "b", "unclear"),
    ("K4", "a", "none"), ("K4", "b", "minor"), ("K4", "adjudicated", "minor"),
    ("A1", "a", "none"), ("A1", "b", "minor"),
    ("A2", "a", "none"), ("A2", "b", "minor"),
    ("A3", "a", "none"),
]  # fmt: skip
ARMS = {"A1": "s", "A2": "s", "A3": "s"}
PROBABILITIES = pd.DataFrame(
    [
        (u, "harm", c, p)
        for u, likely in {
            "K1": (0.9, 0.1), "K3": (0.6, 0.4), "K4": (0.5, 0.5),
            "A1": (0.7, 0.3), "A2": (0.7, 0.3),
        }.items()
        for c, p in zip(("none", "minor"), likely, strict=True)
    ],
    columns=["unit_id", "field", "code", "probability"],
)  # fmt: skip


def test_arms_of_a_study_answered_alike_are_one_item() -> None:
    responses = field_responses(base(ROWS, arms=ARMS), "harm")
    assert responses.classes == ["none", "minor", "severe"]  # significant was never used
    assert responses.coders == ["a", "b", "adjudicated"]
    assert responses.groups == ["arm:goal_misgeneralization", "case:specification_gaming"]
    item = responses.units.set_index("unit_id")["item"]
    assert item["A1"] == item["A2"]
    assert item.nunique() == len(responses.item_answers) == 6
    answers = dict(zip(responses.units["unit_id"], responses.answers.tolist(), strict=True))
    assert answers["K3"] == [0, 3, MISSING]
    assert answers["K4"] == [0, 1, 1]
    assert answers["A3"] == [0, MISSING, MISSING]


def test_the_hash_sees_a_changed_code_and_no_rationale() -> None:
    tables = base(ROWS, arms=ARMS)
    before = field_responses(tables, "harm").hash
    tables["codings"]["rationale"] = "another"
    tables["codings"] = tables["codings"].sample(frac=1, random_state=1)
    assert field_responses(tables, "harm").hash == before
    tables["codings"].loc[tables["codings"]["unit_id"] == "A3", "harm"] = "minor"
    assert field_responses(tables, "harm").hash != before


def test_a_field_without_a_clear_code_has_no_responses() -> None:
    assert field_responses(base([("K1", "a", "unclear"), ("K1", "b", None)]), "harm") is None
    assert field_responses({"arms": pd.DataFrame()}, "harm") is None


def test_what_a_model_reads_and_nobody_settled_comes_first() -> None:
    table = disagreement_table(base(ROWS, arms=ARMS), PROBABILITIES, {"harm": ["composition"]})
    assert table["unit_id"].tolist() == ["K3", "A1", "A2", "K1", "K4"]
    assert table["models"].unique().tolist() == ["composition"]
    rows = table.set_index("unit_id")
    assert rows.loc["K1", "steps"] == 3
    assert pd.isna(rows.loc["K3", "steps"])
    assert rows.loc["K4", "settled"] == "minor"
    flat = flat_table(table).set_index("unit_id")
    assert flat.loc["K1", ["a_code", "b_code", "b_rationale"]].tolist() == [
        "none", "severe", "because",
    ]  # fmt: skip
    assert flat.loc["K1", "probabilities"] == "none 0.90; minor 0.10"


def test_a_coder_nobody_describes_is_undescribed() -> None:
    tables = base(ROWS, arms=ARMS)
    assert set(coder_kinds(tables).values()) == {"undescribed"}
    tables["coders"] = pd.DataFrame({"coder": ["a"], "kind": ["machine_assisted"]})
    assert coder_kinds(tables) == {
        "a": "machine_assisted", "adjudicated": "undescribed", "b": "undescribed",
    }  # fmt: skip
