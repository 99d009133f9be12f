"""Simulation-based calibration: whether code recovers what its own prior generates.

Parameters are drawn from the prior, counts from the likelihood at the shape of the real table, and
the posterior of those counts is sampled as in any fit. Over many replicates the rank of the true
value among the posterior draws is uniform if generator, likelihood and sampler agree (Talts et al.
2018, arXiv:1804.06788; Modrak et al. 2023, doi:10.1214/23-BA1404, for the log likelihood as a test
quantity that depends on the data). Ranked are the top-level parameters, the log likelihood, and the
average rate of each stage and of their product, as reported.

Uniform ranks do not prove a model right. Generator and fitted model are one PyMC graph: a formula
that is wrong in the graph (a level without effect, say, or a product for a ratio) is wrong on both
sides and cancels, and so does an error in an estimand that maps truth and draws alike. What they
show is that the sampler finds the posterior of this graph, its parameterisation and transformations
included. The formulas are held against code that shares nothing with the graph elsewhere:
`meta.models.likelihood` and `meta.checks.predictive` in NumPy, R packages in `tests/external`, and
`meta.checks.coverage`, which simulates in NumPy. A model of imputed codes is calibrated on one code
set, as if codes were known; how draws of several sets are joined is not calibrated.

Chains start where those of a fit start, not at the truth. Starting there would save little, since
warm-up is spent on step sizes, and would hide a posterior that the sampler fails to find.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import xarray as xr

from meta.checks.uniformity import RANKED_DRAWS
from meta.config import FitTask
from meta.estimands.averages import StudyAverages
from meta.estimands.draws import hyper_draws, outcomes
from meta.inference.log_density import compile_log_density
from meta.inference.refit import counts_of
from meta.inference.sampling import CompiledModel, quiet, recentred, sample_without_divergence
from meta.inference.seeds import child_seed
from meta.models.behaviour import log_likelihood
from meta.models.build import model_of
from meta.models.contrast_design import ContrastDesign
from meta.models.counts import count_data
from meta.models.design import Design
from meta.priors import PriorSet

LOG_LIKELIHOOD = "log_likelihood"
#: Autocorrelated draws pile ranks up at both ends: with E effective draws behind L ranked ones the
#: variance of a rank is (1/E - 1/L) / 6 larger than the uniform's 1/12, at 40 and 49 by 1 %. A
#: replicate whose smallest effective sample size is below this is sampled again, longer.
FEWEST_EFFECTIVE = 40
ATTEMPTS = 4
#: How much longer one attempt may be than the one before.
LONGEST_STEP = 8
#: Two short chains a replicate: the shortest warm-up after which the step size has settled costs
#: as much as the draws, so each further chain would be mostly warm-up.
CHAINS, TUNE, DRAWS = 2, 300, 400
#: Dimensions of what is no top-level parameter, beside the units of levels.
LOW_DIMENSIONS = {"observation", "row", "effect_of"}

Build = Callable[[Design, PriorSet], pm.Model]


@dataclass(frozen=True)
class Simulator:
    """A compiled model, its generator of parameters and counts, and its log likelihood."""

    ready: CompiledModel
    design: Design
    task: FitTask
    truth: xr.Dataset
    counts: np.ndarray
    log_likelihood: Any


def simulator(
    design: Design,
    task: FitTask,
    replicates: int,
    generator: Build = model_of,
    fitted: Build = model_of,
) -> Simulator:
    """Draw the replicates' parameters and counts, and compile the model that is fitted to them.

    Parameters
    ----------
    design
        Shape of the table: rows, trials, levels and moderators are kept, counts are simulated.
    task
        Specification, priors, sampler arguments and root seed.
    replicates
        Replicates of the whole calibration. All are drawn at once, whichever shard of them is
        then fitted, so that shards of any size give the same table.
    generator, fitted
        Builders of the model that generates and of the one that is fitted: a test gives two that
        differ.
    """
    with generator(design, task.priors), quiet():
        drawn = pm.sample_prior_predictive(
            replicates, random_seed=child_seed(task.seed, task.model, "calibration")
        )
    model = fitted(design, task.priors)
    with model:
        pm.Deterministic(LOG_LIKELIHOOD, log_likelihood(model))
    start = time.perf_counter()
    compiled = compile_log_density(model)
    ready = CompiledModel(model, compiled, time.perf_counter() - start, task.priors.families())
    return Simulator(
        ready=ready,
        design=design,
        task=task,
        truth=drawn["prior"].to_dataset().isel(chain=0),
        counts=drawn["prior_predictive"]["counts"].to_numpy()[0],
        log_likelihood=pytensor.function(
            # Given the units' own, what they are drawn from says nothing more of the counts.
            model.free_RVs,
            model[LOG_LIKELIHOOD],
            mode="FAST_COMPILE",
            on_unused_input="ignore",
        ),
    )


def ranks(simulated: Simulator, replicates: Iterable[int], cores: int) -> pd.DataFrame:
    """Fit every replicate and rank its true values.

    Returns
    -------
    pandas.DataFrame
        One row a replicate and quantity: `replicate, quantity, rank` (0 to `RANKED_DRAWS`), `z`
        (posterior mean minus truth over the posterior sd), `contraction` (one minus the share of
        prior variance that is left) and, the same for a replicate, `ess_bulk`, and
        of the last attempt `target_accept`, `divergences` and `draws`.
    """
    rows: list[dict[str, Any]] = []
    names = parameters(simulated)
    design = simulated.design
    averages = average_rates(simulated.truth.expand_dims("chain"), design)
    spread = {name: simulated.truth[name].var("draw").to_numpy() for name in names}
    spread |= {name: np.asarray(values.var()) for name, values in averages.items()}
    for number in replicates:
        counts = simulated.counts[number]
        truth = simulated.truth.isel(draw=number)
        tree, drawn = _fit(simulated, number, counts, names, cores)
        rng = np.random.default_rng(child_seed(simulated.task.seed, "rank", str(number)))
        true = {**{n: truth[n].to_numpy() for n in names}, LOG_LIKELIHOOD: _at_truth(
            simulated, truth, counts
        )}  # fmt: skip
        true |= {name: values[0, number] for name, values in averages.items()}
        tree = tree.assign(
            {n: (("chain", "draw"), v) for n, v in average_rates(tree, design).items()}
        )
        for quantity, value, prior_variance, draws in _pairs(true, spread, tree):
            thinned = draws[np.linspace(0, draws.size - 1, RANKED_DRAWS).astype(int)]
            below, tied = int((thinned < value).sum()), int((thinned == value).sum())
            rows.append(
                {
                    "replicate": number,
                    "quantity": quantity,
                    "rank": below + int(rng.integers(0, tied + 1)),
                    "z": (draws.mean() - value) / draws.std(),
                    "contraction": 1 - draws.var() / prior_variance,
                    **drawn,
                }
            )
    return pd.DataFrame(rows)


def average_rates(draws: xr.Dataset, design: Design) -> dict[str, np.ndarray]:
    """Average rate over studies of each stage and product, for each population; `rate_mean`.

    Parameters
    ----------
    draws
        Top-level parameters by chain and draw.
    design
        Their design; contrasts have no rates.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (chain, draw), by `rate_mean[<outcome>, <population>]`.
    """
    if isinstance(design, ContrastDesign):
        return {}
    averages = StudyAverages(hyper_draws(draws, design))
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    return {
        f"rate_mean[{outcome}, {group.label}]": averages.mean(group.x, stages).reshape(shape)
        for group in design.groups
        for outcome, stages in outcomes(design)
    }


def parameters(simulated: Simulator) -> list[str]:
    """Top-level parameters that both models have: all but the units' own and auxiliary ones.

    A model that is wrong on purpose may lack parameters of the one that generates.
    """
    design = simulated.design
    units = {level.name for level in (*design.levels, *design.crossed)} | LOW_DIMENSIONS
    fitted = simulated.ready.model.named_vars
    return [
        str(name)
        for name, variable in simulated.truth.items()
        if name in fitted
        and not str(name).endswith("_raw")
        and not units & {str(d) for d in variable.dims}
        and not any(str(d).startswith(f"{name}_dim_") for d in variable.dims)
    ]


def calibration_task(task: FitTask, number: int) -> FitTask:
    """Short chains of one replicate, with its own seed; the target acceptance is the fit's."""
    sampler = task.sampler.model_copy(update={"chains": CHAINS, "tune": TUNE, "draws": DRAWS})
    seed = child_seed(task.seed, "fit", str(number))
    return task.model_copy(update={"sampler": sampler, "seed": seed})


def _fit(
    simulated: Simulator, number: int, counts: np.ndarray, names: list[str], cores: int
) -> tuple[xr.Dataset, dict[str, float]]:
    """Sample one replicate until its draws are worth ranking; the record says how it went."""
    task = calibration_task(simulated.task, number)
    design = replace(simulated.design, events=counts)
    data = counts_of(simulated.ready, design)
    draws = DRAWS
    for attempt in range(ATTEMPTS):
        longer = task.sampler.model_copy(update={"draws": draws})
        one = task.model_copy(update={"sampler": longer})
        tree, tried = sample_without_divergence(
            simulated.ready, design, one, cores, data=data, progress=False
        )
        posterior = tree["posterior"].to_dataset()[[*names, LOG_LIKELIHOOD]]
        smallest = smallest_ess(posterior)
        if smallest >= FEWEST_EFFECTIVE or attempt == ATTEMPTS - 1:
            break
        data |= recentred(simulated.ready, design, tree["posterior"].to_dataset())
        # How long to go on depends on the counts, never on the truth: ranks stay uniform.
        draws = int(draws * np.clip(1.5 * FEWEST_EFFECTIVE / smallest, 2, LONGEST_STEP))
    return posterior, {"ess_bulk": smallest, **tried[-1], "draws": draws}


def smallest_ess(posterior: xr.Dataset) -> float:
    """Smallest bulk effective sample size of any quantity; constants have none."""
    return min(float(np.nanmin(v)) for v in az.ess(posterior).data_vars.values())


def _at_truth(simulated: Simulator, truth: xr.Dataset, counts: np.ndarray) -> np.ndarray:
    point = [truth[variable.name].to_numpy() for variable in simulated.ready.model.free_RVs]
    pm.set_data(count_data(counts, simulated.design.trials), model=simulated.ready.model)
    return np.asarray(simulated.log_likelihood(*point))


def _pairs(
    true: dict[str, np.ndarray], spread: dict[str, np.ndarray], posterior: xr.Dataset
) -> Iterator[tuple[str, float, float, np.ndarray]]:
    """Name, true value, prior variance and flattened draws of every scalar quantity."""
    for name, value in true.items():
        draws = posterior[name].transpose("chain", "draw", ...).to_numpy()
        flat = draws.reshape(draws.shape[0] * draws.shape[1], -1)
        variance = np.ravel(spread.get(name, np.full(flat.shape[1], np.nan)))
        for k, label in enumerate(_labels(posterior[name])):
            # What the prior holds fixed has no rank.
            if variance[k] != 0:
                yield label, float(np.ravel(value)[k]), float(variance[k]), flat[:, k]


def _labels(variable: xr.DataArray) -> list[str]:
    rest = [dim for dim in variable.dims if dim not in ("chain", "draw")]
    if not rest:
        return [str(variable.name)]
    names = [variable[dim].to_numpy() for dim in rest]
    return [f"{variable.name}[{', '.join(map(str, cell))}]" for cell in product(*names)]
