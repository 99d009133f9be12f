"""Objections that a reviewer would raise, with where each is answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from markupsafe import Markup
from pydantic import Field, TypeAdapter

from meta.priors import Strict
from meta.report.methods.citations import linked

OBJECTIONS = Path(__file__).parent / "objections.yaml"
Status = Literal["answered", "partly", "not applicable"]


class Where(Strict):
    """Places that answer an objection: code and tests by path, settings by key, pages by link."""

    code: tuple[str, ...] = ()
    setting: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


class Entry(Strict):
    """One objection as it is written down."""

    id: str = Field(pattern=r"^[A-G][0-9]+$")
    objection: str
    answer: str
    status: Status
    where: Where


@dataclass(frozen=True)
class Objection:
    """One objection as it is shown."""

    id: str
    objection: Markup
    answer: Markup
    status: Status
    pages: tuple[str, ...]
    places: tuple[str, ...]


def read_objections() -> list[Entry]:
    """Read the objections as they are written down.

    Raises
    ------
    pydantic.ValidationError
        If an entry lacks a part, has an unknown one or another status.
    """
    found = yaml.safe_load(OBJECTIONS.read_text(encoding="utf-8"))
    return TypeAdapter(list[Entry]).validate_python(found)


def objections() -> list[Objection]:
    """Every objection with its answer, citations linked."""
    return [
        Objection(
            entry.id,
            linked(entry.objection),
            linked(entry.answer),
            entry.status,
            entry.where.page,
            (*entry.where.code, *entry.where.setting, *entry.where.test),
        )
        for entry in read_objections()
    ]
