"""The model of contrasts against lme4 and metafor (see README.md beside this file)."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from meta.checks.sampler import mixing_statistics
from meta.config import FitTask, ModelSpec, Sampler
from meta.inference.sampling import CompiledModel, compile_model, sample_posterior
from meta.models.contrast_design import ContrastDesign, build_contrast_design
from meta.models.contrasts import build_contrasts
from meta.models.counts import count_data
from meta.priors import HalfNormal, Normal, PriorSet
from tests.external.laplace import PARAMETERS, LaplaceLikelihood, posterior_moments, quadratic

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


@pytest.fixture(scope="module")
def likelihood(task: FitTask) -> LaplaceLikelihood:
    return LaplaceLikelihood(build_contrasts(design(), task.priors))


def of_lme4(kind: str) -> np.ndarray:
    return np.array([REFERENCE["lme4"][kind][name] for name in PARAMETERS])


def test_the_likelihood_has_its_maximum_and_curvature_where_lme4_has(
    likelihood: LaplaceLikelihood,
) -> None:
    """The same approximation of the same likelihood: only rounding and differences are between.

    Measured: 0.0002 standard errors from the maximum, standard errors equal to 0.00005.
    """
    step = 0.05
    gradient, second = quadratic(likelihood, of_lme4("estimate"), step * of_lme4("se"))
    away = -np.linalg.solve(second, gradient) * step
    np.testing.assert_allclose(away, 0, atol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(np.linalg.inv(-second))) * step, 1, rtol=1e-3)


def test_the_posterior_is_that_likelihood_under_flat_priors(
    posterior: xr.Dataset, likelihood: LaplaceLikelihood
) -> None:
    """Draws against quadrature of the likelihood above, each to four Monte Carlo errors.

    Means lie 0.01 standard errors from the maximum for the effects and 0.3 above it for the
    spreads, whose likelihood is skewed; sds are 3 and 8 to 11 % larger than standard errors. For
    the error of Laplace's method itself 0.05 standard errors are allowed, and 2 % of an sd.
    """
    se = of_lme4("se")
    mean, sd = posterior_moments(likelihood, of_lme4("estimate"), se)
    for k, name in enumerate(PARAMETERS[2:]):
        draws = posterior["delta"].sel(intervention=NAMES[name]) if name in NAMES else None
        values = posterior[name] if draws is None else draws
        values = values.transpose("chain", "draw", ...).to_numpy()
        values = values.reshape(values.shape[:2])
        error = mixing_statistics(values[None])["mcse_mean"].iloc[0]
        assert abs(values.mean() - mean[k]) < 4 * error + 0.05 * se[k + 2], name
        count = (values.std() / error) ** 2
        # Relative error of the sd of `count` independent draws.
        assert abs(values.std() / sd[k] - 1) < 4 / np.sqrt(2 * count) + 0.02, name


@pytest.mark.parametrize("name", NAMES)
def test_effects_agree_with_two_step_estimates(posterior: xr.Dataset, name: str) -> None:
    """metafor has another likelihood: log odds ratios, normal with known variances.

    It also adds half a count to each cell, which pulls small arms to none, and gives each
    intervention a spread of its own. The two effects differ by 0.14 and 0.12 of its standard errors
    here, as do lme4's from it (0.14 and 0.13).
    """
    draws = posterior["delta"].sel(intervention=NAMES[name]).to_numpy()
    theirs = REFERENCE["metafor"]
    assert abs(draws.mean() - theirs["estimate"][name]) < 0.25 * theirs["se"][name]


def test_true_effects_are_recovered_from_new_counts(compiled: CompiledModel, task: FitTask) -> None:
    made, truth = design(), REFERENCE["true"]
    rng = np.random.default_rng(8)
    delta = np.array([truth[f"delta_{k.partition('_')[0]}"] for k in made.interventions])
    scores = []
    replicates = 12
    for number in range(replicates):
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
    # as good as 17 or more independent ones, so that the mean square has a standard error of
    # sqrt(2 / 204) = 0.1, of which three are allowed.
    assert len(scores) == replicates * (2 + 48)
    assert abs(np.mean(np.square(scores)) - 1) < 3 * np.sqrt(2 / (17 * replicates))


def short(task: FitTask) -> FitTask:
    sampler = task.sampler.model_copy(update={"draws": 200, "tune": 300, "chains": 2})
    return task.model_copy(update={"sampler": sampler})
