r"""Leave-one-study-out: how well a fit to the other studies predicts each study's counts.

The density of a study is integrated over the effects of the study, its agent sets and arms
(`meta.models.likelihood.study_log_likelihood`), as it is for a study that was never seen: the
conditional likelihood would be both optimistic and unstable (Merkle, Furr & Rabe-Hesketh 2019,
doi:10.1007/s11336-019-09679-0). Draws of the whole fit stand for those without the study by
Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4)
where the Pareto k of the weights allows, and the model is refitted without the study where it does
not.

The sum of log densities compares models only if these describe the same counts, and says little
about fewer than `FEWEST_STUDIES` studies (Sivula, Magnusson, Matamoros & Vehtari 2020,
arXiv:2008.10296); no model is chosen by it here.

Fits to imputed codes are taken as stacked draws, each seen under its own code set. The weights
then act on sets and parameters jointly, as if the codes were parameters informed by the counts
(in the fit they are not: a cut model). Where codes are the outcome (a composition), the counts
differ between sets, and the sum is of no use for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from meta.checks.importance import Weights, smoothed_weights
from meta.checks.predictive import Part, take
from meta.inference.refit import rows_of_study
from meta.models.design import Design
from meta.models.likelihood import Parameters, evaluations, study_log_likelihood

#: Studies below which the sum is not reported as a comparison.
FEWEST_STUDIES = 20
#: Likelihood evaluations that one study may cost, and draws that it gets even so.
BUDGET = 150_000_000
FEWEST_DRAWS = 100
COLUMNS = [
    "study", "rows", "elpd", "lpd", "pareto_k", "limit", "draws", "ess", "method", "reliable",
    "refit_r_hat", "refit_divergences",
]  # fmt: skip


@dataclass(frozen=True)
class LeftOut:
    """One study left out of a model.

    Attributes
    ----------
    study
        Its label.
    rows
        Number of its rows.
    draws
        For each part, indices of the draws that were used.
    log_likelihood
        Integrated log likelihood of the study under those draws, all parts, shape (D,).
    weights
        Importance weights of those draws towards the posterior without the study, shape (1, D).
    """

    study: str
    rows: int
    draws: tuple[np.ndarray, ...]
    log_likelihood: np.ndarray
    weights: Weights

    @property
    def reliable(self) -> bool:
        """Whether the Pareto k is small enough for this number of draws."""
        return bool(self.weights.pareto_k <= self.weights.limit)

    @property
    def elpd(self) -> float:
        """Log predictive density of the study given the others, by importance sampling."""
        with np.errstate(divide="ignore"):
            return float(logsumexp(self.log_likelihood + np.log(self.weights.weight[0])))

    @property
    def lpd(self) -> float:
        """Log density of the study under the fit that includes it."""
        return float(logsumexp(self.log_likelihood) - np.log(self.log_likelihood.size))


@dataclass(frozen=True)
class Refit:
    """A fit without one study.

    Attributes
    ----------
    parameters
        Its draws.
    shape
        Chains and draws.
    r_hat
        Largest R-hat of a parameter at the top of the model.
    divergences
        Divergent transitions.
    """

    parameters: Parameters
    shape: tuple[int, int]
    r_hat: float
    divergences: int

    @property
    def sound(self) -> bool:
        """Whether its chains agree well enough to be used; shorter than a full fit's."""
        return self.r_hat < 1.05


def study_draws(design: Design, study: str, total: int, budget: int = BUDGET) -> np.ndarray:
    """Indices of the draws under which a study's density is integrated, as many as it may cost."""
    cost = evaluations(design, [int(r) for r in rows_of_study(design, study)])
    count = min(total, max(FEWEST_DRAWS, budget // max(cost, 1)))
    return np.unique(np.linspace(0, total - 1, count).round().astype(int))


def leave_out(parts: Sequence[Part], study: str, budget: int = BUDGET) -> LeftOut:
    """Leave one study out by importance sampling.

    Parameters
    ----------
    parts
        Posterior draws with the designs that were fitted.
    study
        Label of a unit of the top level.
    budget
        Likelihood evaluations that it may cost over all parts.
    """
    index, values = [], []
    for part in parts:
        total = len(part.parameters.alpha)
        rows = [int(r) for r in rows_of_study(part.design, study)]
        chosen = study_draws(part.design, study, total, budget // len(parts))
        index.append(chosen)
        values.append(study_log_likelihood(part.design, rows, take(part.parameters, chosen)))
    found = np.concatenate(values)
    weights = smoothed_weights(-found[None, :])
    return LeftOut(study, len(rows), tuple(index), found, weights)


def refitted_density(design: Design, study: str, refit: Refit, budget: int = BUDGET) -> float:
    """Log predictive density of a study under draws of a fit without it."""
    chosen = study_draws(design, study, len(refit.parameters.alpha), budget)
    rows = [int(r) for r in rows_of_study(design, study)]
    values = study_log_likelihood(design, rows, take(refit.parameters, chosen))
    return float(logsumexp(values) - np.log(values.size))


def leave_one_out_table(
    left: Sequence[LeftOut], design: Design, refits: Mapping[str, Refit]
) -> pd.DataFrame:
    """Tabulate the predictive density of each study.

    Parameters
    ----------
    left
        Every study, left out by importance sampling.
    design
        Design of the refits.
    refits
        Fits without a study, for those where importance sampling is not reliable.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; `method` is `psis` or `refit`, and `reliable` is false where neither can be
        trusted: a Pareto k above `limit` without a refit, or a refit whose chains disagree.
    """
    rows = []
    for each in left:
        refit = refits.get(each.study)
        exact = refit is not None
        elpd = refitted_density(design, each.study, refit) if refit else each.elpd
        rows.append(
            [
                each.study, each.rows, elpd, each.lpd, each.weights.pareto_k, each.weights.limit,
                each.log_likelihood.size, each.weights.ess, "refit" if exact else "psis",
                refit.sound if refit else each.reliable,
                refit.r_hat if refit else np.nan, refit.divergences if refit else np.nan,
            ]
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True)
class Elpd:
    """Sum of the studies' log predictive densities, its standard error, and what it is good for."""

    value: float
    se: float
    studies: int
    unreliable: int

    @property
    def comparable(self) -> bool:
        """Whether it may be set beside that of another model of the same rows."""
        return self.studies >= FEWEST_STUDIES and not self.unreliable and np.isfinite(self.value)

    @property
    def remark(self) -> str:
        """Why it may or may not be compared."""
        if self.studies < FEWEST_STUDIES:
            return f"not for comparison: {self.studies} studies are fewer than {FEWEST_STUDIES}"
        if self.unreliable:
            return f"not for comparison: {self.unreliable} studies lack a reliable density"
        return "comparable with other models of the same rows; a difference below 4 is noise"


def expected_density(table: pd.DataFrame) -> Elpd:
    """Sum the log predictive densities of a `leave_one_out_table`."""
    values = table["elpd"].to_numpy(float)
    se = float(np.sqrt(values.size) * values.std(ddof=1)) if values.size > 1 else float("nan")
    return Elpd(float(values.sum()), se, values.size, int((~table["reliable"]).sum()))
