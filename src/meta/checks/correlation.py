"""Correlation of the stages: the chain under fixed correlations of study effects, and under LKJ.

Few studies observe two stages, so that their correlation is largely its prior's, and the product
depends on it (Chu, Nie, Cole & Poole 2009, doi:10.1002/sim.3627).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from meta.checks.refits import COLUMNS, Fit, against
from meta.config import FitTask
from meta.models.design import Design

CHOICE = "correlation"


def correlation_table(
    fit: Fit, design: Design, task: FitTask, values: Sequence[float | str], main: pd.DataFrame
) -> pd.DataFrame:
    """Refit a model under each correlation of its stages.

    Parameters
    ----------
    fit
        Fits and summarises.
    design, task
        The model.
    values
        Fixed correlations, or `lkj` for an estimated one.
    main
        Numbers of the main fit, which stand for the model's own choice.

    Returns
    -------
    pandas.DataFrame
        The columns of `meta.checks.refits.COLUMNS`, with `correlation`, `shift_in_sd` and
        `shift_mcse_in_sd`; empty for a model of one stage.
    """
    if len(design.stages) == 1:
        return pd.DataFrame(columns=[*COLUMNS, CHOICE, "shift_in_sd", "shift_mcse_in_sd"])
    parts = []
    for value in values:
        if value == task.spec.correlation:
            parts.append(main.assign(**{CHOICE: str(value)}))
            continue
        spec = task.spec.model_copy(update={CHOICE: value})
        other = task.model_copy(update={"spec": spec})
        table = fit(replace(design, spec=spec), other, f"correlation {value}")
        parts.append(table.assign(**{CHOICE: str(value)}))
    return against(pd.concat(parts, ignore_index=True), main)
