"""Coverage as it is committed: the table of cells, its worst, and what it is bound to."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from meta.checks.calibration_record import LIBRARIES
from meta.checks.coverage import (
    ARMS,
    CAPABILITY,
    CAPABILITY_TAU,
    CHAINS,
    DRAWS,
    FEWEST_EFFECTIVE,
    ICC,
    TUNE,
    Block,
    CoverageError,
    block_design,
    blocks,
    measure_block,
)
from meta.config import FitTask
from meta.evidence.analysis_set import read_analysis_set
from meta.models.behaviour import behaviour_differences, fingerprint, model_behaviour
from meta.provenance import code_fingerprint, digest
from meta.storage import atomic, write_json

CELL = ["studies", "observed", "tau", "rate"]
#: The block whose model stands for all of them: they differ in the number of studies alone.
BOUND = Block(8, True)
#: Replicates of a cell in a complete measurement: the Monte Carlo error of 95 % is then 2 points.
REPLICATES = 100
ERROR_PROB = 0.95
AGAIN = "run `make coverage`"


def measure_coverage(
    analysis: Path, task: FitTask, replicates: int, ci_prob: float, cores: int, store: Path
) -> pd.DataFrame:
    """Fit every replicate of every cell, blocks side by side; an interrupted run goes on.

    Parameters
    ----------
    analysis
        Analysis set of the model, for the sizes of its arms.
    task
        Specification, priors, sampler and seed.
    replicates
        Of each cell.
    ci_prob
        Mass of the intervals.
    cores
        Blocks measured at the same time; it changes no number.
    store
        Folder for the fits of finished blocks, which are not measured again by the same code.

    Returns
    -------
    pandas.DataFrame
        As `measure_block`.
    """
    sizes = arm_sizes(analysis)
    code = code_fingerprint("meta.cli:coverage")
    key = digest(code, task.model_dump_json(), sizes.tolist(), replicates, ci_prob)
    files = {b: store / f"{key}-{b.studies}-{int(b.observed)}.parquet" for b in blocks()}
    todo = [block for block, file in files.items() if not file.is_file()]
    # Spawned, not forked: the sampler's threads do not survive a fork.
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(_stored_block, block, task, sizes, replicates, ci_prob, files[block])
            for block in todo
        ]
        for job in jobs:
            job.result()
    return pd.concat([pd.read_parquet(file) for file in files.values()], ignore_index=True)


def _stored_block(
    block: Block, task: FitTask, sizes: np.ndarray, replicates: int, ci_prob: float, file: Path
) -> None:
    fits = measure_block(block, task, sizes, replicates, ci_prob)
    with atomic(file) as temporary:
        fits.to_parquet(temporary, index=False)


def arm_sizes(analysis: Path) -> np.ndarray:
    """Trials of the arms of an analysis set."""
    trials = read_analysis_set(analysis)["trials_goal_failure"].dropna()
    return trials[trials > 0].to_numpy(np.int64)


def cell_table(fits: pd.DataFrame) -> pd.DataFrame:
    """Summarise the replicates of each cell and estimand.

    Returns
    -------
    pandas.DataFrame
        `studies, observed, tau, rate, estimand, truth, replicates, coverage, coverage_low,
        coverage_high` (what Monte Carlo error leaves open), `bias` (of the posterior mean),
        `bias_error` (its Monte Carlo standard error), `rmse, width` (mean length of the interval),
        `few_effective` (share of fits with fewer effective draws than wanted), `divergent` (share
        of fits with any divergence).
    """
    rows = []
    for key, part in fits.groupby([*CELL, "estimand"], sort=True):
        covered, count = part["covered"], len(part)
        low, high = _error(covered.to_numpy())
        off = part["mean"] - part["truth"]
        rows.append(
            {
                **dict(zip([*CELL, "estimand"], key, strict=True)),
                "truth": part["truth"].iloc[0],
                "replicates": count,
                "coverage": covered.mean(),
                "coverage_low": low,
                "coverage_high": high,
                "bias": off.mean(),
                "bias_error": off.std() / np.sqrt(count),
                "rmse": np.sqrt((off**2).mean()),
                "width": (part["high"] - part["low"]).mean(),
                "few_effective": (part["ess"] < FEWEST_EFFECTIVE).mean(),
                "divergent": (part["divergences"] > 0).mean(),
            }
        )
    return pd.DataFrame(rows)


def _error(covered: np.ndarray) -> tuple[float, float]:
    """Interval of a coverage: Wilson's for hits and misses, which also bounds shares in [0, 1]."""
    z, n, p = norm.ppf((1 + ERROR_PROB) / 2), covered.size, covered.mean()
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float(max(0, centre - half)), float(min(1, centre + half))


def worst(cells: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The cell of lowest coverage for each estimand."""
    lowest = cells.loc[cells.groupby("estimand")["coverage"].idxmin()]
    return {
        row["estimand"]: {
            key: row[key] for key in [*CELL, "truth", "coverage", "bias", "width", "replicates"]
        }
        for row in json.loads(lowest.to_json(orient="records", double_precision=6))
    }


def write_coverage(
    fits: pd.DataFrame, task: FitTask, ci_prob: float, date: str, folder: Path
) -> pd.DataFrame:
    """Write `coverage.csv` and `coverage.json`; return the table of cells."""
    cells = cell_table(fits)
    behaviour = model_behaviour(block_design(BOUND, task), task.priors)
    replicates = int(cells["replicates"].min())
    record = {
        "model": task.model,
        "date": date,
        "replicates": replicates,
        "required": REPLICATES,
        "complete": replicates >= REPLICATES,
        "ci_prob": ci_prob,
        "mean_coverage": cells.groupby("estimand")["coverage"].mean().round(6).to_dict(),
        "worst": worst(cells),
        "truth": {
            "capability": CAPABILITY, "capability_tau": CAPABILITY_TAU, "icc": ICC,
            "stage_correlation": 0, "arms_per_study": ARMS,
        },
        "sampling": {"chains": CHAINS, "tune": TUNE, "draws": DRAWS},
        "seed": task.seed,
        "spec_hash": task.spec_hash,
        "fingerprint": fingerprint(behaviour),
        "behaviour": behaviour,
        "versions": {name: version(name) for name in LIBRARIES},
    }  # fmt: skip
    with atomic(folder / "coverage.csv") as temporary:
        cells.to_csv(temporary, index=False, float_format="%.6g")
    write_json(folder / "coverage.json", record)
    return cells


def stale_coverage(folder: Path, task: FitTask) -> list[str]:
    """Say why committed coverage does not speak for a model as it is; nothing if it does.

    Raises
    ------
    CoverageError
        If there is none.
    """
    try:
        record = json.loads((folder / "coverage.json").read_text("utf-8"))
    except FileNotFoundError:
        raise CoverageError(f"{folder}: coverage is not measured: {AGAIN}") from None
    if record["spec_hash"] != task.spec_hash:
        found = ["the specification or its priors have changed"]
    else:
        behaviour = model_behaviour(block_design(BOUND, task), task.priors)
        found = behaviour_differences(record["behaviour"], behaviour)
    return [f"{folder}: {reason}: {AGAIN}" for reason in found]
