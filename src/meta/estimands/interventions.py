"""Effects of interventions: draws of a model of contrasts to odds ratios and risk ratios.

``log_odds_ratio``, ``odds_ratio``
    mean effect over studies, of interventions that enough studies have.
``log_odds_ratio_new``, ``odds_ratio_new``
    predictive distribution of the mean effect in a new study.
``log_odds_ratio_new_pair``, ``odds_ratio_new_pair``
    of the effect between two new arms of a new study, with their own variation (binomial models
    with the level arm).
``baseline_rate``, ``risk_ratio``, ``risk_difference``
    standardised (g-computation): the average rate of the baselines that an intervention was set
    against, over those of a study and then over studies, without it and with its effect in a new
    study, which is integrated over. Baselines of other interventions have no part in it.
``study_log_odds_ratio``, ``study_odds_ratio``
    effect in one study, shrunken towards the others.
``tau_delta``, ``kappa``, ``icc``
    variation on the logit scale of an effect between studies, and of arms about what their
    contrasts say; the last as a correlation under the beta-binomial.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from meta.estimands.averages import mean_rate
from meta.estimands.draws import Estimate, LogOddsRatio
from meta.models.contrast_design import ContrastDesign

OUTCOME = "goal_failure"


def effect_estimates(posterior: xr.Dataset, design: ContrastDesign, seed: int) -> list[Estimate]:
    """Every quantity that a model of contrasts reports, with its draws.

    Parameters
    ----------
    posterior
        Posterior group of a fit.
    design
        Design it was fitted to.
    seed
        Seed of the predictive draws.

    Returns
    -------
    list of Estimate
        The group of an effect is ``intervention=NAME``, of one study's effect
        ``intervention=NAME|study=NAME``. Ratios are of odds or rates, differences of rates;
        the rest is on the logit scale.
    """
    rng = np.random.default_rng(seed)
    rows = np.arange(len(design.rows))
    logit = _flat(posterior, "baseline_logit", "baseline")
    kappa = _flat(posterior, "kappa", "stage")[:, 0] if "kappa" in posterior else None
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    found: list[Estimate] = []

    def add(group: str, estimand: str, values: np.ndarray, behind: np.ndarray) -> None:
        found.append(Estimate(OUTCOME, group, estimand, values.reshape(shape), behind))

    inner = np.zeros(len(logit)) if kappa is None else kappa
    baselines = np.flatnonzero(~design.exposure.any(axis=1))
    add("all", "baseline_rate", standardised_rate(logit, inner, design.levels[1].parent), baselines)
    effects = _flat(posterior, "effect", "effect_of")
    delta = _flat(posterior, "delta", "intervention")
    spread = _flat(posterior, "tau_delta")
    for name in design.pooled:
        mean = delta[:, design.interventions.index(name)]
        new = mean + spread * rng.standard_normal(mean.size)
        own = np.unique([baseline for _, baseline, k in design.edges if k == name])
        # A baseline may have interventions itself, over that of its group.
        start = logit[:, design.row_unit[1][own]] + effects @ design.row_cells[own].T
        study = design.row_unit[0][own]
        before = standardised_rate(start, inner, study)
        after = standardised_rate(start + mean[:, None], np.hypot(inner, spread), study)
        group, behind = f"intervention={name}", design.rows_of(name)
        add(group, "log_odds_ratio", mean, behind)
        add(group, "odds_ratio", np.exp(mean), behind)
        add(group, "log_odds_ratio_new", new, behind)
        add(group, "odds_ratio_new", np.exp(new), behind)
        if kappa is not None:
            pair = new + np.sqrt(2) * kappa * rng.standard_normal(mean.size)
            add(group, "log_odds_ratio_new_pair", pair, behind)
            add(group, "odds_ratio_new_pair", np.exp(pair), behind)
        add(group, "baseline_rate", before, own)
        found += _compared(group, shape, (before, after, mean), behind)
    add("all", "tau_delta", spread, rows)
    for scale in ("kappa", "icc"):
        if scale in posterior:
            add("all", scale, _flat(posterior, scale, "stage")[:, 0], rows)
    return found + _by_study(posterior, design)


def _compared(
    group: str,
    shape: tuple[int, int],
    draws: tuple[np.ndarray, np.ndarray, np.ndarray],
    rows: np.ndarray,
) -> list[Estimate]:
    """Risk ratio and difference; what the data say of both, the baselines apart, is the effect.

    Parameters
    ----------
    group
        The intervention.
    shape
        Chains and draws.
    draws
        Rate before and after, and mean effect on the log odds.
    rows
        Rows behind them.
    """
    before, after, mean = (each.reshape(shape) for each in draws)
    log_odds = LogOddsRatio(mean[..., None], np.ones(1))
    values = {"risk_ratio": after / before, "risk_difference": after - before}
    return [Estimate(OUTCOME, group, name, v, rows, log_odds) for name, v in values.items()]


def _by_study(posterior: xr.Dataset, design: ContrastDesign) -> list[Estimate]:
    effect = posterior["effect"].transpose("effect_of", "chain", "draw").to_numpy()
    found = []
    for c, draws in enumerate(effect):
        name = design.interventions[design.cell_intervention[c]]
        study = design.levels[0].units[design.cell_study[c]]
        group, behind = f"intervention={name}|study={study}", design.rows_of(name, study)
        found.append(Estimate(OUTCOME, group, "study_log_odds_ratio", draws, behind))
        found.append(Estimate(OUTCOME, group, "study_odds_ratio", np.exp(draws), behind))
    return found


def standardised_rate(logit: np.ndarray, sd: np.ndarray, study: np.ndarray) -> np.ndarray:
    """Average rate of arms whose logits vary normally, studies weighing the same.

    Parameters
    ----------
    logit
        Centre of each arm's logit, shape (D, B).
    sd
        Of the logits about it, shape (D,).
    study
        Study of each arm, length B.

    Returns
    -------
    numpy.ndarray
        Shape (D,): mean over the arms of a study, then over studies, each study counting once.
    """
    rate = mean_rate(logit, sd[:, None])
    of_study = [rate[:, study == s].mean(axis=1) for s in np.unique(study)]
    return np.asarray(np.mean(of_study, axis=0))


def _flat(posterior: xr.Dataset, name: str, *dims: str) -> np.ndarray:
    values = posterior[name].transpose("chain", "draw", *dims).to_numpy()
    return values.reshape(-1, *values.shape[2:])
