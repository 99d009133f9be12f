"""Digits of published numbers: what is rounded, and what must not be."""

from __future__ import annotations

import io
import json
import math

import pandas as pd
import pytest

from meta.report.significant_digits import (
    published_csv,
    published_json,
    shortened,
    significant,
    significant_parts,
)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (0.7295874163026903, 0.72959),
        (-2.5e-7 / 3, -8.3333e-8),
        (2405.9471609762845, 2405.9),
        # Counts stored as floats, and what would become certain.
        (41240.0, 41240.0),
        (1234567.0, 1234567.0),
        (0.99999972, 0.9999997),
        (14269.7214, 14269.7),
        (14269.0072, 14269.01),
        (7, 7),
        (True, True),
        ("0.12345678901", "0.12345678901"),
        (None, None),
    ],
)
def test_five_digits_and_no_number_becomes_whole(given: object, wanted: object) -> None:
    assert significant(given) == wanted
    assert type(significant(given)) is type(given)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("400.0", "400"), ("1.0013482", "1.001"), ("41240.4", "4.124e+04"), ("required", "required")],
)
def test_what_is_only_read_is_short(given: str, wanted: str) -> None:
    assert shortened(given) == wanted


def test_missing_and_infinite_numbers_stay() -> None:
    assert math.isnan(significant(math.nan))
    assert significant(math.inf) == math.inf


def test_a_table_reads_back_within_half_a_digit() -> None:
    table = pd.DataFrame({
        "name": ["a", "b"], "mean": [1 / 3, 2e-9 / 3], "rows": pd.array([3, None], "Int64"),
        "mixed": pd.Series([1 / 7, "x"], dtype=object),
    })  # fmt: skip
    text = published_csv(table)
    assert text.splitlines()[1] == "a,0.33333,3,0.14286"
    back = pd.read_csv(io.StringIO(text))
    assert back["mean"].to_numpy() == pytest.approx(table["mean"], rel=5e-6 * 10)
    assert table["mean"][0] == 1 / 3


def test_a_document_has_a_line_a_record() -> None:
    content = {"a": [{"x": 1 / 3}, {"x": "é"}], "b": {"y": [0.1 + 0.2]}}
    text = published_json(significant_parts(content))
    assert text.splitlines()[2:4] == ['{"x":0.33333},', '{"x":"é"}']
    assert json.loads(text) == {"a": [{"x": 0.33333}, {"x": "é"}], "b": {"y": [0.3]}}
