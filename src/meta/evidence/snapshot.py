"""Snapshot of what each model may use: which models can be fitted, and a hash of their rows.

The workflow asks for it at every parse, so that a model is refitted when, and only when, its own
rows change. While the raw files are as they were, the answer comes from a stored index; heavy
imports happen only when they are not.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from meta.checksums import damaged
from meta.config import Settings
from meta.errors import UserError
from meta.evidence.index import RAW_HASH, ArmHashes, Index, ModelRows, raw_hash, read_index
from meta.provenance import code_fingerprint
from meta.storage import atomic, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

#: Stands for the hash of rows that do not pass the check: nothing is fitted from them.
UNCHECKED = "evidence does not pass meta check"


def snapshot(directory: Path, settings: Settings, index: Path) -> Index:
    """Return each model's rows, and the codings, as they are now.

    Parameters
    ----------
    directory
        Evidence base that holds `data/raw/`.
    settings
        Settings in force.
    index
        Index written with the analysis sets; used while it is current.

    Raises
    ------
    SettingsError, FrameError
        If a specification asks for columns or rows it may not have.
    """
    key = snapshot_key(directory, settings)
    stored = _whole_index(index)
    if stored is not None and stored["key"] == key:
        return stored
    from meta.evidence.checking import check
    from meta.evidence.dictionary import load_dictionary

    evidence = check(directory)
    if evidence.errors:
        models: dict[str, ModelRows] = {
            m: {"hash": UNCHECKED, "refused": None, "uncoded": []} for m in settings.models
        }
        return {
            "key": key, "models": models, "codes": None, "agents": UNCHECKED, "arms": UNCHECKED,
        }  # fmt: skip
    known = load_dictionary().tables
    tables = {
        name: table[[c for c in known[name].analysis_columns if c in table]]
        for name, table in evidence.tables.items()
    }
    answers = _answer_hashes(tables)
    found = {m: rows for m, (rows, _) in _model_rows(tables, settings, answers).items()}
    codes = _codes_hash(answers, answers)
    return {"key": key, "models": found, "codes": codes, **_arm_hashes(tables)}


def _whole_index(path: Path) -> Index | None:
    """Read the stored index; None without one or if it is damaged, since it can be worked out."""
    if not path.is_file() or damaged([path]):
        return None
    try:
        return read_index(path)
    except ValueError:
        return None


def _answer_hashes(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Hash of the answers to each codebook field that has a clear code, one field at a time."""
    from meta.evidence.responses import every_field

    return {responses.field: responses.hash for responses in every_field(tables)}


def _codes_hash(answers: Mapping[str, str], fields: Iterable[str]) -> str | None:
    """Hash of the answers to some codebook fields; None without any clear code."""
    hashes = [answers[field] for field in fields if field in answers]
    return hashlib.sha256("".join(hashes).encode()).hexdigest() if hashes else None


def _arm_hashes(tables: dict[str, pd.DataFrame]) -> ArmHashes:
    """Hashes of the arms' numbers of agents, and of whatever an analysis may read of arms."""
    from meta.evidence.analysis_set import data_hash
    from meta.evidence.dictionary import load_dictionary

    known = load_dictionary().tables["arms"].analysis_columns
    arms = tables["arms"].sort_values("arm_id", ignore_index=True)
    agents = arms[[c for c in ("arm_id", "n_agents") if c in arms]]
    return {
        "agents": data_hash(agents),
        "arms": data_hash(arms[sorted(c for c in known if c in arms)]),
    }


def snapshot_key(directory: Path, settings: Settings) -> str:
    """Hash of everything a snapshot depends on: raw files, specifications, code."""
    return _key(raw_hash(directory), settings)


def _key(raw: str, settings: Settings) -> str:
    digest = hashlib.sha256(raw.encode())
    specs = {name: spec.model_dump(mode="json") for name, spec in settings.models.items()}
    digest.update(json.dumps(specs, sort_keys=True).encode())
    digest.update(code_fingerprint("meta.steps:evidence").encode())
    digest.update(code_fingerprint("meta.steps:analysis_sets").encode())
    return digest.hexdigest()


def write_analysis_sets(tables_folder: Path, settings: Settings, folder: Path) -> None:
    """Write the analysis set of each model as `<model>.parquet`, and the index of them.

    Parameters
    ----------
    tables_folder
        Canonical Parquet tables of the warehouse, with the hash of the raw files they hold.
    settings
        Settings in force.
    folder
        Receives the files; models that cannot be fitted get none, and the index says why.

    Raises
    ------
    UserError
        If the export of the tables was not finished.
    """
    from meta.evidence.canonical import read_canonical

    try:
        raw = (tables_folder / RAW_HASH).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"{tables_folder} holds no whole export of the evidence: run meta evidence again"
        ) from None
    tables = read_canonical(tables_folder)
    answers = _answer_hashes(tables)
    found = _model_rows(tables, settings, answers)
    for model, (_, table) in found.items():
        if table is not None:
            with atomic(folder / f"{model}.parquet") as temporary:
                table.to_parquet(temporary, index=False)
    content: Index = {
        "key": _key(raw, settings),
        "models": {model: rows for model, (rows, _) in found.items()},
        "codes": _codes_hash(answers, answers),
        **_arm_hashes(tables),
    }
    write_json(folder / "index.json", content)


def _model_rows(
    tables: dict[str, pd.DataFrame], settings: Settings, answers: Mapping[str, str]
) -> dict[str, tuple[ModelRows, pd.DataFrame | None]]:
    from meta.errors import DesignError, MissingRowsError
    from meta.evidence.analysis_set import analysis_set, data_hash, uncoded_rows
    from meta.evidence.codes import agreed_codes, any_codes
    from meta.evidence.few_studies import unpooled_studies
    from meta.models.specification import design_of

    found: dict[str, tuple[ModelRows, pd.DataFrame | None]] = {}
    codings = tables.get("codings")
    # Models share what is agreed: it is worked out once a field.
    agreed = None if codings is None else agreed_codes(codings)
    for model, spec in settings.models.items():
        table: pd.DataFrame | None = None
        try:
            table = analysis_set(tables, model, spec, agreed)
            # Imputed codes come later; that every unit has some code is enough to see the design.
            codes = any_codes(tables["codings"], agreed) if spec.imputes else None
            design_of(analysis_set(tables, model, spec, codes) if codes else table, spec)
        except (MissingRowsError, DesignError) as error:
            # The primary must be fitted or the run fails; another model may not fit this base.
            if spec.primary:
                shown = "" if table is None else unpooled_studies(table, spec)
                raise type(error)(f"{error}{shown}") from None
            found[model] = {"hash": None, "refused": str(error), "uncoded": []}, None
        else:
            rows = data_hash(table)
            if spec.imputes:
                rows = f"{rows}+{_codes_hash(answers, spec.coded_fields)}"
            uncoded = uncoded_rows(tables, model, spec) if spec.imputes else []
            found[model] = {"hash": rows, "refused": None, "uncoded": uncoded}, table
    return found
