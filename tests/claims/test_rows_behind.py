"""Rows behind an estimate: those that SQL finds in the raw tables, and what the page shows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from meta.audit.taxonomy import spans
from meta.claims.audit import audit
from meta.claims.estimates import Estimates
from meta.claims.rows_behind import EvidenceRows, coded_cases
from meta.evidence.analysis_set import analysis_set
from meta.evidence.checking import check
from meta.report.claims import audit_entries
from meta.settings_file import load_settings
from tests.claims.tables import NO_SUMS, claims, comparisons, estimates, pooled

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data/raw"
MAIN = """role = 'main' AND sampling_frame = 'denominator' AND grade IN ('A', 'B', 'C')
    AND failure_type IN ('specification_gaming', 'goal_misgeneralization')"""


@pytest.fixture(scope="module")
def base() -> dict[str, pd.DataFrame]:
    return check(ROOT).tables


@pytest.fixture(scope="module")
def rows(base: dict[str, pd.DataFrame]) -> EvidenceRows:
    specs = load_settings(ROOT).models
    names = ("rates", "by_failure_type", "by_shift_type", "contrasts")
    arms = {name: analysis_set(base, name, specs[name]) for name in names}
    return EvidenceRows(arms, {"composition": coded_cases(base, specs["composition"])})


def found(query: str) -> str:
    """Names that SQL finds in the raw files, in the form of the column."""
    tables = {name: f"read_csv('{RAW}/{name}.csv', all_varchar = true)" for name in
              ("arms", "cases", "codings", "contrasts")}  # fmt: skip
    return spans(row[0] for row in duckdb.sql(query.format(**tables)).fetchall())


AGREED = """SELECT unit_id FROM {{codings}} GROUP BY unit_id
    HAVING count(DISTINCT {field}) = 1 AND min({field}) = '{code}'"""


@pytest.mark.parametrize(
    ("model", "outcome", "group", "query"),
    [
        (
            "by_failure_type", "goal_failure", "failure_type=goal_misgeneralization",
            f"SELECT arm_id FROM {{arms}} WHERE {MAIN} AND n_goal_failure IS NOT NULL "
            "AND failure_type = 'goal_misgeneralization' ORDER BY 1",
        ),
        (
            "rates", "goal_failure", "study=langosco_2022",
            f"SELECT arm_id FROM {{arms}} WHERE {MAIN} AND n_goal_failure IS NOT NULL "
            "AND study_id = 'langosco_2022' ORDER BY 1",
        ),
        (
            "by_shift_type", "capable_goal_failure", "shift_type=significant",
            f"SELECT arm_id FROM {{arms}} WHERE {MAIN} AND n_goal_failure IS NOT NULL AND arm_id "
            f"IN ({AGREED.format(field='shift_type', code='significant')}) ORDER BY 1",
        ),
        (
            "contrasts", "goal_failure", "intervention=decorrelated_training_data",
            "SELECT arm_id FROM {contrasts} WHERE intervention = 'decorrelated_training_data' "
            "UNION SELECT baseline_arm_id FROM {contrasts} "
            "WHERE intervention = 'decorrelated_training_data' ORDER BY 1",
        ),
    ],
)  # fmt: skip
def test_the_arms_are_those_that_sql_finds(
    rows: EvidenceRows, model: str, outcome: str, group: str, query: str
) -> None:
    arms, cases = rows.behind(model, outcome, group)
    assert arms == found(query) != ""
    assert cases == ""


def test_the_cases_are_as_many_as_the_cells_count(
    rows: EvidenceRows, base: dict[str, pd.DataFrame]
) -> None:
    spec = load_settings(ROOT).models["composition"]
    cells = analysis_set(base, "composition", spec)
    for field, column in (("failure_type", "failure_type"), ("source_list", "study")):
        for level, own in cells.groupby(column):
            arms, cases = rows.behind("composition", "harm", f"{field}={level}")
            named = coded_cases(base, spec)
            named = named[named[column].eq(level) & named["event_harm"].notna()]
            assert cases == spans(sorted(named["case_id"])) and arms == ""
            assert len(named) == own["trials_harm"].sum()


def test_a_ratio_has_the_rows_of_both_settings_and_capability_those_that_count_it() -> None:
    table = pd.DataFrame(
        {
            "row_id": ["A1", "A2", "A3", "A4"], "study": "s", "field": ["a", "b", "c", "a"],
            "trials_goal_failure": pd.array([5, 5, 5, 0], dtype="Int64"),
            "trials_capability_transfer": pd.array([None, 5, None, 5], dtype="Int64"),
        }
    )  # fmt: skip
    behind = EvidenceRows({"m": table}).behind
    assert behind("m", "capable_goal_failure", "field=b vs a") == ("A1; A2", "")
    assert behind("m", "goal_failure", "all") == ("A1..A3", "")
    assert behind("m", "capability_transfer", "all") == ("A2; A4", "")
    assert behind("other", "goal_failure", "all") == ("", "")


def test_one_study_of_an_intervention_has_its_own_arms_and_baselines() -> None:
    table = pd.DataFrame(
        {
            "row_id": ["A1", "A2", "B1", "B2", "B3"], "study": ["a", "a", "b", "b", "b"],
            "against": [None, "warn@A1", None, "warn@B1; other@B3", None],
        }
    )  # fmt: skip
    behind = EvidenceRows({"contrasts": table}).behind
    assert behind("contrasts", "goal_failure", "intervention=warn")[0] == "A1; A2; B1; B2"
    assert behind("contrasts", "goal_failure", "intervention=warn|study=b")[0] == "B1; B2"


def test_they_stand_beside_the_estimate_and_on_the_page() -> None:
    table = pd.DataFrame(
        {
            "row_id": ["ARM001", "ARM002", "ARM003", "ARM007"], "study": "s",
            "trials_goal_failure": pd.array([5] * 4, dtype="Int64"),
        }
    )  # fmt: skip
    run = Estimates(pooled({}), rows=EvidenceRows({"rates": table}))
    audited = audit(claims({}, {"value": None}), NO_SUMS, run, comparisons())
    assert audited["arm_ids"].tolist() == ["ARM001..ARM003; ARM007"] * 2
    (entry, *_) = (e for of in audit_entries(audited).values() for e in of)
    assert entry.rows == [("Arms", "ARM001..ARM003; ARM007")]
    # Rows that only imputed codes put at a level are counted, not named.
    other = comparisons({}, {"quantities": ["other"], "group": "field=b"})
    run = Estimates(
        pooled({}, {"group": "field=b"}), rows=EvidenceRows({"rates": table.assign(field="a")})
    )
    audited = audit(claims({}, {"quantity": "other", "value": 0.9}), NO_SUMS, run, other)
    shown = {e.ids: e.rows for of in audit_entries(audited).values() for e in of}
    assert shown["C002"] == [("Rows", "none by codes that all coders agree on")]
    bare = audit(claims({}), NO_SUMS, estimates(), comparisons())
    assert [e.rows for of in audit_entries(bare).values() for e in of] == [[]]
