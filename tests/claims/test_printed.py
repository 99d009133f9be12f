"""Claims read as points and ranges."""

from __future__ import annotations

import math

import pytest

from meta.claims.comparisons import Other
from meta.claims.printed import Figure, on_scale, printed_figures
from tests.claims.tables import claims, comparisons

LOW, HIGH = {"statistic": "lower", "value": 0.2}, {"statistic": "upper", "value": 0.6}


def test_the_ends_of_a_range_are_one_figure() -> None:
    found = printed_figures(claims(LOW, HIGH, {"value": 0.3}))
    assert found["C001"] == found["C002"] == Figure(0.2, 0.6)
    assert found["C003"] == Figure(0.3, 0.3)


@pytest.mark.parametrize("column", ["document", "section", "quantity", "subject"])
def test_ends_that_differ_in_what_they_are_of_are_two_figures(column: str) -> None:
    found = printed_figures(claims(LOW, {**HIGH, column: "other"}))
    assert found == {"C001": Figure(0.2, math.inf), "C002": Figure(-math.inf, 0.6)}


def test_ranges_that_cannot_be_told_apart_are_not_paired() -> None:
    found = printed_figures(claims(LOW, HIGH, {**LOW, "value": 0.1}))
    assert found["C001"] == Figure(0.2, math.inf)
    assert found["C002"] == Figure(-math.inf, 0.6)


def test_a_range_printed_the_wrong_way_round_is_turned() -> None:
    assert printed_figures(claims({**LOW, "value": 0.7}, HIGH))["C001"] == Figure(0.6, 0.7)


def test_a_blank_is_no_figure_and_leaves_the_other_end_open() -> None:
    found = printed_figures(claims({"value": None}, LOW, {**HIGH, "value": None}))
    assert not found["C001"].is_given
    assert found["C002"] == Figure(0.2, math.inf)
    assert not found["C003"].is_given


def test_tables_without_optional_columns_are_read() -> None:
    table = claims(LOW, HIGH).drop(columns=["document", "section", "unit"])
    assert printed_figures(table)["C001"] == Figure(0.2, 0.6)


def test_the_ends_make_a_ratio() -> None:
    table = claims({**LOW, "value": 0.5}, {**HIGH, "value": 2.0}, {"value": 3.0, "subject": "b"})
    figures = printed_figures(table)
    (of_ends,) = comparisons({"ratio": "ends"})
    assert on_scale(figures["C001"], of_ends, table, figures) == Figure(4.0, 4.0)
    # A point is the ratio itself; an open range has no ratio.
    assert on_scale(figures["C003"], of_ends, table, figures) == Figure(3.0, 3.0)
    assert not on_scale(Figure(0.5, math.inf), of_ends, table, figures).is_given
    assert not on_scale(Figure(0.0, 2.0), of_ends, table, figures).is_given


def test_what_may_be_zero_or_is_not_given_divides_nothing() -> None:
    for other in (Figure(0.0, 3.0), Figure(-1.0, 3.0), Figure(math.nan, math.nan)):
        ratio = Figure(1.0, 2.0).over(other)
        assert math.isnan(ratio.low) and math.isnan(ratio.high)
    # Over what has no upper end: as small a ratio as one likes, whatever stands above the line.
    for low in (1.0, -math.inf):
        assert Figure(low, 2.0).over(Figure(0.5, math.inf)) == Figure(0.0, 4.0)


def test_a_range_over_another_takes_the_extremes() -> None:
    table = claims(
        {"statistic": "lower", "value": 1.5, "subject": "low"},
        {"statistic": "upper", "value": 2.0, "subject": "low"},
        {"statistic": "lower", "value": 0.5, "subject": "high"},
        {"statistic": "upper", "value": 0.7, "subject": "high"},
    )
    figures = printed_figures(table)
    (over,) = comparisons({"ratio": Other(quantity="rate", subject="high").model_dump()})
    found = on_scale(figures["C001"], over, table, figures)
    corners = [a / b for a in (1.5, 2.0) for b in (0.5, 0.7)]
    assert (found.low, found.high) == pytest.approx((min(corners), max(corners)))
    absent = table[table["subject"] == "low"]
    assert not on_scale(figures["C001"], over, absent, printed_figures(absent)).is_given
