"""The sensitivity page: what stands in its tables is what stands in the files."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from meta.checks.unit_of_n import ROUNDINGS
from meta.report.sensitivity import (
    Sensitivity,
    alternatives,
    estimators,
    flips,
    load_sensitivity,
    prior_alternatives,
    slopes,
)
from meta.report.sensitivity_page import few_studies_table, page_context, sensitivity_csv
from meta.report.sensitivity_remarks import (
    conflict_remark,
    correlation_remark,
    gaps_remark,
    weight_remark,
)
from meta.report.specification_curve import curves, left_out

TEMPLATES = Path(__file__).parents[2] / "src/meta/report/templates"


def number(**changes: object) -> dict[str, object]:
    row = {
        "outcome": "goal_failure", "group": "all", "estimand": "rate_mean", "mean": 0.31,
        "sd": 0.05, "median": 0.3, "ci_low": 0.2, "ci_high": 0.4, "mcse_mean": 0.001,
        "k_studies": 5, "k_rows": 9, "passed": True,
    }  # fmt: skip
    return {**row, **changes}


@pytest.fixture
def found() -> Sensitivity:
    priors = pd.DataFrame(
        [
            number(priors="main", tau_prior="half-normal(1)"),
            number(priors="cauchy", tau_prior="half-cauchy(0.5)", median=0.33, passed=False),
        ]
    )
    stated = pd.DataFrame(
        [
            {
                "outcome": "goal_failure", "estimand": "rate_mean", "statistic": "ci_low",
                "now": 0.2, "threshold": 0.1, "flips_at": 0.34, "reliable": True,
                "verdict": "flips at 0.34", "smallest_weight": 0.01, "at_smallest": 0.07,
            }
        ]
    )  # fmt: skip
    return Sensitivity("rates", {"prior_table": priors, "flips": stated})


def test_a_failing_refit_is_marked(found: Sensitivity) -> None:
    table = alternatives(found["prior_table"], "priors", str)
    assert table is not None
    assert table.columns == ("Outcome", "main", "cauchy")
    (line,) = table.lines
    assert line[1:] == ("30% (20% to 40%)", "33% (20% to 40%)†")
    assert table.failing


def test_the_set_of_the_analysis_under_its_own_name_is_no_further_column(
    found: Sensitivity,
) -> None:
    table = found["prior_table"]
    again = table.iloc[[0]].assign(priors="default")
    moved = again.assign(priors="other_scale", median=0.36)
    both = Sensitivity("rates", {"prior_table": pd.concat([table, again, moved])})
    shown = prior_alternatives(both)
    assert shown is not None
    # A set that differs in a prior that the heading does not name keeps its column.
    assert shown.lines[0][1:] == ("30% (20% to 40%)", "33% (20% to 40%)†", "36% (20% to 40%)")


def test_the_prior_table_stands_beside_a_result_of_few_studies(found: Sensitivity) -> None:
    shown = few_studies_table([found], "rates", 10)
    assert shown is not None
    assert shown.columns[1:] == ("this analysis, tau ~ half-normal(1)", "tau ~ half-cauchy(0.5)")
    assert few_studies_table([found], "rates", 5) is None
    assert few_studies_table([found], "other", 10) is None


def test_a_conclusion_is_a_sentence(found: Sensitivity) -> None:
    table = flips(found)
    assert table is not None
    assert table.lines[0] == (
        "Goal fails, given capability, average over studies: lower end of the interval stays "
        "above 10%", "20%", "7%", "flips at 0.34",
    )  # fmt: skip
    assert table.columns == ("Conclusion", "Now", "At w = 0.01", "Verdict")
    unknown = found["flips"].assign(now=float("nan"), at_smallest=float("nan"))
    without = flips(Sensitivity("rates", {"flips": unknown}))
    assert without is not None
    assert without.lines[0][1:3] == ("–", "–")


def test_missing_and_empty_tables_leave_their_section_out(tmp_path: Path) -> None:
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates/zero_events.csv").write_text("\n")
    context = page_context([load_sensitivity(tmp_path / "rates")], None, "95%")
    (model,) = context["models"]
    assert model["name"] == "rates"
    assert not any(model[k] for k in ("priors", "power", "weights", "flips", "slopes"))


def test_every_alternative_is_in_the_csv(found: Sensitivity, tmp_path: Path) -> None:
    path = tmp_path / "sensitivity.csv"
    path.write_text(sensitivity_csv([found]))
    table = pd.read_csv(path)
    assert table[["model", "analysis", "alternative"]].values.tolist() == [
        ["rates", "prior_table", "main"], ["rates", "prior_table", "cauchy"],
    ]  # fmt: skip
    assert table["median"].tolist() == [0.3, 0.33]


AXES = {
    "grade": "A", "role": "main", "failure_type": "x", "counted": "all",
    "assumed_capable": False, "unclear": "none", "likelihood": "binomial",
    "random_effects": "normal", "correlation": "lkj", "reason": "",
}  # fmt: skip


def multiverse() -> pd.DataFrame:
    rows = [
        number(cell=f"c{i}", primary=i == 1, priors="ab"[i % 2], median=median, **AXES)
        | {"passed": i != 2}
        for i, median in enumerate((0.1, 0.22, 0.3, 0.42))
    ]
    # A cell without a row on the number, and one that is not fitted.
    rows.append(number(cell="c9", primary=False, priors="a", median=0.9, **AXES) | {"k_rows": 0})
    rows.append({**AXES, "cell": "c8", "primary": False, "reason": "equals c1: the same counts"})
    return pd.DataFrame(rows)


def test_a_curve_orders_the_specifications_and_marks_the_primary() -> None:
    (curve,) = curves(multiverse())
    assert curve.name == "Goal fails, given capability: average over studies"
    assert curve.said == (
        "4 specifications; medians from 10% to 42%, half of them between 19% and 33%; the primary "
        "22%; 1 fail their own diagnostics (open marks)."
    )
    assert "Priors" in str(curve.figure)
    assert "Grade" not in str(curve.figure)  # all alike


def test_what_is_not_fitted_is_counted() -> None:
    assert left_out(multiverse()) == [("equal to another: the same counts", 1)]


def test_where_capability_is_assumed_there_is_no_product() -> None:
    table = multiverse()
    table.loc[0, "assumed_capable"] = True
    assert curves(table)[0].said.startswith("4 specifications")
    table["outcome"] = "capable_goal_failure"
    (curve,) = curves(table)
    assert curve.said.startswith("3 specifications; medians from 22%")


def arms(*trials: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame([{"outcome": "goal_failure", "study": s, "trials": n} for s, n in trials])


def compared(estimator: str) -> pd.DataFrame:
    row = {
        "outcome": "goal_failure", "estimator": estimator, "estimate": 0.43, "se": 0.002,
        "ci_low": 0.43, "ci_high": 0.44, "bayes": 0.5, "bayes_low": 0.35, "bayes_high": 0.67,
        "verdict": "agrees", "reason": "gap -7.0 points, at most 8.0 agree", "left": -0.07,
    }  # fmt: skip
    return pd.DataFrame([row])


def test_an_interval_of_one_study_is_said_to_be_void() -> None:
    # 950 of 1,000 trials are of one study: its residual from the pooled rate is nothing by making.
    points = arms(("large", 900), ("large", 50), ("small", 20), ("other", 30))
    tables = {"small_study_points": points, "frequentist": compared("ratio")}
    shown = estimators(Sensitivity("rates", tables))
    assert shown is not None
    assert shown.lines[0][2] == "43% (43% to 44%) ‡"
    assert "do not read its interval: large has 95% of the trials" in shown.lines[0][4]
    assert "3 studies" in shown.lines[0][4]
    plain = estimators(Sensitivity("rates", tables | {"frequentist": compared("gee")}))
    assert plain is not None
    assert plain.lines[0][2:] == (
        "43% (43% to 44%)", "50% (35% to 67%)", "agrees: gap -7.0 points, at most 8.0 agree",
    )  # fmt: skip
    even = arms(("large", 40), ("small", 35), ("other", 30))
    shown = estimators(Sensitivity("rates", tables | {"small_study_points": even}))
    assert shown is not None
    assert shown.lines[0][2:] == plain.lines[0][2:]


def test_gaps_that_are_not_explained_are_named() -> None:
    agrees = compared("average")
    stays = compared("gee").assign(verdict="unexplained")
    partly = compared("ratio").assign(verdict="partly explained", left=0.04)

    def said(*tables: pd.DataFrame) -> str:
        return gaps_remark(Sensitivity("rates", {"frequentist": pd.concat(tables)}))

    assert said(agrees) == "Of 1 comparison: 1 agrees."
    assert said(agrees, stays, partly) == (
        "Of 3 comparisons: 1 agrees; 1 unexplained; 1 partly explained. What is left: "
        "Goal fails, given capability, gee -7.0 points; "
        "Goal fails, given capability, ratio +4.0 points."
    )
    assert gaps_remark(Sensitivity("rates", {})) == ""


def test_the_page_says_how_effective_counts_are_rounded() -> None:
    page = (TEMPLATES / "sensitivity_analyses.html.j2").read_text()
    assert ROUNDINGS == 5
    assert "at random, in proportion, from a fixed seed" in page
    assert "averages over fits to five tables" in page


def test_a_difference_of_rates_stays_within_what_rates_can_be() -> None:
    row = {
        "outcome": "goal_failure", "k_studies": 4, "k_rows": 20, "n_small": 33, "rate_small": 0.5,
        "rate_large": 0.8, "difference": -0.25, "ci_low": -2.18, "ci_high": 1.68,
    }  # fmt: skip
    none = slopes(Sensitivity("rates", {"small_study": pd.DataFrame([row])}))
    some = slopes(Sensitivity("rates", {"small_study": pd.DataFrame([row | {"ci_high": 0.1}])}))
    assert none is not None
    assert some is not None
    assert none.lines[0][-1] == "-25 (any: 4 studies cannot tell)"
    assert some.lines[0][-1] == "-25 (-100 to +10)"


@pytest.mark.parametrize(
    ("medians", "said"),
    [
        ((0.313, 0.318, 0.319), "The product hardly depends on it: .* 31% to 32%, 4% of the width"),
        ((0.2, 0.3, 0.35), "The product depends on it: .* 20% to 35%, 94% of the width"),
    ],
)
def test_what_the_product_makes_of_the_correlation_is_computed(
    medians: tuple[float, ...], said: str
) -> None:
    rows = [
        number(outcome="capable_goal_failure", correlation=c, median=m, ci_low=0.24, ci_high=0.4)
        for c, m in zip((-0.5, 0.5, "lkj"), medians, strict=True)
    ]
    found = Sensitivity("rates", {"correlation": pd.DataFrame(rows)})
    assert re.match(said, correlation_remark(found, ("rate_mean", "rate_new")))
    (shown,) = page_context([found], None, "95%")["models"]
    assert re.match(said, shown["correlation_remark"])
    apart = Sensitivity("rates", {"correlation": pd.DataFrame([number(correlation="lkj")])})
    assert correlation_remark(apart, ("rate_mean",)) == ""
    assert correlation_remark(Sensitivity("rates", {}), ("rate_mean",)) == ""


def test_weight_1_says_how_far_its_draws_are_from_all_draws(found: Sensitivity) -> None:
    zero = pd.DataFrame(
        [
            number(publication_weight=w, median=m, ess=n, method="weights", reliable=True)
            for w, m, n in ((1.0, 0.297, 1000.0), (0.5, 0.2, 700.0))
        ]
    )
    both = Sensitivity("rates", {**found.tables, "zero_events": zero})
    said = weight_remark(both, ["rate_mean"])
    assert said.startswith("w = 1 is the analysis as it is, from 1,000 stored draws")
    assert "by up to 0.3 points" in said
    assert weight_remark(both, ["rate_new"]) == ""
    assert weight_remark(found, ["rate_mean"]) == ""


def test_a_conflict_is_named_with_what_other_priors_make_of_it(found: Sensitivity) -> None:
    power = pd.DataFrame(
        [
            {"outcome": o, "group": "all", "estimand": "rate_mean", "diagnosis": said}
            for o, said in (
                ("goal_failure", "possible prior-data conflict"),
                ("capability_transfer", "none"),
            )
        ]
    )
    said = conflict_remark(Sensitivity("rates", {**found.tables, "power_scaling": power}))
    assert "said of 1 number: Goal fails, given capability, average over studies" in said
    assert "(median 30% to 33% under the declared priors)" in said
    assert "not that one of them is wrong" in said
    assert conflict_remark(found) == ""
