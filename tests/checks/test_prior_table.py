"""Prior table: published intervals of a three-study example; what is and is not refitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, halfnorm, norm

from meta.checks.prior_table import few_studies, prior_table
from meta.checks.refits import refitting
from meta.config import Gate
from meta.inference.compilations import Compilations
from meta.priors import HalfCauchy, HalfNormal, Normal, PriorSet
from meta.report.sensitivity import Sensitivity, prior_alternatives
from meta.sensitivity_settings import Refits
from tests.checks.small_tables import Recorder, design, made_up_numbers, rows, task

EVENTS, TRIALS = [0, 1, 3], [12, 10, 15]


def new_study_quantiles(scale: float, prior_sd: float) -> tuple[float, float]:
    """Interval of a new study's rate by brute force on a grid, with SciPy alone."""
    mu = np.linspace(-7, 4, 221)
    tau = np.linspace(0.005, 5 * scale, 160)
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    weights = weights / weights.sum()
    grid = mu[:, None, None] + tau[None, :, None] * nodes
    log = norm.logpdf(mu, 0, prior_sd)[:, None] + halfnorm.logpdf(tau, scale=scale)[None, :]
    for k, n in zip(EVENTS, TRIALS, strict=True):
        log = log + np.log(binom.pmf(k, n, expit(grid)) @ weights)
    mass = np.exp(log - log.max())
    mass /= mass.sum()
    x = np.linspace(-12, 8, 2001)
    cdf = np.array([(mass * norm.cdf(v, mu[:, None], tau[None, :])).sum() for v in x])
    low, high = np.interp([0.025, 0.975], cdf, x)
    return float(expit(low)), float(expit(high))


def test_three_studies_give_the_intervals_of_the_statistics_guide() -> None:
    # The guide prints, for a new study: HN(.5) [.03, .37], HN(1) [.02, .64].
    model = design(rows(EVENTS, TRIALS))
    fit = refitting(Compilations(2), Refits(draws=2500, tune=500), Gate(), 0.95)
    alternatives = {
        "narrow": PriorSet(tau=HalfNormal(sigma=0.5)), "wide": PriorSet(tau=HalfNormal(sigma=1)),
    }  # fmt: skip
    own = task(model, draws=2500, tau=HalfNormal(sigma=2))
    main = made_up_numbers(0.15)
    table = prior_table(fit, model, own, alternatives, main)
    found = table[table["estimand"].eq("rate_new")].set_index("priors")
    assert found["passed"].all()
    for name, scale, printed in (("narrow", 0.5, (0.03, 0.37)), ("wide", 1.0, (0.02, 0.64))):
        got = tuple(found.loc[name, ["ci_low", "ci_high"]])
        exact = new_study_quantiles(scale, 1.5)
        # Monte Carlo error of extreme quantiles from 10,000 draws.
        assert got == pytest.approx(exact, abs=0.03), name
        assert got == pytest.approx(printed, abs=0.05), name


def test_a_set_that_is_the_models_own_is_not_refitted() -> None:
    model, fit = design(rows(EVENTS, TRIALS)), Recorder()
    sets = {"same": PriorSet(), "other": PriorSet(tau=HalfCauchy(beta=0.5))}
    table = prior_table(fit, model, task(model), sets, made_up_numbers(0.25, 0.1))
    assert [asked[2] for asked in fit.asked] == ["priors other"]
    assert fit.asked[0][1].priors == sets["other"]
    assert table["tau_prior"].tolist() == ["half-normal(1)", "half-normal(1)", "half-cauchy(0.5)"]
    assert set(table["alpha_prior"]) == {"normal(0, 1.5)"}
    by = table.set_index("priors")
    assert by.loc["same", "mean"] == by.loc["main", "mean"] == 0.25
    assert by.loc["other", "shift_in_sd"] == pytest.approx((0.31 - 0.25) / 0.1)
    assert by.loc["other", "shift_mcse_in_sd"] == pytest.approx(2**0.5 * 0.01)


def test_a_set_may_differ_in_its_intercepts_alone() -> None:
    model, fit = design(rows(EVENTS, TRIALS)), Recorder()
    sets = {"wide": PriorSet(alpha=Normal(sigma=2.5))}
    table = prior_table(fit, model, task(model), sets, made_up_numbers(0.25, 0.1))
    assert fit.asked[0][1].priors.alpha.sigma == 2.5
    label = prior_alternatives(Sensitivity("m", {"prior_table": table}))
    assert label is not None
    assert label.columns[1:] == (
        "this analysis, tau ~ half-normal(1), alpha ~ normal(0, 1.5)", "alpha ~ normal(0, 2.5)",
    )  # fmt: skip


def test_few_studies_are_fewer_than_stated() -> None:
    assert few_studies(made_up_numbers(0.2, k_studies=9), 10)
    assert not few_studies(made_up_numbers(0.2, k_studies=10), 10)
