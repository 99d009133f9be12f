"""Predictive check of contrasts: statistics by hand, replicates, what warns and what passes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit, logit

from meta.checks.contrast_predictive import (
    contrast_predictive,
    contrast_statistics,
    defined_contrasts,
    replicate_contrasts,
)
from meta.checks.fit_checks import contrast_checks
from meta.checks.posterior_predictive import computed_check
from meta.config import FitChecks, FitTask, ModelSpec, PriorSet, Sampler
from meta.models.contrast_design import ContrastDesign, build_contrast_design
from meta.report.check_tables import load_check_tables

SPEC = ModelSpec(
    frame="contrasts", stages=["goal_failure"], likelihood="binomial", levels=["study", "arm"]
)
STUDIES, PAIRS, TRIALS = 12, 2, 400
BASELINE, DELTA, TAU, KAPPA = -0.3, -0.8, 0.7, 0.3


def table(effects: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """A baseline and two treated arms a study, with the effect of each study."""
    arms = []
    for s, effect in enumerate(effects):
        for a in range(PAIRS + 1):
            eta = BASELINE + (effect if a else 0) + KAPPA * rng.standard_normal()
            against = f"stakes_framing@s{s:02d}:0" if a else None
            arms.append((f"s{s:02d}:{a}", f"s{s:02d}", against, rng.binomial(TRIALS, expit(eta))))
    names = ["row_id", "study", "against", "events_goal_failure"]
    made = pd.DataFrame(arms, columns=names)
    made["events_goal_failure"] = made["events_goal_failure"].astype("Int64")
    return made.assign(
        trials_goal_failure=pd.array([TRIALS] * len(made), dtype="Int64"),
        sampling_frame="denominator",
    )


def posterior(design: ContrastDesign, draws: int = 1000, tau: float = TAU) -> xr.Dataset:
    """Draws that all are the truth, in two chains."""
    shape = (2, draws // 2)
    groups = len(design.levels[1].units)
    chain = ("chain", "draw")
    return xr.Dataset(
        {
            "delta": ((*chain, "intervention"), np.full((*shape, 1), DELTA)),
            "tau_delta": (chain, np.full(shape, tau)),
            "kappa": ((*chain, "stage"), np.full((*shape, 1), KAPPA)),
            "baseline_logit": ((*chain, "baseline"), np.full((*shape, groups), BASELINE)),
        }
    )


def design(effects: np.ndarray, rng: np.random.Generator) -> ContrastDesign:
    return build_contrast_design(table(effects, rng), SPEC)


def test_statistics_by_hand() -> None:
    made = design(np.zeros(STUDIES), np.random.default_rng(1))
    events = np.full(len(made.rows), 40)
    events[[0, 1, 2]] = [0, 400, 200]  # a baseline without an event, its arms with all and half
    found = contrast_statistics(made, events[None])
    lor = np.zeros((STUDIES, PAIRS))
    base = logit(0.5 / 401)
    lor[0] = logit(400.5 / 401) - base, logit(200.5 / 401) - base
    assert found["zero_event_arms"] == [1]
    assert found["all_event_arms"] == [1]
    assert found["largest_effect"] == pytest.approx(lor.max())
    assert found["share_raised"] == pytest.approx(2 / 24)
    assert found["effect_sd_between_studies"] == pytest.approx(lor.mean(axis=1).std(ddof=1))
    within = ((lor - lor.mean(axis=1, keepdims=True)) ** 2).sum() / (24 - 12)
    assert found["effect_sd_within_studies"] == pytest.approx(np.sqrt(within))


def test_replicates_have_new_effects_and_new_deviations() -> None:
    """Variance of a pair's log odds ratio: tau^2 + 2 kappa^2 + both binomial errors."""
    made = design(np.zeros(STUDIES), np.random.default_rng(1))
    draws = 4000
    index = np.arange(draws)
    counts = replicate_contrasts(posterior(made, draws), made, index, np.random.default_rng(2))
    shown = logit((counts + 0.5) / (TRIALS + 1))
    lor = shown[:, 1] - shown[:, 0]
    other = shown[:, 2] - shown[:, 0]
    noise = 1 / (TRIALS * 0.25 * 0.75) + 1 / (TRIALS * 0.42 * 0.58)
    wanted = TAU**2 + 2 * KAPPA**2 + noise
    # Relative standard error of a variance is sqrt(2 / draws), 2.2 %.
    assert lor.var() == pytest.approx(wanted, rel=0.1)
    assert lor.mean() == pytest.approx(DELTA, abs=4 * np.sqrt(wanted / draws))
    # Arms of one study share its effect and its baseline.
    assert np.cov(lor, other)[0, 1] == pytest.approx(TAU**2 + KAPPA**2 + 1 / 97, rel=0.1)


def test_tail_probabilities_of_the_truth_are_rarely_small_and_of_another_are() -> None:
    rng = np.random.default_rng(3)
    small = []
    for _ in range(60):
        made = design(DELTA + TAU * rng.standard_normal(STUDIES), rng)
        found = contrast_predictive(posterior(made), made, 4, replicates=500)
        assert set(found["outcome"]) == {"goal_failure"}
        small += found["tail_probability"].lt(0.05).tolist()
    # Six statistics of sixty data sets: at .05 about 18, and ties make it fewer.
    assert sum(small) <= 36
    made = design(DELTA + np.repeat([-2.5, 2.5], STUDIES // 2), rng)
    found = contrast_predictive(posterior(made, tau=0.2), made, 4).set_index("statistic")
    assert found.loc["effect_sd_between_studies", "tail_probability"] < 0.005
    assert found.loc["effect_sd_within_studies", "tail_probability"] > 0.005


def test_a_misfit_warns_and_every_file_of_the_report_is_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    task = FitTask(model="contrasts", spec=SPEC, priors=PriorSet(), sampler=Sampler(), seed=1)
    arms = table(DELTA + np.repeat([-2.5, 2.5], STUDIES // 2), rng)
    made = build_contrast_design(arms, SPEC)
    results = {}
    for tau in (0.2, 3.0):
        found = contrast_checks(posterior(made, tau=tau), arms, task, FitChecks(), 0.95)
        results[tau] = {c.check for c in found.warnings if not c.passed}
        assert [(c.value, c.threshold, c.passed) for c in found.gates] == [(6, 6, True)]
        folder = tmp_path / str(tau)
        folder.mkdir()
        for name, content in found.tables.items():
            content.to_csv(folder / f"{name}.csv", index=False)
        rows = pd.DataFrame([{"model": "contrasts", **c.as_row()} for c in found.gates])
        rows.to_csv(folder / "diagnostics.csv", index=False)
        pd.DataFrame([{"model": "contrasts", **c.as_row()} for c in found.warnings]).to_csv(
            folder / "warnings.csv", index=False
        )
        (folder / "summary.json").write_text(json.dumps(found.summary))
        stored = load_check_tables(folder, "contrasts")
        assert "present" not in " ".join(stored.gates["check"])
        assert len(stored.predictive) == 6
    assert "posterior_predictive_effect_sd_between_studies" in results[0.2]
    assert results[3.0] == set()


def test_a_statistic_without_a_value_fails_the_run() -> None:
    columns = ["outcome", "statistic", "tail_probability"]
    pairs = {("o", "a"), ("o", "b")}
    rows = [["o", "a", 0.5], ["o", "b", 0.5]]
    assert computed_check(pd.DataFrame(rows, columns=columns), pairs).passed
    lost = computed_check(pd.DataFrame([rows[0], ["o", "b", np.nan]], columns=columns), pairs)
    assert (lost.value, lost.threshold, lost.passed, lost.worst) == (1, 2, False, "o: b")
    assert not computed_check(pd.DataFrame([], columns=columns), set()).passed


def test_a_statistic_of_the_contrasts_that_was_not_computed_fails() -> None:
    """What the pairs define is counted, not the rows of the table that is tested."""
    made = design(np.full(STUDIES, DELTA), np.random.default_rng(5))
    found = contrast_predictive(posterior(made), made, 1, replicates=200)
    expected = defined_contrasts(made)
    assert {(row.outcome, row.statistic) for row in found.itertuples()} == expected
    assert computed_check(found, expected).passed
    for lost in range(len(found)):
        # One that stands twice makes up for none.
        others = found.drop(index=lost)
        rest = pd.concat([others, others.iloc[:1]])
        check = computed_check(rest, expected)
        assert (check.value, check.threshold, check.passed) == (5, 6, False)
