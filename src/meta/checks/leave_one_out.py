r"""Leave-one-study-out: how well a fit to the other studies predicts each study's counts.

The density of a study is integrated over the effects of the study, its agent sets and arms
(`meta.models.likelihood.study_log_likelihood`), as it is for a study that was never seen: the
conditional likelihood would be both optimistic and unstable (Merkle, Furr & Rabe-Hesketh 2019,
doi:10.1007/s11336-019-09679-0). Draws of the whole fit stand for those without the study by
Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4)
where the Pareto k of the weights allows, and the model is refitted without the study where it does
not. Families of agents that other studies have too are conditioned on; those of the left-out study
alone are integrated out with it. A study whose integrals cost too much is not computed, and is
named as such.

What is read of a left-out study are means over weighted draws: its density, its place in the
predictions, shifts of pooled means. They are called reliable by the Pareto k alone, whose limit
bounds their bias; effective draws tell how precise they are, and are tabulated. The number of them
that `meta.checks.importance.SMALLEST_ESS` asks for is that of reweighted intervals, whose ends need
more; a density under few draws (`FEWEST_DRAWS`) could never reach it.

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

from meta.checks.importance import NOT_COMPUTED, Weights, smoothed_weights
from meta.checks.predictive import Part, take
from meta.inference.refit import rows_of_study
from meta.models.agent_families import shared_families
from meta.models.design import Design
from meta.models.likelihood import Parameters, evaluations, study_log_likelihood
from meta.plural import counted

#: Studies below which the sum is not reported as a comparison.
FEWEST_STUDIES = 20
#: Likelihood evaluations that all studies of a model may cost together: about a minute of CPU at
#: the 100 to 250 ns that one was measured to take.
BUDGET = 300_000_000
#: Draws below which a study is not computed.
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
    def computed(self) -> bool:
        """Whether its integrals were affordable."""
        return self.log_likelihood.size > 0

    @property
    def method(self) -> str:
        """How the posterior without the study was reached."""
        return "psis" if self.computed else NOT_COMPUTED

    @property
    def reliable(self) -> bool:
        """Whether the Pareto k is small enough for this number of draws; see the module."""
        return self.computed and bool(self.weights.pareto_k <= self.weights.limit)

    @property
    def elpd(self) -> float:
        """Log predictive density given the others, by importance sampling; NaN if not computed."""
        if not self.computed:
            return float("nan")
        with np.errstate(divide="ignore"):
            return float(logsumexp(self.log_likelihood + np.log(self.weights.weight[0])))

    @property
    def lpd(self) -> float:
        """Log density of the study under the fit that includes it; NaN if not computed."""
        if not self.computed:
            return float("nan")
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
    limit
        R-hat below which its chains agree well enough; they are shorter than a full fit's.
    """

    parameters: Parameters
    shape: tuple[int, int]
    r_hat: float
    divergences: int
    limit: float

    @property
    def sound(self) -> bool:
        """Whether it may be used: its chains agree and none diverged."""
        return self.r_hat < self.limit and not self.divergences


def cost_of(design: Design, study: str) -> int:
    """Likelihood evaluations a draw that leaving a study out costs."""
    rows = [int(r) for r in rows_of_study(design, study)]
    return max(evaluations(design, rows, known_families=shared_families(design)), 1)


def budgets(
    costs: Mapping[str, int], draws: int, fewest: int = FEWEST_DRAWS, total: int = BUDGET
) -> dict[str, int]:
    """Share likelihood evaluations out among the studies of a model.

    Parameters
    ----------
    costs
        Evaluations a draw, by study.
    draws
        Draws that there are.
    fewest
        Draws below which a study is not worth computing.
    total
        Evaluations of all studies together.

    Returns
    -------
    dict of str to int
        By study: the fewest draws for as many studies as can be paid for, the dearest left out
        first; then equal shares of the rest, what the cheap ones leave going to the dear ones.
    """
    order = sorted(costs, key=lambda study: costs[study])
    least = min(fewest, draws)
    while (spent := least * sum(costs[study] for study in order)) > total:
        order.pop()
    found, left = dict.fromkeys(costs, 0), total - spent
    for n, study in enumerate(order):
        more = min(costs[study] * (draws - least), left // (len(order) - n))
        found[study] = costs[study] * least + more
        left -= more
    return found


def study_draws(
    design: Design, study: str, total: int, budget: int = BUDGET, fewest: int = FEWEST_DRAWS
) -> np.ndarray:
    """Indices of the draws under which a study's density is integrated, as many as it may cost.

    None if fewer than `fewest` (or all there are) can be paid for.
    """
    count = min(total, budget // cost_of(design, study))
    if count < min(total, fewest):
        return np.zeros(0, np.int64)
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

    Returns
    -------
    LeftOut
        Without draws where these cost more.
    """
    index, values = [], []
    for part in parts:
        total = len(part.parameters.alpha)
        rows = [int(r) for r in rows_of_study(part.design, study)]
        fewest = -(-FEWEST_DRAWS // len(parts))
        chosen = study_draws(part.design, study, total, budget // len(parts), fewest)
        index.append(chosen)
        if not chosen.size:
            nothing = tuple(np.zeros(0, np.int64) for _ in parts)
            empty = Weights(np.zeros((1, 0)), np.nan)
            return LeftOut(study, len(rows), nothing, np.zeros(0), empty)
        draws = take(part.parameters, chosen, shared_families(part.design))
        values.append(study_log_likelihood(part.design, rows, draws))
    found = np.concatenate(values)
    weights = smoothed_weights(-found[None, :])
    return LeftOut(study, len(rows), tuple(index), found, weights)


def refitted_density(design: Design, study: str, refit: Refit, budget: int = BUDGET) -> float:
    """Log predictive density of a study under draws of a fit without it; NaN where too dear."""
    chosen = study_draws(design, study, len(refit.parameters.alpha), budget)
    if not chosen.size:
        return float("nan")
    rows = [int(r) for r in rows_of_study(design, study)]
    draws = take(refit.parameters, chosen, shared_families(design))
    values = study_log_likelihood(design, rows, draws)
    return float(logsumexp(values) - np.log(values.size))


def leave_one_out_table(
    left: Sequence[LeftOut],
    design: Design,
    refits: Mapping[str, Refit],
    budget: int = BUDGET,
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
    budget
        Likelihood evaluations that the studies with a refit may cost together.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; `method` is `psis`, `refit` or `not computed`, and `reliable` is false where
        none can be trusted: a Pareto k above `limit` without a refit, a refit whose chains
        disagree or diverge, or a study whose integrals cost too much.
    """
    rows = []
    costs = {study: cost_of(design, study) for study in refits}
    most = max((len(refit.parameters.alpha) for refit in refits.values()), default=0)
    share = budgets(costs, most, total=budget)
    for each in left:
        refit = refits.get(each.study)
        exact = refit is not None
        elpd = each.elpd
        if refit:
            elpd = refitted_density(design, each.study, refit, share[each.study])
        rows.append(
            [
                each.study, each.rows, elpd, each.lpd, each.weights.pareto_k,
                each.weights.limit if each.computed else np.nan,
                each.log_likelihood.size, each.weights.ess if each.computed else np.nan,
                "refit" if exact else each.method,
                refit.sound and np.isfinite(elpd) if refit else each.reliable,
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
            some = counted(self.studies, "study")
            return f"not for comparison: {some}, fewer than {FEWEST_STUDIES}"
        if self.unreliable:
            some = counted(self.unreliable, "study")
            return f"not for comparison: no reliable density of {some}"
        return "comparable with other models of the same rows, by the error of the difference"


def expected_density(table: pd.DataFrame) -> Elpd:
    """Sum the log predictive densities of a `leave_one_out_table`."""
    values = table["elpd"].to_numpy(float)
    se = float(np.sqrt(values.size) * values.std(ddof=1)) if values.size > 1 else float("nan")
    return Elpd(float(values.sum()), se, values.size, int((~table["reliable"]).sum()))
