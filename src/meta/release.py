"""Releases: the pooled numbers of a run that passed its gate, with the rows behind them.

A release is a folder of plain files for version control, so that later changes can be told row by
row and number by number, whatever became of the history:

manifest.json
    name, date, commit, hash of the raw tables, hashes of each model's specification and rows,
    versions
pooled.csv
    every pooled number of a model but the rates of single studies; numbers of rates joined to
    harm are left out, being of two models
rows/<table>.csv
    the columns that an analysis may read, and a digest of the others
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from meta.config import CodesTask, Gate, Settings
from meta.errors import UserError
from meta.evidence.changes import DIGEST, canonical_rows
from meta.evidence.dictionary import load_dictionary
from meta.evidence.index import RAW_HASH, raw_hash, read_index
from meta.plural import counted
from meta.provenance import commit
from meta.settings_file import load_settings
from meta.storage import remove_abandoned, temporary_prefix, write_csv
from meta.stored import LEFT_OUT, NUMBERS, PROCESSED, RUN, StoredModel, read_model, whole

FOLDER = Path("releases")
SCHEMA = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: Columns that name a pooled number.
KEY = ["model", "outcome", "group", "estimand"]
RESTORE = "restore it from version control, or remove the folder"


class ReleaseError(UserError):
    """A release that may not be made, or cannot be read."""


class _ReleasedModel(BaseModel):
    spec_hash: str


class _Manifest(BaseModel):
    """What a manifest must hold for others to compare with it."""

    version: Literal[1] = Field(alias="schema")
    name: str = Field(min_length=1)
    date: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    made: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    models: dict[str, _ReleasedModel] = Field(min_length=1)
    rows: dict[str, NonNegativeInt]


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
    rows = run_rows(directory)
    manifest = _manifest(name, now, raw_hash(directory), models, rows)
    pooled = pd.concat([m.pooled for m in models], ignore_index=True)
    pooled = pooled[pooled["estimand"] != LEFT_OUT]
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target)
    with tempfile.TemporaryDirectory(prefix=temporary_prefix(target), dir=target.parent) as scratch:
        folder = Path(scratch) / name
        (folder / "rows").mkdir(parents=True)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        write_csv(folder / "pooled.csv", pooled)
        for table, frame in rows.items():
            write_csv(folder / "rows" / f"{table}.csv", frame)
        folder.replace(target)
    return target


def run_rows(directory: Path) -> dict[str, pd.DataFrame]:
    """Read the rows of the last run as text, by table.

    Raises
    ------
    NoResultsError
        If its warehouse cannot be read.
    """
    database = directory / PROCESSED / "evidence.duckdb"
    with whole(database):
        return canonical_rows(database)


def _require_passed(directory: Path) -> list[StoredModel]:
    """Models of the run, if it passed its gate and is of the evidence as it is."""
    settings = load_settings(directory)
    processed = directory / PROCESSED
    index = processed / "analysis" / "index.json"
    if not (processed / "gate.txt").is_file() or not index.is_file():
        raise ReleaseError(f"no run has passed its gate here: {RUN}")
    stored = processed / "tables" / RAW_HASH
    if not stored.is_file() or stored.read_text(encoding="utf-8") != raw_hash(directory):
        raise ReleaseError(f"data/raw has changed since the last run: {RUN}")
    with whole(index):
        content = read_index(index)
        fitted, coded = content["models"], content["codes"] is not None
    models = []
    for name in settings.models:
        if fitted.get(name, {"refused": None})["refused"]:
            continue
        model = read_model(directory, settings, name)
        if not model.record["passed"]:
            raise ReleaseError(f"{name}: the checks of its fit did not pass: {RUN}")
        _require_gate(model, settings.gate)
        used = {k: v for k, v in model.record["sampler"].items() if k != "name"}
        if used != model.task.imputation_sampler.model_dump(mode="json") or (
            model.record["seed"] != settings.seed
        ):
            raise ReleaseError(f"{name}: sampler or seed have changed since its fit: {RUN}")
        if set(model.pooled["ci_prob"]) != {settings.ci_prob}:
            raise ReleaseError(f"{name}: ci_prob has changed since the last run: {RUN}")
        models.append(model)
    if coded:
        _require_codes(processed / "codes" / "codes.json", settings)
    return models


def _require_gate(model: StoredModel, gate: Gate) -> None:
    """Refuse checks that were made with other thresholds than those in force, or not made."""
    with whole(model.folder / "fit.json"):
        used = {name: check["threshold"] for name, check in model.record["checks"].items()}
    wanted = gate.model_dump(exclude=None if model.task.spec.imputes else {"r_hat_imputation"})
    changed = [
        f"{name} is {value:g}, checked with {used.get(name, 'none')}"
        for name, value in wanted.items()
        if used.get(name) != value
    ]
    if changed:
        raise ReleaseError(
            f"{model.name}: the gate has changed since its fit was checked ({'; '.join(changed)}): "
            f"{RUN}"
        )


def _require_codes(path: Path, settings: Settings) -> None:
    """Refuse latent codes of other settings than those in force, or that failed a check."""
    if not path.is_file():
        raise ReleaseError(f"{path} is missing: {RUN}")
    with whole(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        used = CodesTask.model_validate(content["settings"])
        failed = [name for name, field in content["fields"].items() if not field["passed"]]
    now = CodesTask(
        codes=settings.codes, sampler=settings.sampler, seed=settings.seed, gate=settings.gate
    )
    if changed := [n for n in CodesTask.model_fields if getattr(used, n) != getattr(now, n)]:
        raise ReleaseError(
            f"{', '.join(changed)} changed in the settings since the codes were fitted: {RUN}"
        )
    if failed:
        raise ReleaseError(f"the checks of the codes of {', '.join(failed)} did not pass: {RUN}")


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
    for folder in sorted((directory / FOLDER).glob("[!.]*/")):
        if any((folder / part).exists() for part in ("manifest.json", "pooled.csv", "rows")):
            manifest = _read_manifest(folder / "manifest.json")
            found.append((manifest["made"], manifest["name"], folder, manifest))
    if not found:
        return None
    *_, folder, manifest = max(found, key=lambda each: each[:2])
    pooled = _read_pooled(folder / "pooled.csv")
    rows = {
        table: _read_rows(folder / "rows" / f"{table}.csv", table, count)
        for table, count in manifest["rows"].items()
    }
    return Release(manifest, pooled, rows)


@contextmanager
def _released(path: Path) -> Iterator[None]:
    """Turn whatever reading a file of a release raises into what to do about it."""
    if not path.is_file():
        raise ReleaseError(f"{path} is missing: {RESTORE}")
    try:
        yield
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ReleaseError(f"{path}: not the manifest of a release ({wrong}): {RESTORE}") from None
    except (ValueError, LookupError, TypeError, OSError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ReleaseError(f"{path}: not as it was released ({said}): {RESTORE}") from None


def _read_manifest(path: Path) -> dict[str, Any]:
    with _released(path):
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _Manifest.model_validate(content)
    return content


def _read_pooled(path: Path) -> pd.DataFrame:
    with _released(path):
        pooled = pd.read_csv(path)
        _require_columns(pooled, [*KEY, *NUMBERS])
        _require_keys(pooled, KEY)
        pooled[NUMBERS].astype(float)
    return pooled


def _read_rows(path: Path, table: str, count: int) -> pd.DataFrame:
    with _released(path):
        rows = pd.read_csv(path, dtype="string", keep_default_na=False)
        known = load_dictionary().tables.get(table)
        key = list(known.key) if known else []
        _require_columns(rows, [*key, DIGEST])
        if len(rows) != count:
            raise ValueError(f"{counted(len(rows), 'row')} where the manifest counts {count}")
        _require_keys(rows, key)
    return rows


def _require_columns(table: pd.DataFrame, names: list[str]) -> None:
    if absent := [name for name in names if name not in table]:
        raise LookupError(f"no column {', '.join(absent)}")


def _require_keys(table: pd.DataFrame, key: list[str]) -> None:
    """Refuse rows whose key is cut off, and rows that are there twice, as after a merge."""
    if not key:
        return
    short = table[key].isna().any(axis=1)
    if short.any():
        raise ValueError(f"line {int(short.to_numpy().argmax()) + 2} has no whole key")
    twice = table.duplicated(key)
    if twice.any():
        raise ValueError(f"line {int(twice.to_numpy().argmax()) + 2} has the key of another")
