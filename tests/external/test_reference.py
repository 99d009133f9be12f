"""Pooled estimates against lme4, metafor and brms (see README.md beside this file)."""

import json
from hashlib import md5
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.replace import graph_replace
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm

from meta.checks.sampler import mixing_statistics
from meta.config import FitTask, ModelSpec, PriorSet, Sampler
from meta.estimands import all_estimates
from meta.inference.sampling import compile_model, sample_posterior
from meta.models import centring, chain
from meta.models.design import Design, build_design

HERE = Path(__file__).parent
STORED = json.loads((HERE / "reference.json").read_text())
REFERENCE = STORED["results"]
#: Differences of two Monte Carlo estimates are held to this many standard errors.
SIGMAS = 4.0

RATES = {"rate_typical", "rate_mean", "rate_new"}
ONE_ARM = (
    "one_arm_per_study", "large_tau", "few_studies", "many_sparse", "mostly_zero", "large_trials",
    "rare_unequal",
)  # fmt: skip
#: The model of each data set, and what every tool that fits it must report.
MODEL = {
    **dict.fromkeys(ONE_ARM, "binomial"),
    "several_arms": "beta_binomial",
    "several_arms_large_tau": "beta_binomial",
    "two_stages": "chain",
    "mostly_all_trials": "product_chain",
}
#: Models of capability and goal failure, and what is reported of each of these stages.
CHAINS = {
    "chain": {"mu", "tau", *RATES},
    "product_chain": {"mu", "tau", "omega", "icc", *RATES},
}
STAGES = ("capability_transfer", "goal_failure")
TOOLS = ("metafor", "lme4", "brms")
LIKELIHOOD = {"mu", "tau", "log_lik_full"}
POSTERIOR = {
    "binomial": {"mu", "tau", "study_rate", *RATES},
    "beta_binomial": {"mu", "tau", "icc", "study_rate", *RATES},
    **{model: {*STAGES, "capable_goal_failure", "stage_correlation"} for model in CHAINS},
}


def test_every_cell_of_the_grid_is_there_or_says_why_not() -> None:
    """Data set x model x tool: a result with all its estimands, or a reason, and never both."""
    reasons = {(r["data_set"], r["model"], r["tool"]): r["reason"] for r in STORED["unavailable"]}
    assert len(reasons) == len(STORED["unavailable"])
    assert set(STORED["data_sets"]) == set(MODEL)
    grid = list(product(MODEL, set(MODEL.values()), TOOLS))
    fitted = {f"{tool}_{model}_{data}" for data, model, tool in grid} & set(REFERENCE)
    assert set(REFERENCE) - fitted == {"brms_beta_binomial_prior_only"}
    assert set(reasons) <= set(grid)
    for data, model, tool in grid:
        result = REFERENCE.get(f"{tool}_{model}_{data}")
        assert (result is None) == bool(reasons.get((data, model, tool))), (data, model, tool)
        if result is None:
            continue
        wanted = POSTERIOR[model] if tool == "brms" else LIKELIHOOD
        assert wanted <= set(result["estimates"]), (data, model, tool)
        for outcome in STAGES if model in CHAINS else ():
            assert set(result["estimates"][outcome]) == CHAINS[model]
    by_brms = {name for name in fitted if name.startswith("brms_")}
    assert by_brms == {f"brms_{model}_{data}" for data, model in MODEL.items()}
    assert fitted - by_brms == {f"{t}_binomial_{d}" for t in ("lme4", "metafor") for d in ONE_ARM}
    assert len(ONE_ARM) >= 6


@pytest.mark.parametrize("data_set", MODEL)
def test_the_data_are_those_that_the_tools_saw(data_set: str) -> None:
    content = (HERE / STORED["data_sets"][data_set]["file"]).read_bytes()
    assert md5(content).hexdigest() == STORED["data_sets"][data_set]["md5"]


def table_of(data_set: str) -> pd.DataFrame:
    """Read the arms of a data set as an analysis set; what it does not say is the simplest."""
    arms = pd.read_csv(HERE / "data" / f"{data_set}.csv")
    two_stages = MODEL[data_set] in CHAINS
    simple = pd.Series("given_capability" if two_stages else "all_trials", index=arms.index)
    table = pd.DataFrame(
        {
            "row_id": arms["arm_id"],
            "study": arms["study_id"],
            "agent_set": arms.get("agent_set", arms["arm_id"]),
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": arms.get("conditioning", simple),
            "events_goal_failure": arms["n_goal_failure"].astype("Int64"),
            "trials_goal_failure": arms["n_at_risk"].astype("Int64"),
        }
    )
    if two_stages:
        table["events_capability_transfer"] = arms["n_capable"].astype("Int64")
        table["trials_capability_transfer"] = arms["n_trials"].astype("Int64")
    return table


def design_of(data_set: str) -> Design:
    """Make the design of the model that the other tools fit to the data set."""
    model = MODEL[data_set]
    spec = ModelSpec(
        stages=STAGES if model in CHAINS else STAGES[1:],
        likelihood="beta_binomial" if model in ("beta_binomial", "product_chain") else "binomial",
        levels=("study", "agent_set") if model == "product_chain" else ("study",),
    )
    return build_design(table_of(data_set), spec)


LOGITS = np.linspace(-25, 25, 4001)
#: So small a tau that every study has the intercept's logit, however its effect is written.
NO_SPREAD = 1e-9


def likelihood_on_grid(design: Design) -> np.ndarray:
    """Evaluate the model's log likelihood of each study at each logit: (grid, studies)."""
    model = chain.build_chain(design, PriorSet())
    logit = pt.dscalar()
    with model:
        pointwise = pm.logp(model["counts"], model["events"])
    fixed = {model["alpha"]: pt.stack([logit]), model["tau"]: pt.as_tensor([NO_SPREAD])}
    evaluate = pytensor.function([logit], graph_replace(pointwise, fixed))
    return np.stack([evaluate(x) for x in LOGITS])


def marginal_log_likelihood(grid: np.ndarray, mu: float, tau: float) -> float:
    """Integrate normal study effects out of a likelihood on the grid of logits."""
    weight = norm.logpdf(LOGITS, mu, tau) + np.log(LOGITS[1] - LOGITS[0])
    return float(logsumexp(grid + weight[:, None], axis=0).sum())


@pytest.mark.parametrize("data_set", ONE_ARM)
def test_likelihood_peaks_where_lme4_and_metafor_find_it(data_set: str) -> None:
    grid = likelihood_on_grid(design_of(data_set))
    found = minimize(
        lambda x: -marginal_log_likelihood(grid, x[0], np.exp(x[1])),
        x0=[-1.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-7},
    )
    for tool in ("lme4", "metafor"):
        estimates = REFERENCE[f"{tool}_binomial_{data_set}"]["estimates"]
        mu, tau = estimates["mu"]["estimate"], estimates["tau"]["estimate"]
        # metafor integrates with 7 nodes, lme4 with 15: they agree to about 1e-3.
        assert found.x[0] == pytest.approx(mu, abs=3e-3)
        assert np.exp(found.x[1]) == pytest.approx(tau, abs=5e-3)
        ours = marginal_log_likelihood(grid, mu, tau)
        assert ours == pytest.approx(estimates["log_lik_full"], abs=2e-3)


def wanted_quantities(data_set: str) -> dict[str, dict[str, float]]:
    """Statistics of brms under the names of this package."""
    model = MODEL[data_set]
    estimates = REFERENCE[f"brms_{model}_{data_set}"]["estimates"]
    if model not in CHAINS:
        return named("goal_failure", estimates)
    pair = "goal_failure~capability_transfer/all/stage_correlation"
    wanted = {pair: estimates["stage_correlation"]}
    for outcome in (*STAGES, "capable_goal_failure"):
        wanted |= named(outcome, estimates[outcome])
    return wanted


def named(outcome: str, estimates: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Statistics of one outcome: of all studies, and of some of them."""
    rates = estimates.get("study_rate", {})
    return {f"{outcome}/all/{k}": v for k, v in estimates.items() if k != "study_rate"} | {
        f"{outcome}/study={study}/study_rate": v for study, v in rates.items()
    }


def our_draws(data_set: str, target_accept: float = 0.95) -> dict[str, np.ndarray]:
    """Fit the data set with the shipped code; draws of every quantity that it reports."""
    design = design_of(data_set)
    # The product takes longest.
    draws = 1800 if MODEL[data_set] == "product_chain" else 2500
    task = FitTask(
        model=data_set,
        spec=design.spec,
        priors=PriorSet(),
        sampler=Sampler(draws=draws, tune=1000, target_accept=target_accept),
        seed=11,
    )
    tree = sample_posterior(compile_model(design, task), task, cores=2, progress=False)
    posterior = tree["posterior"].to_dataset()
    ours = {e.key: e.draws for e in all_estimates(posterior, design, seed=5)}
    for stage in design.stages:
        ours[f"{stage}/all/mu"] = posterior["alpha"].sel(stage=stage).to_numpy()
    assert not tree["sample_stats"]["diverging"].to_numpy().any()
    return ours


@pytest.mark.parametrize("data_set", MODEL)
def test_posterior_agrees_with_brms(data_set: str) -> None:
    """Of `mostly_all_trials`: the product of stages, agent sets and beta-binomial arms at once."""
    # One transition in 10,000 diverges at 0.95, as of some seeds and not of others.
    careful = data_set in ("few_studies", "mostly_zero")
    compare(data_set, our_draws(data_set, 0.98 if careful else 0.95))


@pytest.mark.parametrize("form", ["centred", "non-centred"])
def test_posterior_agrees_with_brms_whatever_the_parameterisation(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threshold = -1.0 if form == "centred" else np.inf
    monkeypatch.setattr(centring, "threshold", lambda _level: threshold)
    compare("large_tau", our_draws("large_tau"))


def compare(data_set: str, ours: dict[str, np.ndarray]) -> None:
    wanted = wanted_quantities(data_set)
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
