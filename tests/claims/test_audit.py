"""The audit as a whole: every claim a verdict, and what flips it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta.claims.audit import COLUMNS, IMPLIED_RULE, audit, audit_run, read_cases, read_claims
from meta.claims.estimates import Estimates
from meta.claims.verdict import (
    CONTRADICTED,
    NOT_SUPPORTED,
    NOT_TESTABLE,
    REPRODUCED,
    SUPPORTED,
    VERDICTS,
)
from meta.risk.arithmetic import arithmetic_checks
from tests.claims.tables import NO_SUMS, claims, comparisons, estimates, pooled, sums

ROOT = Path(__file__).parents[2]
SHIPPED = pd.read_csv(ROOT / "data/raw/claims.csv")


def test_flipping_a_claim_flips_its_verdict() -> None:
    verdicts = [
        audit(claims({"value": value}), NO_SUMS, estimates(), comparisons())["verdict"].item()
        for value in (0.5, 0.9, 0.5)
    ]
    assert verdicts == [SUPPORTED, NOT_SUPPORTED, SUPPORTED]


def test_flipping_an_input_flips_what_follows_from_it() -> None:
    """From the claims table to the verdict: C032 is the product of C030, C031 and the harm."""

    def verdicts(value: float) -> pd.Series:
        altered = SHIPPED.assign(value=SHIPPED["value"].where(SHIPPED["claim_id"] != "C030", value))
        found = audit_run(altered, arithmetic_checks(altered), [])
        return found.set_index("claim_id")["verdict"]

    before, after = verdicts(0.65), verdicts(0.3)
    assert (before["C032"], after["C032"]) == (REPRODUCED, CONTRADICTED)
    # 0.65 x 0.28 x 50 to 70% holds 10.0%; 0.3 x 0.28 x 70% is 5.9%.
    assert set(before.index[before != after]) == {"C032"}
    assert verdicts(0.65).equals(before)


def test_changing_the_estimate_flips_the_verdict() -> None:
    for low, high, verdict in (
        (0.46, 0.54, SUPPORTED), (0.7, 0.8, NOT_SUPPORTED), (0.1, 0.9, NOT_TESTABLE),
    ):  # fmt: skip
        found = audit(
            claims({}), NO_SUMS, estimates({"ci_low": low, "ci_high": high}), comparisons()
        )
        assert found["verdict"].item() == verdict
        assert found[["ci_low", "ci_high"]].iloc[0].tolist() == [low, high]


def test_both_ends_of_a_range_fare_alike_and_one_end_flips_both() -> None:
    ends = {"statistic": "lower", "value": 0.4}, {"statistic": "upper", "value": 0.6}
    table = audit(claims(*ends), NO_SUMS, estimates(), comparisons())
    assert table["verdict"].tolist() == [SUPPORTED, SUPPORTED]
    assert table[["claim_low", "claim_high"]].to_numpy().tolist() == [[0.4, 0.6]] * 2
    moved = claims({**ends[0], "value": 0.55}, ends[1])
    assert audit(moved, NO_SUMS, estimates(), comparisons())["verdict"].tolist() == [
        NOT_SUPPORTED, NOT_SUPPORTED,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [([True], REPRODUCED), ([False], CONTRADICTED), ([True, False], CONTRADICTED)],
)
def test_one_sum_that_fails_contradicts_a_claim(holds: list[bool], verdict: str) -> None:
    of = pd.concat([sums(C001=held) for held in holds])
    wide = estimates({"ci_low": 0.1, "ci_high": 0.9})
    found = audit(claims({}, {}), of, wide, comparisons()).iloc[0]
    assert (found["verdict"], found["arithmetic"]) == (verdict, verdict)
    assert found["evidence"] == NOT_TESTABLE
    assert found["sentence"].startswith("Sum of C001.")


def test_the_sum_that_fails_is_said_first() -> None:
    of = pd.DataFrame(
        {"claim_id": ["C001"] * 2, "reproduced": [True, False], "sentence": ["Holds.", "Fails."]}
    )
    found = audit(claims({}), of, estimates(), comparisons()).iloc[0]
    assert found["arithmetic_sentence"] == "Fails. Holds."
    assert (found["verdict"], found["evidence"]) == (CONTRADICTED, SUPPORTED)


def test_a_sum_by_a_rule_that_is_not_stated_says_so() -> None:
    of = pd.DataFrame(
        {
            "claim_id": ["C001"] * 2, "reproduced": [True, True], "basis": ["implied", "stated"],
            "sentence": ["one of these.", "Another."],
        }
    )  # fmt: skip
    said = audit(claims({}), of, estimates(), comparisons())["arithmetic_sentence"].item()
    assert said == f"One of these. {IMPLIED_RULE} Another."
    shipped = audit_run(SHIPPED, arithmetic_checks(SHIPPED), []).set_index("claim_id")
    remarked = shipped["arithmetic_sentence"].str.contains(IMPLIED_RULE, regex=False)
    assert remarked.loc["C089"] and not remarked.loc["C029"]


@pytest.mark.parametrize(
    ("bases", "holds", "basis", "verdict"),
    [
        (["stated"], [False], "stated", CONTRADICTED),
        (["implied"], [False], "implied", SUPPORTED),
        (["implied", "stated"], [False, True], "implied", SUPPORTED),
        (["implied", "stated"], [False, False], "stated", CONTRADICTED),
        (["implied", "implied"], [True, True], "implied", SUPPORTED),
        (["implied", "stated"], [True, True], "stated", SUPPORTED),
    ],
)
def test_the_basis_is_that_of_the_sums_that_decide(
    bases: list[str], holds: list[bool], basis: str, verdict: str
) -> None:
    of = pd.DataFrame(
        {"claim_id": "C001", "reproduced": holds, "basis": bases, "sentence": "A sum."}
    )
    found = audit(claims({}), of, estimates(), comparisons()).iloc[0]
    assert (found["arithmetic_basis"], found["verdict"]) == (basis, verdict)
    assert found["arithmetic"] == (REPRODUCED if all(holds) else CONTRADICTED)
    # Out of the interval it is contradicted whatever the rule.
    other = audit(claims({"value": 0.9}), of, estimates(), comparisons())["verdict"].item()
    assert other == (NOT_SUPPORTED if all(holds) else CONTRADICTED)


def test_shipped_sums_say_whether_their_rule_is_stated() -> None:
    checks = arithmetic_checks(SHIPPED)
    found = audit_run(SHIPPED, checks, []).set_index("claim_id")["arithmetic_basis"]
    assert (found["C003"], found["C029"]) == ("implied", "stated")
    bases = checks.groupby("claim_id")["basis"].agg(set)
    for name, of in bases.items():
        assert found[name] in of
    assert set(found[~found.index.isin(bases.index)]) == {""}


def test_arithmetic_that_does_not_belong_to_the_claims_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the table: C999"):
        audit(claims({}), sums(C999=True), estimates(), comparisons())
    with pytest.raises(ValueError, match="lacks reproduced"):
        audit(claims({}), sums(C001=True).drop(columns="reproduced"), estimates(), comparisons())


@pytest.mark.parametrize(
    ("claim", "entry", "reason"),
    [
        ({"value": None}, {}, "no figure"),
        ({"quantity": "unheard of"}, {}, "no comparison"),
        ({}, {"model": "unfitted"}, "no estimate"),
        ({}, {"not_testable": "A forecast."}, "declared"),
        ({"statistic": "lower"}, {"ratio": "ends"}, "no scale"),
    ],
)
def test_what_cannot_be_tested_says_why(
    claim: dict[str, object], entry: dict[str, object], reason: str
) -> None:
    found = audit(claims(claim), NO_SUMS, estimates(), comparisons(entry)).iloc[0]
    assert (found["verdict"], found["reason"]) == (NOT_TESTABLE, reason)
    assert found["why"].endswith(".")


def test_a_declared_reason_shows_the_estimate_and_decides_nothing() -> None:
    entry = {"not_testable": "A composition."}
    found = audit(claims({"value": 0.9}), NO_SUMS, estimates(), comparisons(entry)).iloc[0]
    assert found["verdict"] == NOT_TESTABLE
    assert found["median"] == 0.5
    assert "Shown beside it: the rate, 50%" in found["sentence"]
    assert found["sentence"].endswith("A composition.")


def test_a_claim_is_judged_on_the_scale_and_in_the_relation_of_its_comparison() -> None:
    ends = {"statistic": "lower", "value": 0.5}, {"statistic": "upper", "value": 2.0}
    ratio = {"estimand": "risk_ratio", "ci_low": 3.6, "ci_high": 4.4}
    entry = {"estimand": "risk_ratio", "ratio": "ends"}
    found = audit(claims(*ends), NO_SUMS, estimates(ratio), comparisons(entry))
    assert found["verdict"].tolist() == [SUPPORTED, SUPPORTED]  # 2 over 0.5
    assert found["claim_low"].tolist() == [4.0, 4.0]
    bound = comparisons({"relation": "at_most"})
    reasons = [
        audit(claims({"value": value}), NO_SUMS, estimates(), bound)["reason"].item()
        for value in (0.1, 0.5, 0.9)
    ]
    assert reasons == ["bound only", "bound only", "outside"]


def test_too_few_studies_of_an_intervention_are_named() -> None:
    row = {"group": "intervention=warn|study=a_2024", "estimand": "study_odds_ratio", "median": 0.2}
    entry = {"group": "intervention=warn", "estimand": "risk_ratio", "scale": "reduction"}
    found = audit(claims({}), NO_SUMS, estimates(row), comparisons(entry)).iloc[0]
    assert (found["reason"], found["k_studies"]) == ("few studies", 1)
    assert "in 1 study, where 3 are needed" in found["why"] and "A 2024 0.2" in found["why"]


def test_the_share_of_the_posterior_that_agrees_is_given() -> None:
    draws = np.repeat([0.3, 0.5], [1, 3])
    wide = estimates({"ci_low": 0.1, "ci_high": 0.9}, rate_mean=draws)
    found = audit(claims({}), NO_SUMS, wide, comparisons()).iloc[0]
    assert found["mass"] == 0.75
    assert "75% of the posterior" in found["why"]


def test_every_shipped_claim_has_a_verdict_whatever_was_fitted() -> None:
    """Of a run without fits nothing is testable, and no sum depends on a fit."""
    checks = arithmetic_checks(SHIPPED)
    table = audit_run(SHIPPED, checks, [])
    assert table.columns.tolist() == COLUMNS
    assert table["claim_id"].tolist() == SHIPPED["claim_id"].tolist()
    assert set(table["verdict"]) <= set(VERDICTS)
    assert set(table["evidence"]) == {NOT_TESTABLE}
    failed = set(checks.loc[~checks["reproduced"], "claim_id"])
    assert set(table.loc[table["verdict"] == CONTRADICTED, "claim_id"]) == failed
    assert table["sentence"].str.len().gt(20).all()


def test_a_release_without_contraction_decides_nothing() -> None:
    """The committed release has intervals but not what is asked of an estimate."""
    released = pd.read_csv(ROOT / "releases/2026-11/pooled.csv")
    assert "contraction" not in released
    table = audit(SHIPPED, NO_SUMS, Estimates(released))
    assert set(table["verdict"]) == {NOT_TESTABLE}
    assert table["median"].notna().sum() > 20


def test_shipped_claims_flip_with_the_estimate_that_they_are_held_against() -> None:
    of_kind = "failure_type=goal_misgeneralization"
    at = {"model": "by_failure_type", "outcome": "capability_transfer", "group": of_kind}
    of = SHIPPED[SHIPPED["claim_id"] == "C007"]
    found = [
        audit(of, NO_SUMS, Estimates(pooled({**at, "ci_low": low, "ci_high": high})))["verdict"]
        for low, high in ((0.85, 0.9), (0.5, 0.8))
    ]
    assert [each.item() for each in found] == [SUPPORTED, NOT_SUPPORTED]


def test_claims_are_read_from_the_canonical_tables_in_their_order(tmp_path: Path) -> None:
    claims({}, {}).drop(columns="section").iloc[::-1].to_parquet(tmp_path / "claims.parquet")
    table = read_claims(tmp_path)
    assert table["claim_id"].tolist() == ["C001", "C002"]
    assert table["section"].isna().all()
    found = audit(table, arithmetic_checks(table, partial=True), estimates(), comparisons())
    assert found["verdict"].tolist() == [SUPPORTED, SUPPORTED]


def test_cases_are_read_with_the_columns_that_are_analysed(tmp_path: Path) -> None:
    tables = {
        "cases": {"case_id": ["GMG-1"], "notes": ["not read"]},
        "codings": {"unit_id": ["GMG-1"], "coder": ["ann"], "notes": ["not read"]},
        "arms": {"arm_id": ["a1"]},
    }
    for name, columns in tables.items():
        pd.DataFrame(columns).to_parquet(tmp_path / f"{name}.parquet")
    found = {name: list(table.columns) for name, table in read_cases(tmp_path).items()}
    assert found == {"cases": ["case_id"], "codings": ["unit_id", "coder"]}
    assert read_cases(tmp_path / "none") == {}
