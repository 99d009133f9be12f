"""Two fits cut to pairs: which draw meets which, and what their mixing is said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from meta.checks.imputed import combined_statistics
from meta.checks.paired_fits import FittedModel, fitted_model, paired_fits, paired_statistics
from meta.config import Gate, ModelSpec
from meta.errors import DesignError
from meta.estimands.draws import Draws
from meta.models.design import build_design
from tests.checks.stored_fits import imputed_cells, stored
from tests.estimands.chain_tables import (
    CASE_SPEC,
    GAMING,
    RATE_SPEC,
    arms,
    cells,
    harm_of,
    rates_of,
)

SETS = 3
RATES = build_design(arms([GAMING] * 3), ModelSpec.model_validate(RATE_SPEC))
HARM = build_design(cells(["l0", "l1", "l2"], [GAMING] * 3, [10, 20, 5]),
                    ModelSpec.model_validate(CASE_SPEC))  # fmt: skip


def numbered(draws: Draws, number: int, chains: int) -> Draws:
    """Draws that tell which set and which position they are of."""
    count = len(draws.location)
    location = draws.location.copy()
    location[:, -1] = 1000 * number + np.arange(count)
    return replace(draws, shape=(chains, count // chains), location=location)


def fit(make, sets: int, count: int, chains: int, design=None) -> FittedModel:
    design = design or (RATES if make is rates_of else HARM)
    designs = [replace(design, notes=[str(i)]) for i in range(sets)]
    return FittedModel([numbered(make(count), i, chains) for i in range(sets)], designs, design,
                       None)  # fmt: skip


def which(draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Sets and positions of draws."""
    return np.divmod(draws.location[:, -1].astype(int), 1000)


def test_sets_of_the_same_codes_are_paired_with_each_other():
    paired = paired_fits(fit(rates_of, SETS, 200, 2), fit(harm_of, SETS, 120, 2), 240)
    assert paired.dealt is None
    assert len(paired.sets) == SETS
    for number, pair in enumerate(paired.sets):
        assert pair.rates.shape == pair.harm.shape == (2, 40)
        for draws, design in ((pair.rates, pair.rates_design), (pair.harm, pair.harm_design)):
            of, position = which(draws)
            assert set(of) == {number}
            assert design.notes == [str(number)]
            # Evenly spaced from the first to the last.
            assert np.ptp(np.diff(position)) <= 1
            assert position[0] == 0
        assert which(pair.rates)[1][-1] == 199
        assert which(pair.harm)[1][-1] == 119
        # Each draw keeps what belongs to it.
        assert len(pair.harm.tau) == len(pair.harm.factor) == len(pair.rates.icc) == 80


@pytest.mark.parametrize("single", [rates_of, harm_of])
def test_a_fit_of_one_set_is_dealt_out_to_the_sets_of_the_other(single):
    several = harm_of if single is rates_of else rates_of
    one, other = fit(single, 1, 480, 4), fit(several, SETS, 120, 2)
    rates, harm = (one, other) if single is rates_of else (other, one)
    paired = paired_fits(rates, harm, 240)
    assert paired.dealt == 4
    dealt = [pair.rates if single is rates_of else pair.harm for pair in paired.sets]
    assert {draws.shape for draws in dealt} == {(2, 40)}
    positions = np.stack([which(draws)[1] for draws in dealt])
    everything = np.sort(positions.ravel())
    assert len(set(everything)) == 240, "no draw twice"
    assert np.ptp(np.diff(everything)) <= 1, "evenly from all of the fit"
    # Neighbours lie in neighbouring sets: no set gets one end of the chains alone.
    assert (np.diff(positions, axis=0) > 0).all()
    np.testing.assert_array_equal(positions.T.ravel(), everything)
    others = [pair.harm if single is rates_of else pair.rates for pair in paired.sets]
    assert [set(which(draws)[0]) for draws in others] == [{0}, {1}, {2}]


def test_two_fits_of_one_set_are_paired_in_their_order():
    paired = paired_fits(fit(rates_of, 1, 480, 4), fit(harm_of, 1, 240, 4), 8000)
    (pair,) = paired.sets
    assert paired.dealt is None
    assert pair.rates.shape == pair.harm.shape == (4, 60)
    np.testing.assert_array_equal(which(pair.harm)[1], np.arange(240))


def test_sets_of_other_codes_and_too_few_draws_are_refused():
    with pytest.raises(DesignError, match="the same imputed sets"):
        paired_fits(fit(rates_of, SETS, 200, 2), fit(harm_of, 2, 200, 2), 240)
    with pytest.raises(DesignError, match=r"chain\.draws.*at least 60"):
        paired_fits(fit(rates_of, SETS, 200, 2), fit(harm_of, SETS, 200, 2), 59)
    assert len(paired_fits(fit(rates_of, SETS, 200, 2), fit(harm_of, SETS, 200, 2), 60).sets) == 3


def autoregressive(rng: np.random.Generator, coefficient: float, *shape: int) -> np.ndarray:
    """Chains of unit variance along the last axis."""
    values = rng.standard_normal(shape)
    for i in range(1, shape[-1]):
        fresh = np.sqrt(1 - coefficient**2) * values[..., i]
        values[..., i] = coefficient * values[..., i - 1] + fresh
    return values


@pytest.mark.parametrize(("slow", "other"), [(0.9, 0.0), (0.0, 0.6), (0.8, 0.6)])
def test_the_error_of_a_mean_is_that_of_both_fits(slow, other):
    """The mean of an autoregression of unit variance has variance (1 + c) / (1 - c) / n."""
    rng = np.random.default_rng(4)
    sets, chains, length, repeats = 20, 2, 200, 12
    total = sets * chains * length
    found, naive = [], []
    for _ in range(repeats):
        single = autoregressive(rng, slow, 4, total // 4).ravel()
        dealt = single.reshape(-1, sets).T.reshape(sets, chains, length)
        several = autoregressive(rng, other, sets, chains, length)
        draws = (dealt + several)[None]
        found.append(paired_statistics(draws, 4).iloc[0])
        naive.append(combined_statistics(draws)[0].iloc[0])
    table, before = pd.DataFrame(found).mean(), pd.DataFrame(naive).mean()
    variance = sum((1 + c) / (1 - c) for c in (slow, other)) / total
    # The mean of two autoregressions is estimated as well as by this many independent draws.
    assert table["mcse_mean"] == pytest.approx(np.sqrt(variance), rel=0.15)
    assert table["ess_bulk"] == pytest.approx(2 / variance, rel=0.25)
    assert table["ess_tail"] < total
    assert table["r_hat"] < 1.02
    if slow:
        assert before["ess_bulk"] > 1.5 * 2 / variance, "dealt out, slow mixing does not show"


def test_chains_of_the_dealt_fit_that_disagree_are_seen():
    rng = np.random.default_rng(4)
    single = rng.standard_normal((4, 2000))
    single[3] += 1
    dealt = single.reshape(-1, 20).T.reshape(20, 2, 200)
    draws = (dealt + 0.1 * rng.standard_normal((20, 2, 200)))[None]
    assert paired_statistics(draws, 4)["r_hat"].item() > 1.05


def test_without_dealing_the_statistics_are_those_of_the_sets():
    draws = np.random.default_rng(4).standard_normal((2, 3, 2, 200))
    pd.testing.assert_frame_equal(paired_statistics(draws, None), combined_statistics(draws)[0])


def test_a_stored_fit_of_imputed_codes_is_read_set_by_set(tmp_path):
    # Chains in another order than that of the sets: the coordinate tells.
    files = stored(tmp_path, "harm", CASE_SPEC, imputed_cells(), [2, 1, 1, 2])
    found = fitted_model(*files, Gate())
    assert found.chains_pass
    assert [np.unique(draws.location).tolist() for draws in found.draws] == [[1.0], [2.0]]
    assert {draws.shape for draws in found.draws} == {(2, 50)}
    last = found.base.stage == 2
    assert [each.trials[last].tolist() for each in found.designs] == [[10, 20, 5], [12, 24, 9]]
    assert found.base.trials[last].tolist() == [11, 22, 7]
    assert np.unique(found.prior.location).tolist() == [-7.0]


def test_a_fit_whose_chains_fail_says_so(tmp_path):
    rates = arms([GAMING] * 3)
    for diverging, holds in ((0, True), (1, False)):
        files = stored(tmp_path, "rates", RATE_SPEC, rates, [0, 0, 0, 0], diverging)
        found = fitted_model(*files, Gate())
        assert found.chains_pass is holds
        assert len(found.draws) == len(found.designs) == 1
    short = fitted_model(*stored(tmp_path, "rates", RATE_SPEC, rates, [0, 0, 0]), Gate())
    assert not short.chains_pass, "three chains are too few"
