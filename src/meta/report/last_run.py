"""What a terminal shows of the last run, read from where its steps left it, finished or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from meta.config import Settings
from meta.evidence.index import RAW_HASH, Index, raw_hash, read_index
from meta.report.agreement import CodeResults, load_codes
from meta.report.check_tables import read_text_table
from meta.report.estimates import index_estimates
from meta.report.inputs import Fit, ReportInputs, load_fit
from meta.report.verdict import checks_of
from meta.stored import PROCESSED, RUN, NoResultsError, whole

#: A check for what a run has not made yet: absent is failed.
UNMADE = {"value": "", "threshold": "required", "rule": "", "passed": "False", "worst": ""}


def read_last_run(directory: Path, settings: Settings) -> tuple[ReportInputs, list[str]]:
    """Read the fitted models of the settings in force, with their checks.

    Parameters
    ----------
    directory
        Evidence base.
    settings
        Settings in force; models that they do not hold are left out.

    Returns
    -------
    tuple
        The models, the primary first, and what a reader must know beside their numbers: models
        that are missing, evidence or settings that have changed since.

    Raises
    ------
    NoResultsError
        If no model is fitted, or a file is not whole.
    """
    processed = directory / PROCESSED
    names = [m for m in settings.models if (processed / "fits" / m / "fit.json").is_file()]
    if not names:
        raise NoResultsError(f"{processed / 'fits'}: no model is fitted: {RUN}")
    names.sort(key=lambda name: not settings.models[name].primary)
    fits = tuple(_read_fit(processed, name) for name in names)
    estimates = index_estimates([fit.pooled for fit in fits])
    with whole(processed / "analysis/index.json"):
        index = read_index(processed / "analysis/index.json")
        codes, lost = _read_codes(processed / "codes", index)
    run = ReportInputs(fits, {}, pd.DataFrame(), estimates, codes=codes)
    return run, [*_changes(directory, settings, fits), *_absent(settings, names, index), *lost]


def _read_fit(processed: Path, name: str) -> Fit:
    checks = processed / "checks"
    made = (checks / name / "diagnostics.csv").is_file()
    with whole(processed / "fits" / name):
        fit = load_fit(processed / "fits" / name, {}, checks if made else None)
        # A table cut off in its header is read without complaint and fails only when looked into.
        checks_of(fit)
    if not made:
        row = {"model": name, "check": "checks against data", **UNMADE}
        row["meaning"] = "the run has not made them yet"
        fit = _with(fit, diagnostics=pd.DataFrame([row]))
    chain = processed / "chains" / name
    if (chain / "pooled.csv").is_file():
        with whole(chain):
            gates = read_text_table(chain / "diagnostics.csv")
            fit = _with(fit, pooled=pd.read_csv(chain / "pooled.csv"), diagnostics=gates)
    return fit


def _with(fit: Fit, **tables: pd.DataFrame) -> Fit:
    """Add rows to tables of a fit."""
    added = {
        name: pd.concat([getattr(fit, name), table], ignore_index=True)
        for name, table in tables.items()
    }
    return replace(fit, **added)


def _read_codes(folder: Path, index: Index) -> tuple[CodeResults | None, list[str]]:
    if index["codes"] is None:
        return None, []
    needed = ("agreement.csv", "disagreements.json", "codes.json", "diagnostics.csv")
    if all((folder / name).is_file() for name in needed):
        return load_codes(folder), []
    return None, ["latent codes: not made yet, their checks are not among those below"]


def _changes(directory: Path, settings: Settings, fits: tuple[Fit, ...]) -> list[str]:
    """What these numbers are no longer of."""
    notes = []
    stored = directory / PROCESSED / "tables" / RAW_HASH
    if not stored.is_file() or stored.read_text(encoding="utf-8") != raw_hash(directory):
        notes.append("the evidence has changed since this run: run `snakemake --cores 8`")
    notes += [
        f"{fit.name}: its settings have changed since its fit: run `snakemake --cores 8`"
        for fit in fits
        if fit.record.get("spec_hash") != settings.task(fit.name).spec_hash
    ]
    return notes


def _absent(settings: Settings, names: list[str], index: Index) -> list[str]:
    models: Mapping[str, object] = index["models"]
    refused = {name: index["models"][name]["refused"] for name in models}
    return [
        f"{name}: left out: {refused[name]}" if refused.get(name) else f"{name}: not fitted yet"
        for name in settings.models
        if name not in names
    ]
