"""Calibration as it is committed: ranks, the rows whose shape it has, and what it is bound to.

`calibration/<model>/` holds `ranks.parquet`, `rows.parquet` and `calibration.json`. A calibration
speaks for one specification, for the behaviour of one model, and for tables of about the shape of
its own: `stale_reasons` says where that has moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meta.checks.calibration import CHAINS, FEWEST_EFFECTIVE, TUNE, ranks, simulator
from meta.checks.uniformity import BAND_PROBABILITY, RANKED_DRAWS, uniformity
from meta.config import FitTask, ModelSpec
from meta.errors import UserError
from meta.evidence.analysis_set import read_analysis_set
from meta.evidence.imputed_set import AGREED, IMPUTATION
from meta.models.behaviour import behaviour_differences, fingerprint, model_behaviour
from meta.models.design import Design
from meta.models.imputed_design import build_imputed_design
from meta.models.specification import design_of
from meta.progress import progress
from meta.settings_file import load_settings
from meta.storage import atomic, write_json

#: Counts of a table (rows, units, observations) may move by this share before a calibration at its
#: shape no longer speaks for it: one added study does not ask for hours of computing.
SHAPE_TOLERANCE = 0.25
LIBRARIES = ("arviz", "numpy", "nutpie", "pymc", "pytensor", "scipy")
AGAIN = "run `make calibrate`"
SHARD_OF = "fitted"


class CalibrationError(UserError):
    """Calibration results that are missing, or that do not belong together."""


@dataclass(frozen=True)
class Shard:
    """One part of the replicates, 1-based: `number` of `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `i/n`.

        Raises
        ------
        CalibrationError
            If it is no such pair with 1 <= i <= n.
        """
        try:
            number, count = (int(part) for part in text.split("/"))
        except ValueError:
            number, count = 0, 0
        if not 1 <= number <= count:
            raise CalibrationError(
                f"--shard: {text!r}: not i/n with 1 <= i <= n: write for instance 2/10"
            )
        return cls(number, count)

    def replicates(self, total: int) -> range:
        """Replicates of this part, of `total` that are numbered from 0."""
        edges = np.linspace(0, total, self.count + 1).round().astype(int)
        return range(int(edges[self.number - 1]), int(edges[self.number]))


def task_in_force(model: str) -> FitTask:
    """Task of a model under the settings of the present folder.

    Raises
    ------
    CalibrationError
        If no model has that name.
    """
    settings = load_settings(Path())
    if model not in settings.models:
        known = ", ".join(settings.models)
        raise CalibrationError(f"MODEL: {model!r}: no model has that name: use one of {known}")
    return settings.task(model)


def calibrated_rows(analysis: Path) -> pd.DataFrame:
    """Rows of an analysis set that a calibration is at the shape of; of imputed ones, one set."""
    if not analysis.is_file():
        raise CalibrationError(
            f"{analysis}: there is no analysis set: run `snakemake {analysis} --cores 2` first"
        )
    table = read_analysis_set(analysis)
    if IMPUTATION not in table:
        return table
    first = table.loc[table[IMPUTATION] != AGREED, IMPUTATION].min()
    return table[table[IMPUTATION].isin([AGREED, first])].reset_index(drop=True)


def calibrated_design(rows: pd.DataFrame, spec: ModelSpec) -> Design:
    """Design of the rows that `calibrated_rows` gives."""
    if IMPUTATION in rows:
        return build_imputed_design(rows, spec).sets[0]
    return design_of(rows, spec)


def calibrate_shard(
    analysis: Path, task: FitTask, replicates: int, shard: Shard, output: Path
) -> None:
    """Fit one part of a model's replicates and write their ranks as Parquet.

    Parameters
    ----------
    analysis
        Analysis set of the model.
    task
        Specification, priors, sampler and seed.
    replicates
        Replicates of the whole calibration.
    shard
        The part to fit.
    output
        Parquet file to write.
    """
    design = calibrated_design(calibrated_rows(analysis), task.spec)
    # First: a model that cannot be described should fail before the hours, not after.
    shared = identity(task, design)
    part = shard.replicates(replicates)
    what = f"{task.model}, shard {shard.number} of {shard.count}"
    simulated = simulator(design, task, replicates)
    table = ranks(simulated, progress(part, what, "replicates"), cores=1)
    table[SHARD_OF] = shared
    with atomic(output) as temporary:
        table.to_parquet(temporary, index=False)


def identity(task: FitTask, design: Design) -> str:
    """Digest of what all shards of one calibration share."""
    behaviour = model_behaviour(design, task.priors)
    text = f"{task.spec_hash}/{fingerprint(behaviour)}/{shape_of(design)['hash']}/{task.seed}"
    return hashlib.sha256(text.encode()).hexdigest()


def shape_of(design: Design) -> dict[str, Any]:
    """Shape of a design: what a calibration at it depends on besides the model.

    Returns
    -------
    dict
        `hash` of its arrays without the counts; the `counts` of rows, of units by level, of
        observations by stage and of those through capability; `terms`.
    """
    digest = hashlib.sha256(repr((design.stages, design.terms)).encode())
    arrays = (design.stage, design.row, design.trials, design.through_capability, design.row_unit)
    # Of models without crossed levels this adds nothing.
    for array in (*arrays, design.x.round(9), design.row_crossed):
        digest.update(np.ascontiguousarray(array).tobytes())
    counts = {"rows": len(design.rows), "through_capability": int(design.through_capability.sum())}
    counts |= {
        f"{level.name} units": len(level.units) for level in (*design.levels, *design.crossed)
    }
    counts |= {
        f"observations of {stage}": int((design.stage == o).sum())
        for o, stage in enumerate(design.stages)
    }
    return {"hash": digest.hexdigest(), "counts": counts, "terms": len(design.terms)}


def merge_shards(
    task: FitTask, analysis: Path, shards: Sequence[Path], required: int, date: str, folder: Path
) -> pd.DataFrame:
    """Join the shards of one calibration and write its folder.

    Parameters
    ----------
    task, analysis
        As for the shards.
    shards
        Files of `calibrate_shard`.
    required
        Replicates that a complete calibration of this model has.
    date
        Day of the measurement.
    folder
        Receives `ranks.parquet`, `rows.parquet` and `calibration.json`.

    Returns
    -------
    pandas.DataFrame
        The ranks of all replicates.

    Raises
    ------
    CalibrationError
        If shards are of another model, specification or table, or replicates are missing or
        there twice.
    """
    rows = calibrated_rows(analysis)
    design = calibrated_design(rows, task.spec)
    table = _joined(shards, identity(task, design))
    record = calibration_record(task, design, table, required, date)
    for name, content in (("ranks", table), ("rows", rows)):
        with atomic(folder / f"{name}.parquet") as temporary:
            content.to_parquet(temporary, index=False)
    write_json(folder / "calibration.json", record)
    return table


def _joined(shards: Sequence[Path], expected: str) -> pd.DataFrame:
    parts = [pd.read_parquet(path) for path in shards]
    for path, part in zip(shards, parts, strict=True):
        if set(part[SHARD_OF]) != {expected}:
            raise CalibrationError(
                f"{path}: of another model, specification, table or seed: remove it and {AGAIN}"
            )
    table = pd.concat(parts, ignore_index=True).drop(columns=SHARD_OF)
    table = table.sort_values(["replicate", "quantity"], ignore_index=True)
    found = table.loc[table["quantity"] == table["quantity"].iloc[0], "replicate"].tolist()
    if found != list(range(len(found))):
        raise CalibrationError(
            f"{shards[0].parent}: replicates are missing or there twice: give every shard once"
        )
    return table


def calibration_record(
    task: FitTask, design: Design, table: pd.DataFrame, required: int, date: str
) -> dict[str, Any]:
    """What `calibration.json` says: bindings, outcome, and how the sampling went."""
    verdict = uniformity(table)
    each = table.drop_duplicates("replicate")
    complete = len(each) >= required
    behaviour = model_behaviour(design, task.priors)
    return {
        "model": task.model,
        "date": date,
        "replicates": len(each),
        "required": required,
        "complete": complete,
        # A trial is too small to be failed by anything but gross errors, so that it passes nothing.
        "passed": complete and bool(verdict["inside"].all()),
        "uniformity": json.loads(verdict.to_json(orient="records", double_precision=6)),
        "band_probability": BAND_PROBABILITY,
        "ranked_draws": RANKED_DRAWS,
        "sampling": {
            "chains": CHAINS,
            "tune": TUNE,
            "target_accept": task.sampler.target_accept,
            "draws_median": float(each["draws"].median()),
            "replicates_sampled_in_smaller_steps": int(
                (each["target_accept"] > task.sampler.target_accept).sum()
            ),
            "replicates_with_divergences": int((each["divergences"] > 0).sum()),
            "replicates_below_effective_size": int((each["ess_bulk"] < FEWEST_EFFECTIVE).sum()),
        },
        "seed": task.seed,
        "spec_hash": task.spec_hash,
        "shape": shape_of(design),
        "fingerprint": fingerprint(behaviour),
        "behaviour": behaviour,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def read_calibration(folder: Path) -> dict[str, Any]:
    """Read `calibration.json`.

    Raises
    ------
    CalibrationError
        If there is none.
    """
    try:
        content: dict[str, Any] = json.loads((folder / "calibration.json").read_text("utf-8"))
    except FileNotFoundError:
        raise CalibrationError(f"{folder}: the model is not calibrated: {AGAIN}") from None
    return content


def stale_reasons(folder: Path, task: FitTask, now: Design) -> list[str]:
    """Say why a committed calibration does not speak for a model as it is; nothing if it does.

    Costs one interpreted evaluation of the model: no sampling, no compilation.

    Parameters
    ----------
    folder
        Folder of the calibration.
    task
        Specification and priors in force.
    now
        Design of the evidence as it is.
    """
    record = read_calibration(folder)
    found = []
    if record["spec_hash"] != task.spec_hash:
        found.append("the specification or its priors have changed")
    else:
        rows = pd.read_parquet(folder / "rows.parquet")
        behaviour = model_behaviour(calibrated_design(rows, task.spec), task.priors)
        found += behaviour_differences(record["behaviour"], behaviour)
    found += shape_differences(record["shape"], shape_of(now))
    return [f"{folder}: {reason}: {AGAIN}" for reason in found]


def shape_differences(stored: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say where a table has outgrown (or shrunk below) the shape of a calibration."""
    if stored["hash"] == now["hash"]:
        return []
    if stored["terms"] != now["terms"] or set(stored["counts"]) != set(now["counts"]):
        return ["the table has other levels, stages or moderator columns"]
    moved = [
        f"{name} {before} then, {now['counts'][name]} now"
        for name, before in stored["counts"].items()
        if abs(now["counts"][name] - before) > SHAPE_TOLERANCE * max(before, 1)
    ]
    return [f"the shape of the table has moved ({'; '.join(moved)})"] if moved else []
