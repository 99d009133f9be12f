"""A finished run without sampling: real evidence and records, a made-up posterior."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd
import yaml
from scipy.special import expit

from meta.evidence.analysis_set import data_hash, read_analysis_set
from meta.evidence.ingest import ingest
from meta.evidence.snapshot import write_analysis_sets
from meta.settings_file import load_settings
from meta.storage import write_json
from tests.evidence.small_base import STUDY, arm, write

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {
    "rates": {
        "primary": True, "stages": ["goal_failure"], "levels": ["study"], "likelihood": "binomial",
    }
}  # fmt: skip
STUDIES = [
    {**STUDY, "study_id": name, "title": f"On {name}"}
    for name in ("smith_2024", "jones_2024", "brown_2025")
]
ARMS = [
    arm("A1"),
    arm("A2", study_id="jones_2024", n_goal_failure="12"),
    arm("A3", study_id="brown_2025", n_goal_failure="8"),
]
CHAINS, DRAWS = 4, 1000


def finished_run(directory: Path, arms: list[dict[str, str]] = ARMS) -> Path:
    """Write evidence and results as a run leaves them; the posterior is the same whatever rows."""
    write(directory, studies=STUDIES, arms=arms)
    (directory / "config").mkdir(exist_ok=True)
    (directory / "config/config.yaml").write_text(yaml.safe_dump({"models": MODELS}))
    settings = load_settings(directory)
    processed = directory / "data/processed"
    ingest(
        directory, processed / "evidence.duckdb", processed / "tables", processed / "flow.json",
        processed / "bibliography.parquet", processed / "corrections.json",
        settings.models["rates"].row_filter,
    )  # fmt: skip
    write_analysis_sets(processed / "tables", settings, processed / "analysis")
    (processed / "gate.txt").write_text("passed\n")
    fit = processed / "fits/rates"
    fit.mkdir(parents=True, exist_ok=True)
    posterior = draws()
    with h5py.File(fit / "posterior.nc", "w") as file:
        group = file.create_group("posterior")
        for name, values in posterior.items():
            group[name] = values
        group["study"] = sorted({row["study_id"] for row in arms})
    rate = expit(posterior["alpha"][..., 0])
    table = {
        "chain": np.repeat(np.arange(CHAINS), DRAWS),
        "goal_failure/all/rate_mean": rate.ravel(),
    }
    pd.DataFrame(table).to_parquet(fit / "draws.parquet")
    pooled(rate, settings.ci_prob).to_csv(fit / "pooled.csv", index=False)
    task = settings.task("rates")
    gate = settings.gate.model_dump(exclude={"r_hat_imputation"})
    record = {
        "spec_hash": task.spec_hash,
        "data_hash": data_hash(read_analysis_set(processed / "analysis/rates.parquet")),
        "seed": settings.seed,
        "sampler": {"name": "nutpie", **task.sampler.model_dump(mode="json")},
        "provenance": {}, "versions": {}, "passed": True,
        "checks": {n: {"value": t, "threshold": t, "passed": True} for n, t in gate.items()},
    }  # fmt: skip
    write_json(fit / "fit.json", record)
    return directory


def draws() -> dict[str, np.ndarray]:
    """Draws of a posterior, by parameter: intercept, scale and the logits of three studies."""
    rng = np.random.default_rng(1)
    alpha = rng.normal(0.5, 0.25, (CHAINS, DRAWS, 1))
    tau = np.full((CHAINS, DRAWS, 1), 0.25)
    logits = alpha[:, :, None] + tau[:, :, None] * rng.normal(size=(CHAINS, DRAWS, 3, 1))
    return {"alpha": alpha, "tau": tau, "study_logit": logits}


def pooled(rate: np.ndarray, ci_prob: float) -> pd.DataFrame:
    low, median, high = np.quantile(rate, [(1 - ci_prob) / 2, 0.5, (1 + ci_prob) / 2])
    row = {
        "model": "rates", "outcome": "goal_failure", "group": "all", "estimand": "rate_mean",
        "mean": rate.mean(), "sd": rate.std(ddof=1), "median": median, "ci_low": low,
        "ci_high": high, "ci_prob": ci_prob, "mcse_mean": rate.std() / rate.size**0.5,
    }  # fmt: skip
    return pd.DataFrame([row, {**row, "group": "study=smith_2024", "estimand": "study_rate"}])


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
