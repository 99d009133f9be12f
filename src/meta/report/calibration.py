"""Status of the committed calibrations: what is proved of each model, and what is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

State = Literal["complete", "failed", "trial", "stale", "none"]


@dataclass(frozen=True)
class Calibrations:
    """Committed measurements, as far as the folder has them.

    Attributes
    ----------
    records
        `calibration.json` of each model.
    coverage
        `coverage.json`; empty where there is none.
    cells
        `coverage.csv`: coverage, bias and error of each estimand at each truth.
    figures
        `ecdf.svg` of each model, as text.
    """

    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    coverage: Mapping[str, Any] = field(default_factory=dict)
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """What a calibration says of a model as it is, in one word and in a sentence."""

    model: str
    state: State
    text: str


def load_calibrations(folder: Path) -> Calibrations:
    """Read what is committed below a folder; a part that is not there stays empty.

    Parameters
    ----------
    folder
        `calibration/`, with a folder for each model and one named `coverage`.
    """
    records = {path.parent.name: _json(path) for path in folder.glob("*/calibration.json")}
    coverage, cells = folder / "coverage/coverage.json", folder / "coverage/coverage.csv"
    whole = coverage.is_file() and cells.is_file()
    return Calibrations(
        records,
        _json(coverage) if whole else {},
        pd.read_csv(cells) if whole else pd.DataFrame(),
        {path.parent.name: path.read_text(encoding="utf-8") for path in folder.glob("*/ecdf.svg")},
    )


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def status_of(model: str, spec_hash: str, record: Mapping[str, Any] | None) -> Status:
    """Say what a calibration proves of a fitted model.

    Parameters
    ----------
    model
        Name of the model.
    spec_hash
        Hash of the specification and priors that were fitted.
    record
        `calibration.json`, or None where there is none.

    Returns
    -------
    Status
        `complete` only where every replicate asked for was made and all ranks are inside their
        bands, of the specification that was fitted.
    """
    if record is None:
        return Status(model, "none", "not calibrated: nothing is proved by simulation")
    made, wanted = int(record["replicates"]), int(record["required"])
    outside = [str(u["quantity"]) for u in record["uniformity"] if not u["inside"]]
    ranks = f"outside: {', '.join(outside)}" if outside else "all ranks inside their bands"
    if record["spec_hash"] != spec_hash:
        text = f"of another specification or other priors ({made} of {wanted} replicates)"
        return Status(model, "stale", f"{text}: says nothing of this model")
    if made < wanted:
        text = f"trial of {made} of {wanted} replicates, {ranks}: it would miss all but gross"
        return Status(model, "trial", f"{text} errors and proves nothing")
    state: State = "failed" if outside else "complete"
    remark = f": {record['remark']}" if record.get("remark") else ""
    return Status(model, state, f"{made} replicates, {ranks}{remark}")


def statuses(models: Sequence[tuple[str, str]], stored: Calibrations) -> list[Status]:
    """Status of each model, given its name and the hash of its specification."""
    return [status_of(name, digest, stored.records.get(name)) for name, digest in models]


def coverage_sentence(stored: Calibrations, spec_hash: str) -> str:
    """Say how much was measured of coverage, and its worst cell.

    Parameters
    ----------
    stored
        Committed measurements.
    spec_hash
        Hash of the specification of the primary model as it was fitted.
    """
    if not stored.coverage:
        return "Coverage at fixed truths has not been measured."
    from meta.report.coverage_figure import describe_worst

    made, wanted = stored.coverage["replicates"], stored.coverage["required"]
    state = "" if stored.coverage.get("complete") else ": a trial, far too few for a percentage"
    stale = (
        ""
        if stored.coverage.get("spec_hash") == spec_hash
        else " It is of another specification or other priors than were fitted here."
    )
    return (
        f"Measured with {made} of {wanted} replicates a cell{state}.{stale} "
        f"{describe_worst(stored.cells)}"
    )


def unobserved_bias(stored: Calibrations) -> str:
    """Say by how much the average rate is off where no simulated study observes capability.

    Parameters
    ----------
    stored
        Committed measurements.

    Returns
    -------
    str
        A sentence with a leading space: the true rate with the largest bias at the largest number
        of studies, beside the smallest number; empty where none was measured.
    """
    cells = stored.cells
    if cells.empty:
        return ""
    blind = cells[~cells["observed"].astype(bool) & cells["estimand"].eq("rate_mean")]
    if blind.empty:
        return ""
    few, many = int(blind["studies"].min()), int(blind["studies"].max())
    at_most = blind[blind["studies"].eq(many)]
    means = at_most.groupby("rate", as_index=False)["bias"].mean()
    rate = float(means["rate"].iloc[int(means["bias"].abs().to_numpy().argmax())])
    return (
        f" In simulations where no study observes it, the average of goal failure given "
        f"capability, at a true typical rate of {rate:g}, is off by "
        f"{_bias(blind, rate, many)} with {many} studies, and by {_bias(blind, rate, few)} with "
        f"{few}."
    )


def _bias(cells: pd.DataFrame, rate: float, studies: int) -> str:
    """Least and largest bias over spreads, at one true rate and number of studies."""
    bias = cells.loc[cells["rate"].eq(rate) & cells["studies"].eq(studies), "bias"]
    return f"{bias.min():+.2f} to {bias.max():+.2f}"
