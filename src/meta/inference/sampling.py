"""Sampling of the posterior with nutpie: compiled once, refitted with other counts."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import xarray as xr
from pymc.exceptions import ImplicitFreezeWarning

from meta.config import FitTask
from meta.inference.log_density import compile_log_density
from meta.inference.seeds import child_seed
from meta.models.build import model_of
from meta.models.centring import fitted_centring
from meta.models.design import Design
from meta.models.levels import SCALE_NAMES

#: Draws of the prior: enough for its quantiles and variances to be known within some percent.
PRIOR_DRAWS = 4000
#: Quantile of a scale's draws by which units are recentred: what is not centred where it might be
#: costs steps, what is centred where it should not be diverges.
SCALE_QUANTILE = 0.25
#: Levels that are recentred: those whose units have counts of their own. What studies know, they
#: know at second hand; recentred studies of `rates_binomial` diverged.
RECENTRED = ("arm", "effect")
#: Draws of the posterior predictive distribution, at most.
PREDICTIVE_DRAWS = 1000


@dataclass(frozen=True)
class CompiledModel:
    """A model with its compiled log density, ready for any number of fits."""

    model: pm.Model
    compiled: Any
    seconds: float
    families: dict[str, str]


def compile_model(design: Design, task: FitTask) -> CompiledModel:
    """Build and compile the model of a design.

    The counts stay data: `sample_posterior` can be given others of the same shape.
    """
    start = time.perf_counter()
    model = model_of(design, task.priors)
    compiled = compile_log_density(model)
    return CompiledModel(model, compiled, time.perf_counter() - start, task.priors.families())


def sample_posterior(
    ready: CompiledModel,
    task: FitTask,
    cores: int,
    data: Mapping[str, np.ndarray] | None = None,
    stream: str = "posterior",
    progress: bool = True,
    target_accept: float | None = None,
) -> xr.DataTree:
    """Draw from the posterior.

    Parameters
    ----------
    ready
        Compiled model.
    task
        Sampler arguments and root seed.
    cores
        Chains that run at the same time; it does not change the draws.
    data
        Data of the model (those of `meta.models.counts.count_data`, `through`, `x`,
        `prior_<parameter>`, `centred_<level>`) to fit instead of the design's.
    stream
        Name of the random stream.
    progress
        Whether to report on standard error while sampling.
    target_accept
        Target acceptance in place of the task's.

    Returns
    -------
    xarray.DataTree
        Groups `posterior` and `sample_stats` (without warm-up).

    Raises
    ------
    ValueError
        If counts are given without the logarithm of their combinations, which is data as well.
    """
    if data and {"events", "trials"} & set(data) and "log_combinations" not in data:
        raise ValueError("counts without their log_combinations: see meta.models.counts.count_data")
    compiled = ready.compiled.with_data(**data) if data else ready.compiled
    return nutpie.sample(
        compiled,
        draws=task.sampler.draws,
        tune=task.sampler.tune,
        chains=task.sampler.chains,
        cores=min(cores, task.sampler.chains),
        seed=child_seed(task.seed, task.model, stream),
        target_accept=target_accept or task.sampler.target_accept,
        maxdepth=task.sampler.max_depth,
        save_warmup=False,
        progress_bar=False,
        progress_callback=_Progress(task.model) if progress else None,
        progress_rate=500,
    )


def sample_without_divergence(
    ready: CompiledModel,
    design: Design,
    task: FitTask,
    cores: int,
    data: Mapping[str, np.ndarray] | None = None,
    **changes: Any,
) -> tuple[xr.DataTree, list[dict[str, float]]]:
    """Draw from the posterior, with smaller steps and recentred units while transitions diverge.

    A few divergences of a small or weakly informed model vanish with a higher target acceptance;
    those that do not are left for the checks to report. No attempt is hidden. `design` is the one
    that is fitted; `changes` go to `sample_posterior`.

    Returns
    -------
    tuple
        The last attempt's draws, and each attempt's target acceptance and divergences.
    """
    attempts: list[dict[str, float]] = []
    for target in (task.sampler.target_accept, *task.sampler.target_accept_retries):
        tree = sample_posterior(ready, task, cores, data, target_accept=target, **changes)
        divergences = int(tree["sample_stats"]["diverging"].sum())
        attempts.append({"target_accept": target, "divergences": divergences})
        if not divergences:
            break
        if changes.get("progress", True):
            _say(f"{task.model}: {divergences} divergences at target acceptance {target}")
        data = {**(data or {}), **recentred(ready, design, tree["posterior"].to_dataset())}
    return tree, attempts


def recentred(ready: CompiledModel, design: Design, posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """Which units to sample centred, by the scales that draws of the posterior found.

    Before a fit only its counts speak. Where the units of a level hardly vary rich counts mislead:
    a centred unit makes a narrow neck with its scale. Draws tell the scale though some diverge.

    Parameters
    ----------
    ready
        Compiled model.
    design
        Design that the draws are of.
    posterior
        Draws of an attempt.

    Returns
    -------
    dict of str to numpy.ndarray
        Data of the compiled model, by `centred_<level>`.
    """
    scales = {
        level: np.atleast_1d(posterior[name].quantile(SCALE_QUANTILE, ("chain", "draw")).to_numpy())
        for level, name in SCALE_NAMES.items()
        if name in posterior
    }
    found = fitted_centring(design, scales)
    names = [f"centred_{level}" for level in RECENTRED]
    return {n: found[n] for n in names if n in found and n in ready.model.named_vars}


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what PyMC says of how it predicts; warnings about results still pass."""
    logger = logging.getLogger("pymc")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numba will use object mode", UserWarning)
        # The stored draws carry no data, so that PyMC cannot see that none have changed.
        warnings.filterwarnings("ignore", category=ImplicitFreezeWarning)
        yield
    logger.setLevel(level)


class _Progress:
    """Report draws and divergences on one line each few seconds (on a terminal, in place)."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.last = 0.0

    def __call__(self, chains: Any) -> None:
        now = time.monotonic()
        done = sum(c.finished_draws for c in chains)
        total = sum(c.total_draws for c in chains)
        if now - self.last < 3 and done < total:
            return
        self.last = now
        divergences = sum(c.divergences for c in chains)
        end = "\r" if sys.stderr.isatty() and done < total else "\n"
        print(
            f"{self.model}: {done:,} of {total:,} draws, {divergences} divergences",
            file=sys.stderr, end=end, flush=True,
        )  # fmt: skip


def sample_prior(ready: CompiledModel, task: FitTask) -> xr.Dataset:
    """Draw the parameters of a model from their prior, without predicting any counts.

    Parameters
    ----------
    ready
        Compiled model.
    task
        Root seed, and the model's name.
    """
    model = ready.model
    names = [v.name for v in (*model.free_RVs, *model.deterministics)]
    with model, quiet():
        tree = pm.sample_prior_predictive(
            PRIOR_DRAWS, var_names=names, random_seed=child_seed(task.seed, task.model, "prior")
        )
    found: xr.Dataset = tree["prior"].to_dataset()
    return found


def sample_all(design: Design, task: FitTask, cores: int) -> tuple[xr.DataTree, dict[str, Any]]:
    """Fit one model and complete its record: prior, predictions and pointwise log likelihood.

    Returns
    -------
    tuple
        DataTree with the groups posterior, sample_stats, prior, prior_predictive,
        posterior_predictive (a thinned subset), log_likelihood, observed_data, constant_data; and
        how it went: `attempts` of the sampler, `times` (wall-clock seconds of each part).
    """
    _say(f"{task.model}: compiling (a minute the first time, seconds from then on)")
    ready = compile_model(design, task)
    times = {"compile": ready.seconds}
    clock = time.perf_counter()
    tree, attempts = sample_without_divergence(ready, design, task, cores)
    times["sample"] = time.perf_counter() - clock
    clock = time.perf_counter()
    _say(f"{task.model}: prior, predictions and log likelihood")
    with ready.model, quiet():
        prior = pm.sample_prior_predictive(
            PRIOR_DRAWS, random_seed=child_seed(task.seed, task.model, "prior")
        )
        pm.compute_log_likelihood(tree, progressbar=False)
        step = max(1, task.sampler.chains * task.sampler.draws // PREDICTIVE_DRAWS)
        thinned = xr.DataTree.from_dict(
            {"posterior": tree["posterior"].to_dataset().isel(draw=slice(None, None, step))}
        )
        predicted = pm.sample_posterior_predictive(
            thinned,
            random_seed=child_seed(task.seed, task.model, "predictive"),
            progressbar=False,
        )
    groups = {f"/{name}": tree[name].to_dataset() for name in ("posterior", "sample_stats")}
    groups["/log_likelihood"] = tree["log_likelihood"].to_dataset()
    for name in ("prior", "prior_predictive", "observed_data", "constant_data"):
        groups[f"/{name}"] = prior[name].to_dataset()
    groups["/posterior_predictive"] = predicted["posterior_predictive"].to_dataset()
    times["predict"] = time.perf_counter() - clock
    return xr.DataTree.from_dict(groups), {"attempts": attempts, "times": times}
