"""Rounding, raw counts, the flow diagram and names, each on its own."""

import pandas as pd
import pytest

from meta.report.descriptive import forest_rows, wilson
from meta.report.estimates import index_estimates, percent, plain, plain_decimals
from meta.report.flow_diagram import flow_diagram
from meta.report.wording import study_label


@pytest.mark.parametrize(
    ("rate", "decimals", "shown"),
    [(0.374, 0, "37%"), (0.0, 0, "0%"), (0.004, 0, "<1%"), (0.0042, 1, "0.4%"),
     (0.9999, 1, ">99.9%"), (1.0, 0, "100%"), (float("nan"), 0, "not available")],
)  # fmt: skip
def test_percent_never_feigns_zero_or_certainty(rate, decimals, shown):
    assert percent(rate, decimals) == shown


@pytest.mark.parametrize(
    ("mcse", "decimals"), [(0.5, 0), (0.02, 1), (0.004, 2), (1e-6, 2), (float("nan"), 1)]
)
def test_digits_are_limited_by_the_monte_carlo_error(mcse, decimals):
    assert plain_decimals(mcse) == decimals


def test_no_negative_zero():
    assert plain(-0.001, 1) == "0.0"


def test_wilson_agrees_with_a_published_value():
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_one_key_one_number(full):
    table = full.load().fits[0].pooled
    with pytest.raises(ValueError, match="two rows share this key"):
        index_estimates([table, table.iloc[:1]])


def test_forest_keeps_products_apart(full):
    inputs = full.load()
    rows = forest_rows(inputs, inputs.primary, "goal_failure")
    by_study = {row.study: row for row in rows}
    assert set(by_study) == set(full.studies)
    table = inputs.primary.rows
    for study, row in by_study.items():
        part = table[table["study"] == study]
        assert [s.product for s in row.sums] == [part["conditioning"].eq("all_trials").all()]
        assert sum(s.events for s in row.sums) == part["events_goal_failure"].sum()
        assert row.shrunken.group == f"study={study}"
    capability = forest_rows(inputs, inputs.primary, "capability_transfer")
    assert len(capability) == 3
    assert not any(s.product for row in capability for s in row.sums)


def test_flow_keeps_the_main_line_left_and_branches_off_it(full):
    diagram = flow_diagram(full.flow)
    by_label = {box.lines[0]: box for box in diagram.boxes}
    main = [by_label[name] for name in ("Records identified", "Arms with counts", "Pooled")]
    assert {box.x for box in main} == {2.0}
    assert by_label["Excluded"].x > 2.0
    assert by_label["Excluded"].reasons == ("no denominator stated",)
    ends = [box.y + box.height for box in diagram.boxes]
    assert all(box.y > end for box, end in zip(diagram.boxes[1:], ends, strict=False))
    assert ends[-1] <= diagram.height
    assert diagram.text.endswith("Pooled: 118 arms")


def test_flow_of_nothing_is_empty():
    assert flow_diagram({}).boxes == ()


@pytest.mark.parametrize(
    ("study", "year", "label"),
    [("langosco_2022", 2022, "Langosco 2022"), ("anthropic_2026_browsecomp", None,
     "Anthropic 2026 browsecomp"), ("krakovna", 2018, "Krakovna 2018"),
     ("krakovna", pd.NA, "Krakovna"), ("bing_2023a", 2023, "Bing 2023a")],
)  # fmt: skip
def test_studies_are_cited_by_name_and_year(study, year, label):
    assert study_label(study, year) == label
