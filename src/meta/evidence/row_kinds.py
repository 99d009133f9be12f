"""Kinds of rows that `meta new` makes, and the command that makes one that is named but missing."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meta.evidence.dictionary import Field

#: Table of each kind of row.
KINDS = {
    "study": "studies", "arm": "arms", "case": "cases", "coder": "coders", "coding": "codings",
    "contrast": "contrasts",
}  # fmt: skip


def how_to_add(field: Field, value: str) -> str:
    """Say how the row that a value names is added.

    Parameters
    ----------
    field : Field
        A field that refers to rows by their name.
    value : str
        The name, which no row has.

    Returns
    -------
    str
        Such as ``add it with `meta new study --study-id smith_2026` ``; tables whose rows no
        command makes are named as files.
    """
    kinds = {table: kind for kind, table in KINDS.items()}
    commands = [
        f"`meta new {kinds[table]} --{column.replace('_', '-')} {shlex.quote(value)}`"
        for table, column in field.references
        if table in kinds
    ]
    if len(commands) < len(field.references):
        return f"add it to {' or '.join(f'{table}.csv' for table, _ in field.references)}"
    return f"add it with {' or '.join(commands)}"
