"""Publication of zero-event studies: normaliser, weights, flip point, simulated truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit, logsumexp
from scipy.stats import halfnorm, norm

from meta.checks.conclusions import flip_table
from meta.checks.ghosts import expected_unpublished, redraw, with_ghosts
from meta.checks.zero_events import (
    Posterior,
    Reach,
    flip,
    log_no_event,
    log_selection,
    zero_event_table,
)
from meta.estimands import Estimate
from meta.models.design import Design
from meta.models.likelihood import Parameters, study_log_likelihood
from meta.sensitivity_settings import Conclusion
from meta.settings_file import load_settings
from tests.checks.small_tables import design, rows

KEY = ("goal_failure", "all", "rate_mean")


def of_grid(mu: np.ndarray, tau: np.ndarray) -> Parameters:
    """Parameters of a binomial-normal model at given points."""
    count = mu.size
    return Parameters(
        alpha=mu.reshape(count, 1),
        beta=np.zeros((count, 0, 1)),
        factor=np.ones((count, 1, 1)),
        scale={"study": tau.reshape(count, 1)},
    )


def estimate(draws: np.ndarray) -> Estimate:
    return Estimate(*KEY, draws, np.arange(1))


def test_the_probability_of_no_event_is_marginal_over_the_study() -> None:
    # Arms of one study share its effect: brute-force quadrature of the product.
    model = design(rows([3, 0, 1, 2, 0], [8, 5, 9, 7, 6], ["a", "a", "b", "c", "c"]))
    mu, tau = np.array([-2.0, -1.0, 0.5]), np.array([0.3, 1.2, 0.8])
    found, names = log_no_event(model, of_grid(mu, tau))
    assert names == ["a", "b", "c"]
    z, w = np.polynomial.hermite_e.hermegauss(121)
    rest = 1 - expit(mu[:, None] + tau[:, None] * z)
    for i, trials in enumerate((13, 9, 13)):
        exact = np.log((rest**trials) @ (w / w.sum()))
        np.testing.assert_allclose(found[i], exact, atol=2e-3)


def test_only_goal_failures_say_that_nothing_happened() -> None:
    table = rows([3, 0, 1], [8, 5, 9])
    table[["events_capability_transfer", "trials_capability_transfer"]] = [[7, 10]] * 3
    stages = ["capability_transfer", "goal_failure"]
    model = design(table, stages=stages)
    two = Parameters(
        alpha=np.array([[1.0, -1.0]]), beta=np.zeros((1, 0, 2)), factor=np.eye(2)[None],
        scale={"study": np.array([[0.5, 0.9]])},
    )  # fmt: skip
    one = of_grid(np.array([-1.0]), np.array([0.9]))
    got, _ = log_no_event(model, two)
    want, _ = log_no_event(design(rows([3, 0, 1], [8, 5, 9])), one)
    np.testing.assert_allclose(got, want, atol=1e-3)


def test_a_study_that_cannot_be_empty_is_left_out() -> None:
    model = design(rows([300, 0, 1], [5000, 5, 9]))
    _, names = log_no_event(model, of_grid(np.array([0.0, 0.3]), np.array([0.3, 0.4])))
    assert names == ["s001", "s002"]


# A posterior on a grid of (mu, tau), by our likelihood: no sampling, so differences are exact.
SIDE = 45
MU, TAU = np.meshgrid(np.linspace(-6, 1.5, SIDE), np.linspace(0.05, 3, SIDE))
GRID = of_grid(MU.ravel(), TAU.ravel())
PRIOR = norm.logpdf(MU.ravel(), 0, 1.5) + halfnorm.logpdf(TAU.ravel(), scale=1)


def grid_posterior(model: Design) -> np.ndarray:
    studies = range(len(model.levels[0].units))
    logs = [study_log_likelihood(model, [s], GRID) for s in studies]
    total = PRIOR + np.sum(logs, axis=0)
    return total - logsumexp(total)


def study_rates(rng: np.random.Generator, count: int, w: float) -> tuple[list[int], list[int]]:
    """Published studies of a population with mu = -2, tau = 1; those without events seldom are."""
    events: list[int] = []
    trials: list[int] = []
    while len(events) < count:
        n = int(rng.integers(5, 15))
        k = int(rng.binomial(n, expit(-2 + rng.standard_normal())))
        if k or rng.random() < w:
            events.append(k)
            trials.append(n)
    return events, trials


def test_the_selection_model_recovers_the_population_that_was_selected_from() -> None:
    """Coverage of mu over simulated literatures: with the selection in the model, and without."""
    rng, w, size = np.random.default_rng(11), 0.1, 24
    inside = {"with": 0, "without": 0}
    z = []
    by_trials = {
        n: log_no_event(design(rows([0, 0, 0], [n] * 3)), GRID)[0][0] for n in range(5, 15)
    }
    for _ in range(size):
        events, trials = study_rates(rng, 40, w)
        model = design(rows(events, trials))
        log = grid_posterior(model)
        none = np.stack([by_trials[n] for n in trials])
        for name, weight in (("without", log), ("with", log + log_selection(none, w))):
            mass = np.exp(weight - logsumexp(weight)).reshape(SIDE, SIDE).sum(axis=0)
            low, high = np.interp([0.025, 0.975], np.cumsum(mass), MU[0])
            inside[name] += bool(low <= -2 <= high)
            if name == "with":
                mean = mass @ MU[0]
                z.append((mean + 2) / np.sqrt(mass @ MU[0] ** 2 - mean**2))
    # 24 intervals of 95%: fewer than 20 inside has probability 4e-4.
    assert inside["with"] >= 20
    assert inside["without"] <= 8
    assert abs(np.mean(z)) < 4 / np.sqrt(size)


@pytest.fixture(scope="module")
def sampled() -> tuple[Design, np.ndarray, np.ndarray]:
    """A small literature, its grid posterior and draws of grid points from it."""
    model = design(rows([0, 0, 1, 2, 0, 3], [12, 30, 20, 9, 15, 10]))
    log = grid_posterior(model)
    draws = np.random.default_rng(5).choice(log.size, 8000, p=np.exp(log)).reshape(4, 2000)
    return model, log, draws


def at_grid(model: Design, draws: np.ndarray, offset: np.ndarray | float = 0.0) -> Posterior:
    none = log_no_event(model, GRID)[0]
    rate = expit(GRID.alpha[:, 0])
    return Posterior([estimate(rate[draws])], none[:, draws], np.zeros(draws.shape) + offset)


def exact_mean(model: Design, log: np.ndarray, w: float) -> float:
    weight = log + log_selection(log_no_event(model, GRID)[0], w)
    return float(np.exp(weight - logsumexp(weight)) @ expit(GRID.alpha[:, 0]))


def test_weights_reach_the_exact_posterior_and_say_where_they_do_not(sampled) -> None:
    model, log, draws = sampled
    table = zero_event_table(Reach([at_grid(model, draws)]), (1, 0.5, 0.2), 0.95)
    assert table["reliable"].all()
    assert table["mean"].is_monotonic_decreasing
    for row in table.to_dict("records"):
        exact = exact_mean(model, log, row["publication_weight"])
        error = 0.08 / np.sqrt(row["ess"])
        assert row["mean"] == pytest.approx(exact, abs=5 * error)
    few = at_grid(model, draws[:, :60])
    assert not zero_event_table(Reach([few]), (0.05,), 0.95)["reliable"].any()


def test_a_refit_with_ghosts_reaches_the_same_posterior(sampled) -> None:
    """Draws of the posterior with unpublished studies in it, weighted back to the target."""
    model, log, draws = sampled
    w = 0.05
    stored = at_grid(model, draws[:, :60])
    held: list[Design] = []

    def draw(other: Design, _: str) -> tuple[xr.Dataset, list[Estimate]]:
        held.append(other)
        mass = np.exp(grid_posterior(other))
        chosen = np.random.default_rng(6).choice(mass.size, 8000, p=mass / mass.sum())
        chosen = chosen.reshape(4, 2000)
        named = {
            "alpha": (("chain", "draw", "stage"), GRID.alpha[chosen]),
            "tau": (("chain", "draw", "stage"), GRID.scale["study"][chosen]),
        }
        return xr.Dataset(named), [estimate(expit(GRID.alpha[chosen, 0]))]

    names = log_no_event(model, GRID)[1]
    reach = Reach([stored], lambda w: redraw(draw, model, stored, names, w))
    row = zero_event_table(reach, (w,), 0.95).iloc[0]
    assert row["method"] == "refit and weights"
    assert row["reliable"]
    assert len(held[0].rows) > len(model.rows)
    error = 0.08 / np.sqrt(row["ess"])
    assert row["mean"] == pytest.approx(exact_mean(model, log, w), abs=5 * error)


def test_ghosts_have_the_layout_and_no_event() -> None:
    model = design(rows([3, 0, 1, 2, 0], [8, 5, 9, 7, 6], ["a", "a", "b", "c", "c"]))
    more = with_ghosts(model, ["a", "b"], [1, 2])
    ghosts = more.rows["study"].str.contains("~").to_numpy()
    assert ghosts.sum() == 4
    assert more.events[ghosts[more.row]].sum() == 0
    assert sorted(more.trials[ghosts[more.row]]) == [5, 8, 9, 9]
    assert more.events[~ghosts[more.row]].tolist() == model.events.tolist()


def test_ghosts_add_up_to_their_expected_number() -> None:
    # P = .5, w = .2: q / (1 - q) = .4 / .6 each; three of them are two ghosts.
    log_none = np.log(np.full((3, 2, 10), 0.5))
    weight = np.full((2, 10), 1 / 20)
    assert expected_unpublished(log_none, weight, 0.2).sum() == 2


def test_the_flip_is_where_the_statistic_crosses(sampled) -> None:
    model, _, draws = sampled
    posterior = at_grid(model, draws)
    reach = Reach([posterior])
    middle = zero_event_table(reach, (0.4,), 0.95).iloc[0]["mean"]
    at, reliable = flip(reach, KEY, "mean", middle, 0.01, 0.95)
    assert at == pytest.approx(0.4, rel=1e-3)
    assert reliable
    assert flip(reach, KEY, "mean", 0.0, 0.2, 0.95) == (None, True)


def test_conclusions_are_spelled_out(sampled) -> None:
    model, _, draws = sampled
    reach = Reach([at_grid(model, draws)])
    stated = [
        Conclusion(outcome=KEY[0], estimand=KEY[2], statistic="mean", value=0.01),
        Conclusion(outcome=KEY[0], estimand=KEY[2], statistic="median", value=0.9),
        Conclusion(outcome="harm", estimand=KEY[2], statistic="median", value=0.9),
    ]
    table = flip_table(reach, stated, 0.2, 0.95)
    assert table["verdict"].tolist() == [
        "does not flip down to 0.2", "does not hold in the main result",
        "the model does not report this number",
    ]  # fmt: skip
    lowest = zero_event_table(reach, (0.2,), 0.95).iloc[0]
    assert table["at_smallest"].tolist()[:2] == [lowest["mean"], lowest["median"]]
    assert table["threshold"].tolist() == [0.01, 0.9, 0.9]


def test_a_threshold_is_declared_and_never_a_share_of_the_result() -> None:
    stated = {"outcome": "a", "estimand": "rate_mean", "statistic": "mean"}
    with pytest.raises(ValueError, match="share"):
        Conclusion.model_validate({**stated, "value": 0.1, "share": 0.5})
    with pytest.raises(ValueError, match="value"):
        Conclusion.model_validate(stated)
    for nothing in (0, 1, 25):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Conclusion.model_validate({**stated, "value": nothing})
    assert Conclusion.model_validate({**stated, "estimand": "tau", "value": 1.5}).value == 1.5


def test_shipped_conclusions_are_round_shares_about_numbers_of_the_primary() -> None:
    settings = load_settings(Path(__file__).parents[2])
    chosen = settings.sensitivity.conclusions
    assert {c.value for c in chosen} == {0.1, 0.25, 0.5}
    stages = set(settings.models[settings.primary].stages)
    assert {c.outcome for c in chosen} <= stages | {"capable_goal_failure"}
    assert {c.estimand for c in chosen} == {"rate_mean"}


def test_no_weight_changes_nothing(sampled) -> None:
    model, _, draws = sampled
    posterior = at_grid(model, draws)
    even = replace(posterior, log_none=posterior.log_none[:0])
    assert even.weights(0.01).reliable
    assert log_selection(posterior.log_none, 1.0).max() == 0
