"""Pooled estimates against lme4, metafor and brms (see README.md beside this file)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm

from meta.checks.sampler import mixing_statistics
from meta.config import FitTask, ModelSpec, PriorSet, Sampler
from meta.estimands import all_estimates
from meta.inference.sampling import compile_model, sample_posterior
from meta.models import chain, hierarchy
from meta.models.design import Design, build_design

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text())["results"]
#: Differences of two Monte Carlo estimates are held to this many standard errors.
SIGMAS = 4.0


def design_of(data_set: str, likelihood: str) -> Design:
    arms = pd.read_csv(HERE / "data" / f"{data_set}.csv")
    table = pd.DataFrame(
        {
            "row_id": arms["arm_id"],
            "study": arms["study_id"],
            "agent_set": arms["arm_id"],
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "events_goal_failure": arms["n_goal_failure"].astype("Int64"),
            "trials_goal_failure": arms["n_at_risk"].astype("Int64"),
        }
    )
    spec = ModelSpec(stages=["goal_failure"], likelihood=likelihood, levels=["study"])
    return build_design(table, spec)


LOGITS = np.linspace(-25, 25, 10_001)


def likelihood_on_grid(design: Design) -> np.ndarray:
    """Evaluate the model's log likelihood of each study at each logit: (grid, studies)."""
    model = chain.build_chain(design, PriorSet())
    pointwise = model.compile_logp(vars=[model["counts"]], sum=False)
    # With intercept 0 and tau 1, centred and non-centred units alike are sampled as their logit.
    point = {**model.initial_point(), "alpha": np.zeros(1), "tau_log__": np.zeros(1)}
    ones = np.ones(len(design.levels[0].units))
    return np.stack([pointwise({**point, "study_goal_failure_raw": x * ones})[0] for x in LOGITS])


def marginal_log_likelihood(grid: np.ndarray, mu: float, tau: float) -> float:
    """Integrate normal study effects out of a likelihood on the grid of logits."""
    weight = norm.logpdf(LOGITS, mu, tau) + np.log(LOGITS[1] - LOGITS[0])
    return float(logsumexp(grid + weight[:, None], axis=0).sum())


@pytest.mark.parametrize("tool", ["lme4", "metafor"])
@pytest.mark.parametrize("data_set", ["one_arm_per_study", "large_tau"])
def test_likelihood_peaks_where_lme4_and_metafor_find_it(tool: str, data_set: str) -> None:
    estimates = REFERENCE[f"{tool}_binomial_{data_set}"]["estimates"]
    grid = likelihood_on_grid(design_of(data_set, "binomial"))
    found = minimize(
        lambda x: -marginal_log_likelihood(grid, x[0], np.exp(x[1])),
        x0=[0.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-7},
    )
    # metafor integrates with 7 nodes, lme4 with 15: they agree to about 1e-3.
    assert found.x[0] == pytest.approx(estimates["mu"]["estimate"], abs=3e-3)
    assert np.exp(found.x[1]) == pytest.approx(estimates["tau"]["estimate"], abs=5e-3)
    ours = marginal_log_likelihood(grid, estimates["mu"]["estimate"], estimates["tau"]["estimate"])
    assert ours == pytest.approx(estimates["log_lik_full"], abs=2e-3)


CASES = [
    ("one_arm_per_study", "binomial", "centred"),
    ("one_arm_per_study", "binomial", "non-centred"),
    ("large_tau", "binomial", "centred"),
    ("large_tau", "binomial", "non-centred"),
    # Beta-binomial arms are sparse: centred, they diverge, and the program never chooses it.
    ("several_arms", "beta_binomial", "non-centred"),
]


@pytest.mark.parametrize(("data_set", "likelihood", "form"), CASES)
def test_posterior_agrees_with_brms(
    data_set: str, likelihood: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threshold = -1.0 if form == "centred" else np.inf
    monkeypatch.setattr(hierarchy, "CENTRING_INFORMATION", threshold)
    design = design_of(data_set, likelihood)
    task = FitTask(
        model=f"{data_set}_{form}",
        spec=design.spec,
        priors=PriorSet(),
        sampler=Sampler(draws=4000, tune=1000, target_accept=0.95),
        seed=11,
    )
    tree = sample_posterior(compile_model(design, task), task, cores=2, progress=False)
    posterior = tree["posterior"].to_dataset()
    ours = {e.key: e.draws for e in all_estimates(posterior, design, seed=5)}
    ours["goal_failure/all/mu"] = posterior["alpha"].isel(stage=0).to_numpy()
    assert not tree["sample_stats"]["diverging"].to_numpy().any()
    reference = REFERENCE[f"brms_{likelihood}_{data_set}"]["estimates"]
    wanted = {f"goal_failure/all/{k}": v for k, v in reference.items() if k != "study_rate"}
    wanted |= {
        f"goal_failure/study={study}/study_rate": v for study, v in reference["study_rate"].items()
    }
    assert len(wanted) >= 8
    problems = []
    for key, theirs in wanted.items():
        problems += disagreements(key, ours[key], theirs)
    assert not problems, "\n".join(problems)


def disagreements(key: str, draws: np.ndarray, theirs: dict[str, float]) -> list[str]:
    """Mean, sd and quantiles that differ by more than their joint Monte Carlo error allows."""
    statistics = mixing_statistics(draws[None])
    effective = float(statistics["ess_bulk"].iloc[0])
    ours = {
        "mean": draws.mean(),
        "sd": draws.std(),
        **{f"q{100 * q:g}": np.quantile(draws, q) for q in (0.025, 0.5, 0.975)},
    }
    mcse = {"mean": float(statistics["mcse_mean"].iloc[0])}
    found = []
    for name, value in ours.items():
        # With as many effective draws as theirs, an error of ours is theirs rescaled.
        own = mcse.get(name, theirs[f"mcse_{name}"] * np.sqrt(theirs["ess_bulk"] / effective))
        allowed = SIGMAS * np.hypot(own, theirs[f"mcse_{name}"])
        if abs(value - theirs[name]) > allowed:
            found.append(f"{key} {name}: {value:.5f}, brms {theirs[name]:.5f} +- {allowed:.5f}")
    return found
