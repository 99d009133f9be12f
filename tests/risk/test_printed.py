"""Printed figures: found by what they say, with the rounding of their column."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.errors import MissingRowsError, UserError
from meta.risk.documents import read_documents
from meta.risk.printed import Figure, PrintedFigures, decimals, listed, percent, percents
from meta.risk.structure import shipped_structure


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.036, 3), (0.1, 1), (60.0, 0), (1.0, 0), (1e-7, 7), (math.nan, 0)],
)
def test_decimals_are_those_of_the_shortest_writing(value, expected):
    assert decimals(value) == expected


def test_the_last_digit_is_that_of_the_column(claims):
    """As the document prints them: 10.0% among percentages of one decimal, 2.0x beside 0.5x."""
    figures = {f.claim_id: f for rows in _rows(claims).values() for f in rows}
    printed = {
        "C001": "3.6%", "C032": "10.0%", "C011": "1%", "C020": "2.0x", "C068": "45%",
        "C044": "0.20", "C090": "12%", "C069": "60", "C133": "60%",
    }  # fmt: skip
    assert {name: figures[name].text for name in printed} == printed
    half = {"C032": 0.0005, "C011": 0.005, "C020": 0.05, "C044": 0.005, "C069": 0.5}
    assert {name: figures[name].half_unit for name in half} == pytest.approx(half)


def _rows(claims):
    return PrintedFigures(claims, shipped_structure().document)._rows


@settings(deadline=None)
@given(
    number=st.floats(0, 1, allow_nan=False),
    digits=st.integers(0, 6),
)
def test_what_rounds_to_a_figure_agrees_with_it(number, digits):
    figure = Figure("C", round(number, digits), digits)
    assert figure.agrees(number, number)


@settings(deadline=None)
@given(value=st.integers(1, 999), digits=st.integers(1, 4), share=st.floats(0, 3, allow_nan=False))
def test_a_figure_agrees_up_to_half_a_unit_and_no_further(value, digits, share):
    figure = Figure("C", value / 10**digits, digits)
    off = share * 10.0**-digits
    if abs(share - 0.5) < 1e-4:
        return
    for low, high in (
        (figure.value + off, figure.value + off + 1),
        (figure.value - off - 1, figure.value - off),
    ):
        assert figure.agrees(low, high) == (share < 0.5)
    # The boundary itself may have been rounded either way.
    assert figure.agrees(*[figure.value + figure.half_unit] * 2)
    assert figure.agrees(*[figure.value - figure.half_unit] * 2)


def test_an_open_end_agrees_with_anything_beyond_it():
    over = Figure("C", 0.5, 2, "probability")
    assert over.agrees(0.9, 0.9, "upper")
    assert not over.agrees(0.9, 0.9)
    assert not over.agrees(0.4, 0.4, "upper")
    assert over.agrees(0.1, 0.1, "lower")
    assert not Figure("C", math.nan).agrees(0, 1)


@pytest.mark.parametrize("dropped", ["C029", "C040", "C075", "C126"])
def test_an_absent_figure_is_named_and_all_are(claims, dropped):
    rows = claims[~claims["claim_id"].isin([dropped, "C139"])]
    gone = claims[claims["claim_id"] == dropped].iloc[0]
    with pytest.raises(MissingRowsError) as error:
        read_documents(rows)
    message = str(error.value)
    assert len(message.splitlines()) == 2
    assert "interpretability_feasible" in message
    for part in ("section", "quantity", "subject", "statistic"):
        assert str(gone[part]) in message


def test_a_blank_is_absent_unless_the_document_gives_no_figure(altered, claims):
    assert claims.set_index("claim_id").loc[["C135", "C136", "C137"], "value"].isna().all()
    read_documents(claims)
    with pytest.raises(MissingRowsError, match="p_base of superficial"):
        read_documents(altered({"C029": math.nan}))


def test_an_impossible_figure_is_named_and_all_are(altered):
    values = {"C029": 3.6, "C022": -1.0, "C134": 1.5}
    with pytest.raises(UserError) as error:
        read_documents(altered(values))
    assert str(error.value).splitlines() == [
        "claims: C029: 3.6: a probability above 1: copy it from the document again",
        "claims: C022: -1: less than nothing: copy it from the document again",
        "claims: C134: 1.5: a fraction above 1: copy it from the document again",
    ]
    read_documents(altered({"C029": 1.0, "C022": 0.0}))
    read_documents(altered(values), partial=True)


def test_a_figure_that_is_there_twice_is_an_error(claims):
    again = claims[claims["claim_id"] == "C029"].assign(claim_id="C929")
    with pytest.raises(MissingRowsError, match="C029 C929 are the same figure"):
        read_documents(pd.concat([claims, again]))


def test_figures_are_found_by_what_they_say_not_by_number(claims):
    shuffled = claims.sample(frac=1, random_state=3)
    ids = [f"Z{k}" for k in range(len(claims))]
    moved = read_documents(shuffled.assign(claim_id=ids))
    assert moved.shifts["extreme"].base.value == 0.277
    assert moved.shifts["extreme"].base.claim_id.startswith("Z")
    with pytest.raises(MissingRowsError):
        read_documents(claims.assign(document="another.txt"))


def test_nullable_types_and_further_columns_are_read(claims):
    nullable = claims.convert_dtypes().assign(more="x")
    assert str(nullable["value"].dtype) == "Float64"
    assert read_documents(nullable).harm.ends == (0.5, 0.7)


def test_words():
    assert [percent(x) for x in (0.036, 1.385, 0.0025)] == ["3.6%", "138%", "0.2%"]
    assert percents(0.051, 0.0714) == "5.1% to 7.1%"
    assert percents(0.08, 0.0800001) == "8.0%"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
