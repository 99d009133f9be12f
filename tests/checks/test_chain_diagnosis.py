"""The chain's table, checks and files against what was put in by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from meta.chain_settings import ChainTask
from meta.checks.chain_diagnosis import (
    CHAIN_COLUMNS,
    FRAME,
    correlation_table,
    diagnose_chain,
    write_chain,
)
from meta.checks.gate import gate as pass_gate
from meta.checks.paired_fits import FittedModel
from meta.checks.sampler import CHECK_COLUMNS
from meta.config import Gate, ModelSpec
from meta.errors import GateError
from meta.estimands.draws import Draws
from meta.models.design import Design, build_design
from meta.models.imputed_design import build_imputed_design
from meta.pooled import COLUMNS
from meta.priors import Normal, Notoriety
from tests.checks.stored_fits import imputed_cells, stored
from tests.estimands.chain_tables import (
    CASE_SPEC,
    GAMING,
    GOAL,
    HARM_LOCATION,
    LOCATION,
    OTHER,
    RATE_SPEC,
    arms,
    cells,
    harm_of,
    rates_of,
)

DRAWS = 2000
TASK = ChainTask(
    rates="rates", harm="composition", notoriety=Notoriety(mu=1, sigma=0.75),
    transport=Normal(mu=0, sigma=0.5), eta=2, correlations=(-0.5, 0.0, 0.5, "lkj"), draws=DRAWS,
    seed=7,
)  # fmt: skip
MODERATED = {"moderators": ["failure_type"]}
RATES = build_design(arms([GAMING] * 3), ModelSpec.model_validate(RATE_SPEC))
CELLS = cells(["l0", "l1", "l2"], [GAMING] * 3, [10, 20, 5])
HARM = build_design(CELLS, ModelSpec.model_validate(CASE_SPEC))


def sampled(draws: Draws, seed: int, sd: float = 0.3) -> Draws:
    """Draws of which the intercepts vary, as a posterior's do."""
    noise = np.random.default_rng(seed).standard_normal(draws.location.shape)
    return replace(draws, location=draws.location + sd * noise)


def fitted(make, design: Design, seed: int = 1, count: int = DRAWS, **of) -> FittedModel:
    return FittedModel(
        [sampled(make(count, **of), seed)],
        [design],
        design,
        sampled(make(8000, **of), seed + 1, 1.5),
    )


@pytest.fixture(scope="module")
def whole() -> tuple[FittedModel, FittedModel]:
    return fitted(rates_of, RATES), fitted(harm_of, HARM, 3)


@pytest.fixture(scope="module")
def table(whole) -> pd.DataFrame:
    return diagnose_chain(*whole, TASK, Gate(), 0.9)[0]


def row(table: pd.DataFrame, outcome: str, estimand: str, group: str = "all") -> pd.Series:
    chosen = table[
        table["outcome"].eq(outcome) & table["estimand"].eq(estimand) & table["group"].eq(group)
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_the_table_has_the_columns_of_pooled_results_and_its_own(table):
    assert table.columns.tolist() == [*COLUMNS, *CHAIN_COLUMNS]
    assert set(table["model"]) == {"rates"}
    assert set(table["harm_model"]) == {"composition"}
    assert set(table["frame"]) == {FRAME} == {"denominator and case_series"}
    assert set(table["ci_prob"]) == {0.9}
    assert len(table) == 6


def test_numbers_are_those_of_independent_draws(table):
    """Typical rates are inverse logits of intercepts, whose draws are made here a second time."""
    rng = np.random.default_rng(99)
    size = 400_000
    shift = rng.normal(0, 0.5, size) - rng.normal(1, 0.75, size)
    harm = expit(HARM_LOCATION + rng.normal(0, 0.3, size) + shift)
    rates = expit(np.array(LOCATION) + rng.normal(0, 0.3, (size, 2))).prod(axis=1)
    for outcome, want in (("harm", harm), ("harmful_misgeneralization", rates * harm)):
        got = row(table, outcome, "rate_typical")
        for name, quantile in (("ci_low", 0.05), ("median", 0.5), ("ci_high", 0.95)):
            # Standard error of the logit of a quantile of 2000 draws, four times.
            spread = logit(want).std() * 4 * np.sqrt(quantile * (1 - quantile) / DRAWS) / 0.1
            near = spread if quantile != 0.5 else spread / 4
            assert logit(got[name]) == pytest.approx(logit(np.quantile(want, quantile)), abs=near)
        assert got["mean"] == pytest.approx(want.mean(), abs=4 * want.std() / np.sqrt(DRAWS))


def test_the_prior_is_that_of_everything_and_contraction_is_against_it(whole, table):
    rng = np.random.default_rng(98)
    size = 400_000
    shift = rng.normal(0, 0.5, size) - rng.normal(1, 0.75, size)
    prior = expit(HARM_LOCATION + rng.normal(0, 1.5, size) + shift)
    posterior = expit(HARM_LOCATION + rng.normal(0, 0.3, size) + shift)
    got = row(table, "harm", "rate_typical")
    # Four standard errors of a median of 8000 draws whose sd is 1.7, then of a ratio of variances.
    assert logit(got["prior_median"]) == pytest.approx(logit(np.median(prior)), abs=0.1)
    want = 1 - logit(posterior).var() / logit(prior).var()
    assert got["contraction"] == pytest.approx(want, abs=0.05)
    # Most of what is left is judged: data on harm alone could not take it away.
    assert logit(posterior).var() > 0.9 * (0.75**2 + 0.5**2)
    bare = [replace(fit, prior=None) for fit in whole]
    without = diagnose_chain(*bare, TASK, Gate(), 0.9)[0]
    assert without["contraction"].isna().all()
    assert without["median"].tolist() == table["median"].tolist()


def test_what_is_judged_has_its_share_of_the_variance_of_harm(table):
    # Intercepts of harm vary by 0.3, what is judged by 0.75 and 0.5; nothing else does.
    judged = 0.75**2 + 0.5**2
    got = row(table, "harm", "rate_typical")["judged_share"]
    assert got == pytest.approx(judged / (judged + 0.3**2), abs=0.08)
    others = table[table["outcome"].ne("harm") | table["estimand"].ne("rate_typical")]
    assert others["judged_share"].isna().all()


def typed() -> tuple[FittedModel, FittedModel]:
    """Three gaming arms in three studies, three of misgeneralization in two; no other cases."""
    types = [GAMING, GAMING, GAMING, GOAL, GOAL, GOAL, OTHER]
    table = arms(types).assign(study=["s0", "s1", "s2", "s3", "s3", "s4", "s5"])
    # One arm of each kind counts among all trials.
    table.loc[[2, 5], "conditioning"] = "all_trials"
    table.loc[[2, 5], ["events_capability_transfer", "trials_capability_transfer"]] = pd.NA
    table["trials_goal_failure"] = pd.array([8, 9, 10, 11, 12, 13, 14], dtype="Int64")
    rates = build_design(table, ModelSpec.model_validate({**RATE_SPEC, **MODERATED}))
    made = cells(["l0", "l1", "l2", "l2"], [GAMING, GOAL, GAMING, GOAL], [10, 0, 5, 7])
    harm = build_design(made, ModelSpec.model_validate({**CASE_SPEC, **MODERATED}))
    of_rates = replace(rates_of(400), slope=np.zeros((400, len(rates.terms), 2)))
    return (
        FittedModel([sampled(of_rates, 1)], [rates], rates, None),
        FittedModel([sampled(harm_of(400, terms=1), 2)], [harm], harm, None),
    )


def test_behind_each_number_stand_its_own_studies_and_cases():
    table = diagnose_chain(*typed(), TASK, Gate(), 0.9)[0]
    counts = ["k_studies", "k_rows", "n_trials", "k_direct", "k_cases"]
    shown = {
        (r["outcome"], r["group"].partition("=")[2]): [int(r[c]) for c in counts]
        for r in table.to_dict("records")
    }
    assert shown == {
        ("harmful_misgeneralization", GAMING): [3, 3, 27, 0, 15],
        ("harmful_misgeneralization", GOAL): [2, 3, 36, 0, 7],
        # Of harm the lists, cells and cases that reached it.
        ("harm", GAMING): [2, 2, 15, 2, 15],
        ("harm", GOAL): [1, 1, 7, 1, 7],
    }


def test_with_imputed_codes_the_evidence_is_the_mean_over_sets():
    designs = build_imputed_design(imputed_cells(), ModelSpec.model_validate(CASE_SPEC))
    each = [sampled(harm_of(400), number) for number in (1, 2)]
    harm = FittedModel(each, designs.sets, designs.base, None)
    table = diagnose_chain(fitted(rates_of, RATES), harm, TASK, Gate(), 0.9)[0]
    # 35 cases reach harm in the first set and 45 in the second.
    assert set(table["k_cases"]) == {40}
    assert set(table.loc[table["outcome"].eq("harm"), "n_trials"]) == {40}
    assert table["r_hat"].notna().all()


def test_a_number_passes_if_its_draws_and_both_fits_do(whole):
    rates, harm = whole
    for one, other, holds in (
        (rates, harm, True),
        (replace(rates, chains_pass=False), harm, False),
        (rates, replace(harm, chains_pass=False), False),
    ):
        table, checks, _ = diagnose_chain(one, other, TASK, Gate(), 0.9)
        assert set(table["passed"]) == {holds}
        assert [c.check for c in checks] == [
            "chain_r_hat", "chain_ess_bulk", "chain_ess_tail", "chain_mcse_over_sd",
        ]  # fmt: skip
        assert all(check.passed for check in checks), "the draws themselves are sound"


def test_draws_that_do_not_mix_fail_and_are_named(whole):
    rates, harm = whole
    location = harm.draws[0].location.copy()
    location[: DRAWS // 4, 2] += 3  # one chain of four is elsewhere
    apart = replace(harm, draws=[replace(harm.draws[0], location=location)])
    table, checks, _ = diagnose_chain(rates, apart, TASK, Gate(), 0.9)
    assert not row(table, "harm", "rate_typical")["passed"]
    by_name = {check.check: check for check in checks}
    assert not by_name["chain_r_hat"].passed
    assert by_name["chain_r_hat"].worst.startswith("harm/all/")
    assert by_name["chain_r_hat"].threshold == Gate().r_hat


def test_the_table_of_correlations_holds_the_chain_under_each(whole, table):
    found = correlation_table(*whole, TASK, 0.9)
    assert found["correlation"].unique().tolist() == ["-0.5", "0.0", "0.5", "lkj"]
    assert len(found) == 4 * 3
    by = found.set_index(["correlation", "estimand"])
    for estimand in ("rate_typical", "rate_mean", "rate_new"):
        pooled = row(table, "harmful_misgeneralization", estimand)
        for name in ("ci_low", "median", "ci_high"):
            assert by.loc[("lkj", estimand), name] == pytest.approx(pooled[name], rel=1e-12)
    mean = [by.loc[(c, "rate_mean"), "median"] for c in ("-0.5", "0.0", "0.5")]
    assert mean[0] < mean[1] < mean[2]
    assert mean[0] < by.loc[("lkj", "rate_mean"), "median"] < mean[2]
    # Nothing but the correlation differs: the typical study does not know it.
    assert by.xs("rate_typical", level="estimand")["median"].nunique() == 1


def test_the_same_seed_gives_the_same_table_and_another_another(whole, table):
    again = diagnose_chain(*whole, TASK, Gate(), 0.9)[0]
    pd.testing.assert_frame_equal(again, table)
    other = diagnose_chain(*whole, TASK.model_copy(update={"seed": 8}), Gate(), 0.9)[0]
    assert (other["median"] != table["median"]).any()


def test_files_of_two_stored_fits(tmp_path):
    rates = stored(tmp_path, "rates", RATE_SPEC, arms([GAMING] * 3), [1, 1, 1, 1])
    harm = stored(tmp_path, "harm", CASE_SPEC, imputed_cells(), [1, 1, 2, 2])
    folder = tmp_path / "chain"
    write_chain(rates, harm, TASK, Gate(), 0.9, folder)
    table = pd.read_csv(folder / "pooled.csv")
    checks = pd.read_csv(folder / "diagnostics.csv")
    draws = pd.read_parquet(folder / "draws.parquet")
    record = json.loads((folder / "chain.json").read_text())
    assert checks.columns.tolist() == CHECK_COLUMNS
    assert set(checks["model"]) == {"rates"}
    # Draws multiply to the table; capability and goal failure are of logit 1 throughout.
    key = "all/rate_typical"
    product = expit(1.0) ** 2 * draws[f"harm/{key}"]
    np.testing.assert_allclose(draws[f"harmful_misgeneralization/{key}"], product, rtol=1e-5)
    shown = row(table, "harmful_misgeneralization", "rate_typical")
    assert product.median() == pytest.approx(shown["median"], rel=1e-5)
    # Two sets of a hundred draws, half of them at logit 1 and half at 2 before what is judged.
    assert len(draws) == 200
    assert table["k_cases"].tolist() == [40] * 6
    assert (record["rates"], record["harm"]) == ("rates", "composition")
    assert record["notoriety"] == {
        "distribution": "normal", "mu": 1, "sigma": 0.75, "offsets": [0, 0.5, 1, 1.5, 2, 3],
    }  # fmt: skip
    assert record["transport"] == {"distribution": "normal", "mu": 0, "sigma": 0.5}
    with pytest.raises(GateError, match="chain_ess_bulk: value"):
        pass_gate([folder / "diagnostics.csv"])
