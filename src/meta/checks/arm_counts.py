"""Counts of arms by what their rate is of, for descriptions and frequentist estimators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from meta.models.design import Design

PRODUCT = "capable_goal_failure"


def outcomes(design: Design) -> np.ndarray:
    """What each observation's rate is of, an arm among all trials under the product's name."""
    stages = np.array(design.stages, dtype=object)[design.stage]
    return np.where(design.through_capability, PRODUCT, stages)


def counting_directly(design: Design, outcome: str) -> Design:
    """Design whose observations of other outcomes are emptied of their counts."""
    keep = outcomes(design) == outcome
    return replace(
        design,
        events=np.where(keep, design.events, 0),
        trials=np.where(keep, design.trials, 0),
    )


def counts_by_outcome(design: Design) -> pd.DataFrame:
    """Counts of each observation, an arm among all trials under the product's name.

    Returns
    -------
    pandas.DataFrame
        row_id, study, outcome, events, trials; observations without a trial are left out.
    """
    table = pd.DataFrame(
        {
            "row_id": design.rows["row_id"].astype(str).to_numpy()[design.row],
            "study": design.rows["study"].astype(str).to_numpy()[design.row],
            "outcome": outcomes(design),
            "events": design.events,
            "trials": design.trials,
        }
    )
    return table[table["trials"] > 0].reset_index(drop=True)
