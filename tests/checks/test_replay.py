"""Replay: a fit made again from its record alone, and what is called the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from meta.checks.diagnosis import diagnose
from meta.checks.replay import read_fitted, replay
from meta.checks.replay_comparison import Fitted, compare
from meta.checks.sampler import mixing_statistics
from meta.evidence.ingest import ingest
from meta.evidence.snapshot import write_analysis_sets
from meta.inference.fit import fit_model
from meta.settings_file import load_settings
from tests.workflow.conftest import MINI

SETTINGS = {
    "seed": 7,
    "ci_prob": 0.9,
    "exceedance": [0.3],
    "sampler": {"draws": 200, "tune": 300},
    "models": {
        "rates": {
            "primary": True, "stages": ["goal_failure"], "likelihood": "binomial",
            "levels": ["study", "agent_set"],
        }
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small base, fitted with settings that are nowhere the default."""
    base = tmp_path_factory.mktemp("run") / "base"
    shutil.copytree(MINI, base)
    (base / "config/config.yaml").write_text(yaml.safe_dump(SETTINGS))
    settings, processed = load_settings(base), base / "data/processed"
    ingest(
        base, processed / "evidence.duckdb", processed / "tables", processed / "flow.json",
        processed / "bibliography.parquet", processed / "corrections.json",
        settings.models["rates"].row_filter,
    )  # fmt: skip
    write_analysis_sets(processed / "tables", settings, processed / "analysis")
    rows, folder = processed / "analysis/rates.parquet", processed / "fits/rates"
    task = settings.task("rates")
    fit_model(rows, task, 2, folder / "posterior.nc")
    diagnose(
        folder / "posterior.nc", rows, task, settings.gate, settings.ci_prob, folder,
        settings.exceedance,
    )  # fmt: skip
    # What the record must make up for: settings that are no longer there.
    shutil.rmtree(base / "config")
    return base


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the compiler keeps what it made; nothing is there yet."""
    return tmp_path_factory.mktemp("caches") / "new"


@pytest.fixture
def fit(run: Path, tmp_path: Path) -> Path:
    """The fit, free to be changed."""
    return shutil.copytree(run, tmp_path / "base") / "data/processed/fits/rates"


def edit(path: Path, *where: str, value: object) -> None:
    record = json.loads(path.read_text())
    inner = record
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    path.write_text(json.dumps(record))


REFERENCE = Path(__file__).parent / "reference"


def test_a_fit_is_that_of_the_machine_that_made_the_reference(run: Path) -> None:
    """The same draws, or those of another machine and other libraries within their error."""
    stored, made = read_fitted(REFERENCE), read_fitted(run / "data/processed/fits/rates")
    found = compare(stored, made, SETTINGS["ci_prob"])
    assert found.numbers == 30
    assert found.within_error, (found.worst, found.allowed, found.lost)


def test_the_reference_tells_another_posterior() -> None:
    """A mean one posterior sd away is called different from the reference."""
    stored = read_fitted(REFERENCE)
    moved = stored.pooled.assign(mean=stored.pooled["mean"] + stored.pooled["sd"])
    found = compare(stored, replace(stored, pooled=moved), SETTINGS["ci_prob"])
    assert not found.within_error


@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_a_fit_is_made_again_to_the_byte(fit: Path, caches: Path, cache: str) -> None:
    """Whatever is compiled already: fast math would draw other samples from a cold cache."""
    assert caches.exists() == (cache == "warm")
    flags = f"base_compiledir={caches}"
    command = [sys.executable, "-m", "meta", "replay", str(fit / "fit.json"), "--json"]
    environment = {**os.environ, "PYTENSOR_FLAGS": flags}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["differing"] == {}
    assert outcome["comparison"]["identical"] is True
    with h5py.File(fit / "posterior.nc") as file:
        stored = file["posterior"]
        sizes = [v.size for v in stored.values() if v.ndim > 1 and v.shape[:2] == (4, 200)]
    assert outcome["comparison"]["draws"] == sum(sizes) > 4 * 200 * 8


def test_one_changed_draw_is_different_where_nothing_else_is(fit: Path) -> None:
    with h5py.File(fit / "posterior.nc", "r+") as file:
        file["posterior/alpha"][1, 20, 0] = np.nextafter(file["posterior/alpha"][1, 20, 0], 9)
    outcome = replay(fit / "fit.json", None, 2)
    assert not outcome.same
    assert not outcome.comparison.identical
    assert "should be identical" in outcome.as_text()


def test_other_versions_are_named_and_allow_for_monte_carlo_error(fit: Path) -> None:
    """Another seed stands for other libraries: other draws of the same posterior."""
    edit(fit / "fit.json", "task", "seed", value=8)
    edit(fit / "fit.json", "versions", "numpy", value="1.0")
    outcome = replay(fit / "fit.json", None, 2)
    assert list(outcome.differing) == ["numpy"]
    assert outcome.differing["numpy"][0] == "1.0"
    assert not outcome.comparison.identical
    assert outcome.same, outcome.as_text()
    assert "same within Monte Carlo error" in outcome.as_text()
    # Other priors do not pass for noise.
    edit(fit / "fit.json", "task", "priors", "alpha", value={
        "distribution": "normal", "mu": 3, "sigma": 0.2,
    })  # fmt: skip
    outcome = replay(fit / "fit.json", None, 2)
    assert not outcome.same
    assert "beyond Monte Carlo error" in outcome.as_text()


def meta(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "meta", *words], capture_output=True, text=True)


@pytest.mark.parametrize(
    "damage", ["no record", "no fit", "old record", "rows", "no rows", "no numbers"]
)
def test_what_cannot_be_compared_is_usage(fit: Path, damage: str) -> None:
    record, rows = fit / "fit.json", fit.parents[1] / "analysis/rates.parquet"
    if damage == "no record":
        record.unlink()
    elif damage == "no fit":
        record = rows
    elif damage == "old record":
        record.write_text("{}")
    elif damage == "rows":
        table = pd.read_parquet(rows, dtype_backend="numpy_nullable")
        table.iloc[1:].to_parquet(rows)
    elif damage == "no rows":
        rows.unlink()
    else:
        (fit / "pooled.csv").unlink()
    done = meta("replay", str(record))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    said = {
        "no record": "does not exist", "no fit": "is no record of a fit: name the fit.json",
        "old record": "does not say how the fit was made",
        "rows": "not the rows of this fit", "no rows": "name the analysis set",
        "no numbers": "nothing to compare with",
    }[damage]  # fmt: skip
    assert said in done.stderr


def fitted(values: np.ndarray) -> Fitted:
    """A fit of independent draws, shape (quantity, chain, draw)."""
    names = [f"goal_failure/study=s{i}/rate_mean" for i in range(len(values))]
    statistics = mixing_statistics(values)
    pooled = pd.DataFrame([n.split("/") for n in names], columns=["outcome", "group", "estimand"])
    pooled = pooled.assign(mean=values.mean(axis=(1, 2)), mcse_mean=statistics["mcse_mean"])
    draws = pd.DataFrame(dict(zip(names, values.reshape(len(values), -1), strict=True)))
    draws.insert(0, "chain", np.repeat(np.arange(values.shape[1]), values.shape[2]))
    return Fitted(pooled, draws, {"alpha": values})


def normal(seed: int, quantities: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(quantities, 4, 500))


def test_two_samples_of_one_distribution_are_seldom_called_different() -> None:
    alarms = sum(
        not compare(fitted(normal(2 * i)), fitted(normal(2 * i + 1)), 0.95).within_error
        for i in range(25)
    )
    # One in a hundred is expected; four of 25 have a probability of 1 in 10,000.
    assert alarms <= 3


@pytest.mark.filterwarnings("ignore:invalid value encountered in scalar divide")
@pytest.mark.parametrize("change", ["shift", "spread", "constant"])
def test_another_distribution_is_found_and_named(change: str) -> None:
    """A mean half an sd away, or an interval twice as wide about the same mean."""
    one, other = normal(1), normal(2)
    if change == "shift":
        other[7] += 0.5
    elif change == "spread":
        other[7] = 2 * (other[7] - other[7].mean()) + one[7].mean()
    else:
        one[7], other[7] = 0.5, 0.5000001
    found = compare(fitted(one), fitted(other), 0.95)
    assert not found.identical
    assert not found.within_error
    assert found.worst is not None
    assert "s7/" in found.worst.number
    if change != "constant":
        assert found.worst.number.startswith({"shift": "mean", "spread": "0."}[change])


def test_a_lost_number_is_not_within_error() -> None:
    found = compare(fitted(normal(1)), fitted(normal(1)[:-1]), 0.95)
    assert not found.identical
    assert not found.within_error
    assert found.lost == ["goal_failure/study=s19/rate_mean"]
