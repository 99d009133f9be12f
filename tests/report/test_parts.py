"""Rounding, raw counts, the flow diagram and names, each on its own."""

from dataclasses import replace

import pandas as pd
import pytest

from meta.report.cells import StageCount, cell_table
from meta.report.descriptive import forest_rows, observed, product_counts, wilson
from meta.report.estimates import index_estimates, percent, plain, plain_decimals
from meta.report.flow_diagram import flow_diagram
from meta.report.limits import limits_of
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
        assert [s.indirect for s in row.sums] == [part["conditioning"].eq("all_trials").all()]
        assert sum(s.events for s in row.sums) == part["events_goal_failure"].sum()
        assert row.shrunken.group == f"study={study}"
    capability = forest_rows(inputs, inputs.primary, "capability_transfer")
    assert len(capability) == 3
    assert not any(s.indirect for row in capability for s in row.sums)


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


def test_flow_says_once_what_label_and_reason_share():
    box = {"id": "b", "label": "Mean returns; no count", "n": 66, "of": "a"}
    first = {"id": "a", "label": "Records", "n": 580}
    same = flow_diagram({"boxes": [first, box | {"reason": "mean returns; no count"}]}).boxes[1]
    other = flow_diagram({"boxes": [first, box | {"reason": "not main"}]}).boxes[1]
    assert (same.reasons, same.out) == ((), True)
    assert (other.reasons, other.out) == (("not main",), True)
    assert same.height < other.height


def product_rows_of(**columns):
    """Analysis rows: conditioning, goal failures and capability of one arm a row."""
    stages = ("goal_failure", "capability_transfer")
    names = [f"{kind}_{stage}" for stage in stages for kind in ("events", "trials")]
    data = {"study": "a", "conditioning": [row[0] for row in columns.values()]}
    data |= {n: [row[1][i] for row in columns.values()] for i, n in enumerate(names)}
    return pd.DataFrame(data, index=list(columns)).astype(dict.fromkeys(names, "Int64"))


def test_product_is_counted_directly_or_from_counts_that_fit_together():
    rows = product_rows_of(
        whole=("all_trials", (3, 10, None, None)),
        fits=("given_capability", (4, 8, 8, 20)),
        fewer_at_risk=("given_capability", (4, 7, 8, 20)),
        unseen=("given_capability", (4, 8, None, None)),
        unasked=("given_capability", (4, 8, 8, None)),
        unknown=(None, (4, 8, 8, 20)),
        no_failures=("given_capability", (None, 8, 8, 20)),
    )
    counts = product_counts(rows)
    shown = counts[["events", "trials", "indirect"]].astype(int).to_dict("index")
    assert shown == {
        "whole": {"events": 3, "trials": 10, "indirect": 0},
        "fits": {"events": 4, "trials": 20, "indirect": 1},
    }
    bare = rows.drop(columns=["events_capability_transfer", "trials_capability_transfer"])
    assert list(product_counts(bare).index) == ["whole"]


def test_product_forest_draws_every_arm_it_may_and_counts_the_others(full):
    inputs = full.load()
    rows = forest_rows(inputs, inputs.primary, "capable_goal_failure")
    assert {row.study for row in rows} == set(full.studies)
    table = inputs.primary.rows
    for row in rows:
        part = table[table["study"] == row.study]
        whole = part["conditioning"].eq("all_trials").all()
        assert [s.indirect for s in row.sums] == [not whole]
        asked = part["trials_goal_failure" if whole else "trials_capability_transfer"]
        assert sum(s.trials for s in row.sums) == asked.sum()
        assert row.n_arms == 3
        assert row.shrunken.outcome == "capable_goal_failure"


def test_a_study_without_a_count_of_the_product_keeps_its_line(full):
    inputs = full.load()
    table = inputs.primary.rows
    study = table.loc[table["conditioning"].eq("given_capability"), "study"].iloc[0]
    table.loc[table["study"].eq(study), "trials_goal_failure"] += 1
    rows = {r.study: r for r in forest_rows(inputs, inputs.primary, "capable_goal_failure")}
    assert rows[study].sums == ()
    assert rows[study].shrunken is not None


@pytest.mark.parametrize(
    ("count", "bounds"),
    [(StageCount(6, 49, 4), "11% to 19%"), (StageCount(1, 14, 0), "7%"),
     (StageCount(0, 0, 0), "no case reached it"), (StageCount(0, 0, 2), "0% to 100%"),
     (StageCount(3, 4, None), "bounds not known")],
)  # fmt: skip
def test_bounds_take_unresolved_cases_as_all_no_and_all_yes(count, bounds):
    assert count.bounds == bounds


def test_cells_add_up_and_unknown_stays_unknown(full):
    inputs = full.load()
    fit = inputs.composition_fits[0]
    table = cell_table(fit)
    *cells, total = table.cells
    assert len(cells) == len(full.studies)
    assert total.cases == fit.rows["n_units"].sum() == sum(cell.cases for cell in cells)
    assert total.stages[0].events == observed(fit.rows, "harm")["events"].sum()
    assert total.stages[0].unresolved == 3 * len(full.studies)
    bare = fit.rows.drop(columns=["n_units", "unresolved_harm"])
    total = cell_table(replace(fit, rows=bare)).cells[-1]
    assert total.cases is None
    assert total.stages[0].unresolved is None


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


def test_rows_left_out_for_want_of_codes_are_a_limit(full):
    inputs = replace(full.load(), uncoded={"by_shift": ["A1", "A2"]})
    (limit,) = [limit for limit in limits_of(inputs) if limit.name == "uncoded-by_shift"]
    assert "leaves out 2 rows that nobody has coded" in limit.lead
    assert "A1, A2" in limit.text
