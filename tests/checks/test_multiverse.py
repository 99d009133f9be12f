"""Multiverse: its cells against brute force, reasons, draws at random, and a fit of a few."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from meta.checks.multiverse import RESULT, cell_design, fit_structure, gather
from meta.checks.multiverse_axes import AXES, axes, primary_choice, structures
from meta.checks.multiverse_cells import NOT_DRAWN, cell_rows, plan, spec_of, unclear_units
from meta.config import Settings
from tests.checks.small_tables import Recorder

PRIMARY = {
    "primary": True,
    "stages": ["capability_transfer", "goal_failure"],
    "levels": ["study", "agent_set"],
}


def arms() -> pd.DataFrame:
    """Twelve arms of six studies: grades, roles, both failure types, both conditionings."""
    size = 12
    table = pd.DataFrame(
        {
            "arm_id": [f"A{i:02d}" for i in range(size)],
            "study_id": [f"s{i // 2}" for i in range(size)],
            "failure_type": ["specification_gaming"] * 6 + ["goal_misgeneralization"] * 6,
            "agent_set": [f"a{i}" for i in range(size)],
            "n_trials": 40,
            "n_capable": [None] * 6 + [30] * 6,
            "n_at_risk": [40] * 6 + [30] * 6,
            "n_goal_failure": np.arange(size) * 2,
            "conditioning": ["all_trials"] * 6 + ["given_capability"] * 6,
            "sampling_frame": "denominator",
            "role": ["main"] * 11 + ["ablation"],
            "grade": ["A", "B"] * 6,
        }
    )
    return table.convert_dtypes()


def tables() -> dict[str, pd.DataFrame]:
    studies = pd.DataFrame({"study_id": [f"s{i}" for i in range(6)], "title": "t", "year": 2024})
    codings = pd.DataFrame(
        {"unit_id": ["A00", "A01", "A02"], "elicitation": ["unclear", "none", None]}
    )
    return {"arms": arms(), "studies": studies, "codings": codings}


def settings(**axes_of: Any) -> Settings:
    return Settings.model_validate(
        {
            "models": {"rates": PRIMARY},
            "priors": {
                "default": {},
                "narrow": {"tau": {"distribution": "half_normal", "sigma": 0.5}},
            },
            "multiverse": axes_of,
        }
    )


def test_every_combination_is_listed_once_with_a_reason_or_a_fit() -> None:
    said = settings(
        grade=[["A"], ["A", "B", "C"]], counted=["all", "given_capability"], priors=["narrow"],
        failure_type=[["specification_gaming"]], assumed_capable=[True],
    )  # fmt: skip
    cells = plan(tables(), said)
    named = axes(said)
    assert len(cells) == np.prod([len(named[a]) for a in AXES]) == 2**5
    assert len({c.name for c in cells}) == len(cells)
    # Brute force: rows by hand, equal where rows and the model that matters are equal.
    table = arms()
    expected = set()
    for grade, counted, types, assumed, priors in product(
        *(named[a] for a in ("grade", "counted", "failure_type", "assumed_capable", "priors"))
    ):
        rows = table[
            table["grade"].isin(grade)
            & table["failure_type"].isin(types)
            & table["role"].eq("main")
        ]
        if counted == "given_capability":
            rows = rows[rows["conditioning"].eq("given_capability")]
        through = rows["conditioning"].eq("all_trials").any()
        if rows["study_id"].nunique() >= 3:
            expected.add((frozenset(rows["arm_id"]), bool(assumed and through), priors))
    fitted = [c for c in cells if not c.reason]
    assert len(fitted) == len(expected)
    assert {c.rows for c in fitted} == {e[0] for e in expected}
    reasons = {c.reason.split(":")[0].split(" ")[0] for c in cells if c.reason}
    assert reasons == {"equals", "goal"}  # another cell; goal failures counted by no study


@pytest.mark.parametrize("most", [2, 9])
def test_the_primary_and_its_neighbours_are_always_drawn(most: int) -> None:
    said = settings(
        grade=[["A"], ["B"], ["A", "B"]], role=[["main", "ablation"]], priors=["narrow"],
        likelihood=["binomial"], most=most,
    )  # fmt: skip
    cells = plan(tables(), said)
    assert dict(cells[0].choice).items() >= primary_choice(said).items()
    fitted = {c.name for c in cells if not c.reason}
    # Differences counted here: one axis is another than the primary's (the family follows priors).
    near = [
        c
        for c in cells
        if sum(c.choice[a] != cells[0].choice[a] for a in AXES) <= 1 and not c.same_as
    ]
    # Grade A alone, grade B alone, both roles, other priors, other likelihood; A and B is the
    # primary's own, since no arm has another grade.
    assert len(near) == 6
    assert all(not c.reason for c in near)
    assert len(fitted) == max(most, len(near))
    assert NOT_DRAWN in [c.reason for c in cells]
    assert {c.name for c in plan(tables(), said) if not c.reason} == fitted


def test_a_neighbour_that_equals_another_cell_is_fitted_as_that_one() -> None:
    """The second of two ways to say the same rows must not be lost by the draw."""
    said = settings(grade=[["A"], ["A", "D"]], failure_type=[["specification_gaming"]], most=1)
    cells = plan(tables(), said)
    fitted = {c.name for c in cells if not c.reason}
    near = [c for c in cells if sum(c.choice[a] != cells[0].choice[a] for a in AXES) == 1]
    assert [c for c in near if c.same_as]
    assert all((c.same_as or c.name) in fitted for c in near)


def test_unclear_codes_leave_units_out() -> None:
    assert unclear_units(tables(), ("elicitation",)) == {"A00"}
    said = settings(unclear=[[], ["elicitation"]])
    choice = {**primary_choice(said), "unclear": ("elicitation",)}
    kept = set(cell_rows(choice, tables(), said)["row_id"])
    assert kept == {f"A{i:02d}" for i in range(1, 11)}


def test_a_cell_empties_the_rows_that_it_does_not_count() -> None:
    said = settings(grade=[["A"], ["A", "B", "C"]], role=[["main", "ablation"]])
    cells = [c for c in plan(tables(), said) if not c.reason]
    (of_grade_a,) = [
        c for c in cells if c.choice["grade"] == ("A",) and c.choice["role"] == ("main",)
    ]
    wide = {**of_grade_a.choice, "grade": ("A", "B", "C"), "role": ("ablation", "main")}
    model = cell_design(cell_rows(wide, tables(), said), of_grade_a, said)
    counted = model.rows["row_id"].iloc[model.row[model.trials > 0]]
    assert set(counted) == {f"A{i:02d}" for i in range(0, 12, 2)}
    assert len(model.rows) == 12


def test_a_structure_is_fitted_cell_by_cell_and_nothing_is_lost() -> None:
    said = settings(
        grade=[["A"], ["A", "B", "C"]],
        likelihood=["binomial"],
        failure_type=[["goal_misgeneralization"]],
    )
    names = structures(said)
    assert len(names) == 2
    fit = Recorder()
    parts = [fit_structure(tables(), said, name, fit) for name in names]
    joined = pd.concat(parts)
    cells = plan(tables(), said)
    assert joined.columns.tolist() == RESULT
    assert joined["cell"].nunique() == len(cells)
    assert len(fit.asked) == sum(not c.reason for c in cells)
    assert joined.loc[joined["reason"].ne(""), "mean"].isna().all()
    assert joined.groupby("cell")["primary"].first().sum() == 1
    levels = {asked[0].spec.likelihood: asked[0].spec.levels for asked in fit.asked}
    assert "arm" in levels["binomial"]
    assert "arm" not in levels["beta_binomial"]


def test_cells_are_specifications_of_the_configuration() -> None:
    said = settings(correlation=["independent", 0.5], random_effects=["student_t"])
    for cell in plan(tables(), said):
        spec = spec_of(cell.choice, said)
        assert spec.correlation == cell.choice["correlation"]
        assert spec.random_effects == cell.choice["random_effects"]
        assert spec.filter["role"] == ["main"]


def test_gathering_puts_the_primary_first(tmp_path) -> None:
    for name, primary in (("one", False), ("two", True)):
        pd.DataFrame([{"cell": name, "primary": primary, "reason": ""}]).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    gather([tmp_path / "one.csv", tmp_path / "two.csv"], tmp_path / "all.csv")
    assert pd.read_csv(tmp_path / "all.csv")["cell"].tolist() == ["two", "one"]


def test_named_prior_sets_change_only_what_they_state() -> None:
    said = settings(priors=["narrow"])
    other = Settings.model_validate_json(said.model_dump_json(exclude_unset=True))
    own = said.alternative_priors("rates", "narrow")
    assert other.alternative_priors("rates", "narrow") == own
    assert own.tau.sigma == 0.5
    with pytest.raises(ValueError, match="no prior set is named 'none'"):
        settings(priors=["none"])
