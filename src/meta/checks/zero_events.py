r"""Publication of studies without any event: what a smaller chance of it does to the results.

A study is often written because a failure happened. If one in which no arm saw a failure is
published with weight w, relative to the others, the likelihood of the published studies is

.. math::
    \prod_s \frac{p(y_s \mid \theta)}{1 - (1 - w) P_s(\theta)}, \qquad
    P_s(\theta) = P(\text{no failure in any arm of } s \mid \theta)

with P_s marginal over the effects of the study (given its arms and trials). The published studies
without events contribute a constant factor w each. The posterior under w is reached from the stored
one by importance weights, which are judged by their Pareto k; where that is too large, by a refit
that holds the expected number of unpublished studies, and weights from there (`ghosts`).

This is a sensitivity analysis, not a correction: nothing in published studies tells w.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from meta.checks.importance import Weights, smoothed_weights
from meta.checks.refits import KEY
from meta.estimands import Estimate
from meta.models.design import Design
from meta.models.levels import SCALE_NAMES
from meta.models.likelihood import Parameters, study_log_likelihood

#: A study whose probability of no event stays below this in every draw cannot matter.
NEGLIGIBLE = 1e-5
STEPS = 25


@dataclass(frozen=True)
class Posterior:
    """Draws of the pooled numbers and what importance weights towards another w need.

    Attributes
    ----------
    estimates
        Quantities with draws of shape (chain, draw).
    log_none
        Log probability that a study sees no failure, shape (studies, chain, draw).
    log_offset
        Log density that the draws were taken under beyond that of the model, shape (chain, draw).
    """

    estimates: Sequence[Estimate]
    log_none: np.ndarray
    log_offset: np.ndarray

    def weights(self, w: float) -> Weights:
        """Weights towards the posterior when studies without events have publication weight w."""
        return smoothed_weights(log_selection(self.log_none, w) - self.log_offset)


def parameters(posterior: xr.Dataset, design: Design) -> Parameters:
    """Hyperparameter draws as the marginal likelihood reads them, chains one after the other."""
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    stages = len(design.stages)

    def flat(name: str, *dims: str) -> np.ndarray:
        values = posterior[name].transpose("chain", "draw", *dims).to_numpy()
        return np.asarray(values.reshape(count, *values.shape[2:]))

    matrix = np.broadcast_to(np.eye(stages), (count, stages, stages)).copy()
    if "correlation" in posterior:
        pairs = flat("correlation", "stage_pair")
        lower = [(j, i) for j in range(stages) for i in range(j)]
        for k, (j, i) in enumerate(lower):
            matrix[:, i, j] = matrix[:, j, i] = pairs[:, k]
    levels = [*design.levels, *design.crossed]
    return Parameters(
        alpha=flat("alpha", "stage"),
        beta=flat("beta", "term", "stage") if design.terms else np.zeros((count, 0, stages)),
        factor=np.linalg.cholesky(matrix),
        scale={lv.name: flat(SCALE_NAMES[lv.name], "stage") for lv in levels},
        icc=flat("icc", "stage") if "icc" in posterior else None,
        df=flat("df") if "df" in posterior else None,
        split=flat("split") if "split" in posterior else None,
        upper_share=flat("upper_share") if "upper_share" in posterior else None,
    )


def without_events(design: Design) -> Design:
    """Design whose only observations are goal failures, none in every arm."""
    keep = design.stage == design.stages.index("goal_failure")
    keep &= design.trials > 0
    return replace(
        design,
        stage=design.stage[keep],
        row=design.row[keep],
        events=np.zeros(int(keep.sum()), dtype=design.events.dtype),
        trials=design.trials[keep],
        through_capability=design.through_capability[keep],
    )


def log_no_event(design: Design, draws: Parameters) -> tuple[np.ndarray, list[str]]:
    """Log probability that each study sees no goal failure, marginal over its effects.

    Parameters
    ----------
    design
        Design of the model.
    draws
        D draws of the hyperparameters.

    Returns
    -------
    tuple
        Array of shape (studies, D), and the studies. Those whose largest arm alone rules it out
        (probability below `NEGLIGIBLE` in every draw) are left out.
    """
    none = without_events(design)
    top = none.row_unit[0][none.row]
    found, names = [], []
    for unit in np.unique(top):
        members = np.flatnonzero(top == unit)
        largest = none.row[members[none.trials[members].argmax()]]
        bound = study_log_likelihood(none, [int(largest)], draws)
        if bound.max() < np.log(NEGLIGIBLE):
            continue
        rows = [int(r) for r in np.unique(none.row[members])]
        joint = study_log_likelihood(none, rows, draws) if len(rows) > 1 else bound
        found.append(np.minimum(joint, 0.0))
        names.append(design.levels[0].units[unit])
    empty = np.zeros((0, len(draws.alpha)))
    return (np.stack(found) if found else empty), names


def log_selection(log_none: np.ndarray, w: float) -> np.ndarray:
    """Minus log of the normaliser, summed over studies (the first axis)."""
    return np.asarray(-np.log1p(-(1 - w) * np.exp(log_none)).sum(axis=0))


def summarise(
    posterior: Posterior, weights: Weights, ci_prob: float
) -> dict[tuple[str, str, str], dict[str, float]]:
    """Weighted mean, median and interval of each quantity, by outcome, group and estimand."""
    tail = (1 - ci_prob) / 2
    flat = weights.weight.ravel()
    found = {}
    for e in posterior.estimates:
        values = e.draws.ravel().astype(float)
        at = np.quantile(values, [tail, 0.5, 1 - tail], weights=flat, method="inverted_cdf")
        named = dict(zip(("ci_low", "median", "ci_high"), map(float, at), strict=True))
        found[e.outcome, e.group, e.estimand] = {"mean": float(flat @ values), **named}
    return found


#: Draws afresh with ghosts of studies, for a publication weight.
Again = Callable[[float], Posterior]


@dataclass
class Reach:
    """Posteriors to weight from: the stored one first, others drawn where weights do not reach.

    Attributes
    ----------
    known
        Posteriors at hand.
    again
        Draws another one nearer to a publication weight (see `meta.checks.ghosts`); None where
        that cannot be done.
    """

    known: list[Posterior]
    again: Again | None = None

    def at(self, w: float, draw: bool = True) -> tuple[Posterior, Weights, bool]:
        """Posterior, its weights towards publication weight `w`, and whether it is the stored one.

        With `draw`, another one is drawn where no known one serves.
        """
        found = [(p, p.weights(w)) for p in self.known]
        if found[0][1].reliable:
            return *found[0], True
        if draw and self.again is not None and not any(v.reliable for _, v in found):
            self.known.append(self.again(w))
            found.append((self.known[-1], self.known[-1].weights(w)))
        best = max(range(len(found)), key=lambda i: (found[i][1].reliable, found[i][1].ess))
        return *found[best], best == 0


def zero_event_table(reach: Reach, publication: Sequence[float], ci_prob: float) -> pd.DataFrame:
    """Pooled numbers under each publication weight of studies without events.

    Parameters
    ----------
    reach
        Posteriors to weight from, the stored one (publication weight 1) first.
    publication
        Publication weights.
    ci_prob
        Mass of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        outcome, group, estimand, `publication_weight`, mean, median, ci_low, ci_high, `method`
        (weights | refit and weights), `pareto_k`, `ess`, `reliable`.
    """
    rows = []
    for w in dict.fromkeys(publication):
        source, weights, stored = reach.at(w)
        about = {
            "method": "weights" if stored else "refit and weights",
            "pareto_k": weights.pareto_k,
            "ess": weights.ess,
            "reliable": weights.reliable,
        }
        for key, said in summarise(source, weights, ci_prob).items():
            named = dict(zip(KEY, key, strict=True))
            rows.append({**named, "publication_weight": w, **said, **about})
    return pd.DataFrame(rows)


def flip(
    reach: Reach, key: tuple[str, str, str], statistic: str, threshold: float, smallest: float,
    ci_prob: float,
) -> tuple[float | None, bool]:  # fmt: skip
    """Largest publication weight at which a statistic falls to a threshold.

    Parameters
    ----------
    reach
        Posteriors to weight from; at weight 1 the statistic lies above the threshold.
    key
        Outcome, group and estimand.
    statistic
        `mean`, `median`, `ci_low` or `ci_high`.
    threshold
        What the statistic must stay above.
    smallest
        Smallest weight looked at.
    ci_prob
        Mass of the interval.

    Returns
    -------
    tuple
        The weight, or None where the statistic stays above the threshold down to `smallest`; and
        whether the importance weights there are reliable.
    """

    def holds(w: float, draw: bool = False) -> bool:
        source, weights, _ = reach.at(w, draw)
        only = replace(source, estimates=[e for e in source.estimates if _key(e) == key])
        return summarise(only, weights, ci_prob)[key][statistic] > threshold

    if holds(smallest, draw=True):
        return None, reach.at(smallest, draw=False)[1].reliable
    low, high = float(np.log(smallest)), 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(float(np.exp(middle))) else (middle, high)
    weight = float(np.exp(low))
    return weight, reach.at(weight)[1].reliable


def _key(estimate: Estimate) -> tuple[str, str, str]:
    return estimate.outcome, estimate.group, estimate.estimand
