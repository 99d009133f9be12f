"""Posteriors of degenerate counts against the same integrals taken on a grid, without sampling.

Six studies of one arm each under the binomial model: no failure anywhere, nothing but failures, and
one enormous study among tiny ones.
"""

from __future__ import annotations

from functools import cache

import arviz as az
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import binom, halfnorm, norm

from meta.checks.sampler import chain_checks
from meta.config import FitTask, Gate, ModelSpec, PriorSet, Sampler
from meta.estimands import all_estimates
from meta.inference.refit import refit
from meta.inference.sampling import CompiledModel, compile_model
from meta.models.design import Design, build_design
from meta.models.quadrature import hermite

#: Events of trials by study.
COUNTS = {
    "no failure": [(0, 8), (0, 12), (0, 20), (0, 5), (0, 40), (0, 15)],
    "nothing but failures": [(8, 8), (12, 12), (20, 20), (5, 5), (40, 40), (15, 15)],
    "one enormous study": [(600, 2000), (0, 2), (2, 2), (1, 3), (3, 4), (2, 2)],
}
ALPHA = np.linspace(-8, 8, 129)
TAU = (np.arange(90) + 0.5) * 0.05
SIGMAS = 4.0


def design(counts: list[tuple[int, int]]) -> Design:
    names = [f"s{n}" for n in range(len(counts))]
    events, trials = (pd.array(each, dtype="Int64") for each in zip(*counts, strict=True))
    table = pd.DataFrame(
        {
            "row_id": names, "study": names, "agent_set": names,
            "sampling_frame": "denominator", "conditioning": "given_capability",
            "events_goal_failure": events, "trials_goal_failure": trials,
        }
    )  # fmt: skip
    spec = ModelSpec(stages=["goal_failure"], likelihood="binomial", levels=["study"])
    return build_design(table, spec)


def task() -> FitTask:
    return FitTask(
        model="degenerate", spec=design(COUNTS["no failure"]).spec, priors=PriorSet(),
        sampler=Sampler(draws=1000, tune=800, target_accept=0.95), seed=3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def ready() -> CompiledModel:
    return compile_model(design(COUNTS["no failure"]), task())


def log_marginal(events: int, trials: int) -> np.ndarray:
    """Log likelihood of a study with its effect integrated out, shape (alpha, tau)."""
    alpha, tau = ALPHA[:, None, None], TAU[None, :, None]
    if trials < 1000:
        nodes, logs = hermite(31)
        return logsumexp(binom.logpmf(events, trials, expit(alpha + tau * nodes)) + logs, axis=-1)
    # So many trials leave a sliver of logits, finer than nodes of the effects' distribution.
    rate = events / trials
    width = 8 / np.sqrt(trials * rate * (1 - rate))
    logits = np.log(rate / (1 - rate)) + np.linspace(-width, width, 101)
    at = binom.logpmf(events, trials, expit(logits)) + np.log(logits[1] - logits[0])
    return logsumexp(norm.logpdf(logits, alpha, tau) + at, axis=-1)


@cache
def on_grid(kind: str) -> dict[str, dict[str, float]]:
    """Mean and interval of the centre, the spread and the average rate."""
    log = norm.logpdf(ALPHA, 0, 1.5)[:, None] + halfnorm.logpdf(TAU)
    log = log + sum(log_marginal(*each) for each in COUNTS[kind])
    weight = np.exp(log - logsumexp(log))
    nodes, logs = hermite(61)
    rate = expit(ALPHA[:, None, None] + TAU[:, None] * nodes) @ np.exp(logs)
    values = {
        "alpha": np.broadcast_to(ALPHA[:, None], weight.shape),
        "tau": np.broadcast_to(TAU, weight.shape), "rate_mean": rate,
    }  # fmt: skip
    return {name: summary(each.ravel(), weight.ravel()) for name, each in values.items()}


def summary(values: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    order = np.argsort(values)
    below = np.cumsum(weight[order]) - weight[order] / 2
    low, high = np.interp([0.025, 0.975], below, values[order])
    return {"mean": float(values @ weight), "low": float(low), "high": float(high)}


@pytest.mark.parametrize("kind", COUNTS)
def test_the_posterior_is_that_of_the_grid(kind: str, ready: CompiledModel) -> None:
    made = design(COUNTS[kind])
    tree, _ = refit(ready, made, task(), 2, kind)
    statistics = tree["sample_stats"].to_dataset()
    passed = {c.check: c.passed for c in chain_checks(statistics, task().sampler, Gate())}
    # A single precise study leaves a ridge, which may be refused by name; the others pass.
    assert kind == "one enormous study" or passed["divergences"]
    assert passed["divergences"] == (not statistics["diverging"].to_numpy().any())
    posterior = tree["posterior"].to_dataset()
    rates = {e.estimand: e.draws for e in all_estimates(posterior, made, 1) if e.group == "all"}
    draws = {
        "alpha": posterior["alpha"].to_numpy()[..., 0],
        "tau": posterior["tau"].to_numpy()[..., 0],
        "rate_mean": rates["rate_mean"],
    }
    for name, want in on_grid(kind).items():
        found = draws[name]
        error = float(az.mcse(found, method="mean"))
        assert found.mean() == pytest.approx(want["mean"], abs=SIGMAS * error), name
        for end, prob in (("low", 0.025), ("high", 0.975)):
            error = float(az.mcse(found, method="quantile", prob=prob))
            allowed = SIGMAS * error + 0.01  # half a step of the grid
            assert np.quantile(found, prob) == pytest.approx(want[end], abs=allowed), (name, end)


def test_the_grid_is_even_handed_and_one_study_does_not_speak_for_all() -> None:
    none, every, one = (on_grid(kind) for kind in COUNTS)
    assert none["alpha"]["mean"] == pytest.approx(-every["alpha"]["mean"], abs=1e-6)
    assert none["rate_mean"]["high"] == pytest.approx(1 - every["rate_mean"]["low"], abs=1e-3)
    # No failure in 100 trials is no proof of a rate of zero.
    assert 0.02 < none["rate_mean"]["high"] < 0.2
    # 2,000 trials of one study have an error of 0.01: the average over studies knows far less.
    assert one["rate_mean"]["high"] - one["rate_mean"]["low"] > 0.2
