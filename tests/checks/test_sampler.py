"""Sampler checks fail when they should, and never because something is missing."""

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from meta.checks.gate import gate
from meta.checks.sampler import (
    CHECK_COLUMNS,
    RULES,
    Check,
    chain_checks,
    mixing_statistics,
    quantity_checks,
    row_passes,
)
from meta.config import Gate, Sampler
from meta.errors import GateError
from meta.report.verdict import SIGNS

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


@pytest.mark.parametrize(
    ("rule", "below", "at", "above"),
    [("<", True, False, False), ("<=", True, True, False), (">", False, False, True),
     (">=", False, True, True)],
)  # fmt: skip
def test_a_check_holds_on_its_side_of_the_threshold_and_never_without_a_number(
    rule: str, below: bool, at: bool, above: bool
) -> None:
    def holds(value: float | None) -> bool:
        return Check("c", value, 0.3, rule, "", "").passed

    assert (holds(0.29), holds(0.3), holds(0.31)) == (below, at, above)
    assert not any(map(holds, (None, np.nan, np.inf, -np.inf)))


def test_every_rule_is_read_with_a_sign() -> None:
    assert set(RULES) == set(SIGNS)


def write(path, rows):
    pd.DataFrame(rows, columns=CHECK_COLUMNS).to_csv(path, index=False)
    return path


def test_gate_names_model_check_value_and_threshold(tmp_path) -> None:
    good = write(tmp_path / "a.csv", [["rates", "divergences", 0, 0, "<=", True, "", "m"]])
    assert gate([good]) == "passed: 1 check of 1 model"
    rows = [["other", "ess_bulk", 31.5, 400, ">=", False, "q", "small"],
            ["other", "r_hat", None, 1.01, "<", False, "", "m"]]  # fmt: skip
    bad = write(tmp_path / "b.csv", rows)
    with pytest.raises(GateError) as caught:
        gate([good, bad])
    assert str(caught.value).splitlines() == [
        "gate: 2 of 3 checks failed",
        "  other: ess_bulk: value 31.5, wanted >= 400 at q (small)",
        "  other: r_hat: value missing or not finite, wanted < 1.01 (m)",
        "The draft report is written and stamped; do not cite its numbers.",
    ]


def test_an_empty_table_of_checks_is_a_failure(tmp_path) -> None:
    good = write(tmp_path / "b.csv", [["rates", "divergences", 0, 0, "<=", True, "", "m"]])
    empty = [write(tmp_path / f"{name}.csv", []) for name in "ac"]
    for files, named in (([empty[0], good, empty[1]], f"{empty[0]}, {empty[1]}"), ([], "any file")):
        with pytest.raises(GateError) as caught:
            gate(files)
        assert str(caught.value) == f"no check found in {named}: nothing was proven"


def test_each_check_of_the_chains_says_its_value_threshold_and_meaning() -> None:
    """Two of 2,000 transitions diverge and one in 1,000 trees is cut off."""
    diverging = np.zeros((4, 500), bool)
    diverging[[1, 3], 5] = True
    found = chain_checks(
        stats(diverging=diverging, maxdepth_reached=diverging), Sampler(max_depth=7), Gate()
    )
    rows = {c.check: c.as_row() for c in found}
    assert list(rows) == ["e_bfmi", "divergences", "max_depth_share", "chains"]
    assert rows["e_bfmi"].pop("value") == pytest.approx(2, abs=0.3)  # of independent energies
    assert rows["e_bfmi"] == {
        "check": "e_bfmi", "threshold": 0.3, "rule": ">", "passed": True, "worst": "",
        "meaning": "smallest E-BFMI: the momentum explores the energy",
    }  # fmt: skip
    assert rows["divergences"] == {
        "check": "divergences", "value": 2.0, "threshold": 0.0, "rule": "<=",
        "passed": False, "worst": "",
        "meaning": "divergent transitions after warm-up",
    }  # fmt: skip
    assert rows["max_depth_share"] == {
        "check": "max_depth_share", "value": 0.001, "threshold": 0.0, "rule": "<=",
        "passed": False, "worst": "",
        "meaning": "share of draws that reached the tree depth limit of 7",
    }  # fmt: skip
    assert rows["chains"] == {
        "check": "chains", "value": 4.0, "threshold": 4.0, "rule": ">=",
        "passed": True, "worst": "", "meaning": "chains from separate starting points",
    }  # fmt: skip
    nothing = chain_checks(xr.Dataset(), Sampler(max_depth=7), Gate())
    assert [c.value for c in nothing] == [None, None, None, 0.0]
    assert [c.passed for c in nothing] == [False] * 4
    said = [[(c.check, c.threshold, c.worst, c.meaning) for c in each] for each in (found, nothing)]
    assert said[0] == said[1]


def test_the_smallest_e_bfmi_of_the_chains_decides() -> None:
    """E-BFMI of a chain is the mean squared step of its energy over its variance."""
    energy = RNG.normal(size=(4, 500))
    energy[2] = np.cumsum(energy[2])
    own = (np.diff(energy[2]) ** 2).mean() / energy[2].var()
    (check,) = [c for c in chain_checks(stats(energy=energy), Sampler(), Gate())
                if c.check == "e_bfmi"]  # fmt: skip
    assert check.value == pytest.approx(own, rel=0.01)
    level = Gate(e_bfmi=check.value)
    assert not {c.check: c.passed for c in chain_checks(stats(energy=energy), Sampler(), level)}[
        "e_bfmi"
    ]


def test_each_check_of_quantities_names_the_worst_one_with_its_value() -> None:
    table = pd.DataFrame(
        {
            "r_hat": [1.0, 1.02, 1.005], "ess_bulk": [900.0, 800.0, 399.0],
            "ess_tail": [401.0, 500.0, 600.0], "mcse_mean": [0.2, 0.01, 0.3],
            "sd": [2.0, 1.0, 10.0],
        }
    )  # fmt: skip
    found = [c.as_row() for c in quantity_checks(table, ["a", "b", "c"], Gate())]
    columns = CHECK_COLUMNS[1:]
    assert [[row[name] for name in columns] for row in found] == [
        ["r_hat", 1.02, 1.01, "<", False, "b",
         "largest rank-normalised split R-hat: the chains agree"],
        ["ess_bulk", 399.0, 400.0, ">=", False, "c",
         "smallest bulk effective sample size: the centre is known well enough"],
        ["ess_tail", 401.0, 400.0, ">=", True, "a",
         "smallest tail effective sample size: the interval ends are known well enough"],
        ["mcse_over_sd", 0.1, 0.05, "<=", False, "a",
         "largest Monte Carlo error of a mean, as a share of the posterior sd"],
    ]  # fmt: skip
    assert row_passes(table, Gate()).tolist() == [False, False, False]


def test_each_threshold_alone_fails_a_quantity() -> None:
    good = {"r_hat": 1.0, "ess_bulk": 400.0, "ess_tail": 400.0, "mcse_mean": 0.1, "sd": 2.0}
    bad = {"r_hat": 1.01, "ess_bulk": 399.9, "ess_tail": 399.9, "mcse_mean": 0.1001, "sd": 1.999}
    rows = pd.DataFrame([good, *({**good, name: value} for name, value in bad.items())])
    assert row_passes(rows, Gate()).tolist() == [True, *[False] * len(bad)]
    assert not row_passes(pd.DataFrame([{**good, "ess_tail": np.nan}]), Gate()).any()
    none = quantity_checks(rows.iloc[:0], [], Gate())
    assert [(c.value, c.passed, c.worst) for c in none] == [(None, False, "")] * 4


def test_statistics_are_those_of_the_draws() -> None:
    """Independent normal draws: as many effective ones as there are; errors of sd / sqrt(n)."""
    draws = np.random.default_rng(3).normal([[[2.0]], [[-1.0]]], [[[3.0]], [[0.5]]], (2, 4, 2500))
    table = mixing_statistics(draws)
    assert list(table) == ["r_hat", "ess_bulk", "ess_tail", "mcse_mean", "sd"]
    assert table["sd"].to_numpy() == pytest.approx(draws.reshape(2, -1).std(axis=1, ddof=1))
    assert table["r_hat"].to_numpy() == pytest.approx(1, abs=2e-3)
    assert table["ess_bulk"].to_numpy() == pytest.approx(10_000, rel=0.1)
    # Tail sizes are those of the 5% and 95% quantiles' indicators, the smaller of the two.
    ends = np.quantile(draws, [0.05, 0.95], axis=(1, 2))
    tails = [
        min(float(az.ess((draws[q] <= end).astype(float), method="mean")) for end in ends[:, q])
        for q in range(2)
    ]
    assert table["ess_tail"].to_numpy() == pytest.approx(tails, rel=0.02)
    assert table["mcse_mean"].to_numpy() == pytest.approx([0.03, 0.005], rel=0.1)
