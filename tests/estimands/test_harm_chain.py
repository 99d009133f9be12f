"""The chain with harm against closed forms, products of means and independent simulation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import ks_2samp, kstest, norm

from meta.config import ModelSpec
from meta.estimands.averages import mean_of_product
from meta.estimands.harm_chain import (
    REPORTED,
    WHOLE,
    HarmChain,
    Judgements,
    cells_behind,
    chain_estimates,
    harm_setting,
    join,
    judged_share,
)
from meta.estimands.notoriety import HARM
from meta.models.design import Design, build_design
from meta.priors import Normal, Notoriety
from tests.estimands.chain_tables import (
    CASE_SPEC,
    CHAINS,
    COUNT,
    GAMING,
    GOAL,
    HARM_LOCATION,
    HARM_TAU,
    INNER,
    LOCATION,
    OTHER,
    RATE_SPEC,
    RATES_CORRELATION,
    TAU,
    arms,
    cells,
    harm_of,
    rates_of,
)

#: As good as a point.
POINT = 1e-9
CERTAIN = Judgements(Notoriety(mu=0, sigma=POINT), Normal(mu=0, sigma=POINT), correlation=0.0)


def chain_of(judgements: Judgements = CERTAIN, count: int = COUNT, **of: float) -> HarmChain:
    scale = of.pop("scale", 1.0)
    rates, harm = rates_of(count, scale=scale, **of), harm_of(count, scale)
    return join(rates, harm, judgements, np.random.default_rng(5))


@pytest.fixture(scope="module")
def rates_design() -> Design:
    return build_design(arms([GAMING] * 3), ModelSpec.model_validate(RATE_SPEC))


@pytest.fixture(scope="module")
def harm_design() -> Design:
    table = cells(["l0", "l1", "l2"], [GAMING] * 3, [10, 20, 5])
    return build_design(table, ModelSpec.model_validate(CASE_SPEC))


@pytest.fixture(scope="module")
def typed_harm() -> Design:
    """Three cells of gaming and misgeneralization; the second one has no case that reached harm."""
    table = cells(["l0", "l1", "l2", "l2"], [GAMING, GOAL, GAMING, GOAL], [10, 0, 5, 7])
    return build_design(
        table, ModelSpec.model_validate({**CASE_SPEC, "moderators": ["failure_type"]})
    )


def estimates_of(chain: HarmChain, rates: Design, harm: Design) -> dict[str, np.ndarray]:
    found = chain_estimates(chain, rates, harm, np.random.default_rng(2))
    return {e.key: e.draws.ravel() for e in found}


def test_without_spread_every_number_is_the_product_of_inverse_logits(rates_design, harm_design):
    wide = Judgements(Notoriety(mu=1, sigma=0.75), Normal(mu=0, sigma=0.5))
    chain = chain_of(wide, scale=0.0)
    found = estimates_of(chain, rates_design, harm_design)
    harm = expit(chain.harm.location[:, 0])
    assert harm.std() > 0.1, "what is judged varies"
    want = expit(LOCATION[0]) * expit(LOCATION[1]) * harm
    for estimand in REPORTED:
        # Quadrature adds a jitter of 1e-12 to each variance.
        np.testing.assert_allclose(found[f"{HARM}/all/{estimand}"], harm, rtol=1e-6)
        np.testing.assert_allclose(found[f"{WHOLE}/all/{estimand}"], want, rtol=1e-6)


def test_without_correlation_the_mean_is_the_product_of_the_means(rates_design, harm_design):
    found = estimates_of(chain_of(r=0.0, count=8), rates_design, harm_design)
    means = [
        quad(lambda z, m=m, s=s: expit(m + s * z) * norm.pdf(z), -10, 10)[0]
        for m, s in (
            (LOCATION[0], TAU[0]),
            (LOCATION[1], np.hypot(TAU[1], INNER[1])),
            (HARM_LOCATION, HARM_TAU),
        )
    ]
    assert found[f"{HARM}/all/rate_mean"] == pytest.approx(means[2], abs=1e-5)
    assert found[f"{WHOLE}/all/rate_mean"] == pytest.approx(np.prod(means), abs=2e-4)


def test_harm_that_goes_with_nothing_multiplies_the_mean_of_both_others(rates_design, harm_design):
    found = estimates_of(chain_of(count=8), rates_design, harm_design)
    rates = rates_of(8)
    both = mean_of_product(rates.location, rates.tau, rates.inner, rates.factor)
    want = both * found[f"{HARM}/all/rate_mean"]
    np.testing.assert_allclose(found[f"{WHOLE}/all/rate_mean"], want, rtol=2e-3)


def simulated(correlation: float, size: int = 400_000) -> np.ndarray:
    """Products over studies, shape (size,), put together from the definition alone."""
    r, rho = RATES_CORRELATION, correlation
    matrix = np.array([[1, r, r * rho], [r, 1, rho], [r * rho, rho, 1]])
    sd = np.array([*TAU, HARM_TAU])
    rng = np.random.default_rng(11)
    centre = [*LOCATION, HARM_LOCATION]
    logits = rng.multivariate_normal(centre, matrix * np.outer(sd, sd), size)
    # The rate of goal failure in a study is its average over agent sets.
    weights, points = np.polynomial.hermite_e.hermegauss(61)[::-1]
    goal = sum(w * expit(logits[:, 1] + INNER[1] * p) for p, w in zip(points, weights, strict=True))
    return expit(logits[:, 0]) * goal / weights.sum() * expit(logits[:, 2])


@pytest.mark.parametrize("correlation", [-0.5, 0.5])
def test_the_product_agrees_with_an_independent_simulation(rates_design, harm_design, correlation):
    drawn = simulated(correlation)
    error = 4 * drawn.std() / np.sqrt(drawn.size)
    chain = chain_of(replace(CERTAIN, correlation=correlation), 20_000)
    found = estimates_of(chain, rates_design, harm_design)
    assert found[f"{WHOLE}/all/rate_mean"][0] == pytest.approx(drawn.mean(), abs=error)
    # A new study is drawn from the same distribution, not only with the same mean.
    new = found[f"{WHOLE}/all/rate_new"]
    assert ks_2samp(new, drawn).statistic < 1.95 * np.sqrt(1 / new.size + 1 / drawn.size)
    assert ks_2samp(new, simulated(-correlation)).statistic > 0.02


def test_the_mean_moves_with_the_correlation_and_the_typical_study_does_not(
    rates_design, harm_design
):
    low, high = (
        estimates_of(chain_of(replace(CERTAIN, correlation=c), 8), rates_design, harm_design)
        for c in (-0.5, 0.5)
    )
    assert low[f"{WHOLE}/all/rate_mean"][0] < 0.9 * high[f"{WHOLE}/all/rate_mean"][0]
    for key in (f"{WHOLE}/all/rate_typical", f"{HARM}/all/rate_mean"):
        np.testing.assert_allclose(low[key], high[key])


@pytest.mark.parametrize("r", [-0.9, 0.0, 0.6])
@pytest.mark.parametrize("rho", [-0.95, -0.5, 0.0, 0.8])
def test_harm_goes_with_capability_through_goal_failure_alone(r, rho):
    chain = chain_of(replace(CERTAIN, correlation=rho), 4, r=r)
    factor = chain.at(np.zeros(0), np.zeros(0)).factor
    got = factor @ np.swapaxes(factor, 1, 2)
    want = np.array([[1, r, r * rho], [r, 1, rho], [r * rho, rho, 1]])
    np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), atol=1e-12)
    assert np.linalg.eigvalsh(want).min() > 0
    # Given goal failure, harm and capability are independent: their partial correlation is nil.
    assert np.linalg.inv(want)[0, 2] == pytest.approx(0, abs=1e-9)


def test_notoriety_is_taken_off_and_transport_put_on():
    moved = Judgements(Notoriety(mu=1.3, sigma=POINT), Normal(mu=0.4, sigma=POINT))
    shift = chain_of(moved).harm.location[:, 0] - HARM_LOCATION
    np.testing.assert_allclose(shift, 0.4 - 1.3, atol=1e-7)


def test_what_was_taken_off_and_put_on_is_kept():
    """Harm among catalogued failures, which has no spread in these draws, can be had back."""
    wide = Judgements(Notoriety(mu=1, sigma=0.75), Normal(mu=0, sigma=0.5), correlation=0.0)
    moved, plain = chain_of(wide), chain_of()
    back = moved.harm.location + (moved.notoriety - moved.transport)[:, None]
    assert back == pytest.approx(plain.harm.location, abs=1e-7)
    assert np.corrcoef(moved.notoriety, moved.transport)[0, 1] == pytest.approx(0, abs=0.1)


def test_both_priors_are_integrated():
    wide = Judgements(Notoriety(mu=1, sigma=0.75), Normal(mu=-0.2, sigma=0.5))
    shift = chain_of(wide, 20_000).harm.location[:, 0] - HARM_LOCATION
    assert kstest(shift, norm(-1.2, np.hypot(0.75, 0.5)).cdf).pvalue > 0.001
    assert kstest(shift, norm(-1.2, 0.75).cdf).pvalue < 1e-6


@pytest.mark.parametrize("eta", [1.0, 2.0, 5.0])
def test_the_prior_of_the_correlation_has_the_density_of_its_authors(eta):
    """(1 - rho^2)^(eta - 1) for one correlation: Lewandowski, Kurowicka & Joe 2009."""
    chain = chain_of(replace(CERTAIN, correlation=None, eta=eta), 20_000)
    grid = np.linspace(-1, 1, 4001)
    height = (1 - grid**2) ** (eta - 1)
    mass = np.concatenate([[0], np.cumsum((height[1:] + height[:-1]) / 2)])
    found = kstest(chain.correlation, lambda x: np.interp(x, grid, mass / mass[-1]))
    assert found.pvalue > 0.001


def test_a_fixed_correlation_changes_nothing_else():
    wide = Judgements(Notoriety(mu=1, sigma=0.75), Normal(mu=0, sigma=0.5))
    free, fixed, other = (chain_of(replace(wide, correlation=c)) for c in (None, 0.5, -0.5))
    assert free.correlation.std() > 0.3
    assert np.unique(fixed.correlation).tolist() == [0.5]
    for each in (fixed, other):
        np.testing.assert_array_equal(each.harm.location, free.harm.location)
        assert each.rates is not free.rates
        np.testing.assert_array_equal(each.rates.location, free.rates.location)
    # The stream of the next set goes on from the same place.
    streams = [np.random.default_rng(5) for _ in range(2)]
    for stream, judged in zip(streams, (wide, replace(wide, correlation=0.5)), strict=True):
        join(rates_of(), harm_of(), judged, stream)
    assert streams[0].random() == streams[1].random()


def test_stages_that_are_not_normal_or_not_as_many_are_refused():
    rng = np.random.default_rng(1)
    heavy = replace(rates_of(), df=np.full(COUNT, 4.0))
    two = replace(harm_of(), upper_share=np.full(COUNT, 0.5), split=np.full(COUNT, 0.5))
    for rates, harm in ((heavy, harm_of()), (rates_of(), two)):
        with pytest.raises(ValueError, match="study effects are normal"):
            join(rates, harm, CERTAIN, rng)
    with pytest.raises(ValueError, match="cannot be paired"):
        join(rates_of(), harm_of(COUNT // 2), CERTAIN, rng)


def test_draws_have_the_shape_of_the_rates(rates_design, harm_design):
    found = chain_estimates(chain_of(), rates_design, harm_design, np.random.default_rng(2))
    assert {e.draws.shape for e in found} == {(CHAINS, COUNT // CHAINS)}
    assert [(e.outcome, e.estimand) for e in found] == [
        (outcome, estimand) for outcome in (HARM, WHOLE) for estimand in REPORTED
    ]


def test_settings_of_harm_follow_the_level(typed_harm):
    moderator = typed_harm.moderators[0]
    for level in (GAMING, GOAL):
        got = harm_setting(f"failure_type={level}", typed_harm)
        np.testing.assert_array_equal(got, moderator.settings[moderator.levels.index(level)])
    assert harm_setting(f"failure_type={OTHER}", typed_harm) is None
    # One list of each kind and one of both: neither kind prevails, in a symmetric contrast.
    for group in ("all", "elicitation=none"):
        np.testing.assert_allclose(harm_setting(group, typed_harm), [0], atol=1e-12)


def test_other_moderators_of_harm_stay_at_their_mean():
    table = cells(["l0", "l1", "l2", "l2"], [GAMING, GOAL, GAMING, GAMING], [10, 3, 5, 7])
    spec = {**CASE_SPEC, "moderators": ["failure_type", "shift_type"],
            "moderator_effects": {"shift_type": "categories"}}  # fmt: skip
    design = build_design(table, ModelSpec.model_validate(spec))
    before = design.x.copy()
    kind, shift = design.moderators
    got = harm_setting("shift_type=prompt", design)
    np.testing.assert_array_equal(got[shift.columns], shift.settings[shift.levels.index("prompt")])
    # Two lists of gaming, one in two cells, and one of misgeneralization, contrasted symmetrically.
    assert abs(got[kind.columns]) == pytest.approx(np.sqrt(0.5) / 3)
    np.testing.assert_array_equal(design.x, before)


def test_harm_moves_with_the_level_and_a_level_without_a_case_is_left_out(typed_harm):
    spec = ModelSpec.model_validate({**RATE_SPEC, "moderators": ["failure_type"]})
    rates_design = build_design(arms([GAMING, GOAL, OTHER, GOAL]), spec)
    rates = replace(rates_of(8), slope=np.zeros((8, len(rates_design.terms), 2)))
    harm = harm_of(8, terms=1)
    harm.slope[:, :, 2] = 0.7
    chain = join(rates, harm, CERTAIN, np.random.default_rng(1))
    found = estimates_of(chain, rates_design, typed_harm)
    assert {key.split("/")[1] for key in found} == {f"failure_type={k}" for k in (GAMING, GOAL)}
    moderator = typed_harm.moderators[0]
    for kind in (GAMING, GOAL):
        (contrast,) = moderator.settings[moderator.levels.index(kind)]
        want = expit(HARM_LOCATION + 0.7 * contrast)
        assert found[f"{HARM}/failure_type={kind}/rate_typical"] == pytest.approx(want)


def test_behind_the_product_stand_goal_failures_and_behind_harm_the_cells_that_reach_it(typed_harm):
    spec = ModelSpec.model_validate({**RATE_SPEC, "moderators": ["failure_type"]})
    table = arms([GAMING, GOAL, GAMING, GOAL, GOAL], [True, True, False, True, True])
    rates_design = build_design(table, spec)
    rates = replace(rates_of(8), slope=np.zeros((8, len(rates_design.terms), 2)))
    chain = join(rates, harm_of(8, terms=1), CERTAIN, np.random.default_rng(1))
    found = chain_estimates(chain, rates_design, typed_harm, np.random.default_rng(2))
    rows = {(e.outcome, e.group.partition("=")[2]): e.rows.tolist() for e in found}
    assert rows == {
        (WHOLE, GAMING): [0], (WHOLE, GOAL): [1, 3, 4], (HARM, GAMING): [0, 2], (HARM, GOAL): [3],
    }  # fmt: skip
    # The cell without a case that reached harm is behind none.
    assert cells_behind("all", typed_harm).tolist() == [0, 2, 3]


def test_what_is_judged_is_its_share_of_the_variance_and_at_most_all() -> None:
    judged = Judgements(Notoriety(mu=1, sigma=0.5), Normal(mu=0, sigma=1.2), correlation=0.0)
    logits = np.array([-2.0, 0.0, 2.0, 4.0])  # of variance 5
    assert judged_share(expit(logits), judged) == pytest.approx((0.25 + 1.44) / 5)
    assert judged_share(expit(logits / 10), judged) == 1
