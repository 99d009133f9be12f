"""Design arrays: frames refused, levels nested, contrasts symmetric."""

import numpy as np
import pandas as pd
import pytest

from meta.config import ModelSpec
from meta.errors import DesignError, FrameError
from meta.models.design import build_design
from meta.models.moderators import sum_to_zero_basis


def table(**columns: object) -> pd.DataFrame:
    base = {
        "row_id": ["r1", "r2", "r3", "r4"],
        "study": ["a", "a", "b", "c"],
        "agent_set": ["x", "x", "x", "z"],
        "failure_type": "specification_gaming",
        "sampling_frame": "denominator",
        "conditioning": "all_trials",
        "events_capability_transfer": None,
        "trials_capability_transfer": None,
        "events_goal_failure": [1, 2, 0, 4],
        "trials_goal_failure": [5, 5, 5, 5],
        "events_harm": None,
        "trials_harm": None,
    }
    frame = pd.DataFrame({**base, **columns})
    counts = [c for c in frame if c.startswith(("events", "trials"))]
    return frame.astype(dict.fromkeys(counts, "Int64"))


CHAIN = ModelSpec(stages=["capability_transfer", "goal_failure"], levels=["study", "agent_set"])


def test_a_catalogue_row_in_a_rate_model_raises_and_is_named() -> None:
    bad = table(sampling_frame=["denominator", "case_series", "denominator", "conditioned"])
    with pytest.raises(FrameError, match=r"r2 \(case_series\); r4 \(conditioned\).*no denominator"):
        build_design(bad, CHAIN)


def test_fewer_than_three_studies_are_not_pooled() -> None:
    with pytest.raises(DesignError, match="2 studies left"):
        build_design(table(study=["a", "a", "b", "b"]), CHAIN)


def test_a_stage_nobody_observes_is_refused_but_unobserved_capability_is_noted() -> None:
    with pytest.raises(DesignError, match="observes harm"):
        build_design(table(), ModelSpec(stages=["goal_failure", "harm"], levels=["study"]))
    assert any("its posterior is the prior" in note for note in build_design(table(), CHAIN).notes)


def test_agent_sets_are_nested_in_studies() -> None:
    design = build_design(table(), CHAIN)
    level = design.level("agent_set")
    assert level is not None
    assert level.units == ["a / x", "b / x", "c / z"]
    assert level.parent.tolist() == [0, 1, 2]
    assert design.row_unit[1].tolist() == [0, 0, 1, 2]


def test_an_agent_set_level_that_cannot_be_told_apart_is_left_out() -> None:
    design = build_design(table(agent_set=["p", "q", "r", "s"]), CHAIN)
    assert design.level("agent_set") is None
    assert any("agent-set level is left out" in note for note in design.notes)


def test_blank_counts_are_not_zero_and_empty_denominators_are_dropped() -> None:
    design = build_design(
        table(
            events_goal_failure=[1, None, 0, 0],
            trials_goal_failure=[5, None, 5, 0],
            events_capability_transfer=[2, 3, None, 3],
            trials_capability_transfer=[5, 5, None, 5],
        ),
        CHAIN,
    )
    goal = design.stage == 1
    assert design.events[goal].tolist() == [1, 0]
    assert design.rows["row_id"].iloc[design.row[goal]].tolist() == ["r1", "r3"]
    assert any("no trial that reached goal_failure" in note for note in design.notes)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_contrasts_treat_levels_alike(size: int) -> None:
    basis = sum_to_zero_basis(size)
    covariance = basis @ basis.T
    np.testing.assert_allclose(covariance, np.eye(size) - 1 / size, atol=1e-12)


def test_groups_report_each_level_of_a_moderator() -> None:
    kinds = ["specification_gaming", "specification_gaming", "goal_misgeneralization", "x"]
    spec = CHAIN.model_copy(update={"moderators": ("failure_type",)})
    design = build_design(table(failure_type=kinds), spec)
    labels = [g.label for g in design.groups]
    # In the order of the vocabulary; values that it lacks come last.
    assert labels == [f"failure_type={v}" for v in dict.fromkeys(kinds)]
    with pytest.raises(DesignError, match="constant"):
        build_design(table(), spec)
