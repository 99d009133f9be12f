"""What stands behind a pooled number: studies, rows, trials, and studies that see it directly."""

import numpy as np
import pandas as pd

from meta.config import ModelSpec
from meta.estimands import Estimate
from meta.models.design import build_design
from meta.pooled import evidence_behind
from tests.models.test_hierarchy import CHAIN


def test_a_product_is_not_counted_as_seeing_its_stage() -> None:
    """Study a counts both stages, b and c the product alone, d goal failure given capability."""
    table = pd.DataFrame(
        {
            "row_id": list("abcd"), "study": list("abcd"), "agent_set": list("abcd"),
            "sampling_frame": "denominator",
            "conditioning": ["given_capability", "all_trials", "all_trials", "given_capability"],
            "events_capability_transfer": pd.array([8, None, None, None], dtype="Int64"),
            "trials_capability_transfer": pd.array([10, None, None, None], dtype="Int64"),
            "events_goal_failure": pd.array([3, 0, 5, 1], dtype="Int64"),
            "trials_goal_failure": pd.array([8, 9, 30, 7], dtype="Int64"),
        }
    )  # fmt: skip
    design = build_design(table, ModelSpec(stages=CHAIN, levels=["study"]))

    def behind(outcome: str, rows: list[int]) -> list[int]:
        one = Estimate(outcome, "all", "rate_mean", np.zeros((1, 2)), np.array(rows, int))
        return [values[0] for values in evidence_behind([one], design).values()]

    assert behind("capability_transfer", [0]) == [1, 1, 10, 1]
    assert behind("goal_failure", [0, 1, 2, 3]) == [4, 4, 54, 2]
    assert behind("goal_failure", [1, 2]) == [2, 2, 39, 0]
    assert behind("capable_goal_failure", [0, 1, 2, 3]) == [4, 4, 54, 3]
    assert behind("goal_failure~capability_transfer", [0]) == [1, 1, 8, 1]
    assert behind("goal_failure", []) == [0, 0, 0, 0]
