"""Index of the analysis sets: what was written, from which raw files, and what could not be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict


class ModelRows(TypedDict):
    """Hash of a model's analysis set, or why the model cannot be fitted to this evidence."""

    hash: str | None
    refused: str | None


class Index(TypedDict):
    """Content of `index.json`: the key it is current for, and the rows of each model."""

    key: str
    models: dict[str, ModelRows]


def read_index(path: Path) -> Index:
    """Read an index written with the analysis sets."""
    content: Index = json.loads(path.read_text(encoding="utf-8"))
    return content


def refused_models(path: Path) -> dict[str, str]:
    """Models that cannot be fitted to this evidence, and why."""
    models = read_index(path)["models"]
    return {name: rows["refused"] for name, rows in models.items() if rows["refused"]}
