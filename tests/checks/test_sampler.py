"""Sampler checks fail when they should, and never because something is missing."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from meta.checks.gate import gate
from meta.checks.sampler import chain_checks, mixing_statistics, quantity_checks, row_passes
from meta.config import Gate, Sampler
from meta.errors import GateError

RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(1, 4, 1000))


def stats(**changes: np.ndarray | None) -> xr.Dataset:
    values: dict[str, np.ndarray | None] = {
        "energy": RNG.normal(size=(4, 500)),
        "diverging": np.zeros((4, 500), bool),
        "maxdepth_reached": np.zeros((4, 500), bool),
        **changes,
    }
    return xr.Dataset({k: (("chain", "draw"), v) for k, v in values.items() if v is not None})


def outcome(sample_stats: xr.Dataset) -> dict[str, bool]:
    return {c.check: c.passed for c in chain_checks(sample_stats, Sampler(), Gate())}


def test_good_chains_pass() -> None:
    assert all(outcome(stats()).values())
    checks = quantity_checks(mixing_statistics(GOOD), ["q"], Gate())
    assert [c.check for c in checks] == ["r_hat", "ess_bulk", "ess_tail", "mcse_over_sd"]
    assert all(c.passed for c in checks)


@pytest.mark.parametrize(
    ("name", "check"),
    [("energy", "e_bfmi"), ("diverging", "divergences"), ("maxdepth_reached", "max_depth_share")],
)
def test_a_missing_statistic_fails_its_check_alone(name: str, check: str) -> None:
    found = outcome(stats(**{name: None}))
    assert {k for k, passed in found.items() if not passed} == {check}


def test_one_divergence_one_saturated_tree_and_low_energy_fail() -> None:
    one = np.zeros((4, 500), bool)
    one[2, 7] = True
    assert not outcome(stats(diverging=one))["divergences"]
    assert not outcome(stats(maxdepth_reached=one))["max_depth_share"]
    walk = np.cumsum(RNG.normal(size=(4, 500)), axis=1)
    assert not outcome(stats(energy=walk))["e_bfmi"]


def test_three_chains_are_too_few() -> None:
    assert not outcome(stats().isel(chain=slice(3)))["chains"]


def test_a_shifted_chain_a_slow_chain_and_a_constant_fail() -> None:
    shifted = GOOD.copy()
    shifted[0, 0] += 0.5
    slow = np.cumsum(GOOD, axis=2)
    constant = np.ones_like(GOOD)
    draws = np.concatenate([GOOD, shifted, slow, constant])
    table = mixing_statistics(draws)
    assert row_passes(table, Gate()).tolist() == [True, False, False, False]
    checks = quantity_checks(table.iloc[:3], ["good", "shifted", "slow"], Gate())
    assert {c.check: c.worst for c in checks}["ess_bulk"] == "slow"
    with_constant = quantity_checks(table, ["good", "shifted", "slow", "constant"], Gate())
    assert with_constant[0].value is None
    assert not with_constant[0].passed
    assert with_constant[0].worst == "constant"


def test_thresholds_are_on_the_right_side() -> None:
    table = pd.DataFrame(
        {
            "r_hat": [1.01],
            "ess_bulk": [400.0],
            "ess_tail": [400.0],
            "mcse_mean": [0.05],
            "sd": [1.0],
        }
    )
    by_name = {c.check: c.passed for c in quantity_checks(table, ["q"], Gate())}
    # R-hat must be below; the others may equal their threshold.
    assert by_name == {"r_hat": False, "ess_bulk": True, "ess_tail": True, "mcse_over_sd": True}
    assert not row_passes(table, Gate()).any()
    assert row_passes(table.assign(r_hat=1.0099), Gate()).all()


def write(path, rows):
    columns = ["model", "check", "value", "threshold", "passed", "worst", "meaning"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def test_gate_names_model_check_value_and_threshold(tmp_path) -> None:
    good = write(tmp_path / "a.csv", [["rates", "divergences", 0, 0, True, "", "m"]])
    assert gate([good]) == "passed: 1 check of 1 model"
    bad = write(tmp_path / "b.csv", [["other", "ess_bulk", 31.5, 400, False, "q", "small"],
                                     ["other", "r_hat", None, 1.01, False, "", "m"]])  # fmt: skip
    with pytest.raises(GateError) as caught:
        gate([good, bad])
    text = str(caught.value)
    assert "2 of 3 checks failed" in text
    assert "other: ess_bulk: value 31.5, threshold 400 at q" in text
    assert "other: r_hat: value missing or not finite, threshold 1.01" in text


def test_an_empty_table_of_checks_is_a_failure(tmp_path) -> None:
    with pytest.raises(GateError, match="nothing was proven"):
        gate([write(tmp_path / "a.csv", [])])
