"""Replay of a fit: made again from its record and its rows, and compared with what is stored."""

from __future__ import annotations

import json
import math
import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from meta.checks.diagnosis import diagnose
from meta.checks.replay_comparison import Comparison, Fitted, compare
from meta.config import FitTask, Gate
from meta.errors import UserError
from meta.evidence.analysis_set import data_hash, read_analysis_set
from meta.inference.fit import fit_model
from meta.inference.store import read_fit
from meta.plural import counted
from meta.provenance import code_fingerprint, library_versions, machine
from meta.stored import whole

#: Name of the record of a fit.
RECORD = "fit.json"


class ReplayError(UserError):
    """A fit that cannot be made again or not be compared."""


@dataclass(frozen=True)
class Recorded:
    """A stored fit and what its record says of how it was made."""

    folder: Path
    record: dict[str, Any]
    task: FitTask
    gate: Gate
    ci_prob: float
    exceedance: list[float]


@dataclass(frozen=True)
class Replay:
    """A fit made again.

    Attributes
    ----------
    model
        Its name.
    differing
        What the record says and what is here, where code, libraries or machine differ.
    comparison
        The stored fit against the new one.
    """

    model: str
    differing: dict[str, tuple[str, str]]
    comparison: Comparison

    @property
    def same(self) -> bool:
        """Whether the results are the same: to the byte, unless something differs."""
        found = self.comparison
        return found.identical or (bool(self.differing) and found.within_error)

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        content = {**asdict(self), "same": self.same}
        worst = content["comparison"]["worst"] or {}
        for key, value in worst.items():
            if isinstance(value, float) and not math.isfinite(value):
                worst[key] = None
        return content

    def as_text(self) -> str:
        """Say the outcome for a person."""
        found = self.comparison
        drawn = (
            f"{counted(found.draws, 'draw')} and the pooled numbers"
            if found.draws
            else ("the pooled numbers (there are no stored draws)")
        )
        lines = [
            f"{name}: {one} then, {other} now" for name, (one, other) in self.differing.items()
        ]
        if found.identical:
            return "\n".join([*lines, f"{self.model}: same: {drawn} are identical to the byte"])
        lines += [f"only one of the fits has {name}" for name in found.lost]
        if found.worst is not None:
            worst = found.worst
            lines.append(
                f"furthest of {counted(found.numbers, 'number')}: {worst.number}: "
                f"{worst.before:.6g} then, {worst.after:.6g} now, {worst.errors:.2g} standard "
                f"errors apart, {found.allowed:.2g} allowed"
            )
        if self.same:
            verdict = "same within Monte Carlo error; not identical, since the above differs"
        elif found.within_error:
            verdict = (
                "different: within Monte Carlo error, but code, libraries and machine are those "
                "of the record, so that it should be identical"
            )
        else:
            verdict = "different: beyond Monte Carlo error"
        return "\n".join([*lines, f"{self.model}: {verdict}"])


def replay(record: Path, analysis: Path | None, cores: int) -> Replay:
    """Fit a model again from its record and its rows, and compare.

    Parameters
    ----------
    record
        `fit.json`; `pooled.csv` has to stand beside it, `posterior.nc` and `draws.parquet` may.
    analysis
        Analysis set; by default the one that stands in the same run.
    cores
        Chains sampled at the same time; it does not change the draws.

    Raises
    ------
    ReplayError
        If the record does not say how the fit was made, or the rows are not those it was made of.
    """
    stored = read_recorded(record)
    rows = analysis or stored_rows(stored)
    _require_rows(rows, stored)
    before = read_fitted(stored.folder)
    with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
        folder = Path(scratch)
        posterior = folder / "posterior.nc"
        fit_model(rows, stored.task, cores, posterior)
        diagnose(
            posterior, rows, stored.task, stored.gate, stored.ci_prob, folder, stored.exceedance
        )
        after = read_fitted(folder)
    return Replay(stored.task.model, differences(stored), compare(before, after, stored.ci_prob))


def read_recorded(path: Path) -> Recorded:
    """Read how a fit was made.

    Raises
    ------
    ReplayError
        If the record does not say.
    """
    if path.name != RECORD:
        raise ReplayError(
            f"{path}: is no record of a fit: name the {RECORD} of a run, such as "
            f"data/processed/fits/rates/{RECORD}"
        )
    with whole(path):
        record = json.loads(path.read_text(encoding="utf-8"))
        lost = [key for key in ("task", "diagnosis", "data_hash", "versions") if key not in record]
    if lost:
        raise ReplayError(
            f"{path}: does not say how the fit was made ({', '.join(lost)} missing): it is of an "
            "earlier version; run `snakemake --cores 8` to fit the model anew"
        )
    made = record["diagnosis"]
    try:
        task, gate = FitTask.model_validate(record["task"]), Gate.model_validate(made["gate"])
    except ValidationError as error:
        raise ReplayError(
            f"{path}: its settings are none that this version knows ({error.errors()[0]['msg']}); "
            f"take the code at commit {record.get('provenance', {}).get('commit')}"
        ) from None
    return Recorded(path.parent, record, task, gate, made["ci_prob"], made["exceedance"])


def stored_rows(stored: Recorded) -> Path:
    """Where a run keeps the rows of a fit."""
    processed = stored.folder.parent.parent
    sets = "analysis" if stored.task.codes is None else "codes/sets"
    return processed / sets / f"{stored.task.model}.parquet"


def _require_rows(rows: Path, stored: Recorded) -> None:
    if not rows.is_file():
        raise ReplayError(f"{rows}: no such file: name the analysis set with --analysis")
    with whole(rows):
        found = data_hash(read_analysis_set(rows))
    if found != stored.record["data_hash"]:
        raise ReplayError(
            f"{rows}: not the rows of this fit (their hash is {found[:12]}, in the record "
            f"{stored.record['data_hash'][:12]}): name the right analysis set with --analysis"
        )


def read_fitted(folder: Path) -> Fitted:
    """Read what a fit left behind; draws only where they are there.

    Raises
    ------
    NoResultsError
        If a file is not whole.
    ReplayError
        If there are no pooled numbers.
    """
    pooled, posterior, draws = (
        folder / name for name in ("pooled.csv", "posterior.nc", "draws.parquet")
    )
    if not pooled.is_file():
        raise ReplayError(f"{pooled}: no such file: nothing to compare with")
    with whole(pooled):
        table = pd.read_csv(pooled)
    with whole(draws):
        quantities = pd.read_parquet(draws) if draws.is_file() else None
    parameters = None
    if posterior.is_file():
        group = read_fit(posterior)[0]["posterior"].to_dataset()
        parameters = {str(name): group[name].to_numpy() for name in group.data_vars}
    return Fitted(table, quantities, parameters)


def differences(stored: Recorded) -> dict[str, tuple[str, str]]:
    """What the record says of code, libraries and machine, and what is here, where they differ."""
    made = stored.record.get("provenance", {})
    before = {
        "python": made.get("python", "unknown"),
        "machine": made.get("machine", "unknown"),
        "code and libraries": made.get("code", "unknown"),
        **stored.record["versions"],
    }
    after = {
        "python": platform.python_version(),
        "machine": machine(),
        "code and libraries": code_fingerprint("meta.steps:fit"),
        **library_versions(stored.record["versions"]),
    }
    return {
        name: (str(before.get(name, "none")), str(after.get(name, "none")))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }
