"""Made-up checks of a model against data, with the columns that the report reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from meta.report.check_tables import CheckTables

if TYPE_CHECKING:
    from meta.report.inputs import ReportInputs


def with_checks(run: ReportInputs) -> ReportInputs:
    """Give the primary model checks against data, of as many studies as it has."""
    fits = tuple(
        replace(fit, checks=checks([str(s) for s in fit.rows["study"].unique()]))
        if fit.record["primary"] and fit.rows is not None
        else fit
        for fit in run.fits
    )
    return replace(run, fits=fits)


def checks(studies: list[str]) -> CheckTables:
    """Checks of a model called rates, with the columns that its report reads."""
    number = np.arange(len(studies))
    gate = {"model": "rates", "check": "loo_pit", "value": "0.0", "threshold": "0.0",
            "rule": "<=", "passed": "True", "worst": "", "meaning": "in the band"}  # fmt: skip
    predictive = {
        "outcome": "goal_failure", "statistic": "zero_event_arms", "observed": 3.0, "low": 1.0,
        "meaning": "arms without an event", "median": 4.0, "high": 9.0, "tail_low": 0.4,
        "tail_high": 0.7, "tail_probability": 0.8, "mcse": 0.01, "replicates": 4000,
    }  # fmt: skip
    prior = {"outcome": "goal_failure", "group": "all", "estimand": "rate_mean", "low": 0.04,
             "median": 0.5, "high": 0.96, "below_05": 0.02, "middle": 0.96, "above_95": 0.02,
             "kind": "quantity"}  # fmt: skip
    bands = {"outcome": "goal_failure", "at": [0, 0.5, 1.0], "ecdf": [0, 0.6, 1.0],
             "lower": [0, 0.2, 1.0], "upper": [0, 0.8, 1.0]}  # fmt: skip
    loo = {"study": studies, "rows": 3, "pareto_k": 0.1 * number, "limit": 0.67, "draws": 1000,
           "method": "psis", "reliable": True, "elpd": number - 9.0, "ess": 900.0 - 50 * number,
           "refit_r_hat": np.nan, "refit_divergences": np.nan}  # fmt: skip
    moved = {"study": studies, "largest_shift_sd": 1.5 - 0.5 * number, "misfit": 9.0 - number,
             "largest_of": "goal_failure/all/rate_mean", "tau_shift_sd": 0.25}  # fmt: skip
    summary = {"elpd": -80.5, "elpd_se": 9.0, "comparable": True, "remark": "of the same rows"}
    empty = pd.DataFrame()
    return CheckTables(
        gates=pd.DataFrame([gate]), warnings=empty, prior=pd.DataFrame([prior]),
        predictive=pd.DataFrame([predictive]), loo=pd.DataFrame(loo), pit=empty,
        bands=pd.DataFrame(bands), influence=empty, studies=pd.DataFrame(moved), summary=summary,
    )  # fmt: skip
