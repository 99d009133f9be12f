"""Effects of interventions from made-up draws, against simulation and arithmetic."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import norm

from meta.config import ModelSpec
from meta.estimands import all_estimates
from meta.estimands.contraction import prior_columns
from meta.estimands.interventions import standardised_rate
from meta.models.contrast_design import ContrastDesign, build_contrast_design
from meta.pooled import evidence_behind

CHAINS, DRAWS = 4, 500


@pytest.fixture(scope="module")
def design() -> ContrastDesign:
    """Three studies with a warning, the first with two baselines; one has steering too."""
    arms = []
    for group, study in enumerate(["s1", "s1", "s2", "s3"]):
        base = f"{study}:base{group}"
        arms.append((base, study, None))
        arms.append((f"{study}:warned{group}", study, f"warning_or_prohibition@{base}"))
    arms.append(("s3:steered", "s3", "steering_at_inference@s3:warned3"))
    table = pd.DataFrame(arms, columns=["row_id", "study", "against"]).assign(
        sampling_frame="denominator", events_goal_failure=3, trials_goal_failure=10
    )
    spec = ModelSpec(
        frame="contrasts", stages=["goal_failure"], likelihood="binomial", levels=["study", "arm"]
    )
    return build_contrast_design(table, spec)


@pytest.fixture(scope="module")
def posterior() -> xr.Dataset:
    rng = np.random.default_rng(4)
    dims = ("chain", "draw")

    def made(centre: object, spread: float, *names: str) -> tuple[tuple[str, ...], np.ndarray]:
        middle = np.asarray(centre, dtype=float)
        draws = middle + spread * rng.standard_normal((CHAINS, DRAWS, *middle.shape))
        return (*dims, *names), draws

    return xr.Dataset(
        {
            "baseline_logit": made([2.0, -3.0, 0.5, -1.0], 0.1, "baseline"),
            "delta": made([-0.7, -1.5], 0.2, "intervention"),
            "tau_delta": (dims, rng.uniform(0.4, 0.6, (CHAINS, DRAWS))),
            "kappa": ((*dims, "stage"), rng.uniform(0.8, 1.0, (CHAINS, DRAWS, 1))),
            "effect": made(np.arange(4.0), 0.1, "effect_of"),
        }
    )


@pytest.fixture
def found(posterior: xr.Dataset, design: ContrastDesign) -> dict[str, np.ndarray]:
    return {e.key: e.draws for e in all_estimates(posterior, design, seed=2)}


WARNING = "goal_failure/intervention=warning_or_prohibition"


def test_only_what_three_studies_have_is_pooled(found):
    assert f"{WARNING}/odds_ratio" in found
    assert "goal_failure/intervention=steering_at_inference/odds_ratio" not in found
    alone = "goal_failure/intervention=steering_at_inference|study=s3/study_odds_ratio"
    assert found[alone].shape == (CHAINS, DRAWS)


def test_odds_ratios_are_of_their_draws(found, posterior):
    delta = posterior["delta"].to_numpy()[..., 1]
    assert found[f"{WARNING}/log_odds_ratio"] == pytest.approx(delta)
    assert found[f"{WARNING}/odds_ratio"] == pytest.approx(np.exp(delta))


def test_a_new_study_and_a_new_pair_vary_by_their_own_scales(found):
    mean = found[f"{WARNING}/log_odds_ratio"]
    new, pair = (found[f"{WARNING}/log_odds_ratio_new{k}"] for k in ("", "_pair"))
    # Standard error of a standard deviation of 2000 draws: 1.6%.
    assert (new - mean).std() == pytest.approx(0.5, rel=0.08)
    assert (pair - new).std() == pytest.approx(0.9 * np.sqrt(2), rel=0.08)


def simulated_rates(posterior, base, weight, effect):
    """Rates of the first 50 draws without and with an effect that varies between studies."""
    rng = np.random.default_rng(9)
    shape = (50, base.shape[1], 20_000)
    kappa, spread = (posterior[n].to_numpy().ravel()[:50] for n in ("kappa", "tau_delta"))
    noise = kappa[:, None, None] * rng.standard_normal(shape)
    varied = effect[:, None, None] + spread[:, None, None] * rng.standard_normal(shape)
    return [expit(base[..., None] + added + noise).mean(axis=2) @ weight for added in (0.0, varied)]


def test_standardised_rates_are_those_of_simulated_arms(found, posterior):
    base = posterior["baseline_logit"].to_numpy().reshape(-1, 4)[:50]
    delta = posterior["delta"].to_numpy()[..., 1].ravel()[:50]
    # A study counts once, however many baselines it has.
    weight = np.array([1 / 6, 1 / 6, 1 / 3, 1 / 3])
    before, after = simulated_rates(posterior, base, weight, delta)
    for group in ("goal_failure/all", WARNING):
        assert found[f"{group}/baseline_rate"].ravel()[:50] == pytest.approx(before, abs=3e-3)
    ratio = found[f"{WARNING}/risk_ratio"].ravel()[:50]
    assert ratio == pytest.approx(after / before, abs=0.015)
    difference = found[f"{WARNING}/risk_difference"].ravel()[:50]
    assert difference == pytest.approx(after - before, abs=6e-3)


def test_what_the_data_say_of_a_ratio_is_what_they_say_of_the_effect(posterior, design):
    """The prior of the effect is five times as wide; that of the baselines has no say."""
    estimates = all_estimates(posterior, design, seed=2)
    wider = posterior.assign(delta=posterior["delta"] * 5)
    prior = {e.key: e for e in all_estimates(wider, design, seed=2)}
    shares = prior_columns(estimates, prior, 0.95)["contraction"]
    found = dict(zip([e.key for e in estimates], shares, strict=True))
    for name in ("log_odds_ratio", "odds_ratio", "risk_ratio", "risk_difference"):
        assert found[f"{WARNING}/{name}"] == pytest.approx(1 - 1 / 25)


def test_an_intervention_is_standardised_to_its_own_baselines():
    """Warnings are set against steered arms in three studies; a fourth has steering alone."""
    arms = []
    for study in ("s1", "s2", "s3", "s4"):
        arms.append((f"{study}:base", study, None))
        arms.append((f"{study}:steered", study, f"steering_at_inference@{study}:base"))
        if study != "s4":
            against = f"warning_or_prohibition@{study}:steered"
            arms.append((f"{study}:warned", study, against))
    table = pd.DataFrame(arms, columns=["row_id", "study", "against"]).assign(
        sampling_frame="denominator", events_goal_failure=3, trials_goal_failure=10
    )
    spec = ModelSpec(
        frame="contrasts", stages=["goal_failure"], likelihood="binomial", levels=["study", "arm"]
    )
    design = build_contrast_design(table, spec)
    steering = design.cell_intervention == design.interventions.index("steering_at_inference")
    one = ("chain", "draw")
    posterior = xr.Dataset(
        {
            "baseline_logit": ((*one, "baseline"), np.array([[[-1.0, 0.0, 1.0, 3.0]]])),
            "delta": ((*one, "intervention"), np.array([[[1.0, -1.0]]])),
            "tau_delta": (one, np.zeros((1, 1))),
            "kappa": ((*one, "stage"), np.zeros((1, 1, 1))),
            "effect": ((*one, "effect_of"), np.where(steering, 1.5, -0.5)[None, None]),
        }
    )
    estimates = {e.key: e for e in all_estimates(posterior, design, seed=2)}
    got = estimates[f"{WARNING}/baseline_rate"]
    steered = np.array([-1.0, 0.0, 1.0]) + 1.5
    assert got.draws == pytest.approx(expit(steered).mean())
    assert design.rows["row_id"].iloc[got.rows].tolist() == [
        "s1:steered",
        "s2:steered",
        "s3:steered",
    ]
    ratio = estimates[f"{WARNING}/risk_ratio"].draws
    assert ratio == pytest.approx(expit(steered - 1).mean() / expit(steered).mean())


def test_without_variation_between_arms_the_rate_is_plain():
    logits = logit([[0.2, 0.4, 0.5, 0.9]])
    rate = standardised_rate(logits, np.zeros(1), np.array([0, 0, 1, 2]))
    assert rate == pytest.approx([np.mean([0.3, 0.5, 0.9])])


def test_each_number_has_the_rows_of_its_contrasts_behind_it(posterior, design):
    estimates = all_estimates(posterior, design, seed=2)
    behind = pd.DataFrame(evidence_behind(estimates, design), index=[e.key for e in estimates])
    assert behind.loc[f"{WARNING}/odds_ratio"].tolist() == [3, 8, 80, 3]
    alone = f"{WARNING}|study=s1/study_odds_ratio"
    assert behind.loc[alone].tolist() == [1, 4, 40, 1]
    assert behind.loc["goal_failure/all/tau_delta"].tolist() == [3, 9, 90, 3]


def integrated(centre: float, sd: float) -> float:
    """Mean of the inverse logit of a normal value, by adaptive integration."""
    value, _ = quad(lambda z: expit(centre + sd * z) * norm.pdf(z), -9, 9, epsabs=1e-10)
    return value


def test_every_number_of_one_draw_is_the_written_formula(design):
    """All quantities by name, group and value, and no other; predictions follow the seed."""
    one = ("chain", "draw")
    start, kappa, spread, delta = np.array([2.0, -3.0, 0.5, -1.0]), 0.9, 0.5, -0.7
    effects = np.array([0.3, -1.2, 0.8, 0.1])
    index = design.interventions.index("warning_or_prohibition")
    deltas = np.full(len(design.interventions), 5.0)
    deltas[index] = delta
    draws = xr.Dataset(
        {
            "baseline_logit": ((*one, "baseline"), start[None, None]),
            "delta": ((*one, "intervention"), deltas[None, None]),
            "tau_delta": (one, [[spread]]),
            "kappa": ((*one, "stage"), [[[kappa]]]),
            "icc": ((*one, "stage"), [[[0.2]]]),
            "effect": ((*one, "effect_of"), effects[None, None]),
        }
    )
    weight = np.array([1 / 6, 1 / 6, 1 / 3, 1 / 3])
    before = weight @ [integrated(c, kappa) for c in start]
    after = weight @ [integrated(c + delta, np.hypot(kappa, spread)) for c in start]
    z = np.random.default_rng(2).standard_normal(2)
    new = delta + spread * z[0]
    pair = new + np.sqrt(2) * kappa * z[1]
    pooled = {
        "log_odds_ratio": delta, "odds_ratio": np.exp(delta), "log_odds_ratio_new": new,
        "odds_ratio_new": np.exp(new), "log_odds_ratio_new_pair": pair,
        "odds_ratio_new_pair": np.exp(pair), "baseline_rate": before,
        "risk_ratio": after / before, "risk_difference": after - before,
    }  # fmt: skip
    want = {f"{WARNING}/{name}": value for name, value in pooled.items()} | {
        "goal_failure/all/baseline_rate": before, "goal_failure/all/tau_delta": spread,
        "goal_failure/all/kappa": kappa, "goal_failure/all/icc": 0.2,
    }  # fmt: skip
    for cell, effect in enumerate(effects):
        name = design.interventions[design.cell_intervention[cell]]
        study = design.levels[0].units[design.cell_study[cell]]
        group = f"goal_failure/intervention={name}|study={study}"
        want[f"{group}/study_log_odds_ratio"] = effect
        want[f"{group}/study_odds_ratio"] = np.exp(effect)
    estimates = all_estimates(draws, design, seed=2)
    got = {e.key: e.draws.item() for e in estimates}
    assert got == pytest.approx(want, abs=1e-7)
    rows = {e.key: design.rows["row_id"].iloc[e.rows].tolist() for e in estimates}
    baselines = ["s1:base0", "s1:base1", "s2:base2", "s3:base3"]
    assert rows["goal_failure/all/baseline_rate"] == baselines
    assert rows[f"{WARNING}/baseline_rate"] == baselines


def test_without_a_scale_between_arms_there_is_no_pair(design, posterior):
    """Arms of the binomial model do not vary: no pair is predicted, and rates are plain."""
    plain = posterior.drop_vars("kappa")
    found = {e.key: e.draws for e in all_estimates(plain, design, seed=2)}
    assert f"{WARNING}/odds_ratio_new" in found
    assert not [key for key in found if key.endswith(("_pair", "/kappa", "/icc"))]
    rates = expit(posterior["baseline_logit"].to_numpy())
    want = rates[..., :2].mean(axis=-1) / 3 + rates[..., 2] / 3 + rates[..., 3] / 3
    np.testing.assert_allclose(found["goal_failure/all/baseline_rate"], want)
