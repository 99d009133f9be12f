"""Every shipped model, built on the shipped evidence and not sampled: what holds of all of them."""

from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from meta.config import ModelSpec
from meta.estimands import Estimate, all_estimates
from meta.estimands.contraction import comparison_scale
from meta.evidence.analysis_set import Tables, analysis_set
from meta.evidence.checking import check
from meta.evidence.codes import any_codes
from meta.evidence.contrast_set import contrast_set
from meta.models.build import model_of
from meta.models.contrast_design import build_contrast_design
from meta.models.design import Design, build_design
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT)
#: Estimands that are compared as they stand: every other one has a bound.
UNBOUNDED = {
    "risk_difference", "log_odds_ratio", "log_odds_ratio_new", "log_odds_ratio_new_pair",
    "study_log_odds_ratio",
}  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> Tables:
    return check(ROOT).tables


def design_of(model: str, spec: ModelSpec, tables: Tables) -> Design:
    if spec.frame == "contrasts":
        return build_contrast_design(contrast_set(tables, model, spec), spec)
    codes = any_codes(tables["codings"]) if spec.imputes else None
    return build_design(analysis_set(tables, model, spec, codes), spec)


def made_up(model: pm.Model, draws: int = 2) -> xr.Dataset:
    """Posterior of every parameter between 0.1 and 0.3, whatever it is."""
    rng = np.random.default_rng(1)
    found = {}
    shapes = model.eval_rv_shapes()
    for variable in [*model.free_RVs, *model.deterministics]:
        dims = model.named_vars_to_dims.get(variable.name, ())
        sizes = [len(model.coords[d]) for d in dims] or list(shapes.get(variable.name, ()))
        if len(dims) == len(sizes):
            values = rng.uniform(0.1, 0.3, (1, draws, *sizes))
            found[variable.name] = (("chain", "draw", *dims), values)
    return xr.Dataset(found, coords={k: list(v) for k, v in model.coords.items() if v is not None})


@pytest.mark.parametrize("name", SETTINGS.models)
def test_priors_in_use_are_named_and_every_number_has_a_scale(name: str, tables: Tables) -> None:
    task = SETTINGS.task(name)
    design = design_of(name, task.spec, tables)
    model = model_of(design, task.priors)
    data = {v.name.removeprefix("prior_") for v in model.data_vars if v.name.startswith("prior_")}
    assert set(task.spec.parameters) == data
    estimates = all_estimates(made_up(model), design, 1, SETTINGS.exceedance)
    outcomes = {e.outcome for e in estimates}
    chain = task.spec.frame == "denominator" and not task.spec.assumed_capable
    assert ("capable_goal_failure" in outcomes) == chain
    for estimate in estimates:
        assert_scale(estimate)


def assert_scale(estimate: Estimate) -> None:
    """Logarithms make factors of ratios and scales equal; logits are symmetric about one half."""
    name, low = estimate.estimand, np.array([0.1, 0.2, 0.4])
    values = comparison_scale(name, low)
    steps = np.diff(values)
    if name in UNBOUNDED:
        assert values == pytest.approx(low)
    elif name == "stage_correlation":
        assert np.tanh(values) == pytest.approx(low)
    elif "odds_ratio" in name or name in {
        "risk_ratio", "tau", "omega", "kappa", "phi", "gap", "tau_delta",
    }:  # fmt: skip
        assert steps == pytest.approx(np.log([2, 2])), name
    else:
        assert values == pytest.approx(-comparison_scale(name, 1 - low)), name
        # Quadrature rounds.
        assert ((estimate.draws > -1e-9) & (estimate.draws < 1 + 1e-9)).all(), name


def test_an_estimand_without_a_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="brand_new"):
        comparison_scale("brand_new", np.ones(3))


def test_a_prior_that_a_model_does_not_have_leaves_its_hash() -> None:
    task = SETTINGS.task("rates")
    other = SETTINGS.task("agent_families")
    wide = task.priors.phi.model_copy(update={"sigma": 3.0})
    priors = task.priors.model_copy(update={"phi": wide})
    assert task.model_copy(update={"priors": priors}).spec_hash == task.spec_hash
    assert other.model_copy(update={"priors": priors}).spec_hash != other.spec_hash
