"""Likelihood under stored draws: against PyMC given the effects, against sampling without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy.special import expit
from scipy.stats import betabinom, binom, norm

from meta.config import ModelSpec, PriorSet
from meta.models.arm_effect import logit_normal_binomial
from meta.models.arm_integral import Counts, Observation, arm_log_likelihood
from meta.models.arm_rates import product_logit
from meta.models.chain import build_chain
from meta.models.design import Design, build_design
from meta.models.likelihood import (
    Parameters,
    pointwise_log_likelihood,
    study_log_likelihood,
)

CHAIN = ["capability_transfer", "goal_failure"]


def table() -> pd.DataFrame:
    """Studies of one row, of two sets, of one shared set, of a product and of a conditional row."""
    rows = pd.DataFrame(
        {
            "row_id": ["a1", "a2", "a3", "b1", "b2", "c1", "d1"],
            "study": ["a", "a", "a", "b", "b", "c", "d"],
            "agent_set": ["x", "x", "y", "x", "x", "z", "z"],
            "failure_type": ["goal_misgeneralization"] * 4 + ["specification_gaming"] * 3,
            "sampling_frame": "denominator",
            "conditioning": ["given_capability", *["all_trials"] * 5, "given_capability"],
            "events_capability_transfer": [80, *[None] * 5, 9],
            "trials_capability_transfer": [100, *[None] * 5, 12],
            "events_goal_failure": [30, 0, 5, 7, 20, 45, 3],
            "trials_goal_failure": [80, 9, 30, 7, 50, 60, 9],
            "events_harm": None,
            "trials_harm": None,
        }
    )
    counts = [c for c in rows if c.startswith(("events", "trials"))]
    return rows.astype(dict.fromkeys(counts, "Int64"))


def spec(likelihood: str, **more: object) -> ModelSpec:
    levels = ["study", "agent_set", *(["arm"] if likelihood == "binomial" else [])]
    return ModelSpec(stages=CHAIN, likelihood=likelihood, levels=levels, **more)


def draws(design: Design, count: int = 3, seed: int = 1) -> Parameters:
    rng = np.random.default_rng(seed)
    rho = rng.uniform(-0.6, 0.8, count)
    factor = np.zeros((count, 2, 2))
    factor[:, 0, 0], factor[:, 1, 0], factor[:, 1, 1] = 1, rho, np.sqrt(1 - rho**2)
    binomial = design.spec.likelihood == "binomial"
    return Parameters(
        alpha=rng.normal(0.3, 0.8, (count, 2)),
        beta=rng.normal(0, 0.5, (count, len(design.terms), 2)),
        factor=factor,
        scale={lv.name: rng.uniform(0.3, 1.6, (count, 2)) for lv in design.levels},
        icc=None if binomial else rng.uniform(0.05, 0.5, (count, 2)),
        df=rng.uniform(2, 9, count) if design.spec.random_effects == "student_t" else None,
    )


@pytest.mark.parametrize("moderators", [[], ["failure_type"]])
def test_given_the_effects_it_is_the_likelihood_of_the_compiled_model(moderators) -> None:
    design = build_design(table(), spec("beta_binomial", moderators=moderators))
    model = build_chain(design, PriorSet())
    rng = np.random.default_rng(5)
    start = model.initial_point()
    point = {k: v + rng.normal(size=np.shape(v)) / 2 for k, v in start.items()}
    want = model.compile_logp(vars=[model["counts"]], sum=False)(point)[0]
    names = ["study_logit", "agent_set_logit", "icc", *(["beta"] if moderators else [])]
    values = model.replace_rvs_by_values([model[name] for name in names])
    found = dict(zip(names, pm.pytensorf.compile(model.value_vars, values)(**point), strict=True))
    logits = {
        level.name: {u: found[f"{level.name}_logit"][None, i] for i, u in enumerate(level.units)}
        for level in design.levels
    }
    parameters = Parameters(
        alpha=np.zeros((1, 2)),
        beta=found["beta"][None] if moderators else np.zeros((1, 0, 2)),
        factor=np.eye(2)[None],
        scale={},
        icc=found["icc"][None],
        logits=logits,
    )
    got = pointwise_log_likelihood(design, parameters)
    np.testing.assert_allclose(got[0], want, rtol=1e-9)
    # A study whose agent set is known is the sum of its rows.
    rows = np.flatnonzero(design.rows["study"] == "b")
    given = study_log_likelihood(design, list(rows), parameters, ["b / x"], study_known=True)
    assert given[0] == pytest.approx(want[np.isin(design.row, rows)].sum())


def sampled(
    design: Design, p: Parameters, d: int, rows: list[int], u: np.ndarray | None, size: int
) -> tuple[float, float]:
    """Plain Monte Carlo of the marginal likelihood with SciPy's own distributions, and its se."""
    rng = np.random.default_rng(10 + d)

    def normal(level: str) -> np.ndarray:
        return p.scale[level][d] * rng.standard_normal((size, 2))

    if u is None:
        z = rng.standard_normal((size, 2))
        if p.split is not None:
            share, split = p.upper_share[d], p.split[d]
            upper = rng.random(size) < share
            centre = np.where(upper, 1 - share, -share) * np.sqrt(split / (share * (1 - share)))
            z[:, 1] = centre + np.sqrt(1 - split) * z[:, 1]
        z = z @ (p.scale["study"][d][:, None] * p.factor[d]).T
        if p.df is not None:
            z /= np.sqrt(rng.gamma(p.df[d] / 2, 2 / p.df[d], size))[:, None]
        u = p.alpha[d] + z
    total = np.zeros(size)
    sets: dict[object, np.ndarray] = {}
    families: dict[str, np.ndarray] = {}
    for r in rows:
        label = design.rows["agent_set"].iloc[r]
        if label not in sets:
            sets[label] = u + normal("agent_set")
        eta = sets[label] + design.x[r] @ p.beta[d]
        for level, unit in zip(design.crossed, design.row_crossed, strict=True):
            family = level.units[unit[r]]
            if family not in families:
                known = p.crossed[level.name].get(family)
                families[family] = normal(level.name) if known is None else known[d]
            eta = eta + families[family]
        for n in np.flatnonzero(design.row == r):
            o = design.stage[n]
            rate = expit(eta[:, o])
            rate = rate * expit(eta[:, 0]) if design.through_capability[n] else rate
            rate = np.clip(rate, 1e-12, 1 - 1e-12)
            if "arm" in p.scale:
                own = p.scale["arm"][d, o] * rng.standard_normal(size)
                middle = eta[:, o]
                if design.through_capability[n]:
                    middle = product_logit(
                        eta[:, 0], middle, p.scale["arm"][d, 0], p.scale["arm"][d, o]
                    )
                rate = np.clip(expit(middle + own), 1e-12, 1 - 1e-12)
            k, m = design.events[n], design.trials[n]
            if p.icc is None:
                total += binom.logpmf(k, m, rate)
            else:
                s = (1 - p.icc[d, o]) / p.icc[d, o]
                total += betabinom.logpmf(k, m, rate * s, (1 - rate) * s)
    value = np.exp(total - total.max())
    mean = value.mean()
    return float(total.max() + np.log(mean)), float(value.std() / mean / np.sqrt(size))


@pytest.mark.parametrize("likelihood", ["beta_binomial", "binomial"])
@pytest.mark.parametrize("study", ["a", "b", "c", "d"])
def test_without_the_effects_it_is_their_joint_integral(likelihood: str, study: str) -> None:
    design = build_design(table(), spec(likelihood, moderators=["failure_type"]))
    parameters = draws(design)
    rows = [int(r) for r in np.flatnonzero(design.rows["study"] == study)]
    got = study_log_likelihood(design, rows, parameters)
    for d in range(3):
        want, error = sampled(design, parameters, d, rows, None, 150_000)
        assert got[d] == pytest.approx(want, abs=5 * error + 0.03)


def test_rows_of_a_new_agent_set_are_integrated_about_the_known_study() -> None:
    design = build_design(table(), spec("beta_binomial"))
    parameters = draws(design)
    known = np.random.default_rng(2).normal(size=(3, 2))
    parameters = Parameters(**{**vars(parameters), "logits": {"study": {"a": known}}})
    got = study_log_likelihood(design, [0, 1], parameters, study_known=True)
    for d in range(3):
        want, error = sampled(design, parameters, d, [0, 1], known[d], 150_000)
        assert got[d] == pytest.approx(want, abs=5 * error + 0.03)
    # Shared effects: the rows of one set are not independent given the study.
    apart = sum(study_log_likelihood(design, [r], parameters, study_known=True) for r in (0, 1))
    assert np.abs(got - apart).max() > 0.1


def test_student_t_studies_are_integrated_over_their_mixing() -> None:
    design = build_design(table(), spec("beta_binomial", random_effects="student_t"))
    parameters = draws(design)
    got = study_log_likelihood(design, [5], parameters)
    for d in range(3):
        want, error = sampled(design, parameters, d, [5], None, 300_000)
        assert got[d] == pytest.approx(want, abs=5 * error + 0.03)


@pytest.mark.parametrize("study", ["a", "b"])
def test_two_populations_of_studies_are_both_integrated(study: str) -> None:
    design = build_design(table(), spec("beta_binomial", random_effects="two_population"))
    two = {"split": np.array([0.3, 0.6, 0.95]), "upper_share": np.array([0.3, 0.5, 0.8])}
    far = {"study": np.full((3, 2), 2.5), "agent_set": np.full((3, 2), 0.3)}
    normal = {**vars(draws(design)), "scale": far}
    parameters = Parameters(**{**normal, **two})
    rows = [int(r) for r in np.flatnonzero(design.rows["study"] == study)]
    got = study_log_likelihood(design, rows, parameters)
    one = study_log_likelihood(design, rows, Parameters(**normal))
    for d in range(3):
        want, error = sampled(design, parameters, d, rows, None, 150_000)
        assert got[d] == pytest.approx(want, abs=5 * error + 0.03)
    assert np.abs(got - one).max() > 0.3


def test_a_known_family_of_agents_shifts_its_rows_and_a_new_one_is_integrated() -> None:
    rows = table().assign(agent_family=["f", "g", "f", "f", "h", "g", None])
    levels = ["study", "agent_set", "agent_family"]
    rows["agent_family"] = rows["agent_family"].astype("string")
    design = build_design(rows, spec("beta_binomial").model_copy(update={"levels": levels}))
    base = draws(design)
    rng = np.random.default_rng(8)
    scale = {**base.scale, "agent_family": rng.uniform(0.5, 1.5, (3, 2))}
    crossed = {"agent_family": {f: rng.normal(size=(3, 2)) for f in "fg"}}
    parameters = Parameters(**{**vars(base), "scale": scale, "crossed": crossed})
    for study in ("b", "c"):
        members = [int(r) for r in np.flatnonzero(design.rows["study"] == study)]
        got = study_log_likelihood(design, members, parameters)
        for d in range(3):
            want, error = sampled(design, parameters, d, members, None, 150_000)
            assert got[d] == pytest.approx(want, abs=5 * error + 0.03)


@pytest.mark.parametrize("families", ["fffghgh", "ffghhgg", "fgfghgh", "fffffgg"])
def test_a_new_family_of_a_study_is_shared_by_its_rows(families: str) -> None:
    """The family of all of a study, of one set, of sets mixed with others, of several sets."""
    rows = table().assign(agent_family=list(families))
    if families == "fffffgg":
        rows["study"] = ["a"] * 5 + ["c", "d"]
        rows.loc[4, ["agent_set", "agent_family"]] = ["w", "g"]
    levels = ["study", "agent_set", "agent_family"]
    design = build_design(rows, spec("beta_binomial").model_copy(update={"levels": levels}))
    base = draws(design)
    scale = {**base.scale, "agent_family": np.full((3, 2), 1.5)}
    g = {"g": np.random.default_rng(8).normal(size=(3, 2))}
    parameters = Parameters(**{**vars(base), "scale": scale, "crossed": {"agent_family": g}})
    members = [int(r) for r in np.flatnonzero(design.rows["study"] == "a")]
    got = study_log_likelihood(design, members, parameters)
    mixed = families == "fgfghgh"
    for d in range(3):
        want, error = sampled(design, parameters, d, members, None, 150_000)
        # Rows of a family that does not have its sets whole are taken as independent.
        assert got[d] == pytest.approx(want, abs=5 * error + (1.0 if mixed else 0.03))


def product_row(events: int, trials: int) -> Counts:
    return Counts((Observation(1, events, trials, True),))


@pytest.mark.parametrize(("events", "trials"), [(0, 20), (30, 300), (290, 300), (150, 1000)])
@pytest.mark.parametrize("kappa", [0.15, 0.5, 1.5])
def test_a_row_among_all_trials_is_integrated_over_its_set_and_its_arm(
    events: int, trials: int, kappa: float
) -> None:
    """Against a dense grid over both stages and the arm's effect."""
    z = np.linspace(-7, 7, 1001)
    weight = norm.pdf(z) / norm.pdf(z).sum()
    for mean, sd in (
        ((0.5, -1.0), (0.6, 0.6)),
        ((1.5, 0.3), (2.5, 1.0)),
        ((-1.0, 1.0), (3.0, 1.4)),
    ):
        own = np.array([[0.4, kappa]])
        c, g = np.meshgrid(mean[0] + sd[0] * z, mean[1] + sd[1] * z, indexing="ij")
        middle = product_logit(c, g, 0.4, kappa)
        # The arm's effect on a fine grid of its own, once for all middles.
        line = np.linspace(middle.min() - 0.1, middle.max() + 0.1, 3001)
        effect = np.linspace(-8, 8, 1601)
        share = norm.pdf(effect) / norm.pdf(effect).sum()
        given = binom.pmf(events, trials, expit(line[:, None] + kappa * effect)) @ share
        want = np.log(weight @ np.interp(middle, line, given) @ weight)
        got = arm_log_likelihood(
            product_row(events, trials), np.array([mean]), np.diag(np.square(sd))[None], None, own
        )
        # Counts that no draw of a fit finds so unlikely need not be as precise.
        assert want < -15 or got[0] == pytest.approx(want, abs=0.02)


@pytest.mark.parametrize(("events", "trials"), [(0, 20), (60, 300), (299, 300)])
def test_a_row_among_all_trials_of_a_known_set_is_integrated_over_its_arm(
    events: int, trials: int
) -> None:
    effect = np.linspace(-12, 12, 4001)
    share = norm.pdf(effect) / norm.pdf(effect).sum()
    mean, own = np.array([[0.9, 0.2], [3.0, 2.5]]), np.array([[0.4, 1.2], [0.0, 0.8]])
    got = arm_log_likelihood(product_row(events, trials), mean, np.zeros((2, 2, 2)), None, own)
    for d in range(2):
        middle = float(product_logit(*mean[d], *own[d]))
        given = binom.pmf(events, trials, expit(middle + own[d, 1] * effect))
        want = np.log(given @ share)
        assert got[d] == pytest.approx(want, abs=0.02 + 0.005 * abs(want))


def test_a_table_over_many_middles_is_as_good_as_the_integral() -> None:
    rng = np.random.default_rng(2)
    middle, sd = rng.normal(0, 6, 120_000), rng.uniform(0.1, 2.5, 120_000)
    for events, trials in ((0, 20), (3, 9), (240, 1000), (50, 50)):
        got = logit_normal_binomial(events, trials, middle, sd)
        want = np.concatenate(
            [
                logit_normal_binomial(events, trials, *half)
                for half in zip(np.split(middle, 2), np.split(sd, 2), strict=True)
            ]
        )
        likely = want > want.max() - 6
        np.testing.assert_allclose(got[likely], want[likely], atol=0.03)
        np.testing.assert_allclose(got, want, rtol=0.05, atol=0.01)


def test_arms_fail_as_often_on_average_however_they_are_counted() -> None:
    points, weights = np.polynomial.hermite_e.hermegauss(81)
    weights = weights / weights.sum()
    grid = np.meshgrid(np.linspace(-4, 5, 30), np.linspace(-6, 5, 30))
    for kappa in ((0.3, 0.3), (0.5, 2.2), (2.2, 0.5), (3.0, 3.0)):
        stages = [
            expit(m[..., None] + k * points) @ weights for m, k in zip(grid, kappa, strict=True)
        ]
        middle = product_logit(*grid, *kappa)
        among_all = expit(middle[..., None] + kappa[1] * points) @ weights
        np.testing.assert_allclose(among_all, stages[0] * stages[1], atol=0.017)
    # Exact where every trial is capable.
    assert product_logit(50.0, -0.7, 1.0, 2.0) == pytest.approx(-0.7)
