"""Random effects of the chain: their prior moments, their families, and what a fit must recover."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy.special import expit, logit
from scipy.stats import binom, norm

from meta.config import FitTask, ModelSpec, Sampler
from meta.inference.refit import data_of, refit
from meta.inference.sampling import compile_model, sample_posterior
from meta.models.centring import arm_spread, centring, fitted_centring, information, threshold
from meta.models.chain import build_chain
from meta.models.design import build_design
from meta.priors import Beta, Gamma, HalfNormal, PriorSet

CHAIN = ["capability_transfer", "goal_failure"]
#: A few thousand draws are sooner made without compiling.
QUICK = {"mode": "FAST_COMPILE"}


def table(studies: int = 6, arms: int = 2, seed: int = 1, **columns: object) -> pd.DataFrame:
    count = studies * arms
    rng = np.random.default_rng(seed)
    fixed = {
        "row_id": [f"r{i:03}" for i in range(count)],
        "study": np.repeat([f"s{i:02}" for i in range(studies)], arms),
        "agent_set": [f"a{i:03}" for i in range(count)],
        "sampling_frame": "denominator",
        "conditioning": "given_capability",
        "events_capability_transfer": rng.integers(0, 21, count),
        "trials_capability_transfer": 20,
        "events_goal_failure": rng.integers(0, 21, count),
        "trials_goal_failure": 20,
    }
    rows = pd.DataFrame({**fixed, **columns})
    counts = [c for c in rows if c.startswith(("events", "trials"))]
    return rows.astype(dict.fromkeys(counts, "Int64"))


def prior_effects(spec: ModelSpec, priors: PriorSet, count: int = 4000) -> dict[str, np.ndarray]:
    """Prior draws of the study logits about their intercepts, and of the model's parameters."""
    design = build_design(table(), spec)
    with build_chain(design, priors):
        drawn = pm.sample_prior_predictive(count, random_seed=3, compile_kwargs=QUICK)[
            "prior"
        ].to_dataset()
    found = {name: drawn[name].to_numpy()[0] for name in drawn.data_vars}
    found["effect"] = found["study_logit"] - found["alpha"][:, None, :]
    return found


def test_two_populations_have_their_mean_spread_and_shares() -> None:
    spec = ModelSpec(
        stages=CHAIN, levels=["study"], random_effects="two_population", correlation="independent"
    )
    nearly_all = {"split": Beta(alpha=1e6, beta=1), "upper_share": Beta(alpha=300, beta=700)}
    found = prior_effects(spec, PriorSet(**nearly_all))
    standard = found["effect"][:, 0, 1] / found["tau"][:, 1]
    # All of the variance lies between: an effect is one of two values, 30 % of them the upper.
    upper, share = standard > 0, found["upper_share"]
    np.testing.assert_allclose(standard, (upper - share) / np.sqrt(share * (1 - share)), atol=0.02)
    assert upper.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 4000))
    loose = prior_effects(spec, PriorSet())
    standard = (loose["effect"][:, :, 1] / loose["tau"][:, None, 1]).ravel()
    assert standard.mean() == pytest.approx(0, abs=0.08)
    assert standard.var() == pytest.approx(1, abs=0.12)
    np.testing.assert_allclose(
        loose["gap"] ** 2 * loose["upper_share"] * (1 - loose["upper_share"]),
        loose["split"] * loose["tau"][:, 1] ** 2,
    )


@pytest.mark.parametrize("value", ["independent", -0.5, 0.5])
def test_a_fixed_correlation_is_that_of_the_study_effects(value: float | str) -> None:
    spec = ModelSpec(stages=CHAIN, levels=["study"], correlation=value)
    found = prior_effects(spec, PriorSet())
    standard = found["effect"] / found["tau"][:, None, :]
    got = np.corrcoef(standard[..., 0].ravel(), standard[..., 1].ravel())[0, 1]
    want = 0.0 if value == "independent" else float(value)
    assert got == pytest.approx(want, abs=4 / np.sqrt(standard[..., 0].size))
    assert np.all(found["correlation"] == want)


def test_a_family_crosses_studies_and_its_effect_is_shared() -> None:
    rows = table(agent_family=["f", None] * 6)
    spec = ModelSpec(stages=["goal_failure"], levels=["study", "agent_family"])
    design = build_design(rows, spec)
    assert design.crossed[0].units.count("f") == 1
    assert len(design.crossed[0].units) == 7
    with build_chain(design, PriorSet()) as model:
        drawn = pm.sample_prior_predictive(2000, random_seed=3, compile_kwargs=QUICK)[
            "prior"
        ].to_dataset()
    effect = drawn["agent_family_effect"].to_numpy()[0, :, :, 0]
    scale = drawn["phi"].to_numpy()[0, :, 0]
    assert (effect / scale[:, None]).std() == pytest.approx(1, abs=0.03)
    assert model.named_vars_to_dims["agent_family_effect"] == ("agent_family", "stage")
    lonely = build_design(rows.assign(agent_family=None), spec)
    assert not lonely.crossed
    assert any("agent_family is left out" in note for note in lonely.notes)


def test_two_populations_are_recovered() -> None:
    rng = np.random.default_rng(5)
    high = rng.random(24) < 0.4
    rate = 1 / (1 + np.exp(-np.where(high, 1.5, -2.5)))
    events = rng.binomial(60, rate)
    rows = table(24, 1, events_goal_failure=events, trials_goal_failure=60)
    spec = ModelSpec(
        stages=["goal_failure"],
        levels=["study"],
        random_effects="two_population",
        likelihood="binomial",
    )
    sampler = Sampler(draws=1000, tune=1000)
    task = FitTask(model="m", spec=spec, priors=PriorSet(), sampler=sampler, seed=2)
    design = build_design(rows, spec)
    tree = sample_posterior(compile_model(design, task), task, 2, progress=False)
    post = tree["posterior"]
    low, up = np.quantile(post["gap"], [0.025, 0.975])
    assert low < 4.0 < up
    low, up = np.quantile(post["upper_share"], [0.025, 0.975])
    assert low < high.mean() < up
    assert float(post["split"].mean()) > 0.6
    assert int(tree["sample_stats"]["diverging"].sum()) == 0


def test_a_compiled_model_is_refitted_under_another_fixed_correlation() -> None:
    spec = ModelSpec(stages=CHAIN, levels=["study"], correlation=0.5)
    sampler = Sampler(draws=50, tune=100)
    task = FitTask(model="m", spec=spec, priors=PriorSet(), sampler=sampler, seed=2)
    design = build_design(table(), spec)
    ready = compile_model(design, task)
    other = build_design(table(), spec.model_copy(update={"correlation": -0.5}))
    tree, _ = refit(ready, other, task, 2, "other")
    assert np.all(tree["posterior"]["correlation"] == -0.5)


def test_assumed_capable_reads_all_trials_as_capable() -> None:
    rows = table(conditioning="all_trials")
    assert build_design(rows, ModelSpec(stages=CHAIN)).through_capability.any()
    assumed = build_design(rows, ModelSpec(stages=CHAIN, assumed_capable=True))
    assert not assumed.through_capability.any()
    assert any("every trial were capable" in note for note in assumed.notes)


def test_what_two_populations_and_correlations_cannot_be_is_refused() -> None:
    three = [*CHAIN, "harm"]
    with pytest.raises(ValueError, match="last stage"):
        ModelSpec(stages=three, random_effects="two_population")
    with pytest.raises(ValueError, match=r"below -0\.5"):
        ModelSpec(stages=three, correlation=-0.6)


def test_a_refit_chooses_its_own_centring() -> None:
    spec = ModelSpec(stages=CHAIN, levels=["study", "agent_set"], likelihood="binomial")
    task = FitTask(model="m", spec=spec, priors=PriorSet(), sampler=Sampler(), seed=2)
    shared = {"agent_set": np.repeat([f"a{i}" for i in range(6)], 2)}
    rich = build_design(table(**shared, **{f"trials_{s}": 400 for s in CHAIN}), spec)
    sparse = build_design(table(**shared, **{f"events_{s}": 0 for s in CHAIN}), spec)
    data = data_of(compile_model(sparse, task), rich, task)
    centred = {name: value for name, value in data.items() if name.startswith("centred")}
    assert {name: value.sum() for name, value in centred.items()} == {
        "centred_study": 0, "centred_agent_set": 10
    }  # fmt: skip
    for name, value in centring(rich).items():
        np.testing.assert_array_equal(centred[name], value)
    assert not any(value.any() for value in centring(sparse).values())


def test_arms_are_centred_sooner_than_what_they_are_in() -> None:
    """A count of 7 of 28 has an information of 5.4: enough for an arm, not for a study of one."""
    spec = ModelSpec(stages=CHAIN[1:], levels=["study", "arm"], likelihood="binomial")
    counts = {f"events_{CHAIN[1]}": 7, f"trials_{CHAIN[1]}": 28}
    design = build_design(table(**counts), spec)
    arms, studies = (information(design)[name] for name in ("arm", "study"))
    assert ((arms > 5) & (arms < 10)).all()
    assert (studies < 10).all()
    found = centring(design)
    assert found["centred_arm"].all()
    assert not found["centred_study"].any()
    assert (threshold("arm"), threshold("study"), threshold("source_list")) == (5, 10, 10)


def test_student_t_effects_of_few_degrees_of_freedom_leave_every_count_possible() -> None:
    spec = ModelSpec(stages=CHAIN, levels=["study"], random_effects="student_t")
    priors = PriorSet(df=Gamma(alpha=1, beta=20), tau=HalfNormal(sigma=20))
    with build_chain(build_design(table(), spec), priors):
        drawn = pm.sample_prior_predictive(500, random_seed=3, compile_kwargs=QUICK)
    assert np.abs(drawn["prior"]["study_logit"]).max() > 1000
    counts = drawn["prior_predictive"]["counts"]
    assert counts.min() == 0
    assert counts.max() == 20


def random_point(model: pm.Model) -> dict[str, np.ndarray]:
    return {
        name: value + np.random.default_rng(5).normal(size=np.shape(value)) / 2
        for name, value in model.initial_point().items()
    }


def units_and_spreads(model: pm.Model, point: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Logits of studies and of agent sets, sds of sets and of arms."""
    names = ["study_logit", "agent_set_logit", "omega", "kappa"]
    values = model.replace_rvs_by_values([model[name] for name in names])
    return pm.pytensorf.compile(model.value_vars, values)(**point)


def test_a_set_of_one_arm_has_the_density_of_a_set_and_its_arm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is drawn is the arm about the study and the set given its arm, not the other way."""
    monkeypatch.setattr("meta.models.centring.threshold", lambda _level: np.inf)
    spec = ModelSpec(stages=CHAIN, levels=["study", "agent_set", "arm"], likelihood="binomial")
    sets = ["a", "a", "b", "c", "d", "e"]
    design = build_design(table(studies=3, agent_set=sets), spec)
    model = build_chain(design, PriorSet())
    point = random_point(model)
    study, agents, omega, kappa = units_and_spreads(model, point)
    of_study, of_agent = design.levels[1].parent, design.levels[2].parent
    alone = (np.bincount(of_agent) == 1)[:, None]
    assert alone.ravel().tolist() == [False, True, True, True, True]
    both = np.sqrt(omega**2 + kappa**2)
    spread = np.where(alone[of_agent], both, kappa)
    raw = np.stack([point[f"arm_{stage}_raw"] for stage in CHAIN], axis=1)
    arms = np.where(alone, study[of_study], agents)[of_agent] + spread * raw
    want = norm.logpdf(agents, study[of_study], omega).sum()
    want += norm.logpdf(arms, agents[of_agent], kappa).sum()

    sampled = [model[f"{level}_{stage}_raw"] for level in ("agent_set", "arm") for stage in CHAIN]
    got = float(model.compile_logp(vars=sampled, jacobian=False)(point))
    # All are standardised: the set of two arms by the spread of sets, the others by what is left
    # of it once their arm is known.
    got -= np.log(np.where(alone, omega * kappa / both, omega)).sum() + np.log(spread).sum()
    assert got == pytest.approx(want, rel=1e-9)


def test_an_arm_among_all_trials_varies_on_the_logit_of_the_product(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sets of one such arm and of several, others of one arm: density of arms and of counts."""
    monkeypatch.setattr("meta.models.centring.threshold", lambda _level: np.inf)
    spec = ModelSpec(stages=CHAIN, levels=["study", "agent_set", "arm"], likelihood="binomial")
    rows = table(studies=3, agent_set=["a", "a", "b", "c", "d", "d"])
    among_all = rows.index.isin([1, 2, 4])
    rows.loc[among_all, "conditioning"] = "all_trials"
    for counts in ("events", "trials"):
        rows.loc[among_all, f"{counts}_capability_transfer"] = pd.NA
    design = build_design(rows, spec)
    model = build_chain(design, PriorSet())
    point = random_point(model)
    study, agents, omega, kappa = units_and_spreads(model, point)
    of_study, of_agent = design.levels[1].parent, design.levels[2].parent
    # Only the set `c` is drawn given its arm: that of `b` counts a product.
    alone = np.array([False, False, True, False])[:, None]
    both = np.sqrt(omega**2 + kappa**2)
    spread = np.where(alone[of_agent], both, kappa)
    mean = np.where(alone, study[of_study], agents)[of_agent]
    raw = np.stack([point[f"arm_{stage}_raw"] for stage in CHAIN], axis=1)

    def on_logit(rates: np.ndarray) -> np.ndarray:
        # About the middle at which the mean is the product of the means (Zeger et al. 1988).
        wide = np.sqrt(1 + (16 * np.sqrt(3) / (15 * np.pi)) ** 2 * kappa**2)
        product = wide[1] * logit(expit(rates / wide).prod(axis=1))
        return np.stack([rates[:, 0], np.where(among_all, product, rates[:, 1])], axis=1)

    arms = on_logit(mean) + spread * raw
    want = norm.logpdf(agents, study[of_study], omega).sum()
    want += norm.logpdf(arms, on_logit(agents[of_agent]), kappa).sum()
    sampled = [model[f"{level}_{stage}_raw"] for level in ("agent_set", "arm") for stage in CHAIN]
    got = float(model.compile_logp(vars=sampled, jacobian=False)(point))
    got -= np.log(np.where(alone, omega * kappa / both, omega)).sum() + np.log(spread).sum()
    assert got == pytest.approx(want, rel=1e-9)
    rate = expit(arms[design.row, design.stage])
    np.testing.assert_allclose(
        model.compile_logp(vars=[model["counts"]], sum=False)(point)[0],
        binom.logpmf(design.events, design.trials, rate),
        rtol=1e-9,
    )


@pytest.mark.parametrize("levels", [[], ["agent_set", "agent_family"]])
def test_arms_may_be_read_as_capable_without_another_compilation(levels: list[str]) -> None:
    rows = table(agent_set=["a", "a", "b", "c", "d", "d"] * 2, agent_family=["f", "g", None] * 4)
    rows["agent_family"] = rows["agent_family"].astype("string")
    rows["failure_type"] = ["goal_misgeneralization", "specification_gaming"] * 6
    rows["conditioning"] = ["given_capability", "all_trials", "all_trials"] * 4
    rows = rows.sample(frac=1, random_state=3, ignore_index=True)
    spec = ModelSpec(
        stages=CHAIN, levels=["study", *levels, "arm"], likelihood="binomial",
        moderators=["failure_type"],
    )  # fmt: skip
    assumed = build_design(rows, spec.model_copy(update={"assumed_capable": True}))
    design = build_design(rows, spec)
    model, wanted = build_chain(design, PriorSet()), build_chain(assumed, PriorSet())
    point = random_point(model)
    before = float(model.compile_logp()(point))
    with model:
        pm.set_data({"through": np.zeros(design.row.size), **centring(assumed)})
    after = float(model.compile_logp()(point))
    assert after == pytest.approx(float(wanted.compile_logp()(point)), rel=1e-9)
    assert abs(after - before) > 1


def test_scales_that_a_run_found_decide_what_is_centred_next() -> None:
    spec = ModelSpec(stages=CHAIN[1:], levels=["study", "arm"], likelihood="binomial")
    design = build_design(table(**{"events_goal_failure": 10}), spec)
    rich = information(design)["arm"][:, 0]
    np.testing.assert_allclose(rich, 5, rtol=0.01)
    for scale, centred in ((0.4, False), (0.5, True)):
        found = fitted_centring(design, {"arm": np.array([scale])})
        assert list(found) == ["centred_arm"]
        assert found["centred_arm"].all() == centred
    # Two arms that vary with sd 2 about their study tell it less than two that vary with sd 1.
    wide = information(design, {"arm": np.array([2.0])})["study"][:, 0]
    np.testing.assert_allclose(wide, 2 * rich[0] / (1 + 4 * rich[0]))
    near = information(design, {"arm": np.array([0.5])})["study"][:, 0]
    np.testing.assert_allclose(near, 2 * rich[0] / (1 + rich[0] / 4))
    # Before a run, counts that are all alike leave arms the least spread that is assumed.
    np.testing.assert_allclose(information(design)["study"][:, 0], near)


def test_the_spread_of_arms_is_told_by_their_counts() -> None:
    """Studies whose arms vary little know their own rate well, and are sampled as they are."""
    spec = ModelSpec(stages=CHAIN[1:], levels=["study", "arm"], likelihood="binomial")
    rng = np.random.default_rng(4)
    middle = np.repeat(rng.normal(0, 1, 40), 10)
    found = {}
    for spread in (0.1, 0.7, 2.0):
        events = rng.binomial(200, expit(middle + rng.normal(0, spread, 400)))
        rows = table(40, 10, events_goal_failure=events, trials_goal_failure=200)
        design = build_design(rows, spec)
        found[spread] = float(arm_spread(design)[0])
        # What a study's ten arms tell of it, 1 / spread^2 each at most, decides.
        assert centring(design)["centred_study"].all() == (spread < 1)
    assert found[0.1] == 0.5
    # The moments of logits of counts are known to fall short (Viechtbauer 2005,
    # doi:10.3102/10769986030003261); a guess is all that is needed.
    assert 0.5 < found[0.7] < 0.75
    assert found[2.0] == 1.0


def test_a_stage_without_two_arms_in_a_unit_has_the_usual_spread() -> None:
    spec = ModelSpec(stages=CHAIN[1:], levels=["study", "arm"], likelihood="binomial")
    assert arm_spread(build_design(table(6, 1), spec)).tolist() == [1.0]
