"""Calibration: right code passes it, a wrong likelihood does not; shards join to one table."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from meta.checks.calibration import (
    FEWEST_EFFECTIVE,
    LOG_LIKELIHOOD,
    Simulator,
    parameters,
    ranks,
    simulator,
)
from meta.checks.calibration_record import shape_of
from meta.checks.predictive import replicate, take
from meta.checks.uniformity import RANKED_DRAWS, rank_ecdf, uniformity
from meta.config import FitTask, ModelSpec, PriorSet, Sampler
from meta.inference.draws import thinned_draws
from meta.models.chain import build_chain
from meta.models.design import Design, build_design
from meta.priors import Gamma
from tests.checks.test_contrast_predictive import design as contrast_design

REPLICATES = 80


def table(studies: int = 12, trials: int = 40) -> pd.DataFrame:
    names = [f"s{i:02d}" for i in range(studies)]
    return pd.DataFrame(
        {
            "row_id": names,
            "study": names,
            "agent_set": names,
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "events_goal_failure": pd.array([trials // 4] * studies, dtype="Int64"),
            "trials_goal_failure": pd.array([trials] * studies, dtype="Int64"),
        }
    )


def task(likelihood: str) -> FitTask:
    return FitTask(
        model="m",
        spec=ModelSpec(stages=["goal_failure"], likelihood=likelihood, levels=["study"]),
        priors=PriorSet(),
        sampler=Sampler(),
        seed=11,
    )


def one(likelihood: str) -> tuple[FitTask, Design]:
    made = task(likelihood)
    return made, build_design(table(), made.spec)


@pytest.fixture(scope="module")
def right() -> Simulator:
    made, design = one("beta_binomial")
    return simulator(design, made, REPLICATES)


@pytest.fixture(scope="module")
def calibrated(right: Simulator) -> pd.DataFrame:
    return ranks(right, range(REPLICATES), cores=2)


def test_the_shipped_likelihood_is_calibrated(calibrated: pd.DataFrame) -> None:
    verdict = uniformity(calibrated)
    assert set(verdict["quantity"]) == {
        "alpha[goal_failure]", "tau[goal_failure]", "icc[goal_failure]", "log_likelihood",
        "rate_mean[goal_failure, all]",
    }  # fmt: skip
    assert verdict["inside"].all(), verdict
    assert calibrated["rank"].between(0, RANKED_DRAWS).all()
    assert (calibrated["ess_bulk"] >= FEWEST_EFFECTIVE).mean() > 0.95


def test_a_wrong_likelihood_is_caught(right: Simulator) -> None:
    """Counts that vary between arms, fitted as if they did not: intervals come out too narrow."""
    made, design = one("binomial")

    def overdispersed(_: Design, priors: PriorSet) -> object:
        return build_chain(right.design, priors)

    wrong = simulator(design, made, 50, generator=overdispersed)
    verdict = uniformity(ranks(wrong, range(50), cores=2)).set_index("quantity")
    assert not verdict.loc["tau[goal_failure]", "inside"]


def test_shards_give_the_table_of_the_whole(right: Simulator, calibrated: pd.DataFrame) -> None:
    shard = ranks(right, range(5, 7), cores=1)
    whole = calibrated[calibrated["replicate"].isin([5, 6])].reset_index(drop=True)
    pd.testing.assert_frame_equal(shard, whole)


@pytest.mark.parametrize(
    ("shape", "inside"), [((1, 1), True), ((2, 2), False), ((0.6, 0.6), False)]
)
def test_bands_hold_uniform_ranks_and_no_others(shape: tuple[float, float], inside: bool) -> None:
    fraction = stats.beta(*shape).ppf((np.arange(400) + 0.5) / 400)
    rank = np.floor(fraction * (RANKED_DRAWS + 1)).astype(int)
    _, ecdf, lower, upper = rank_ecdf(rank, 0.95)
    assert bool(((lower <= ecdf) & (ecdf <= upper)).all()) is inside


def families(effects: str = "normal") -> tuple[FitTask, Design]:
    """Two stages, products among them, in which families of agents cross studies."""
    made = table(6)
    counts = pd.array([30, None] * 3, dtype="Int64")
    made = made.assign(
        study=[f"s{i // 2}" for i in range(6)],
        conditioning=["given_capability", "all_trials"] * 3,
        events_capability_transfer=counts,
        trials_capability_transfer=counts + 10,
        agent_family=["f", "g", "f", "h", "h", "i"],
    )
    spec = ModelSpec(
        stages=["capability_transfer", "goal_failure"],
        levels=["study", "agent_family"],
        random_effects=effects,
    )
    wanted = task("beta_binomial").model_copy(update={"spec": spec})
    return wanted, build_design(made, spec)


@pytest.mark.parametrize("effects", ["student_t", "two_population"])
def test_the_graph_generates_what_numpy_does(effects: str) -> None:
    """An independent generator: what a graph that is wrong on both sides cannot hide from."""
    made, design = families(effects)
    # With fewer degrees of freedom rates reach 0 and 1, of which the graph cannot draw counts.
    priors = made.priors.model_copy(update={"df": Gamma(alpha=60, beta=12)})
    with build_chain(design, priors):
        drawn = pm.sample_prior_predictive(3000, random_seed=4)
    graph = drawn["prior_predictive"]["counts"].to_numpy()[0]
    draws = thinned_draws(drawn["prior"].to_dataset(), design, 3000).parameters
    ours = replicate(design, take(draws, np.arange(3000)), np.random.default_rng(5))
    for n in range(design.row.size):
        # Counts have ties, which make the test conservative.
        assert stats.ks_2samp(graph[:, n], ours[:, n]).pvalue > 1e-4, n
    gap = np.abs(np.corrcoef(graph.T) - np.corrcoef(ours.T))
    assert gap.max() < 5 * np.sqrt(2 / 3000)


def test_effects_of_crossed_levels_are_of_units_and_part_of_the_shape() -> None:
    made, design = families()
    graph = build_chain(design, made.priors)
    names = [v.name for v in [*graph.free_RVs, *graph.deterministics]]
    truth = {n: (graph.named_vars_to_dims.get(n, ()), None) for n in names}
    sizes = {n: tuple(len(graph.coords[d]) for d in dims) for n, (dims, _) in truth.items()}
    values = xr.Dataset({n: (dims, np.ones(sizes[n])) for n, (dims, _) in truth.items()})
    ready = SimpleNamespace(model=graph)
    top = parameters(SimpleNamespace(design=design, ready=ready, truth=values))
    assert {"phi", "tau", "alpha"} <= set(top)
    assert not [name for name in top if "effect" in name or "logit" in name]
    before = shape_of(design)
    assert before["counts"]["agent_family units"] == 4
    other = replace(design, row_crossed=design.row_crossed[:, ::-1].copy())
    assert shape_of(other)["hash"] != before["hash"]


def test_a_model_of_contrasts_is_calibrated_too() -> None:
    design = contrast_design(np.full(4, -0.5), np.random.default_rng(1))
    wanted = FitTask(
        model="contrasts", spec=design.spec, priors=PriorSet(), sampler=Sampler(), seed=3
    )
    table = ranks(simulator(design, wanted, 2), range(1), cores=1)
    assert {"tau_delta", "delta[stakes_framing]", LOG_LIKELIHOOD} <= set(table["quantity"])
    assert table["rank"].between(0, RANKED_DRAWS).all()
