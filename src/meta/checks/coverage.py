"""Frequentist coverage and bias of the three pooled estimands, over a grid of fixed truths.

A Bayesian interval covers at its nominal rate on average over its prior, not at every truth: far
from the prior's centre and with few studies it must cover less, elsewhere more. This measures
where, and by how much. Each cell of the grid is one truth; every replicate simulates its counts
with NumPy, apart from the model's own code, and fits them with the primary model's code, priors and
sampler. Every arm has agents of its own there, so that what is fitted has study effects and
beta-binomial arms alone: the agent-set level of the primary, which needs sets of several arms, is
not covered, nor is any moderator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit, logit
from scipy.stats import norm

from meta.config import FitTask
from meta.errors import UserError
from meta.inference.refit import counts_of
from meta.inference.sampling import CompiledModel, compile_model, sample_posterior
from meta.inference.seeds import child_seed
from meta.models.design import Design, build_design
from meta.priors import PriorSet
from meta.progress import progress

STUDIES = (3, 8, 20, 60)
TAUS = (0.0, 0.5, 1.5)
RATES = (0.02, 0.3, 0.9)
ESTIMANDS = ("rate_typical", "rate_mean", "rate_new")
OUTCOME = "goal_failure"
ARMS = 2
#: Truth of what is not varied: about what the evidence says of capability, and the prior's mean
#: of the intra-class correlation.
CAPABILITY, CAPABILITY_TAU, ICC = 0.85, 0.5, 0.25
CHAINS, TUNE, DRAWS = 2, 300, 500
#: Ends of an interval need more than a mean does; a fit with less is sampled once more, longer.
FEWEST_EFFECTIVE = 100
LONGER = 4
#: Hyperparameters of the model that `pooled_draws` describes.
KNOWN = {"alpha", "tau", "icc", "correlation"}
NODES = 2001
HERMITE_NODES = 61


class CoverageError(UserError):
    """Coverage that cannot be measured, or results that do not belong together."""


@dataclass(frozen=True)
class Cell:
    """One truth: `studies`, `tau` and typical `rate` of goal failure, capability `observed`."""

    studies: int
    observed: bool
    tau: float
    rate: float


@dataclass(frozen=True)
class Block:
    """Cells of one shape of table, which share a compiled model."""

    studies: int
    observed: bool

    @property
    def cells(self) -> list[Cell]:
        """Its cells."""
        return [Cell(self.studies, self.observed, t, r) for t, r in product(TAUS, RATES)]


def blocks() -> list[Block]:
    """All blocks of the grid, the costliest first."""
    return [Block(k, seen) for k in sorted(STUDIES, reverse=True) for seen in (True, False)]


def block_design(block: Block, task: FitTask, trials: int = 50) -> Design:
    """Design of a block; counts are replaced in every replicate.

    Raises
    ------
    CoverageError
        If the model is no beta-binomial chain of the two stages: the simulator knows no other.
    """
    spec = task.spec
    if spec.likelihood != "beta_binomial" or spec.stages != ("capability_transfer", OUTCOME):
        raise CoverageError(
            f"{task.model}: coverage is simulated from beta-binomial arms of capability_transfer "
            "and goal_failure only: extend meta.checks.coverage.simulate for another primary model"
        )
    index = np.arange(block.studies * ARMS)
    names = [f"a{i:03d}" for i in index]
    counts = pd.array(np.full(index.size, trials), dtype="Int64")
    some = pd.array(np.full(index.size, trials * 4 // 5), dtype="Int64")
    missing = pd.array([pd.NA] * index.size, dtype="Int64")
    seen = block.observed
    table = pd.DataFrame(
        {
            "row_id": names,
            "study": [f"s{i // ARMS:02d}" for i in index],
            "agent_set": names,
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "given_capability" if seen else "all_trials",
            "trials_capability_transfer": counts if seen else missing,
            "events_capability_transfer": some if seen else missing,
            "trials_goal_failure": some if seen else counts,
            "events_goal_failure": pd.array(np.full(index.size, trials // 4), dtype="Int64"),
        }
    )
    return build_design(table, spec.model_copy(update={"moderators": ()}))


def simulate(
    cell: Cell, design: Design, sizes: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Counts of one replicate: `events` and `trials`, length N, in the order of the design.

    Parameters
    ----------
    cell
        The truth.
    design
        Design of its block.
    sizes
        Trials of the evidence's arms, from which each arm draws its own.
    rng
        Random stream.
    """
    arms = cell.studies * ARMS
    study = np.repeat(np.arange(cell.studies), ARMS)
    trials = rng.choice(sizes, arms)
    capable = expit(logit(CAPABILITY) + CAPABILITY_TAU * rng.standard_normal(cell.studies))[study]
    fails = expit(logit(cell.rate) + cell.tau * rng.standard_normal(cell.studies))[study]
    if not cell.observed:
        counts = {1: (_beta_binomial(trials, capable * fails, rng), trials)}
    else:
        able = _beta_binomial(trials, capable, rng)
        counts = {0: (able, trials), 1: (_beta_binomial(able, fails, rng), able)}
    events, size = (
        np.array([counts[o][k][r] for o, r in zip(design.stage, design.row, strict=True)])
        for k in (0, 1)
    )
    return {"events": events, "trials": size}


def _beta_binomial(trials: np.ndarray, rate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = (1 - ICC) / ICC
    return rng.binomial(trials, rng.beta(rate * size, (1 - rate) * size))


def truths(cell: Cell) -> dict[str, float]:
    """True value of each estimand; for `rate_new`, the mean of what is predicted."""
    z = norm.ppf((np.arange(NODES) + 0.5) / NODES)
    mean = float(expit(logit(cell.rate) + cell.tau * z).mean())
    return {"rate_typical": cell.rate, "rate_mean": mean, "rate_new": mean}


def covered(cell: Cell, estimand: str, low: float, high: float) -> float:
    """Whether an interval holds the truth; for `rate_new`, the share of new studies inside it."""
    if estimand != "rate_new" or cell.tau == 0:
        return float(low <= truths(cell)[estimand] <= high)
    ends = (logit(np.clip([low, high], 1e-300, 1 - 1e-16)) - logit(cell.rate)) / cell.tau
    return float(norm.cdf(ends[1]) - norm.cdf(ends[0]))


def pooled_draws(posterior: xr.Dataset, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draws of the three estimands of goal failure, for a model of study effects alone.

    The report's own (`meta.estimands`) also integrate the product of the stages, at ten times the
    cost of the fit; a test holds these to them.

    Parameters
    ----------
    posterior
        With `alpha` and `tau`.
    rng
        Random stream of the new studies.

    Raises
    ------
    CoverageError
        If the model has any other hyperparameter than these, `icc` and `correlation`.
    """
    if extra := (set(PriorSet.model_fields) - KNOWN) & set(map(str, posterior)):
        raise CoverageError(f"the model has {', '.join(sorted(extra))}: not of study effects alone")
    alpha, tau = (posterior[n].sel(stage=OUTCOME).to_numpy().ravel() for n in ("alpha", "tau"))
    mean = sum(w * expit(alpha + tau * z) for z, w in zip(*_hermite(), strict=True))
    new = expit(alpha + tau * rng.standard_normal(alpha.size))
    return dict(zip(ESTIMANDS, (expit(alpha), np.asarray(mean), new), strict=True))


@cache
def _hermite() -> tuple[np.ndarray, np.ndarray]:
    points, weights = hermegauss(HERMITE_NODES)
    return points, weights / weights.sum()


def measure_block(
    block: Block, task: FitTask, sizes: np.ndarray, replicates: int, ci_prob: float
) -> pd.DataFrame:
    """Fit every replicate of a block's cells.

    Returns
    -------
    pandas.DataFrame
        One row a cell, replicate and estimand: the cell, `replicate, estimand, truth, mean,
        median, low, high, covered, ess, divergences`.
    """
    design = block_design(block, task)
    ready = compile_model(design, task)
    rows: list[dict[str, Any]] = []
    seen = "observed" if block.observed else "not observed"
    fits = list(product(block.cells, range(replicates)))
    for cell, number in progress(fits, f"{block.studies} studies, capability {seen}", "fits"):
        rows += measure(cell, number, design, ready, task, sizes, ci_prob)
    return pd.DataFrame(rows)


def measure(
    cell: Cell,
    number: int,
    design: Design,
    ready: CompiledModel,
    task: FitTask,
    sizes: np.ndarray,
    ci_prob: float,
) -> Iterator[dict[str, Any]]:
    """Simulate and fit one replicate of one cell; yield a row for each estimand."""
    stream = f"coverage/{cell}/{number}"
    rng = np.random.default_rng(child_seed(task.seed, task.model, stream))
    counts = simulate(cell, design, sizes, rng)
    now = replace(design, events=counts["events"], trials=counts["trials"])
    data = counts_of(ready, now)
    for draws in (DRAWS, DRAWS * LONGER):
        sampler = task.sampler.model_copy(update={"chains": CHAINS, "tune": TUNE, "draws": draws})
        tree = sample_posterior(
            ready, task.model_copy(update={"sampler": sampler}), 1, data=data, stream=stream,
            progress=False,
        )  # fmt: skip
        posterior = tree["posterior"].to_dataset()
        effective = az.ess(posterior[["alpha", "tau"]].sel(stage=OUTCOME))
        smallest = min(float(effective[name]) for name in ("alpha", "tau"))
        if smallest >= FEWEST_EFFECTIVE:
            break
    estimates = pooled_draws(posterior, rng)
    truth = truths(cell)
    for estimand in ESTIMANDS:
        found = estimates[estimand]
        low, high = np.quantile(found, [(1 - ci_prob) / 2, (1 + ci_prob) / 2])
        yield {
            **asdict(cell),
            "replicate": number,
            "estimand": estimand,
            "truth": truth[estimand],
            "mean": float(found.mean()),
            "median": float(np.median(found)),
            "low": float(low),
            "high": float(high),
            "covered": covered(cell, estimand, float(low), float(high)),
            "ess": smallest,
            "divergences": int(tree["sample_stats"]["diverging"].sum()),
        }
