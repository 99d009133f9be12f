"""Settings that are seen in one kind of failure, and what follows where they are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from meta.claims.audit import audit, audit_run
from meta.claims.comparisons import load_comparisons
from meta.claims.estimates import Estimates, read_estimates
from meta.claims.printed import printed_figures
from meta.claims.shared_kinds import AGAINST, studies_of_one_kind
from meta.claims.verdict import NOT_SUPPORTED, NOT_TESTABLE, judge
from meta.evidence.analysis_set import analysis_set
from meta.evidence.checking import check
from meta.models.design import FEWEST_STUDIES
from meta.settings_file import load_settings
from tests.claims.tables import NO_SUMS, claims, comparisons, pooled
from tests.claims.test_verdict import share

ROOT = Path(__file__).parents[2]
GROUP = "quality=low vs high"


def rows(*cells: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["study", "failure_type", "quality"])


def spread(kind: str, quality: str, number: int) -> list[tuple[str, str, str]]:
    return [(f"{kind}{quality}{n}", kind, quality) for n in range(number)]


@pytest.mark.parametrize(
    ("cells", "number"),
    [
        # Six studies at each setting, each of its own kind.
        ([*spread("gaming", "low", 6), *spread("goal", "high", 6)], 0),
        ([*spread("gaming", "low", 6), *spread("gaming", "high", 2)], 2),
        # Of two kinds the better one; they do not add up.
        (
            [
                *spread("gaming", "low", 4), *spread("gaming", "high", 2),
                *spread("goal", "low", 1), *spread("goal", "high", 9),
            ],
            2,
        ),
        # Studies at neither setting are none of either.
        (
            [
                *spread("goal", "low", 3), *spread("goal", "high", 1), *spread("goal", "middle", 9),
            ],
            1,
        ),
        # A study with many rows is one study, and one at both settings counts at each.
        ([("a", "goal", "low"), ("a", "goal", "low"), ("a", "goal", "high")], 1),
        ([], 0),
    ],
)  # fmt: skip
def test_studies_count_within_a_kind(cells: list[tuple[str, str, str]], number: int) -> None:
    assert studies_of_one_kind(rows(*cells), GROUP) == number


def test_what_is_no_column_is_seen_by_none_and_rows_without_kinds_are_of_one() -> None:
    cells = [*spread("gaming", "low", 3), *spread("goal", "high", 3)]
    assert studies_of_one_kind(rows(*cells), "other=low vs high") == 0
    assert studies_of_one_kind(rows(*cells).drop(columns="failure_type"), GROUP) == 3
    # The kinds themselves are what is compared.
    assert studies_of_one_kind(rows(*cells), "failure_type=goal vs gaming") == 3


def test_a_ratio_of_settings_decides_only_where_they_share_a_kind() -> None:
    ratio = share(2.1, 2.4, estimand="risk_ratio", group=GROUP, k_kind=FEWEST_STUDIES)
    figure = claims({"value": 9.0})
    printed = printed_figures(figure)["C001"]
    assert judge(printed, ratio).verdict == NOT_SUPPORTED
    for number in (FEWEST_STUDIES - 1, 0, None):
        found = judge(printed, replace(ratio, k_kind=number))
        assert (found.verdict, found.reason) == (NOT_TESTABLE, "confounded")
    # A rate at one setting compares nothing.
    assert judge(printed, replace(ratio, k_kind=None, group="quality=low")).verdict == NOT_SUPPORTED


def test_the_sentence_says_how_many_studies_there_are() -> None:
    row = {"estimand": "risk_ratio", "group": GROUP, "median": 1.0}
    sides = [{"group": f"quality={side}", "k_direct": 9} for side in ("low", "high")]
    entry = comparisons({"estimand": "risk_ratio", "group": GROUP})
    for number, reason in ((FEWEST_STUDIES, "outside"), (2, "confounded")):
        estimates = Estimates(pooled(row, *sides), kinds={("rates", GROUP): number})
        found = audit(claims({"value": 9.0, "unit": "ratio"}), NO_SUMS, estimates, entry).iloc[0]
        assert (found["reason"], found["k_kind"]) == (reason, number)
    assert "within one kind of failure: 2, where 3 are needed" in found["why"]


def test_a_ratio_of_which_the_data_tell_only_the_level_is_called_its_prior() -> None:
    row = {"estimand": "risk_ratio", "group": GROUP, "median": 1.0, "contraction": -0.38}
    sides = [{"group": f"quality={side}", "k_direct": 9} for side in ("low", "high")]
    entry = comparisons({"estimand": "risk_ratio", "group": GROUP})
    estimates = Estimates(pooled(row, *sides), kinds={("rates", GROUP): FEWEST_STUDIES})
    found = audit(claims({"value": 9.0, "unit": "ratio"}), NO_SUMS, estimates, entry).iloc[0]
    assert (found["verdict"], found["reason"]) == (NOT_TESTABLE, "prior")
    assert "0% of the prior's variance of the log odds between the settings" in found["why"]


def test_sets_are_read_by_the_name_of_their_model(tmp_path: Path) -> None:
    path = tmp_path / "rates.parquet"
    rows(*spread("goal", "low", 5), *spread("goal", "high", 4)).to_parquet(path)
    entry = comparisons({"estimand": "risk_ratio", "group": GROUP})
    (tmp_path / "rates").mkdir()
    pooled({"estimand": "risk_ratio", "group": GROUP}).to_csv(
        tmp_path / "rates/pooled.csv", index=False
    )
    pd.DataFrame({"chain": [0]}).to_parquet(tmp_path / "rates/draws.parquet")
    for sets, number in (([path], 4), ([], None)):
        found = read_estimates([tmp_path / "rates"], entry, sets).find(entry[0])
        assert found is not None
        assert found.k_kind == number


def test_the_shipped_ratios_are_of_studies_that_sql_counts_too() -> None:
    tables, specs = check(ROOT).tables, load_settings(ROOT).models
    for each in load_comparisons():
        if AGAINST not in each.group:
            continue
        field, _, settings = each.group.partition("=")
        rows = analysis_set(tables, each.model, specs[each.model])
        one, other = settings.split(" vs ")
        query = f"""
            WITH agreed AS (
                SELECT unit_id, min({field}) AS code
                FROM read_csv('{ROOT}/data/raw/codings.csv', all_varchar = true)
                GROUP BY unit_id HAVING count(DISTINCT {field}) = 1),
            counted AS (
                SELECT failure_type,
                    count(DISTINCT study_id) FILTER (code = '{one}') AS a,
                    count(DISTINCT study_id) FILTER (code = '{other}') AS b
                FROM read_csv('{ROOT}/data/raw/arms.csv', all_varchar = true)
                JOIN agreed ON unit_id = arm_id
                WHERE role = 'main' AND sampling_frame = 'denominator' AND grade IN ('A', 'B', 'C')
                    AND failure_type IN ('specification_gaming', 'goal_misgeneralization')
                GROUP BY failure_type)
            SELECT max(least(a, b)) FROM counted"""
        ((number,),) = duckdb.sql(query).fetchall()
        assert studies_of_one_kind(rows, each.group) == number, each.group


def test_a_run_without_sets_decides_no_ratio() -> None:
    shipped = pd.read_csv(ROOT / "data/raw/claims.csv")
    assert set(audit_run(shipped, NO_SUMS, [])["evidence"]) == {NOT_TESTABLE}
