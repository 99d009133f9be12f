"""Releases: the pooled numbers of a run that passed its gate, with the rows behind them.

A release is a folder of plain files for version control, so that later changes can be told row by
row and number by number, whatever became of the history:

manifest.json
    name, date, commit, hash of the raw tables, hashes of each model's specification and rows,
    versions
pooled.csv
    every pooled number but the rates of single studies
rows/<table>.csv
    the columns that an analysis may read, and a digest of the others
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from meta.config import load_settings
from meta.errors import UserError
from meta.evidence.changes import canonical_rows
from meta.evidence.index import RAW_HASH, raw_hash, read_index
from meta.provenance import commit
from meta.stored import PROCESSED, RUN, StoredModel, read_model

FOLDER = Path("releases")
SCHEMA = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: Rates of single studies describe rows, which the release holds themselves.
LEFT_OUT = "study_rate"


class ReleaseError(UserError):
    """A release that may not be made, or cannot be read."""


@dataclass(frozen=True)
class Release:
    """A stored release: manifest, pooled numbers, rows as text by table."""

    manifest: dict[str, Any]
    pooled: pd.DataFrame
    rows: dict[str, pd.DataFrame]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["name"])


def make_release(directory: Path, name: str | None = None) -> Path:
    """Write a release of the last run.

    Parameters
    ----------
    directory
        Evidence base with the results of a run whose gate passed.
    name
        Name of the release; by default the year and month.

    Returns
    -------
    pathlib.Path
        Folder of the release; it is whole or absent.

    Raises
    ------
    ReleaseError
        If there is one of that name, the gate did not pass, or the results are not of the
        evidence and settings as they are.
    """
    now = datetime.now(UTC)
    name = name or f"{now:%Y-%m}"
    if not NAME.fullmatch(name):
        raise ReleaseError(f"{name!r} is no name for a release: use letters, digits, . _ and -")
    target = directory / FOLDER / name
    if target.exists():
        raise ReleaseError(f"{target} exists: choose another --name, or remove the folder first")
    models = _require_passed(directory)
    rows = canonical_rows(directory / PROCESSED / "evidence.duckdb")
    manifest = _manifest(name, now, raw_hash(directory), models, rows)
    pooled = pd.concat([m.pooled for m in models], ignore_index=True)
    pooled = pooled[pooled["estimand"] != LEFT_OUT]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=target.parent) as scratch:
        folder = Path(scratch) / name
        (folder / "rows").mkdir(parents=True)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        _write_csv(pooled, folder / "pooled.csv")
        for table, frame in rows.items():
            _write_csv(frame, folder / "rows" / f"{table}.csv")
        folder.replace(target)
    return target


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n", float_format="%.10g")


def _require_passed(directory: Path) -> list[StoredModel]:
    """Models of the run, if it passed its gate and is of the evidence as it is."""
    settings = load_settings(directory)
    processed = directory / PROCESSED
    index = processed / "analysis" / "index.json"
    if not (processed / "gate.txt").is_file() or not index.is_file():
        raise ReleaseError(f"no run has passed its gate here: {RUN}")
    stored = processed / "tables" / RAW_HASH
    if stored.read_text(encoding="utf-8") != raw_hash(directory):
        raise ReleaseError(f"data/raw has changed since the last run: {RUN}")
    fitted = read_index(index)["models"]
    models = []
    for name in settings.models:
        if fitted.get(name, {"refused": None})["refused"]:
            continue
        model = read_model(directory, settings, name)
        if not model.record.get("passed"):
            raise ReleaseError(f"{name}: the checks of its fit did not pass: {RUN}")
        used = {k: v for k, v in model.record["sampler"].items() if k != "name"}
        if used != model.task.imputation_sampler.model_dump(mode="json") or (
            model.record["seed"] != settings.seed
        ):
            raise ReleaseError(f"{name}: sampler or seed have changed since its fit: {RUN}")
        if set(model.pooled["ci_prob"]) != {settings.ci_prob}:
            raise ReleaseError(f"{name}: ci_prob has changed since the last run: {RUN}")
        models.append(model)
    return models


def _manifest(
    name: str, now: datetime, raw: str, models: list[StoredModel], rows: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": name,
        "date": f"{now:%Y-%m-%d}",
        "made": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "provenance": commit(),
        "raw_hash": raw,
        "models": {
            m.name: {
                "primary": m.task.spec.primary,
                "frame": m.task.spec.frame,
                "spec_hash": m.record["spec_hash"],
                "data_hash": m.record["data_hash"],
                "fitted": m.record["provenance"],
            }
            for m in models
        },
        "versions": models[0].record["versions"],
        "rows": {table: len(frame) for table, frame in rows.items()},
    }


def latest_release(directory: Path) -> Release | None:
    """Read the newest release of an evidence base; None where there is none.

    Raises
    ------
    ReleaseError
        If it cannot be read whole.
    """
    found = []
    for path in sorted((directory / FOLDER).glob("*/manifest.json")):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            found.append((str(manifest["made"]), str(manifest["name"]), path.parent, manifest))
        except (ValueError, KeyError, TypeError) as error:
            raise ReleaseError(
                f"{path}: not the manifest of a release ({error!r}): restore it from version "
                "control, or remove the folder"
            ) from None
    if not found:
        return None
    *_, folder, manifest = max(found, key=lambda each: each[:2])
    files = sorted((folder / "rows").glob("*.csv"))
    absent = set(manifest.get("rows", {})) - {path.stem for path in files}
    if absent or not (folder / "pooled.csv").is_file():
        lost = ", ".join(sorted(f"rows/{name}.csv" for name in absent)) or "pooled.csv"
        raise ReleaseError(f"{folder}: {lost} is missing: restore it from version control")
    rows = {p.stem: pd.read_csv(p, dtype="string", keep_default_na=False) for p in files}
    return Release(manifest, pd.read_csv(folder / "pooled.csv"), rows)
