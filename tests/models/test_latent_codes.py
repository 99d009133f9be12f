"""Latent codes: Bayes' rule by hand, simulated truth recovered, codes calibrated, odd bases."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from meta.config import CodePrior, Codes, CodesTask, Gate, Sampler
from meta.evidence.imputations import stored_imputations
from meta.evidence.responses import Responses, field_responses
from meta.imputation import FieldFit, LatentCodes, impute_codes
from meta.models.latent_codes import (
    code_probabilities,
    confusion_prior,
    draw_codes,
    label_margin,
    patterns_of,
    unpadded,
)
from tests.evidence.coding_base import base

CODERS = ["a", "b", "c"]
NAMES = ["yes", "partial", "no"]  # the vocabulary of goal_failure, in its order
TASK = CodesTask(
    codes=Codes(draws=500, imputations=40),
    sampler=Sampler(draws=500, tune=500),
    seed=7,
    gate=Gate(),
)
REPLICATES = 10


def simulated(
    rng: np.random.Generator, confusion: np.ndarray, prevalence: np.ndarray, items: int, name: str
) -> tuple[Responses, np.ndarray]:
    """Answers of coders with known confusion, one in ten missing; and the true codes."""
    truth = rng.choice(len(prevalence), items, p=prevalence)
    rows: list[tuple[str, str, str | None]] = []
    for i, z in enumerate(truth):
        for j, coder in enumerate(CODERS):
            answer = NAMES[rng.choice(3, p=confusion[j, z])]
            rows.append((f"{i:05d}", coder, answer if rng.random() > 0.1 else "unclear"))
    responses = field_responses(base(rows, "goal_failure"), "goal_failure")
    assert responses is not None
    assert responses.classes == NAMES
    return replace(responses, field=name), truth


@pytest.fixture(scope="module")
def world() -> dict[str, tuple[Responses, np.ndarray, np.ndarray, np.ndarray]]:
    """Replicates with parameters from the prior, and one large base with fixed ones."""
    rng = np.random.default_rng(11)
    prior = confusion_prior(3, CODERS, CodePrior(), ordinal=True)
    made = {}
    for r in range(REPLICATES):
        confusion = np.array([[rng.dirichlet(row) for row in coder] for coder in prior])
        prevalence = rng.dirichlet(np.ones(3))
        made[f"r{r}"] = (
            *simulated(rng, confusion, prevalence, 200, f"r{r}"),
            confusion,
            prevalence,
        )
    fixed = np.array(
        [
            [[0.9, 0.08, 0.02], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]],
            [[0.95, 0.04, 0.01], [0.3, 0.6, 0.1], [0.02, 0.08, 0.9]],
            [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]],
        ]
    )
    share = np.array([0.5, 0.3, 0.2])
    made["large"] = (*simulated(rng, fixed, share, 4000, "large"), fixed, share)
    return made


@pytest.fixture(scope="module")
def latent(world) -> LatentCodes:
    """One compiled model for every base of this file."""
    return LatentCodes([*(w[0] for w in world.values()), *odd_responses()], TASK)


@pytest.fixture(scope="module")
def fits(world, latent: LatentCodes) -> dict[str, FieldFit]:
    return {name: latent.fit(w[0], 2) for name, w in world.items()}


def test_known_confusion_matrices_are_recovered(world, fits) -> None:
    fit, (_, _, confusion, prevalence) = fits["large"], world["large"]
    assert all(c.passed for c in fit.checks), [c for c in fit.checks if not c.passed]
    for draws, truth in ((fit.confusion, confusion), (fit.prevalence[:, 0], prevalence)):
        z = (draws.mean(axis=0) - truth) / draws.std(axis=0)
        assert np.abs(z).max() < 4
        assert np.abs(draws.mean(axis=0) - truth).max() < 0.06


def test_intervals_cover_parameters_drawn_from_the_prior(world, fits) -> None:
    """Coverage over replicates within Monte Carlo error: the posterior is calibrated."""
    share = []
    for r in range(REPLICATES):
        _, _, confusion, prevalence = world[f"r{r}"]
        fit = fits[f"r{r}"]
        low, high = np.quantile(fit.confusion[..., :2], [0.1, 0.9], axis=0)
        inside = (low <= confusion[..., :2]) & (confusion[..., :2] <= high)
        low, high = np.quantile(fit.prevalence[:, 0, :2], [0.1, 0.9], axis=0)
        share.append(np.append(inside.ravel(), (low <= prevalence[:2]) & (prevalence[:2] <= high)))
    each = np.array(share, float).mean(axis=1)
    error = max(each.std(ddof=1), 0.08) / np.sqrt(REPLICATES)
    assert abs(each.mean() - 0.8) < 3.5 * error


def test_probabilities_of_codes_are_calibrated(world, fits) -> None:
    expected, found, variance = 0.0, 0.0, 0.0
    for name in [f"r{r}" for r in range(REPLICATES)]:
        responses, truth, _, _ = world[name]
        fit = fits[name]
        by_item = fit.probabilities.mean(axis=0)[fit.patterns.member]
        p = by_item[responses.units["item"].to_numpy()]
        true = truth[responses.units["unit_id"].astype(int)]
        unsure = p.max(axis=1) < 0.95
        assert unsure.any()
        p, true = p[unsure], true[unsure]
        expected += p.max(axis=1).sum()
        found += (p.argmax(axis=1) == true).sum()
        variance += (p.max(axis=1) * (1 - p.max(axis=1))).sum()
    assert abs(found - expected) < 3.5 * np.sqrt(variance)


def test_probabilities_are_bayes_rule() -> None:
    rng = np.random.default_rng(2)
    responses = field_responses(
        base([("1", "a", "yes"), ("1", "b", "no"), ("2", "a", "partial"), ("2", "b", "unclear")],
             "goal_failure"),
        "goal_failure",
    )  # fmt: skip
    patterns = patterns_of(responses)
    pi, theta = rng.dirichlet(np.ones(3), (1, 1)), rng.dirichlet(np.ones(3), (1, 2, 3))
    found = code_probabilities(pi, theta, patterns)[0][patterns.member]
    both = np.array([pi[0, 0, k] * theta[0, 0, k, 0] * theta[0, 1, k, 2] for k in range(3)])
    one = np.array([pi[0, 0, k] * theta[0, 0, k, 1] for k in range(3)])
    np.testing.assert_allclose(found, [both / both.sum(), one / one.sum()])


def test_draws_of_codes_have_their_probabilities() -> None:
    p = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
    member = np.repeat([0, 1], 20000)
    drawn = draw_codes(p, member, np.random.default_rng(1))
    share = np.bincount(drawn[:20000], minlength=3) / 20000
    assert np.abs(share - p[0]).max() < 4 * np.sqrt(0.25 / 20000)
    assert (drawn[20000:] == 0).all()


def test_the_prior_favours_the_true_code_its_neighbours_and_the_adjudicator() -> None:
    prior = confusion_prior(4, ["a", "adjudicated"], CodePrior(), ordinal=True)
    np.testing.assert_allclose(prior.sum(axis=2), 10)
    np.testing.assert_allclose(prior[0].diagonal(), 8)
    np.testing.assert_allclose(prior[1].diagonal(), 9.5)
    assert prior[0, 0, 1] == 2 * prior[0, 0, 2] == 4 * prior[0, 0, 3]
    flat = confusion_prior(4, ["a"], CodePrior(), ordinal=False)[0]
    np.testing.assert_allclose(flat[0, 1:], 2 / 3)


def test_codes_that_nobody_used_are_steps_of_the_scale() -> None:
    """Harm without `significant`: from `none`, `severe` is three steps away and not two."""
    rows = [(str(k), c, code) for k, code in enumerate(("none", "minor", "severe")) for c in "ab"]
    responses = field_responses(base(rows), "harm")
    assert responses.places.tolist() == [0, 1, 3]
    prior = LatentCodes([responses], TASK).prior(responses)
    np.testing.assert_allclose(prior[:, 0, 1], 4 * prior[:, 0, 2])
    np.testing.assert_allclose(prior[:, 2, 1], 2 * prior[:, 2, 0])


def test_what_is_left_of_a_padded_vector_has_the_prior_of_the_field() -> None:
    """Subcomposition of a Dirichlet: its moments, from draws, against the closed form."""
    rng = np.random.default_rng(4)
    a = np.array([8.0, 1.5, 0.5])
    kept = unpadded(rng.dirichlet([*a, 1, 1], (40000, 1)), (1, 3))[:, 0]
    mean = a / a.sum()
    sd = np.sqrt(mean * (1 - mean) / (a.sum() + 1))
    np.testing.assert_allclose(kept.mean(axis=0), mean, atol=4 * sd.max() / 200)
    np.testing.assert_allclose(kept.std(axis=0), sd, rtol=0.05)


def test_switched_labels_are_seen() -> None:
    right = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert label_margin(right[None, None]) == pytest.approx(0.6)
    assert label_margin(right[::-1][None, None]) < 0


def odd(kind: str) -> list[tuple[str, str, str | None]]:
    units = [f"{i:02d}" for i in range(12)]
    pairs = list(itertools.product(units, "ab"))
    return {
        "one coder": [(u, "a", NAMES[int(u) % 2]) for u in units],
        "agree": [(u, c, NAMES[int(u) % 3]) for u, c in pairs],
        "disagree": [(u, c, NAMES["ab".index(c)]) for u, c in pairs],
        "one code": [(u, c, "yes") for u, c in pairs],
        "adjudicated": [(u, c, NAMES["ab".index(c)]) for u, c in pairs]
        + [(u, "adjudicated", "partial") for u in units[:6]],
        "missing": [(u, c, NAMES[int(u) % 2]) for u, c in pairs if (int(u) + (c == "b")) % 3],
        "half unclear": [(u, c, "unclear" if int(u) < 6 else "yes") for u, c in pairs]
        + [("98", "a", "no"), ("98", "b", "no")],
    }[kind]


def odd_responses() -> list[Responses]:
    kinds = [
        "one coder", "agree", "disagree", "one code", "adjudicated", "missing", "half unclear",
    ]  # fmt: skip
    found = {k: field_responses(base(odd(k), "goal_failure"), "goal_failure") for k in kinds}
    return [replace(r, field=k) for k, r in found.items() if r is not None]


@pytest.fixture(scope="module")
def odd_fits(latent: LatentCodes) -> dict[str, pd.DataFrame]:
    """Probability of each code by unit, for every odd base."""
    tables = {}
    for responses in odd_responses():
        fit = latent.fit(responses, 2)
        p = fit.probabilities.mean(axis=0)[fit.patterns.member][responses.units["item"]]
        assert np.isfinite(p).all(), responses.field
        tables[responses.field] = pd.DataFrame(
            p, index=responses.units["unit_id"], columns=responses.classes
        )
    return tables


def test_odd_bases(odd_fits: dict[str, pd.DataFrame]) -> None:
    assert odd_fits["one coder"].max(axis=1).between(0.6, 0.999).all()
    assert (odd_fits["agree"].max(axis=1) > 0.9).all()
    even = odd_fits["disagree"]
    assert even.max(axis=1).lt(0.85).all()  # two coders who never agree leave it open
    assert odd_fits["one code"]["yes"].eq(1).all()
    settled = odd_fits["adjudicated"]["partial"]
    assert (settled.iloc[:6] > 0.9).all()
    assert (settled > 0.5).all()  # the adjudicator has shown whom to believe
    assert len(odd_fits["missing"]) == 12
    # What all call unclear is as its group is: mostly yes, and never a class of its own.
    unclear = odd_fits["half unclear"].loc["00"]
    assert 0.5 < unclear["yes"] < 0.95


def test_imputations_and_probabilities_are_written_and_agree(tmp_path, capsys) -> None:
    rows = [*odd("agree"), ("50", "a", "yes"), ("50", "b", "no")]
    impute_codes(base(rows, "goal_failure"), TASK, 2, tmp_path)
    start, end = capsys.readouterr().err.splitlines()
    assert start.startswith("codes of goal_failure (1 of 1): 13 units, ")
    assert re.fullmatch(r"codes of goal_failure \(1 of 1\): done in \d+ s, (checks|failed).*", end)
    sets = list(stored_imputations(tmp_path / "imputations.parquet", ["goal_failure"]))
    assert [len(each) for each in sets] == [13] * 40
    sets = pd.concat(sets)
    p = pd.read_parquet(tmp_path / "probabilities.parquet").set_index(["unit_id", "code"])
    np.testing.assert_allclose(p.groupby("unit_id")["probability"].sum(), 1)
    share = (sets[sets["unit_id"] == "50"]["code"] == "yes").mean()
    assert abs(share - p.loc[("50", "yes"), "probability"]) < 4 * np.sqrt(0.25 / 40)
    checks = pd.read_csv(tmp_path / "diagnostics.csv")
    assert {"r_hat", "ess_bulk", "divergences", "label_margin"} <= set(checks["check"])
