"""Another sampler: PyMC's own NUTS finds the posterior that the shipped one does."""

from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from meta.checks.sampler import mixing_statistics
from meta.evidence.analysis_set import analysis_set
from meta.evidence.checking import check
from meta.inference.sampling import compile_model, sample_posterior
from meta.models.specification import design_of
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT)
#: Differences of two Monte Carlo estimates are held to this many standard errors.
SIGMAS = 4.0


def summaries(posterior: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Mean and its Monte Carlo error of each parameter and of its square."""
    found = {}
    for name in ("alpha", "tau", "omega", "icc", "correlation"):
        values = posterior[name].transpose("chain", "draw", ...).to_numpy()
        flat = values.reshape(*values.shape[:2], -1)
        for k in range(flat.shape[2]):
            for power in (1, 2):
                draws = flat[:, :, k] ** power
                error = float(mixing_statistics(draws[None])["mcse_mean"].iloc[0])
                found[f"{name}[{k}]^{power}"] = float(draws.mean()), error
    return found


@pytest.fixture(scope="module")
def posteriors() -> tuple[xr.Dataset, xr.Dataset]:
    """Draws of the primary model on the shipped evidence: nutpie's and PyMC's."""
    task = SETTINGS.task(SETTINGS.primary)
    rows = analysis_set(check(ROOT).tables, task.model, task.spec)
    sampler = task.sampler.model_copy(update={"chains": 4, "draws": 1500, "tune": 500})
    short = task.model_copy(update={"sampler": sampler})
    ready = compile_model(design_of(rows, task.spec), short)
    shipped = sample_posterior(ready, short, cores=2, progress=False)["posterior"].to_dataset()
    with ready.model:
        other = pm.sample(
            draws=700, tune=700, chains=2, cores=1, random_seed=5, nuts_sampler="pymc",
            target_accept=task.sampler.target_accept, progressbar=False,
            compute_convergence_checks=False,
        )  # fmt: skip
    return shipped, other["posterior"].to_dataset()


def test_both_agree_within_monte_carlo_error(posteriors: tuple[xr.Dataset, xr.Dataset]) -> None:
    ours, theirs = (summaries(each) for each in posteriors)
    assert len(ours) == 18
    off = {
        name: (ours[name][0] - theirs[name][0]) / np.hypot(ours[name][1], theirs[name][1])
        for name in ours
    }
    assert all(abs(z) < SIGMAS for z in off.values()), off


def test_the_comparison_can_fail(posteriors: tuple[xr.Dataset, xr.Dataset]) -> None:
    """A posterior of goal failure shifted by half its own sd is told apart."""
    shipped, other = posteriors
    moved = other.assign(alpha=other["alpha"] + 0.5 * other["alpha"].std(("chain", "draw")))
    ours, theirs = summaries(shipped)["alpha[1]^1"], summaries(moved)["alpha[1]^1"]
    assert abs(ours[0] - theirs[0]) > SIGMAS * np.hypot(ours[1], theirs[1])
