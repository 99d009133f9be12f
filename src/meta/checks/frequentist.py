r"""Frequentist cross-check: estimators that share neither prior nor likelihood with the models.

`gee`
    Marginal mean of the arms' rates by generalised estimating equations, binomial, exchangeable
    within studies, robust variance (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13).
`ratio`
    All events over all trials, with the linearised variance of a ratio between studies (Cochran
    1977, section 6.3): every trial counts the same.
`moment`
    Mean of the studies' rates with the moment weights n / (1 + (n - 1) rho) of Kleinman (1973,
    doi:10.1080/01621459.1973.10481332): by trials where studies agree, by studies where they do
    not. It needs no logarithm and no correction of zero cells.
`average`
    Plain mean of the studies' rates, each the mean of its arms: the estimator of what `rate_mean`
    is, one study one vote.

Intervals are Student-t with one degree of freedom less than studies. An estimator sees only arms
that count its outcome directly; the chain model also learns a stage from its product. A difference
for which the counts show no reason is said to have none, and is a warning.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from meta.checks.arm_counts import PRODUCT, counts_by_outcome
from meta.models.design import FEWEST_STUDIES, Design
from meta.plural import counted
from meta.sensitivity_settings import FEW_STUDIES

Pair = tuple[float, float]
UNEXPLAINED = "not explained by the counts: compare the likelihood and the prior"


def estimators(counts: pd.DataFrame) -> dict[str, Pair]:
    """Estimate and standard error of a rate by each estimator.

    Parameters
    ----------
    counts
        Columns study, events, trials; at least three studies.
    """
    by = counts.groupby("study", sort=True)[["events", "trials"]].sum()
    arm_means = (counts["events"] / counts["trials"]).groupby(counts["study"], sort=True).mean()
    return {
        "gee": gee(counts),
        "ratio": ratio(by["events"].to_numpy(float), by["trials"].to_numpy(float)),
        "moment": moment(by["events"].to_numpy(float), by["trials"].to_numpy(float)),
        "average": _mean(arm_means.to_numpy(float)),
    }


def gee(counts: pd.DataFrame) -> Pair:
    """Marginal rate of arms by binomial GEE, exchangeable within studies, robust variance."""
    rate = (counts["events"] / counts["trials"]).to_numpy(float)
    if np.ptp(rate) == 0:
        return float(rate[0]), float("nan")
    model = sm.GEE(
        rate,
        np.ones((len(rate), 1)),
        groups=pd.factorize(counts["study"])[0],
        family=sm.families.Binomial(),
        cov_struct=sm.cov_struct.Exchangeable(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = model.fit(maxiter=200)
    mean = float(fit.predict(np.ones((1, 1)))[0])
    return mean, float(fit.bse[0] * mean * (1 - mean))


def ratio(events: np.ndarray, trials: np.ndarray) -> Pair:
    """Sum of events over sum of trials, and its linearised standard error between studies."""
    rate = events.sum() / trials.sum()
    residual = events - rate * trials
    k = len(events)
    return float(rate), float(np.sqrt(k / (k - 1) * (residual**2).sum()) / trials.sum())


def moment(events: np.ndarray, trials: np.ndarray) -> Pair:
    """Mean of studies' rates with beta-binomial moment weights, iterated to convergence."""
    rates = events / trials
    rho = 0.0
    for _ in range(100):
        weight = trials / (1 + (trials - 1) * rho)
        mean = float(np.average(rates, weights=weight))
        new = _intraclass(rates, trials, weight, mean)
        if abs(new - rho) < 1e-10:
            break
        rho = new
    k = len(rates)
    share = weight / weight.sum()
    return mean, float(np.sqrt(k / (k - 1) * (share**2 * (rates - mean) ** 2).sum()))


def _intraclass(rates: np.ndarray, trials: np.ndarray, weight: np.ndarray, mean: float) -> float:
    """Kleinman's moment estimate of the intra-class correlation, kept within 0 and 1."""
    total = weight.sum()
    spread = (weight * (rates - mean) ** 2).sum()
    variance = mean * (1 - mean)
    if variance == 0:
        return 0.0
    within = (weight / trials * (1 - weight / total)).sum()
    between = (weight * (1 - 1 / trials) * (1 - weight / total)).sum()
    if between == 0:
        return 0.0
    return float(np.clip((spread / variance - within) / between, 0.0, 1.0))


def _mean(rates: np.ndarray) -> Pair:
    return float(rates.mean()), float(rates.std(ddof=1) / np.sqrt(len(rates)))


def frequentist(
    design: Design, main: pd.DataFrame, ci_prob: float, few_studies: int = FEW_STUDIES
) -> pd.DataFrame:
    """Set each estimator beside the Bayesian average over studies.

    Parameters
    ----------
    design
        The counts.
    main
        Numbers of the main fit; its `rate_mean` of all rows is what is compared.
    ci_prob
        Mass of the intervals.
    few_studies
        Number below which the pull of the prior is a reason of its own.

    Returns
    -------
    pandas.DataFrame
        outcome, estimator, estimate, se, ci_low, ci_high, k_studies, k_rows, `bayes`,
        `bayes_low`, `bayes_high`, `inside` (whether the estimate lies in the Bayesian interval),
        `reason`, and `explained`: false where a difference has none, a warning.
    """
    counts = counts_by_outcome(design)
    rows = []
    for outcome, part in counts.groupby("outcome", sort=False):
        chosen = main[(main["outcome"] == outcome) & (main["estimand"] == "rate_mean")]
        if part["study"].nunique() < FEWEST_STUDIES or len(chosen) != 1:
            continue
        bayes = chosen.iloc[0]
        found = estimators(part)
        for name, (estimate, error) in found.items():
            reach = stats.t.ppf((1 + ci_prob) / 2, part["study"].nunique() - 1) * error
            inside = bool(bayes["ci_low"] <= estimate <= bayes["ci_high"])
            reason = _reason(name, part, found, bayes, estimate, few_studies)
            rows.append(
                {
                    "outcome": outcome, "estimator": name, "estimate": estimate, "se": error,
                    "ci_low": max(estimate - reach, 0.0), "ci_high": min(estimate + reach, 1.0),
                    "k_studies": part["study"].nunique(), "k_rows": len(part),
                    "bayes": bayes["mean"], "bayes_low": bayes["ci_low"],
                    "bayes_high": bayes["ci_high"], "inside": inside,
                    "reason": reason, "explained": reason != UNEXPLAINED,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _reason(
    name: str,
    part: pd.DataFrame,
    found: dict[str, Pair],
    bayes: pd.Series,
    estimate: float,
    few_studies: int,
) -> str:
    """Why an estimate differs from the Bayesian one, from the counts; what holds is said."""
    gap = estimate - bayes["mean"]
    if abs(gap) <= max(bayes["sd"], 0.02):
        return "agrees within one posterior sd"
    said = []
    votes = found["average"][0] - bayes["mean"]
    totals = part.groupby("study")["trials"].sum()
    if name == "ratio" and abs(gap) > 1.5 * abs(votes):
        said.append(
            f"it counts trials, and {totals.max() / totals.sum():.0%} of them are of "
            f"{totals.idxmax()}; with one vote a study it would be {found['average'][0]:.2f}"
        )
    if name == "gee" and abs(gap) > 1.5 * abs(votes):
        arms = part.groupby("study").size()
        said.append(
            f"it leans to counting arms, and {arms.max() / arms.sum():.0%} of them are of "
            f"{arms.idxmax()}; with one vote a study it would be {found['average'][0]:.2f}"
        )
    outcome = str(part["outcome"].iloc[0])
    more = int(bayes["k_rows"]) - len(part)
    sees = f"it sees {counted(len(part), 'arm')}"
    if more > 0:
        said.append(f"{sees}; through the chain, {more} more inform the model's number")
    elif outcome == PRODUCT:
        said.append(f"{sees}; others inform the chain's stages, not the product")
    if not said and part["study"].nunique() < few_studies:
        said.append(
            f"fewer than {few_studies} studies: the model draws their rates towards each other and "
            "its prior"
        )
    return "; ".join(said) or UNEXPLAINED
