"""Arithmetic of the published figures: sums written by hand, and flipped by an altered input."""

from fractions import Fraction

import pytest

from meta.errors import MissingRowsError
from meta.risk.arithmetic import COLUMNS, arithmetic_checks

CONTRACT = [
    "claim_id", "relation", "printed", "recomputed_low", "recomputed_high", "tolerance",
    "reproduced", "sentence",
]  # fmt: skip


@pytest.fixture(scope="module")
def checks(claims):
    return arithmetic_checks(claims)


def _row(table, claim, relation):
    found = table[(table["claim_id"] == claim) & (table["relation"] == relation)]
    assert len(found) == 1, (claim, relation)
    return found.iloc[0]


def test_columns(checks, claims):
    assert list(checks)[:8] == CONTRACT
    assert set(checks["claim_id"]) <= set(claims["claim_id"])
    assert not checks.drop(columns="operands").isna().any(axis=None)
    assert not checks.duplicated(["claim_id", "relation"]).any()
    assert checks["reproduced"].dtype == bool
    values = claims.set_index("claim_id")["value"]
    assert checks["printed"].tolist() == values[checks["claim_id"]].tolist()


#: Claim, relation, sum in exact fractions, whether the printed figure is that sum.
SUMS = [
    ("C029", "capability x goal x harm", (Fraction("0.051"), Fraction("0.0714")), False),
    ("C032", "capability x goal x harm", (Fraction("0.091"), Fraction("0.1274")), True),
    ("C035", "capability x goal x harm", (Fraction("0.15125"), Fraction("0.21175")), False),
    ("C038", "capability x goal x harm", (Fraction("0.16875"), Fraction("0.23625")), False),
    ("C066", "unweighted mean of the rows", Fraction(95 + 87 + 78, 300), True),
    ("C067", "unweighted mean of the rows", Fraction(89 + 73 + 65, 300), True),
    ("C068", "unweighted mean of the rows", Fraction(60 + 41 + 35, 300), True),
    ("C001", "range of the table", Fraction("0.036"), True),
    ("C002", "range of the table", Fraction("0.277"), True),
    ("C005", "range of the table", Fraction("0.01"), True),
    ("C006", "range of the table", Fraction("0.51"), True),
    ("C003", "risk range of the type", Fraction("0.10"), False),
    ("C004", "risk range of the type", Fraction("0.42"), False),
    ("C007", "same figure twice", Fraction("0.87"), True),
    ("C010", "same figure twice", Fraction(3), True),
    ("C011", "base x modifiers", Fraction("0.036") * Fraction("0.07"), False),
    ("C018", "base x modifiers", Fraction("0.277") * Fraction("12.6"), False),
    ("C019", "range of the levels", Fraction("0.5"), True),
    ("C020", "level of the configuration", (Fraction("1.5"), Fraction(2)), True),
    ("C089", "base x specification", Fraction("0.018"), False),
    ("C097", "base x specification", Fraction("0.2616"), False),
    ("C103", "base x specification", Fraction("0.08"), True),
    ("C118", "base x specification", Fraction("0.554"), False),
    ("C091", "now x timeline", Fraction("0.045"), True),
    ("C105", "now x timeline", Fraction("0.12"), True),
    ("C099", "now x timeline", Fraction("0.42"), False),
    ("C139", "low end of the modifier", Fraction("0.4"), True),
    ("C139", "what the intervention leaves", (Fraction("0.3"), Fraction("0.6")), True),
    ("C045", "quadrant of the type", (Fraction("0.5"), Fraction(1)), False),
    ("C046", "quadrant of the type", (Fraction(0), Fraction("0.5")), True),
    ("C049", "quadrant of the type", (Fraction(0), Fraction("0.5")), True),
    ("C055", "quadrant of the type", (Fraction("0.5"), Fraction(1)), False),
]


@pytest.mark.parametrize(("claim", "relation", "sums", "right"), SUMS)
def test_sums_by_hand(checks, claim, relation, sums, right):
    row = _row(checks, claim, relation)
    low, high = sums if isinstance(sums, tuple) else (sums, sums)
    assert (row["recomputed_low"], row["recomputed_high"]) == pytest.approx(
        (float(low), float(high))
    )
    assert row["reproduced"] == right


def test_relations_and_their_number(checks):
    """One a claim that is determined: 4 + 1 + 8 + 20 + 10 and the rest, counted in the tables."""
    assert checks["relation"].value_counts().to_dict() == {
        "capability x goal x harm": 4, "unweighted mean of the rows": 3, "base x modifiers": 8,
        "base x specification": 10, "now x timeline": 10, "quadrant of the type": 10,
        "range of the table": 4, "risk range of the type": 2, "same figure twice": 4,
        "range of the levels": 2, "level of the configuration": 2, "low end of the modifier": 1,
        "what the intervention leaves": 1,
    }  # fmt: skip


def test_the_sentence_has_the_sum(checks):
    sentence = _row(checks, "C029", "capability x goal x harm")["sentence"]
    assert sentence == "0.85 x 0.12 x 0.5 to 0.7 gives 5.1% to 7.1%; 3.6% is printed."
    assert "over 50% is printed" in _row(checks, "C006", "range of the table")["sentence"]
    assert "dividing line" in _row(checks, "C049", "quadrant of the type")["sentence"]
    assert "dividing line" not in _row(checks, "C050", "quadrant of the type")["sentence"]


def test_the_tolerance_is_half_a_unit_of_the_last_printed_digit(checks):
    tolerance = checks.drop_duplicates("claim_id").set_index("claim_id")["tolerance"]
    expected = {"C032": 0.0005, "C066": 0.005, "C019": 0.05, "C120": 0.005, "C045": 0.005}
    assert tolerance[list(expected)].to_dict() == pytest.approx(expected)


#: Claim, relation, and an input that flips its verdict with the value that does.
FLIPS = [
    ("C029", "capability x goal x harm", {"C029": 0.06}, True),
    ("C032", "capability x goal x harm", {"C030": 0.30}, False),
    ("C038", "capability x goal x harm", {"C040": 0.9}, True),
    ("C067", "unweighted mean of the rows", {"C058": 0.80}, False),
    ("C001", "range of the table", {"C029": 0.02}, False),
    ("C006", "range of the table", {"C018": 0.45}, False),
    ("C003", "risk range of the type", {"C015": 0.2}, True),
    ("C008", "same figure twice", {"C067": 0.7}, False),
    ("C018", "base x modifiers", {"C022": 0.4383}, True),
    ("C019", "range of the levels", {"C072": 0.6}, False),
    ("C089", "base x specification", {"C072": 0.8333}, True),
    ("C105", "now x timeline", {"C122": 2.0}, False),
    ("C139", "what the intervention leaves", {"C131": 0.7}, False),
    ("C045", "quadrant of the type", {"C045": 0.6}, True),
]


@pytest.mark.parametrize(("claim", "relation", "values", "becomes"), FLIPS)
def test_an_altered_input_flips_the_verdict(checks, altered, claim, relation, values, becomes):
    assert _row(checks, claim, relation)["reproduced"] != becomes
    after = arithmetic_checks(altered(values))
    assert _row(after, claim, relation)["reproduced"] == becomes


@pytest.mark.parametrize("thousandths", [36, 50, 51, 60, 71, 72])
def test_the_boundary_of_a_band_is_half_a_unit_away(altered, thousandths):
    """The band gives 5.1% to 7.14%; printed to a tenth of a percent, 5.1 to 7.1 is within it."""
    value = thousandths / 1000
    row = _row(arithmetic_checks(altered({"C029": value})), "C029", "capability x goal x harm")
    assert row["reproduced"] == (51 <= thousandths <= 71)


def test_rounded_inputs_only_widen(checks):
    wider = checks["reproduced_with_rounded_inputs"]
    assert (wider | ~checks["reproduced"]).all()
    # 17.5% to 18.5% times 1.45 to 1.55 holds 25.4%, which is printed as 25%.
    assert _row(checks, "C112", "now x timeline")["reproduced_with_rounded_inputs"]
    # 55.5% x 55.5% x 70.5% is 21.72%: rounding does not explain 21.8%.
    assert not _row(checks, "C035", "capability x goal x harm")["reproduced_with_rounded_inputs"]


def test_a_missing_figure_is_an_error_or_leaves_its_sums_out(claims, checks):
    fewer = claims[claims["claim_id"] != "C030"]
    with pytest.raises(MissingRowsError, match="p_capability_transfer of moderate"):
        arithmetic_checks(fewer)
    some = arithmetic_checks(fewer, partial=True)
    assert set(checks["claim_id"]) - set(some["claim_id"]) == {"C032"}
    kept = checks[checks["claim_id"] != "C032"]
    assert some["sentence"].tolist() == kept["sentence"].tolist()


def test_every_single_row_can_be_missing(claims):
    for row in range(0, len(claims), 14):
        assert not arithmetic_checks(claims.drop(index=row), partial=True).empty


def test_claims_of_other_documents_alone_give_no_rows(claims):
    for other in (claims.assign(document="x.txt"), claims.iloc[:0], claims[["claim_id"]]):
        found = arithmetic_checks(other)
        assert found.empty
        assert tuple(found) == COLUMNS
