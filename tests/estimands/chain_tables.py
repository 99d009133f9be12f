"""Draws of one point and small designs, for tests of the chain with harm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta.estimands.draws import Draws

CHAINS, COUNT = 4, 4000
#: Logit location, sd between studies and below them; the correlation of the first two stages.
LOCATION, TAU, INNER, RATES_CORRELATION = (0.6, -0.4), (1.0, 1.3), (0.0, 0.7), 0.6
HARM_LOCATION, HARM_TAU = -0.8, 0.9


def rates_of(count: int = COUNT, r: float = RATES_CORRELATION, scale: float = 1.0) -> Draws:
    """Draws of one point: whatever varies varies by what is judged or predicted."""
    one = np.ones((count, 1))
    factor = np.linalg.cholesky(np.array([[1, r], [r, 1]]))
    return Draws(
        shape=(CHAINS, count // CHAINS),
        location=one * LOCATION,
        slope=np.zeros((count, 0, 2)),
        tau=one * TAU * scale,
        inner=one * INNER * scale,
        icc=np.full((count, 2), 0.3),
        factor=np.broadcast_to(factor, (count, 2, 2)).copy(),
        df=None,
    )


def harm_of(count: int = COUNT, scale: float = 1.0, terms: int = 0) -> Draws:
    """Draws of a composition of three stages; only the last is of use here."""
    one = np.ones((count, 1))
    return Draws(
        shape=(CHAINS, count // CHAINS),
        location=one * (9.0, 9.0, HARM_LOCATION),
        slope=np.zeros((count, terms, 3)),
        tau=one * (7.0, 7.0, HARM_TAU) * scale,
        inner=0 * one * (1, 1, 1),
        icc=None,
        factor=np.broadcast_to(np.eye(3), (count, 3, 3)).copy(),
        df=None,
    )


COUNTS = ["capability_transfer", "goal_failure", "harm"]


def arms(types: list[str], goal_counted: list[bool] | None = None) -> pd.DataFrame:
    size = len(types)
    counted = goal_counted or [True] * size
    table = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(size)],
            "study": [f"s{i}" for i in range(size)],
            "agent_set": [f"a{i}" for i in range(size)],
            "failure_type": types,
            "sampling_frame": "denominator",
            "conditioning": "given_capability",
            "events_capability_transfer": 8,
            "trials_capability_transfer": 10,
            "events_goal_failure": [3 if c else None for c in counted],
            "trials_goal_failure": [8 if c else None for c in counted],
        }
    )
    return table.astype({c: "Int64" for c in table if c.startswith(("events", "trials"))})


def cells(lists: list[str], types: list[str], reached: list[int]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "row_id": [f"c{i}" for i in range(len(lists))],
            "study": lists,
            "agent_set": lists,
            "failure_type": types,
            "shift_type": ["covariate", "prompt", "covariate", "prompt"][: len(lists)],
            "sampling_frame": "case_series",
            "conditioning": "given_capability",
            **{f"{k}_{s}": 30 for s in COUNTS[:2] for k in ("events", "trials")},
            "events_harm": 0,
            "trials_harm": reached,
        }
    )
    return table.astype({c: "Int64" for c in table if c.startswith(("events", "trials"))})


RATE_SPEC = {"stages": COUNTS[:2], "levels": ["study"]}
CASE_SPEC = {
    "frame": "case_series", "stages": COUNTS, "likelihood": "binomial", "levels": ["source_list"],
}  # fmt: skip
GAMING, GOAL, OTHER = "specification_gaming", "goal_misgeneralization", "other"
