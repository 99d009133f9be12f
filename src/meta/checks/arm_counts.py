"""Counts of arms by what their rate is of, for descriptions and frequentist estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta.models.design import Design

PRODUCT = "capable_goal_failure"


def counts_by_outcome(design: Design) -> pd.DataFrame:
    """Counts of each observation, an arm among all trials under the product's name.

    Returns
    -------
    pandas.DataFrame
        row_id, study, outcome, events, trials; observations without a trial are left out.
    """
    stages = np.array(design.stages, dtype=object)[design.stage]
    table = pd.DataFrame(
        {
            "row_id": design.rows["row_id"].astype(str).to_numpy()[design.row],
            "study": design.rows["study"].astype(str).to_numpy()[design.row],
            "outcome": np.where(design.through_capability, PRODUCT, stages),
            "events": design.events,
            "trials": design.trials,
        }
    )
    return table[table["trials"] > 0].reset_index(drop=True)
