"""A moderator that is one with the study: a setting of one study each decides nothing."""

import numpy as np
import pandas as pd
import pytest

from meta.claims.printed import Figure
from meta.claims.verdict import NOT_TESTABLE, SUPPORTED, Judgement, judge
from meta.config import ModelSpec
from meta.estimands import Estimate
from meta.models.design import build_design
from meta.pooled import evidence_behind
from tests.claims.test_verdict import share

QUALITY = ["low", "medium", "high"]


@pytest.mark.parametrize("studies", [1, 3])
def test_the_rate_of_a_setting_has_the_studies_that_see_it(studies: int) -> None:
    """Nine arms each: of one study a setting, and of three studies at each."""
    names = [f"s{n % studies}{q}" for q in QUALITY for n in range(9)]
    table = pd.DataFrame(
        {
            "row_id": [f"r{n}" for n in range(27)], "study": names, "agent_set": names,
            "sampling_frame": "denominator", "conditioning": "all_trials",
            "specification_quality": np.repeat(QUALITY, 9),
            "events_goal_failure": pd.array([5] * 27, dtype="Int64"),
            "trials_goal_failure": pd.array([9] * 27, dtype="Int64"),
        }
    )  # fmt: skip
    spec = ModelSpec(
        stages=["goal_failure"], levels=["study"], moderators=["specification_quality"],
        moderator_effects={"specification_quality": "categories"},
    )  # fmt: skip
    design = build_design(table, spec)
    assert sorted(g.label for g in design.groups) == sorted(
        f"specification_quality={q}" for q in QUALITY
    )
    estimates = [
        Estimate("goal_failure", g.label, "rate_mean", np.zeros((1, 2)), np.flatnonzero(g.rows))
        for g in design.groups
    ]
    behind = evidence_behind(estimates, design)
    assert behind["k_direct"] == [studies] * 3
    assert behind["k_rows"] == [9] * 3
    found = judge(Figure(0.2, 0.6), share(0.3, 0.4, k_direct=behind["k_direct"][0]))
    assert found == Judgement(
        *((SUPPORTED, "within") if studies == 3 else (NOT_TESTABLE, "few studies"))
    )
