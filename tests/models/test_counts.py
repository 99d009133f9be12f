"""The likelihood of counts against SciPy's, where arithmetic gives way first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats
from scipy.special import comb, expit

from meta.config import ModelSpec
from meta.inference.refit import counts_of, without_rows
from meta.inference.sampling import CompiledModel
from meta.models.counts import count_data, observe_counts
from meta.models.design import Design, build_design
from meta.priors import PriorSet

TRIALS = np.array([1, 1, 7, 7, 7, 250, 250, 250, 40_000, 40_000])
EVENTS = np.array([0, 1, 0, 3, 7, 0, 1, 250, 17, 39_999])
CHAIN = ["capability_transfer", "goal_failure"]


def made(likelihood: str, through: bool) -> Design:
    """Arms that count among all trials, or among the capable."""
    rows = pd.DataFrame(
        {
            "row_id": [f"A{i:02d}" for i in range(TRIALS.size)],
            "study": np.repeat([f"s{i}" for i in range(TRIALS.size // 2)], 2),
            "agent_set": [f"a{i}" for i in range(TRIALS.size)],
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "all_trials" if through else "given_capability",
            "events_capability_transfer": TRIALS,
            "trials_capability_transfer": TRIALS,
            "events_goal_failure": EVENTS,
            "trials_goal_failure": TRIALS,
        }
    )
    counts = {c: "Int64" for c in rows if c.startswith(("events", "trials"))}
    spec = ModelSpec(stages=CHAIN, levels=["study"], likelihood=likelihood)
    return build_design(rows.astype(counts), spec)


def model_at(design: Design, eta: np.ndarray) -> pm.Model:
    with pm.Model(coords={"observation": range(design.events.size), "stage": CHAIN}) as model:
        observe_counts(design, PriorSet(), pm.Data("eta", eta))
    return model


def density(model: pm.Model, icc: float) -> np.ndarray:
    point = {"icc_logodds__": np.full(2, np.log(icc / (1 - icc)))} if "icc" in model else {}
    found: np.ndarray = model.compile_logp(vars=[model["counts"]], sum=False)(point)[0]
    return found


def rates(design: Design, eta: np.ndarray) -> np.ndarray:
    own = expit(eta[design.row, design.stage])
    capable: np.ndarray = expit(eta[design.row, 0])
    return np.where(design.through_capability, own * capable, own)


@pytest.mark.parametrize("through", [True, False])
@pytest.mark.parametrize("logit", [-12.0, -0.3, 0.0, 9.0])
def test_binomial(through: bool, logit: float) -> None:
    design = made("binomial", through)
    eta = np.column_stack([np.full(TRIALS.size, 1.5), np.full(TRIALS.size, logit)])
    wanted = stats.binom.logpmf(design.events, design.trials, rates(design, eta))
    got = density(model_at(design, eta), 0.5)
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-8)


def test_binomial_of_logits_where_the_rate_rounds_to_1() -> None:
    """At a logit of 60 the rate is 1 in double precision: a rate could not tell 0 from 1 spared."""
    design = made("binomial", False)
    eta = np.full((TRIALS.size, 2), 60.0)
    got = density(model_at(design, eta), 0.5)
    spared = design.trials - design.events
    combinations = np.log([float(comb(n, k)) for n, k in zip(design.trials, spared, strict=True)])
    # log(1 - rate) is -60 there, and log(rate) is 0.
    np.testing.assert_allclose(got, combinations - 60 * spared, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("through", [True, False])
@pytest.mark.parametrize("icc", [0.001, 0.25, 0.95])
@pytest.mark.parametrize("logit", [-7.0, 0.2, 5.0])
def test_beta_binomial(through: bool, icc: float, logit: float) -> None:
    design = made("beta_binomial", through)
    eta = np.column_stack([np.full(TRIALS.size, 1.5), np.full(TRIALS.size, logit)])
    rate, size = rates(design, eta), (1 - icc) / icc
    wanted = stats.betabinom.logpmf(design.events, design.trials, rate * size, (1 - rate) * size)
    got = density(model_at(design, eta), icc)
    np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize("likelihood", ["binomial", "beta_binomial"])
def test_counts_that_cannot_be_are_impossible(likelihood: str) -> None:
    design = made(likelihood, False)
    model = model_at(design, np.zeros((TRIALS.size, 2)))
    pm.set_data({"events": design.trials + 1}, model=model)
    more = model.compile_logp(vars=[model["counts"]], sum=False)
    point = {"icc_logodds__": np.zeros(2)} if likelihood == "beta_binomial" else {}
    assert np.isneginf(more(point)[0]).all()


@pytest.mark.parametrize("through", [True, False])
@pytest.mark.parametrize("likelihood", ["binomial", "beta_binomial"])
def test_swapped_counts_have_their_own_density(likelihood: str, through: bool) -> None:
    """What a refit swaps is all that the density needs: rows that are emptied say nothing."""
    design = made(likelihood, through)
    other = without_rows(replace(design, events=design.trials - design.events), [0, 7])
    eta = np.full((TRIALS.size, 2), 0.4)
    model = model_at(design, eta)
    ready = CompiledModel(model, None, 0.0, {})
    pm.set_data(counts_of(ready, other), model=model)
    rate = rates(design, eta)
    wanted = (
        stats.binom.logpmf(other.events, other.trials, rate)
        if likelihood == "binomial"
        else stats.betabinom.logpmf(other.events, other.trials, 3 * rate, 3 * (1 - rate))
    )
    np.testing.assert_allclose(density(model, 0.25), wanted, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("through", [True, False])
@pytest.mark.parametrize("likelihood", ["binomial", "beta_binomial"])
@pytest.mark.parametrize("logit", [-25.0, 25.0])
def test_the_gradient_is_finite_far_out(likelihood: str, through: bool, logit: float) -> None:
    design = without_rows(made(likelihood, through), [3])
    coords = {"observation": range(design.events.size), "stage": CHAIN}
    with pm.Model(coords=coords) as model:
        eta = pm.Flat("eta", shape=(TRIALS.size, 2))
        observe_counts(design, PriorSet(), eta)
    point = model.initial_point() | {"eta": np.full((TRIALS.size, 2), logit)}
    slope = model.compile_dlogp([eta])(point)
    assert np.isfinite(slope).all()
    assert (slope != 0).any()


def test_combinations_are_those_of_the_counts() -> None:
    trials, events = np.array([5, 5, 30, 0]), np.array([0, 2, 11, 0])
    data = count_data(events, trials)
    np.testing.assert_allclose(np.exp(data["log_combinations"]), comb(trials, events), rtol=1e-12)
    assert (data["events"] is events, data["trials"] is trials) == (True, True)


@pytest.mark.parametrize("likelihood", ["binomial", "beta_binomial"])
def test_draws_of_counts_have_the_distribution(likelihood: str) -> None:
    """What is drawn is what is evaluated: frequencies of counts out of 3, against their density."""
    design = made(likelihood, False)
    small = replace(design, events=0 * design.trials, trials=0 * design.trials + 3)
    model = model_at(small, np.full((TRIALS.size, 2), -0.4))
    drawn = pm.draw(model["counts"], draws=4000, random_seed=1)
    seen = np.array([(drawn == k).mean() for k in range(4)])
    rate = expit(-0.4)
    if likelihood == "binomial":
        wanted = stats.binom.pmf(range(4), 3, rate)
    else:
        icc = np.random.default_rng(2).beta(1, 3, 200_000)
        size = (1 - icc) / icc
        wanted = [
            stats.betabinom.pmf(k, 3, rate * size, (1 - rate) * size).mean() for k in range(4)
        ]
    # icc is drawn anew for each of the 4,000, and shared by 20 counts: half a percent of error.
    np.testing.assert_allclose(seen, wanted, atol=0.02)
