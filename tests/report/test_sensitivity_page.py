"""The sensitivity page: what stands in its tables is what stands in the files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from meta.report.sensitivity import (
    Sensitivity,
    alternatives,
    flips,
    load_sensitivity,
    prior_alternatives,
)
from meta.report.sensitivity_page import few_studies_table, page_context, sensitivity_csv
from meta.report.specification_curve import curves, left_out


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
                "verdict": "flips at 0.34",
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
        "above 10%", "20%", "flips at 0.34",
    )  # fmt: skip


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
