"""Studies left out in the report: how each was reached, and sums of models that compare."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from meta.report.check_figures import influence_figure
from meta.report.inputs import Fit
from meta.report.left_out import density_sum, left_out_lines, left_out_summary
from tests.report.made_up_checks import checks

STUDIES = ["abel_2021", "baker_2022", "cohen_2023"]


def loo(**changes: Any) -> pd.DataFrame:
    return checks(STUDIES).loo.assign(**changes)


def model(name: str, elpd: list[float], comparable: bool = True, **spec: object) -> Fit:
    rows = pd.DataFrame({"row_id": ["A1", "A2", "A3"], "study": STUDIES,
                         "events_goal_failure": [1, 0, 4], "trials_goal_failure": 9})  # fmt: skip
    found = checks(STUDIES)
    summary = {"elpd": sum(elpd), "elpd_se": 200.0, "comparable": comparable, "remark": "not so"}
    record = {"frame": "denominator", "spec": {"stages": ["goal_failure"], **spec}}
    own = replace(found, loo=found.loo.assign(elpd=elpd), summary=summary)
    return Fit(name, record, pd.DataFrame(), pd.DataFrame(), rows, own)


def test_each_study_has_its_effective_draws_and_its_refit() -> None:
    table = loo(
        ess=[900.0, 75.8, 21.6], method=["psis", "psis", "refit"],
        refit_r_hat=[np.nan, np.nan, 1.009], refit_divergences=[np.nan, np.nan, 0.0],
    )  # fmt: skip
    lines = left_out_lines(table)
    assert [line["ess"] for line in lines] == ["22 of 1,000", "76 of 1,000", "900 of 1,000"]
    assert [line["refit"] for line in lines] == ["1.009, 0 divergences", "–", "–"]
    assert lines[0]["pareto_k"] == "0.20 of 0.67"
    said = left_out_summary(table)
    assert "Baker 2022 has the fewest: 76 effective draws" in said
    assert "about 0.11 posterior sd" in said


def test_a_study_that_was_not_computed_has_no_draws() -> None:
    lost = loo(method="not computed", reliable=False, ess=np.nan, elpd=np.nan, pareto_k=np.nan)
    assert left_out_lines(lost)[0]["ess"] == "–"
    assert "fewest" not in left_out_summary(lost)
    assert left_out_lines(lost.iloc[:0]) == []


def test_a_difference_has_its_own_standard_error() -> None:
    one, other = model("rates", [-2.0, -90.0, -400.0]), model("robust", [-3.0, -92.0, -401.0])
    said = density_sum(one, [one, other])
    error = np.sqrt(3) * np.std([1, 2, 1], ddof=1)
    assert f"“robust” +4.0 ± {error:.1f}" in said
    assert "200" not in said
    assert "below 4 is noise" in said
    assert "“rates” −4.0" in density_sum(other, [one, other])


@pytest.mark.parametrize("changes", [{"comparable": False}, {"assumed_capable": True}])
def test_only_usable_sums_of_the_same_counts_are_listed(changes: dict[str, bool]) -> None:
    one, other = model("rates", [-2.0, -9.0, -4.0]), model("robust", [-2.0, -9.0, -5.0], **changes)
    said = density_sum(one, [one, other])
    assert said.endswith("No other model of the same counts has a usable sum to compare it with.")
    assert "robust" not in said
    counts = model("robust", [-2.0, -9.0, -5.0])
    assert counts.rows is not None
    fewer = replace(counts, rows=counts.rows.assign(trials_goal_failure=8))
    assert "robust" not in density_sum(one, [one, fewer])
    unusable = model("rates", [-2.0, -9.0, -4.0], comparable=False)
    assert density_sum(unusable, [unusable]).endswith("densities: not so.")


def named(svg: str) -> list[str]:
    return re.findall(r">([A-Z][a-z]+ 20\d\d)<", svg)


def test_the_most_influential_are_named_whatever_lies_beside_them() -> None:
    """Two shifts that are nearly alike, as far apart as misfit goes: both have a name."""
    studies = pd.DataFrame(
        {
            "study": ["abel_2021", "baker_2022", "cohen_2023", "dover_2024", "evans_2025"],
            "largest_shift_sd": [0.3, -0.86, 0.4, 0.75, -0.82],
            "misfit": [5.0, 180.0, 20.0, 40.0, 12.0],
        }
    )
    drawn = influence_figure("f", studies).inline
    assert named(drawn) == ["Baker 2022", "Evans 2025", "Dover 2024", "Cohen 2023"]


def test_a_name_without_room_and_all_lesser_ones_are_left_out() -> None:
    """Names stand for the largest: none is given to a lesser one while a larger has none."""
    studies = pd.DataFrame(
        {
            "study": ["abel_2021", f"{'long' * 50}_2022", "cohen_2023"],
            "largest_shift_sd": [2.0, 1.0, 0.5],
            "misfit": [50.0, 20.0, 90.0],
        }
    )
    assert named(influence_figure("f", studies).inline) == ["Abel 2021"]
