"""Index of the analysis sets: what was written, from which raw files, and what could not be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypedDict

from meta.evidence.dictionary import load_dictionary

#: Name of the file beside the canonical tables that says which raw files they hold.
RAW_HASH = "raw.sha256"


def raw_files(directory: Path) -> list[Path]:
    """Files that make up the evidence: the raw tables, and their corrections if there are any.

    Whatever else stands in the folder is not evidence, and its name may be any.
    """
    folder = directory / "data" / "raw"
    names = [*sorted(f"{table.name}.csv" for table in load_dictionary()), "corrections.yaml"]
    return [folder / name for name in names if (folder / name).is_file()]


def raw_hash(directory: Path) -> str:
    """SHA-256 of the names and contents of the raw tables and of their corrections."""
    digest = hashlib.sha256()
    for path in raw_files(directory):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class ModelRows(TypedDict):
    """Hash of a model's analysis set, or why the model cannot be fitted to this evidence.

    `uncoded` names the rows that it leaves out because nobody has coded them yet.
    """

    hash: str | None
    refused: str | None
    uncoded: list[str]


class ArmHashes(TypedDict):
    """Hash of the arms' numbers of trained agents, and of all that an analysis reads of arms."""

    agents: str
    arms: str


class Index(ArmHashes):
    """Content of `index.json`: the key it is current for, the rows of each model, the codings.

    `codes` is a hash of what the latent-code models see, None without codings.
    """

    key: str
    models: dict[str, ModelRows]
    codes: str | None


def read_index(path: Path) -> Index:
    """Read an index written with the analysis sets."""
    content: Index = json.loads(path.read_text(encoding="utf-8"))
    return content


def refused_models(path: Path) -> dict[str, str]:
    """Models that cannot be fitted to this evidence, and why."""
    models = read_index(path)["models"]
    return {name: rows["refused"] for name, rows in models.items() if rows["refused"]}


def uncoded_by_model(path: Path) -> dict[str, list[str]]:
    """Rows that models leave out because nobody has coded them, by model that leaves out any."""
    models = read_index(path)["models"]
    return {name: rows["uncoded"] for name, rows in models.items() if rows["uncoded"]}
