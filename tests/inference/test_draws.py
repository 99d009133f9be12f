"""Thinned draws of every shipped model: what its checks read is there, by the labels of units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from meta.checks.power_scaling import log_hyperprior
from meta.checks.predictive import replicate, take
from meta.evidence.analysis_set import Tables, analysis_set
from meta.evidence.checking import check
from meta.evidence.codes import any_codes
from meta.inference.draws import thinned_draws
from meta.models.agent_families import shared_families
from meta.models.build import model_of
from meta.models.specification import design_of
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT)
#: Models of contrasts have other checks.
MODELS = [name for name, spec in SETTINGS.models.items() if spec.frame != "contrasts"]
SHAPE = (2, 6)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return check(ROOT).tables


def made_up(model: pm.Model) -> xr.Dataset:
    """Values in (0, 1) of every variable, with the dimensions and labels that a fit has."""
    rng = np.random.default_rng(1)
    found = {}
    for variable in [*model.free_RVs, *model.deterministics]:
        dims = model.named_vars_to_dims.get(variable.name, ())
        sizes = [len(model.coords[d]) for d in dims]
        assert dims or variable.ndim == 0, variable.name
        found[variable.name] = (("chain", "draw", *dims), rng.uniform(0.1, 0.9, (*SHAPE, *sizes)))
    coords = {k: list(v) for k, v in model.coords.items() if v is not None}
    used = {d for dims, _ in found.values() for d in dims}
    return xr.Dataset(found, {k: v for k, v in coords.items() if k in used})


@pytest.mark.parametrize("name", MODELS)
def test_draws_of_every_shipped_model_are_read(name: str, tables: Tables) -> None:
    task = SETTINGS.task(name)
    codes = any_codes(tables["codings"]) if task.spec.imputes else None
    design = design_of(analysis_set(tables, name, task.spec, codes), task.spec)
    posterior = made_up(model_of(design, task.priors))
    if "correlation" in posterior:
        # Any three correlations below one half are those of a matrix.
        posterior["correlation"] = posterior["correlation"] / 2
    if "df" in posterior:
        posterior["df"] = task.priors.df.above + posterior["df"]
    draws = thinned_draws(posterior, design, 6).parameters
    assert len(draws.alpha) == 6
    for level in design.crossed:
        assert list(draws.crossed[level.name]) == level.units
        unit = level.units[3]
        want = posterior[f"{level.name}_effect"].sel({level.name: unit}).to_numpy()[:, ::2]
        np.testing.assert_array_equal(draws.crossed[level.name][unit], want.reshape(6, -1))
    known = take(draws, np.arange(6), shared_families(design))
    assert replicate(design, known, np.random.default_rng(2)).shape == (6, design.row.size)
    # Every hyperparameter has a prior that power-scaling knows.
    assert np.isfinite(log_hyperprior(posterior, task.priors)).all()


def test_a_family_of_agents_is_among_them() -> None:
    assert any("agent_family" in SETTINGS.models[name].levels for name in MODELS)
