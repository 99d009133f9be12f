"""Prior table: every pooled number under named alternative priors.

With few studies the prior of the heterogeneity is much of the result (Roever et al. 2021,
doi:10.1002/jrsm.1475; Gelman 2006, doi:10.1214/06-BA117A), so the table stands beside the main
result wherever a stage has few studies. The prior of the intercepts decides how a product is split
into stages where few rows observe them.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from meta.checks.refits import Fit, against
from meta.config import FitTask
from meta.models.design import Design
from meta.priors import Normal, PriorSet

MAIN = "main"


def prior_table(
    fit: Fit,
    design: Design,
    task: FitTask,
    alternatives: Mapping[str, PriorSet],
    main: pd.DataFrame,
) -> pd.DataFrame:
    """Refit a model under each alternative prior set.

    Parameters
    ----------
    fit
        Fits and summarises.
    design, task
        The model, with its own priors.
    alternatives
        Prior sets by name. One that equals the model's own is not refitted: its numbers are the
        main result's.
    main
        Numbers of the main fit.

    Returns
    -------
    pandas.DataFrame
        The columns of `meta.checks.refits.COLUMNS`, with `priors` (name of the set, `main` first),
        `tau_prior`, `alpha_prior`, `shift_in_sd` and `shift_mcse_in_sd` (see
        `meta.checks.refits.against`).
    """
    parts = [_named(main, MAIN, task.priors)]
    for name, priors in alternatives.items():
        if priors == task.priors:
            table = main
        else:
            other = task.model_copy(update={"priors": priors})
            table = fit(design, other, f"priors {name}")
        parts.append(_named(table, name, priors))
    return against(pd.concat(parts, ignore_index=True), main)


def _named(table: pd.DataFrame, name: str, priors: PriorSet) -> pd.DataFrame:
    """Say which priors of tau and alpha the numbers are under."""
    said = {"tau_prior": scale_text(priors), "alpha_prior": normal_text(priors.alpha)}
    return table.assign(priors=name, **said)


def normal_text(prior: Normal) -> str:
    """Write a normal prior, such as `normal(0, 1.5)`."""
    return f"normal({prior.mu:g}, {prior.sigma:g})"


def scale_text(priors: PriorSet) -> str:
    """Write the prior of tau, such as `half-normal(0.5)`."""
    (number,) = priors.numbers("tau")
    return f"{priors.tau.distribution.replace('_', '-')}({number:g})"


def few_studies(main: pd.DataFrame, fewest: int) -> bool:
    """Whether any pooled rate rests on fewer studies than `fewest`."""
    rates = main[main["estimand"] == "rate_mean"]
    return bool((rates["k_studies"] < fewest).any())
