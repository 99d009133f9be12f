"""Evidence of the items: small tables counted by hand, the shipped ones counted by SQL."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from meta.audit.taxonomy import COLUMNS, evidence_of_items, spans

RAW = Path(__file__).parents[2] / "data/raw"


def items(*rows: dict[str, str]) -> pd.DataFrame:
    blank = {"parent": "", "links": "", "units": ""}
    return pd.DataFrame([{**blank, **row} for row in rows]).replace("", pd.NA)


ARMS = pd.DataFrame(
    [
        ("A1", "s", "s:x", "set", "main", 10, "boat"),
        ("A2", "s", "s:x", "set", "main", 20, "maze"),
        ("A3", "s", "s:x", "set", "total", 30, "maze"),
        ("A4", "t", "t:y", pd.NA, "subset", 7, "maze"),
        ("A5", "t", pd.NA, pd.NA, "control", 5, "boat"),
        ("A6", "t", "t:z", "other", "superseded", 3, "kart"),
        ("A7", "t", "t:z", "other", "total", 4, "kart"),
    ],
    columns=["arm_id", "study_id", "agent_set", "overlap_set", "role", "n_trials", "environment"],
).astype({"n_trials": "Int64"})
CASES = pd.DataFrame({"case_id": ["C1", "C2"], "study_id": ["t", "u"], "domain": ["game", pd.NA]})
CODINGS = pd.DataFrame(
    [
        ("A1", "one", "extreme"), ("A1", "two", "extreme"),
        ("C1", "one", "extreme"), ("C1", "two", "none"),
        ("C2", "one", "extreme"), ("C2", "two", "none"), ("C2", "adjudicated", "none"),
        ("A2", "one", "none"), ("A2", "two", "none"),
        ("gone", "one", "extreme"), ("gone", "two", "extreme"),
    ],
    columns=["unit_id", "coder", "shift_type"],
)  # fmt: skip
CONTRASTS = pd.DataFrame({"arm_id": ["A2"], "baseline_arm_id": ["A1"], "intervention": ["warning"]})
TABLES = {"arms": ARMS, "cases": CASES, "codings": CODINGS, "contrasts": CONTRASTS}


def counts(*rows: dict[str, str], **tables: pd.DataFrame) -> pd.DataFrame:
    table = evidence_of_items({**TABLES, **tables, "taxonomy": items(*rows)})
    assert list(table) == COLUMNS
    return table.set_index("item_id")


@pytest.mark.parametrize(
    ("links", "units", "arms", "cases", "disputed"),
    [
        ("", "", "", "", 0),
        # Agreed codes alone; of the rest only those that nobody has settled are disputed.
        ("codings.shift_type=extreme", "", "A1", "", 1),
        ("codings.shift_type=extreme|none", "", "A1; A2", "C2", 1),
        ("codings.shift_type=extreme", "C1", "A1", "C1", 0),
        ("contrasts.intervention=warning", "", "A2", "", 0),
        ("arms.environment=boat", "", "A1; A5", "", 0),
        ("arms.environment=boat|kart; cases.domain=game", "A1; C2", "A1; A5..A7", "C1; C2", 0),
        ("cases.domain=none", "A2..A4", "A2..A4", "", 0),
    ],
)
def test_links_and_units_find_rows(links, units, arms, cases, disputed):
    row = counts({"item_id": "i", "links": links, "units": units}).loc["i"]
    assert (row["arm_ids"], row["case_ids"]) == (arms, cases)
    assert row["disputed"] == disputed


@pytest.mark.parametrize(
    ("units", "trials"),
    [
        ("A1; A2", 30),
        ("A1..A3", 30),  # the total holds the trials of the other two
        ("A3", 30),
        ("A4", 7),
        ("A6; A7", 4),  # both may hold the same trials: the larger of them
        ("A1..A7", 30 + 7 + 5 + 4),
        ("C1", 0),
    ],
)
def test_no_trial_counts_twice(units, trials):
    assert counts({"item_id": "i", "units": units})["trials"].item() == trials


def test_studies_and_agent_sets_count_once():
    row = counts({"item_id": "i", "units": "A1..A5; C1; C2"}).loc["i"]
    assert (row["arms"], row["cases"], row["studies"], row["agent_sets"]) == (5, 2, 3, 2)


def test_an_item_without_links_has_what_its_parts_have():
    rows = [
        {"item_id": "top"},
        {"item_id": "middle", "parent": "top"},
        {"item_id": "leaf", "parent": "middle", "units": "A1"},
        {"item_id": "other", "parent": "top", "links": "arms.environment=kart"},
        {"item_id": "linked", "units": "A5"},
        {"item_id": "part", "parent": "linked", "units": "A4"},
        {"item_id": "bare"},
    ]
    found = counts(*rows)["arm_ids"].to_dict()
    assert found == {
        "top": "A1; A6; A7", "middle": "A1", "leaf": "A1", "other": "A6; A7", "linked": "A5",
        "part": "A4", "bare": "",
    }  # fmt: skip


def test_a_base_without_the_other_tables_has_empty_items():
    row = {"item_id": "i", "links": "codings.shift_type=none; cases.domain=x", "units": "A1; C1"}
    table = evidence_of_items({"taxonomy": items(row)})
    assert table[["arms", "cases", "studies", "trials", "disputed"]].eq(0).all(axis=None)


def test_names_are_written_as_units_are_read():
    assert spans(["A1", "A2", "A4", "A5", "A6", "B07", "B08", "B10", "x"]) == (
        "A1; A2; A4..A6; B07; B08; B10; x"
    )
    assert spans(["A09", "A10", "A11"]) == "A09..A11"


AGREED = """
    SELECT unit_id FROM read_csv('{raw}/codings.csv', all_varchar = true)
    GROUP BY unit_id HAVING count(DISTINCT {field}) = 1 AND min({field}) = '{code}'"""
LINKED = {
    "003.shift.significant": AGREED.format(raw=RAW, field="shift_type", code="significant"),
    "003.shift.extreme": AGREED.format(raw=RAW, field="shift_type", code="extreme"),
    "003.shift.moderate": AGREED.format(raw=RAW, field="shift_type", code="moderate"),
    "003.factor.specification-low": AGREED.format(
        raw=RAW, field="specification_quality", code="low"
    ),
    "003.factor.diversity-high": AGREED.format(raw=RAW, field="training_diversity", code="diverse"),
    "003.mitigation.adversarial-diversity": f"""
        SELECT arm_id AS unit_id FROM '{RAW}/contrasts.csv'
        WHERE intervention = 'decorrelated_training_data'""",
    "003.mitigation.objective-specification": f"""
        SELECT arm_id AS unit_id FROM '{RAW}/contrasts.csv' WHERE intervention IN
        ('clarified_specification', 'warning_or_prohibition', 'reward_or_penalty_change')""",
    "001.mitigation.capability-against-intent": f"""
        SELECT arm_id AS unit_id FROM read_csv('{RAW}/arms.csv', all_varchar = true)
        WHERE conditioning = 'given_capability'""",
    "003.mitigation.emergency-shutdown": f"""
        SELECT arm_id AS unit_id FROM read_csv('{RAW}/arms.csv', all_varchar = true)
        WHERE arm_id BETWEEN 'ARM017' AND 'ARM034'
        UNION SELECT 'GMG-LM08'""",
}


@pytest.fixture(scope="module")
def shipped_items(shipped):
    return evidence_of_items(shipped).set_index("item_id")


@pytest.mark.parametrize("item", LINKED)
def test_the_shipped_items_agree_with_a_count_by_sql(shipped_items, item):
    units = {unit for (unit,) in duckdb.sql(LINKED[item]).fetchall()}
    arms = duckdb.sql(f"SELECT arm_id, study_id FROM '{RAW}/arms.csv'").fetchall()
    cases = duckdb.sql(f"SELECT case_id, study_id FROM '{RAW}/cases.csv'").fetchall()
    row = shipped_items.loc[item]
    assert row["arms"] == sum(arm in units for arm, _ in arms)
    assert row["cases"] == sum(case in units for case, _ in cases)
    assert row["studies"] == len({study for unit, study in [*arms, *cases] if unit in units})


def test_the_shipped_gaps_are_seen(shipped_items):
    """Items of which a reader must see that there is nothing."""
    bare = shipped_items[(shipped_items["arms"] == 0) & (shipped_items["cases"] == 0)]
    assert {
        "003.shift.superficial", "003.shift.extreme", "003.scenario.simulation-to-real",
        "003.scenario.cross-cultural", "003.domain.content-moderation",
        "003.mitigation.control-protocols", "003.mitigation.interpretability-verification",
        "001.mitigation.two-percent", "001.mitigation.process-supervision",
        "001.goal.goal-navigation", "002.goal.polite-queries",
    } <= set(bare.index)  # fmt: skip


#: Length of each list in the documents, counted by eye.
LENGTHS = {
    ("001", "detection"): 4, ("001", "goal_example"): 4, ("001", "scaling"): 6,
    ("001", "mitigation"): 4 + 3 + 3 + 4 + 4,  # four lists and their headings
    ("001", "cause"): 4 + 3 + 3,  # causes, stages, ambiguous rewards
    ("002", "cause"): 4, ("002", "goal_example"): 4 + 4, ("002", "mitigation"): 5,
    ("003", "shift_type"): 4, ("003", "shift_scenario"): 8 + 1,  # the chart, and one of the table
    ("003", "cause"): 1 + 4, ("003", "risk_factor"): 4 + 3 + 2 + 2 + 2, ("003", "domain"): 5,
    ("003", "goal_example"): 4, ("003", "detection"): 2 + 1 + 1,  # table, diagram, heading
    ("003", "mitigation"): 3 + 2 + 2 + 2,
}  # fmt: skip


def test_the_lists_are_whole(shipped_items):
    document = shipped_items["document"].str[:3]
    found = shipped_items.groupby([document, "taxonomy"]).size().to_dict()
    assert found == LENGTHS
