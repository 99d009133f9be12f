"""The model of contrasts against lme4 and metafor (see README.md beside this file)."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from meta.config import FitTask, ModelSpec, Sampler
from meta.inference.sampling import CompiledModel, compile_model, sample_posterior
from meta.models.contrast_design import ContrastDesign, build_contrast_design
from meta.models.counts import count_data
from meta.priors import HalfNormal, Normal, PriorSet

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "contrasts.json").read_text())
SPEC = ModelSpec(
    frame="contrasts", stages=["goal_failure"], likelihood="binomial", levels=["study", "arm"]
)
NAMES = {"delta_warning": "warning_or_prohibition", "delta_pressure": "pressure_or_incentive"}


def design() -> ContrastDesign:
    arms = pd.read_csv(HERE / "data/contrasts.csv", keep_default_na=False)
    step = {"warned": "warning_or_prohibition", "pressed": "pressure_or_incentive"}
    # An arm with both hangs on the arm with pressure alone.
    kind = arms["arm"].str.partition(":")[2].str.rstrip("2").replace("both", "warned").map(step)
    table = pd.DataFrame(
        {
            "row_id": arms["arm"],
            "study": arms["study"],
            "sampling_frame": "denominator",
            "against": (kind + "@" + arms["against"]).where(arms["against"] != ""),
            "events_goal_failure": arms["events"].astype("Int64"),
            "trials_goal_failure": arms["n"].astype("Int64"),
        }
    )
    return build_contrast_design(table, SPEC)


@pytest.fixture(scope="module")
def task() -> FitTask:
    theirs = REFERENCE["lme4"]["estimate"]
    priors = PriorSet(
        baseline=Normal(mu=theirs["alpha"], sigma=theirs["tau"]),
        # Flat over what the data allow: what is compared is the likelihood.
        delta=Normal(sigma=100),
        tau_delta=HalfNormal(sigma=100),
        kappa=HalfNormal(sigma=100),
    )
    sampler = Sampler(draws=1000, tune=600)
    return FitTask(model="contrasts", spec=SPEC, priors=priors, sampler=sampler, seed=3)


@pytest.fixture(scope="module")
def compiled(task: FitTask) -> CompiledModel:
    return compile_model(design(), task)


@pytest.fixture(scope="module")
def posterior(compiled: CompiledModel, task: FitTask) -> xr.Dataset:
    tree = sample_posterior(compiled, task, cores=2, progress=False)
    return tree["posterior"].to_dataset()


def test_the_data_are_those_of_the_reference() -> None:
    content = (HERE / "data/contrasts.csv").read_bytes()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == REFERENCE["data_md5"]


@pytest.mark.parametrize(("tool", "share"), [("lme4", 1 / 3), ("metafor", 1 / 2)])
@pytest.mark.parametrize("name", NAMES)
def test_effects_agree(posterior: xr.Dataset, tool: str, share: float, name: str) -> None:
    draws = posterior["delta"].sel(intervention=NAMES[name]).to_numpy().ravel()
    theirs = REFERENCE[tool]
    assert abs(draws.mean() - theirs["estimate"][name]) < share * theirs["se"][name]
    if tool == "lme4":
        # A posterior counts that the variances are not known, a standard error does not.
        assert 0.95 < draws.std() / theirs["se"][name] < 1.25


@pytest.mark.parametrize("name", ["tau_delta", "kappa"])
def test_spreads_agree(posterior: xr.Dataset, name: str) -> None:
    draws = posterior[name].to_numpy().ravel()
    theirs = REFERENCE["lme4"]
    # The mode is the maximum of the likelihood; a skewed posterior's median lies above it.
    assert abs(np.median(draws) - theirs["estimate"][name]) < 0.6 * theirs["se"][name]


def test_true_effects_are_recovered_from_new_counts(compiled: CompiledModel, task: FitTask) -> None:
    made, truth = design(), REFERENCE["true"]
    rng = np.random.default_rng(8)
    delta = np.array([truth[f"delta_{k.partition('_')[0]}"] for k in made.interventions])
    scores = []
    for number in range(3):
        effect = delta[made.cell_intervention]
        effect = effect + truth["tau_delta"] * rng.standard_normal(effect.size)
        prior = task.priors.baseline
        baseline = rng.normal(prior.mu, prior.sigma, len(made.levels[1].units))
        eta = baseline[made.row_unit[1]] + made.row_cells @ effect
        eta += truth["kappa"] * rng.standard_normal(eta.size)
        events = rng.binomial(made.trials, 1 / (1 + np.exp(-eta)))
        counts = count_data(events, made.trials)
        tree = sample_posterior(
            compiled, short(task), 2, counts, stream=f"truth {number}", progress=False
        )
        draws = tree["posterior"]
        for name, values in (("delta", delta), ("effect", effect)):
            z = (draws[name].mean(("chain", "draw")) - values) / draws[name].std(("chain", "draw"))
            scores += z.to_numpy().tolist()
    # Calibrated z-scores have mean square 1. Those of a replicate are correlated through its means:
    # at least 50 independent ones in all, standard error of their mean square 0.2.
    assert len(scores) == 3 * (2 + 48)
    assert 0.5 < np.mean(np.square(scores)) < 1.7


def short(task: FitTask) -> FitTask:
    sampler = task.sampler.model_copy(update={"draws": 200, "tune": 300, "chains": 2})
    return task.model_copy(update={"sampler": sampler})
