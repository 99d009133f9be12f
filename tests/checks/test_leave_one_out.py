"""Leave-one-study-out, LOO-PIT and influence: against refits, quadrature and planted faults."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln, expit, gammaln, logsumexp
from scipy.stats import kstest, norm

from meta.checks.band_power import band_power
from meta.checks.importance import Weights
from meta.checks.influence import influence, influence_summary
from meta.checks.leave_one_out import (
    FEWEST_DRAWS,
    NOT_COMPUTED,
    LeftOut,
    Refit,
    budgets,
    cost_of,
    expected_density,
    leave_one_out_table,
    leave_out,
    refitted_density,
)
from meta.checks.loo_pit import loo_pit, pit_bands, pit_check
from meta.checks.predictive import Part, new_logits, take
from meta.config import FitChecks
from meta.estimands import all_estimates
from meta.inference.draws import thinned_draws
from meta.inference.refit import refit, rows_of_study, without_rows
from meta.models.agent_families import shared_families
from meta.models.design import build_design
from tests.checks.simulated import DRAWS, draws_near, part_of, population, task


def refit_without(fitted, study: str, design=None) -> tuple[Refit, object]:
    design = design or fitted.design
    fewer = without_rows(design, rows_of_study(design, study))
    tree, _ = refit(fitted.ready, fewer, fitted.task, 2, f"without {study}")
    posterior = tree["posterior"].to_dataset()
    draws = thinned_draws(posterior, design, DRAWS)
    return Refit(draws.parameters, draws.shape, 1.0, 0, FitChecks().refit_r_hat), posterior


def brute_force(events: np.ndarray, trials: int, p, d: int) -> float:
    """Log density of a study's arms under one draw, on a fine grid of its logit."""
    grid = np.linspace(-9, 9, 1801) * p.scale["study"][d, 0] + p.alpha[d, 0]
    size = (1 - p.icc[d, 0]) / p.icc[d, 0]
    a, b = expit(grid) * size, expit(-grid) * size
    log = norm.logpdf(grid, p.alpha[d, 0], p.scale["study"][d, 0])
    for k in events:
        ways = gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)
        log = log + ways + betaln(a + k, b + trials - k) - betaln(a, b)
    return float(logsumexp(log) + np.log(grid[1] - grid[0]))


def test_importance_sampling_agrees_with_refits_and_quadrature(fitted) -> None:
    part = part_of(fitted.table, posterior=fitted.posterior)
    found = {s: leave_out([part], s) for s in fitted.design.levels[0].units}
    # The studies whose weights are the worst and the best that count as reliable.
    order = sorted((e for e in found.values() if e.reliable), key=lambda e: e.weights.pareto_k)
    for each in (order[0], order[-1]):
        fit, _ = refit_without(fitted, each.study)
        exact = refitted_density(fitted.design, each.study, fit)
        # Errors of both means of densities, from the spread of their terms.
        terms = np.exp(each.log_likelihood - each.elpd)
        psis_error = np.sqrt((each.weights.weight[0] ** 2 * (terms - 1) ** 2).sum())
        again = leave_out([Part(fitted.design, fit.parameters, fit.shape)], each.study)
        spread = np.exp(again.log_likelihood - exact)
        # A chain of autocorrelated draws counts for about a third of as many independent ones.
        error = np.sqrt(3) * np.hypot(psis_error, spread.std() / np.sqrt(spread.size))
        assert each.elpd == pytest.approx(exact, abs=4 * error)
        assert error < 0.2
        assert each.lpd > exact
    events = fitted.table.loc[fitted.table["study"] == "s00", "events_goal_failure"]
    values = found["s00"]
    for d in (0, 400):
        want = brute_force(events.to_numpy(int), 30, part.parameters, values.draws[0][d])
        assert values.log_likelihood[d] == pytest.approx(want, abs=2e-3)


def test_refits_replace_what_is_not_reliable(fitted) -> None:
    part = part_of(fitted.table, posterior=fitted.posterior)
    left = [leave_out([part], s) for s in fitted.design.levels[0].units]
    bad = replace(left[0], weights=Weights(left[0].weights.weight, 0.9))
    fit, _ = refit_without(fitted, bad.study)
    table = leave_one_out_table([bad, *left[1:]], fitted.design, {bad.study: fit})
    assert table.loc[0, "method"] == "refit"
    assert table.loc[0, "reliable"]
    assert set(table.loc[1:, "method"]) == {"psis"}
    total = expected_density(table)
    assert total.value == pytest.approx(table["elpd"].sum())
    assert not total.comparable
    assert "fewer than 20" in total.remark
    alone = leave_one_out_table([bad, *left[1:]], fitted.design, {})
    assert not alone.loc[0, "reliable"]
    for fault in ({"r_hat": 1.2}, {"divergences": 1}, {"r_hat": 1.02, "limit": 1.01}):
        loose = replace(fit, **fault)
        assert not leave_one_out_table([bad], fitted.design, {bad.study: loose}).loc[0, "reliable"]


@pytest.mark.parametrize(
    ("studies", "said"),
    [(4, "4 studies .* almost no power"), (26, "26 studies .* little power"), (60, None)],
)
def test_a_pass_of_few_studies_says_how_little_it_can_tell(studies: int, said: str | None) -> None:
    table = pd.DataFrame(
        {
            "study": [f"s{i}" for i in range(studies)], "outcome": "capability_transfer",
            "pit": (np.arange(studies) + 0.5) / studies, "reliable": True,
        }
    )  # fmt: skip
    check = pit_check(table, 0.005)
    assert check.passed
    power = band_power(table, pit_bands(table, 0.005))
    if said is None:
        assert not power
        assert "power" not in check.meaning
        return
    assert re.match(said, power["capability_transfer"])
    assert re.search(f"of capability transfer it rests on {said}", check.meaning)
    assert band_power(table.iloc[:0], pit_bands(table.iloc[:0], 0.005)) == {}


def evenly(part: Part) -> list[LeftOut]:
    """Studies left out with equal weights: the hyperparameters are known without them."""
    weights = Weights(np.full((1, DRAWS), 1 / DRAWS), 0.0)
    rows, zeros = (np.arange(DRAWS),), np.zeros(DRAWS)
    return [LeftOut(s, 1, rows, zeros, weights) for s in part.design.levels[0].units]


def pits(table: pd.DataFrame, **parameters: float) -> pd.DataFrame:
    part = part_of(table, parameters=draws_near(**parameters))
    return loo_pit([part], evenly(part), {}, 5)


def test_pit_is_uniform_for_the_right_population_and_not_for_a_wrong_one() -> None:
    truth = {"alpha": -1.0, "tau": 1.0, "icc": 0.2}
    tables = [population(60, 2, 25, **truth, seed=seed) for seed in range(5)]
    right = [pits(table, **truth) for table in tables]
    assert pit_check(right[0], 0.005).passed
    assert kstest(pd.concat(right)["pit"], "uniform").pvalue > 0.001
    for wrong in ({"alpha": 0.5}, {"tau": 0.1, "icc": 0.02}, {"tau": 5.0}):
        check = pit_check(pits(tables[0], **{**truth, **wrong}), 0.005)
        assert not check.passed
        assert check.value > 0


def test_pit_is_of_the_weighted_draws() -> None:
    table = population(8, 2, 25, alpha=0.0, tau=0.5, icc=0.1, seed=2)
    low, high = (draws_near(alpha=a, tau=0.5, icc=0.1) for a in (-1.5, 1.5))
    both = replace(
        low,
        **{n: np.concatenate([getattr(low, n), getattr(high, n)]) for n in
           ("alpha", "beta", "factor", "icc")},
        scale={"study": np.concatenate([low.scale["study"], high.scale["study"]])},
    )  # fmt: skip
    part = Part(part_of(table).design, both, (2, DRAWS))
    weight = np.concatenate([np.zeros(DRAWS), np.full(DRAWS, 1 / DRAWS)])[None, :]
    every = (np.arange(2 * DRAWS),)
    left = [
        LeftOut(s, 2, every, np.zeros(2 * DRAWS), Weights(weight, 0.0))
        for s in part.design.levels[0].units
    ]
    found = loo_pit([part], left, {}, 5)["pit"]
    want = pits(table, alpha=1.5, tau=0.5, icc=0.1)["pit"]
    other = pits(table, alpha=-1.5, tau=0.5, icc=0.1)["pit"]
    # Replicates of 4000 and 2000: a share's error is at most .5 / sqrt(2000).
    assert (found - want).abs().max() < 4 * 0.5 / np.sqrt(2000)
    assert (found - other).abs().max() > 0.3


def test_bands_hold_uniform_curves_as_often_as_they_say() -> None:
    rng, count, tail = np.random.default_rng(3), 2000, 0.1
    bands = pit_bands(
        pd.DataFrame({"outcome": "o", "pit": rng.uniform(size=12), "reliable": True}), tail
    )
    values = rng.uniform(size=(count, 12))
    curve = (values[:, :, None] <= bands["at"].to_numpy()).mean(axis=1)
    outside = (curve > bands["upper"].to_numpy() + 1e-9) | (
        curve < bands["lower"].to_numpy() - 1e-9
    )
    # A curve of twelve values takes few shapes, so that the level is met roughly.
    assert outside.any(axis=1).mean() == pytest.approx(tail, abs=0.03)


def test_no_curve_or_a_missing_value_fails() -> None:
    table = pd.DataFrame({"study": list("abc"), "outcome": "o", "pit": [0.2, np.nan, 0.5]})
    assert not pit_check(table.assign(reliable=True), 0.005).passed
    alone = pd.DataFrame({"study": ["a"], "outcome": "o", "pit": 0.2, "reliable": True})
    assert pit_bands(alone, 0.005).empty
    assert pit_check(alone, 0.005).value is None


def test_values_that_are_not_reliable_have_no_place_in_a_curve_and_many_fail() -> None:
    pit = (np.arange(12) + 0.5) / 12
    table = pd.DataFrame({"study": list("abcdefghijkl"), "outcome": "o", "pit": pit})
    # Four of twelve piled up in the middle, as of weights that hardly move the draws.
    some = table.assign(reliable=table.index >= 4)
    some.loc[:3, "pit"] = 0.5
    assert pit_bands(some, 0.005).equals(pit_bands(some[4:], 0.005))
    check = pit_check(some, 0.005)
    assert check.passed
    assert "4 of 12 studies without a reliable value" in check.meaning
    more = table.assign(reliable=table.index >= 5)
    assert not pit_check(more, 0.005).passed


def test_a_study_that_costs_too_much_is_named_and_not_computed(fitted) -> None:
    part = part_of(fitted.table, posterior=fitted.posterior)
    studies = fitted.design.levels[0].units
    cost = cost_of(fitted.design, "s00")
    enough, short = cost * FEWEST_DRAWS, cost * FEWEST_DRAWS - 1
    assert leave_out([part], "s00", enough).log_likelihood.size == FEWEST_DRAWS
    lost = leave_out([part], "s00", short)
    left = [lost, *(leave_out([part], s) for s in studies[1:])]
    table = leave_one_out_table(left, fitted.design, {}).set_index("study")
    assert table.loc["s00", "method"] == NOT_COMPUTED
    assert not table.loc["s00", "reliable"]
    assert np.isnan(table.loc["s00", "elpd"])
    pit = loo_pit([part], left, {}, 1).set_index("study")
    assert np.isnan(pit.loc["s00", "pit"])
    assert pit["pit"].drop("s00").notna().all()
    thinned = fitted.posterior.isel(draw=slice(None, None, part.step))
    moved = influence(all_estimates(thinned, fitted.design, 1), left, [0], {}, {})
    assert moved.loc[moved["study"] == "s00", "shift"].isna().all()
    assert len(influence_summary(moved, table.reset_index())) == len(studies) - 1


def test_budgets_go_to_cheap_studies_first_and_never_exceed_their_sum() -> None:
    costs = {"a": 1, "b": 10, "c": 1000, "d": 5000}
    assert budgets(costs, 1000, 100, 10**7) == {k: c * 1000 for k, c in costs.items()}
    # What a and b leave is not enough for 100 draws of d, but for c.
    some = budgets(costs, 1000, 100, 411_000)
    assert some == {"a": 1000, "b": 10_000, "c": 400_000, "d": 0}
    assert budgets(costs, 1000, 100, 50) == dict.fromkeys(costs, 0)


def test_families_of_the_left_out_study_alone_are_not_known() -> None:
    table = population(4, 2, 25, alpha=0.0, tau=0.5, icc=0.1, seed=2)
    table["agent_family"] = ["own", "both", "both", "x", "x", "x", "y", "y"]
    levels = ("study", "agent_family")
    design = build_design(table, task().spec.model_copy(update={"levels": levels}))
    assert shared_families(design) == {"both", "x"}
    # Effects that tell the counts of s00: those of its own family must not be used.
    effects = {name: np.full((DRAWS, 1), 3.0) for name in design.crossed[0].units}
    base = draws_near(alpha=0.0, tau=0.5, icc=0.1)
    scale = {**base.scale, "agent_family": np.full((DRAWS, 1), 0.4)}
    found = []
    for own in (3.0, -3.0):
        crossed = {"agent_family": {**effects, "own": np.full((DRAWS, 1), own)}}
        part = Part(design, replace(base, scale=scale, crossed=crossed), (2, DRAWS // 2))
        found.append(leave_out([part], "s00").log_likelihood)
    np.testing.assert_array_equal(*found)
    # Replicates of its other family, which s01 has too, keep the effect that is known.
    known = take(part.parameters, np.arange(DRAWS), shared_families(design))
    logits = new_logits(design, known, np.random.default_rng(1))[:, :, 0]
    assert logits[:, 1].mean() == pytest.approx(3.0, abs=0.1)
    assert logits[:, 0].mean() == pytest.approx(0.0, abs=0.1)


def test_the_planted_study_is_the_most_influential(fitted) -> None:
    rows = rows_of_study(fitted.design, "s04")
    # Almost every trial fails in one study of a population around a quarter.
    events = np.where(np.isin(fitted.design.row, rows), 29, fitted.design.events)
    design = replace(fitted.design, events=events)
    tree, _ = refit(fitted.ready, design, fitted.task, 2, "planted")
    posterior = tree["posterior"].to_dataset()
    draws = thinned_draws(posterior, design, DRAWS)
    part = Part(design, draws.parameters, draws.shape, draws.step)
    thinned = posterior.isel(draw=slice(None, None, draws.step))
    estimates = all_estimates(thinned, design, 1)
    left = [leave_out([part], s) for s in design.levels[0].units]
    fit, without = refit_without(fitted, "s04", design)
    exact = all_estimates(without, design, 1)
    by_weights = influence(estimates, left, [0], {}, {})
    by_refit = influence(estimates, left, [0], {"s04": fit}, {"s04": exact})
    for table, refits in ((by_weights, {}), (by_refit, {"s04": fit})):
        first = influence_summary(table, leave_one_out_table(left, design, refits)).iloc[0]
        assert first["study"] == "s04"
        # Without it rates are lower and studies closer together.
        assert first["largest_shift_sd"] < -0.5
        assert table[(table["study"] == "s04") & (table["estimand"] == "tau")]["shift"].item() < 0
    planted = by_refit[by_refit["study"] == "s04"].set_index("estimand")
    assert set(planted["method"]) == {"refit"}
    mean = next(e for e in exact if e.estimand == "rate_mean")
    assert planted.loc["rate_mean", "without"] == pytest.approx(mean.draws.mean())
    weighed = by_weights[by_weights["study"] == "s04"].set_index("estimand")
    error = np.hypot(planted.loc["rate_mean", "mcse"], weighed.loc["rate_mean", "mcse"])
    gap = planted.loc["rate_mean", "shift"] - weighed.loc["rate_mean", "shift"]
    assert abs(gap) < 0.5 * abs(planted.loc["rate_mean", "shift"]) + 4 * error
