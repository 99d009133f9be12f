"""Simulation-based calibration: does the code recover what its own prior generates?

Parameters are drawn from the prior, counts from the likelihood at the shape of the real table, and
the posterior of those counts is sampled as in any fit. Over many replicates the rank of the true
value among the posterior draws is uniform if, and only if, generator, likelihood, sampler and
estimands agree (Talts et al. 2018, arXiv:1804.06788; Modrak et al. 2023, doi:10.1214/23-BA1404, for
the log likelihood as a test quantity that depends on the data).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytensor
import xarray as xr
from arviz_stats.ecdf_utils import ecdf_pit

from meta.config import FitTask, PriorSet
from meta.inference.sampling import CompiledModel, quiet, sample_posterior
from meta.inference.seeds import child_seed
from meta.models.chain import build_chain
from meta.models.design import Design

#: Parameters whose ranks are looked at, as far as a model has them.
PARAMETERS = ("alpha", "beta", "tau", "omega", "kappa", "icc", "correlation", "df")
LOG_LIKELIHOOD = "log_likelihood"
#: Posterior draws that a rank is taken among.
RANKED_DRAWS = 99
#: A replicate whose smallest effective sample size is below the ranked draws is sampled again with
#: twice the draws, this often at most: autocorrelated draws would pile ranks up at both ends.
LONGEST_DOUBLING = 4
#: Joint probability that all quantities of a calibrated model stay inside their bands.
BAND_PROBABILITY = 0.95
BAND_SIMULATIONS = 4000

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
    generator: Build = build_chain,
    fitted: Build = build_chain,
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
        total = pm.logp(model["counts"], model["events"]).sum()
        pm.Deterministic(LOG_LIKELIHOOD, total)
    start = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model)
    ready = CompiledModel(model, compiled, time.perf_counter() - start)
    return Simulator(
        ready=ready,
        design=design,
        task=task,
        truth=drawn["prior"].to_dataset().isel(chain=0),
        counts=drawn["prior_predictive"]["counts"].to_numpy()[0],
        log_likelihood=pytensor.function(model.free_RVs, model[LOG_LIKELIHOOD]),
    )


def ranks(
    simulated: Simulator, replicates: range, cores: int, report: Callable[[int], None] | None = None
) -> pd.DataFrame:
    """Fit every replicate and rank its true values.

    Returns
    -------
    pandas.DataFrame
        One row a replicate and quantity: `replicate, quantity, rank` (0 to `RANKED_DRAWS`), `z`
        (posterior mean minus truth over the posterior sd), `contraction` (one minus the share of
        prior variance that is left) and, the same for a replicate, `ess_bulk`, `divergences`,
        `draws`.
    """
    rows: list[dict[str, Any]] = []
    # A model that is wrong on purpose may lack parameters of the one that generates.
    fitted = simulated.ready.model.named_vars
    names = [name for name in PARAMETERS if name in simulated.truth and name in fitted]
    spread = {name: simulated.truth[name].var("draw").to_numpy() for name in names}
    for number in replicates:
        counts = simulated.counts[number]
        truth = simulated.truth.isel(draw=number)
        tree, drawn = _fit(simulated, number, counts, names, cores)
        rng = np.random.default_rng(child_seed(simulated.task.seed, "rank", str(number)))
        true = {**{n: truth[n].to_numpy() for n in names}, LOG_LIKELIHOOD: _at_truth(
            simulated, truth, counts
        )}  # fmt: skip
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
        if report is not None:
            report(number)
    return pd.DataFrame(rows)


def _fit(
    simulated: Simulator, number: int, counts: np.ndarray, names: list[str], cores: int
) -> tuple[xr.Dataset, dict[str, float]]:
    """Sample one replicate until its draws are worth ranking; the record says how it went."""
    task = simulated.task.model_copy(
        update={"seed": child_seed(simulated.task.seed, "fit", str(number))}
    )
    for doubling in range(LONGEST_DOUBLING + 1):
        draws = task.sampler.draws * 2**doubling
        longer = task.sampler.model_copy(update={"draws": draws})
        tree = sample_posterior(
            simulated.ready,
            task.model_copy(update={"sampler": longer}),
            cores,
            events=counts,
            progress=False,
        )
        posterior = tree["posterior"].to_dataset()[[*names, LOG_LIKELIHOOD]]
        smallest = min(float(np.min(v)) for v in az.ess(posterior).data_vars.values())
        if smallest >= RANKED_DRAWS:
            break
    divergences = int(tree["sample_stats"]["diverging"].sum())
    return posterior, {"ess_bulk": smallest, "divergences": divergences, "draws": draws}


def _at_truth(simulated: Simulator, truth: xr.Dataset, counts: np.ndarray) -> np.ndarray:
    point = [truth[variable.name].to_numpy() for variable in simulated.ready.model.free_RVs]
    events = simulated.ready.model["events"]
    events.set_value(counts.astype(events.dtype))
    return np.asarray(simulated.log_likelihood(*point))


def _pairs(
    true: dict[str, np.ndarray], spread: dict[str, np.ndarray], posterior: xr.Dataset
) -> Iterator[tuple[str, float, float, np.ndarray]]:
    """Name, true value, prior variance and flattened draws of every scalar quantity."""
    for name, value in true.items():
        draws = posterior[name].transpose("chain", "draw", ...).to_numpy()
        flat = draws.reshape(draws.shape[0] * draws.shape[1], -1)
        variance = np.atleast_1d(spread.get(name, np.nan)).ravel()
        labels = [name] if name in (LOG_LIKELIHOOD, "df") else _labels(posterior[name])
        for k, label in enumerate(labels):
            prior_variance = float(variance[min(k, variance.size - 1)])
            yield label, float(np.atleast_1d(value).ravel()[k]), prior_variance, flat[:, k]


def _labels(variable: xr.DataArray) -> list[str]:
    rest = [dim for dim in variable.dims if dim not in ("chain", "draw")]
    stacked = variable.isel(chain=0, draw=0, drop=True).stack(cell=rest)
    return [f"{variable.name}[{', '.join(map(str, cell))}]" for cell in stacked["cell"].to_numpy()]


def uniformity(table: pd.DataFrame) -> pd.DataFrame:
    """Test each quantity's ranks against simultaneous bands of the uniform ECDF.

    Sailynoja, Buerkner & Vehtari (2022), doi:10.1007/s11222-022-10090-6. The bands are widened so
    that all quantities of a calibrated model stay inside with probability `BAND_PROBABILITY`
    (Bonferroni).

    Returns
    -------
    pandas.DataFrame
        One row a quantity: `quantity, replicates, excess` (largest excursion beyond the band, at
        most 0 if inside), `inside`, `z_mean`, `contraction`.
    """
    quantities = table["quantity"].unique()
    probability = 1 - (1 - BAND_PROBABILITY) / len(quantities)
    rows = []
    for quantity in quantities:
        part = table[table["quantity"] == quantity]
        _, ecdf, lower, upper = rank_ecdf(part["rank"].to_numpy(), probability)
        excess = float(np.maximum(lower - ecdf, ecdf - upper).max())
        rows.append(
            {
                "quantity": quantity,
                "replicates": len(part),
                "excess": excess,
                "inside": excess <= 0,
                "z_mean": part["z"].mean(),
                "contraction": part["contraction"].median(),
            }
        )
    return pd.DataFrame(rows)


def rank_ecdf(
    rank: np.ndarray, probability: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ECDF of ranks as fractions and its simultaneous band: points, ECDF, lower, upper."""
    # A rank is one of RANKED_DRAWS + 1 equally likely values; jitter makes it continuous.
    rng = np.random.default_rng(child_seed(0, "calibration", "jitter"))
    fraction = (rank + rng.random(rank.size)) / (RANKED_DRAWS + 1)
    points, ecdf, lower, upper = ecdf_pit(
        fraction, probability, BAND_SIMULATIONS, rng=np.random.default_rng(1)
    )
    return points, ecdf, lower, upper
