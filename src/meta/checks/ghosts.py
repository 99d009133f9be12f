"""Draws nearer to a posterior with unpublished studies: a refit that holds ghosts of them.

1 / (1 - (1 - w) P) is the sum over j of ((1 - w) P)^j: each published study stands for a
geometric number of unpublished ones of its own layout, all without events. A refit that holds
about their expected number is therefore close to the posterior under publication weight w, and
importance weights from it correct what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from meta.checks.zero_events import Posterior, log_no_event, parameters
from meta.estimands import Estimate
from meta.models.design import Design, build_design

#: Ghosts that a refit holds at most.
MOST_GHOSTS = 40


def expected_unpublished(log_none: np.ndarray, weight: np.ndarray, w: float) -> np.ndarray:
    """Numbers of unpublished studies of each layout that add up to their expected total.

    Parameters
    ----------
    log_none
        Log probability of no event, shape (studies, chain, draw).
    weight
        Weights of the draws, shape (chain, draw).
    w
        Publication weight.

    Returns
    -------
    numpy.ndarray
        Whole numbers, length studies, by largest remainders; at most `MOST_GHOSTS` in all.
    """
    q = (1 - w) * np.exp(log_none)
    mean = (q / (1 - q) * weight).sum(axis=(1, 2))
    total = mean.sum()
    if total > MOST_GHOSTS:
        mean, total = mean * MOST_GHOSTS / total, MOST_GHOSTS
    whole = np.floor(mean).astype(int)
    left = int(np.floor(total + 0.5)) - whole.sum()
    whole[np.argsort(whole - mean, kind="stable")[: max(left, 0)]] += 1
    return whole


def with_ghosts(design: Design, studies: Sequence[str], copies: Sequence[int]) -> Design:
    """Add studies of the same layout as others, without any goal failure.

    Parameters
    ----------
    design
        Design of a model.
    studies
        Studies whose layout is copied.
    copies
        How many ghosts of each.

    Returns
    -------
    Design
        Its first rows are those of `design`. Ghosts observe goal failures only.
    """
    rows = design.rows.assign(ghost=0)
    parts = [rows]
    for study, count in zip(studies, copies, strict=True):
        for number in range(1, int(count) + 1):
            part = rows[(rows["study"] == study) & rows["trials_goal_failure"].notna()].copy()
            part["row_id"] = part["row_id"] + f"~{number}"
            part["study"] = part["study"] + f"~{number}"
            part["events_goal_failure"] = 0
            part[["events_capability_transfer", "trials_capability_transfer"]] = pd.NA
            parts.append(part)
    table = pd.concat(parts, ignore_index=True).drop(columns="ghost")
    return build_design(table.astype(rows.dtypes.drop("ghost").to_dict()), design.spec)


#: Posterior draws of a design: its posterior group and its population estimates.
Draw = Callable[[Design, str], tuple[xr.Dataset, list[Estimate]]]


def redraw(
    draw: Draw, design: Design, stored: Posterior, studies: Sequence[str], w: float
) -> Posterior:
    """Draw again with ghosts, and say under what density beyond the model's.

    Parameters
    ----------
    draw
        Samples a design; the estimates are of `design`'s populations.
    design
        The published studies.
    stored, studies
        The first draws, and the studies of their `log_none`.
    w
        Publication weight.
    """
    copies = expected_unpublished(stored.log_none, stored.weights(w).weight, w)
    posterior, estimates = draw(with_ghosts(design, studies, copies.tolist()), f"ghosts {w:g}")
    logs, names = log_no_event(design, parameters(posterior, design))
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    logs = logs.reshape(-1, *shape)
    count = dict(zip(studies, copies, strict=True))
    offset = sum(
        (count.get(name, 0) * logs[i] for i, name in enumerate(names)), start=np.zeros(shape)
    )
    return Posterior(estimates, logs, offset)
