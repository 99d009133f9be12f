"""Files generated from the field dictionary: written, or compared with what is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from meta.errors import UserError
from meta.evidence.codebook import codebook_markdown
from meta.evidence.schema import create_table
from meta.evidence.table_schema import data_package
from meta.evidence.templates import template
from meta.storage import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from meta.evidence.dictionary import Dictionary

TEMPLATES = "data/templates"
REPAIR = "meta dictionary"


class StaleError(UserError):
    """Generated files that are not as the field dictionary would have them."""

    def __init__(self, stale: list[str]) -> None:
        self.stale = stale
        listed = "\n".join(f"{path}: differs from the field dictionary" for path in stale)
        super().__init__(f"{listed}\nwrite them anew with: {REPAIR}")


def generated_files(dictionary: Dictionary) -> dict[str, str]:
    """Write out everything that follows from the dictionary.

    Parameters
    ----------
    dictionary : Dictionary
        The field dictionary.

    Returns
    -------
    dict of str to str
        Text of each file, by its path from the root of the repository.
    """
    package = json.dumps(data_package(dictionary), indent=2, ensure_ascii=False)
    return {
        "docs/codebook.md": codebook_markdown(dictionary),
        "docs/schema.sql": _schema(dictionary),
        "data/datapackage.json": package + "\n",
        **{f"{TEMPLATES}/{table.name}.csv": template(table) for table in dictionary},
    }


def write_generated(directory: Path, dictionary: Dictionary) -> list[str]:
    """Write the generated files that differ, and remove templates of tables that are gone.

    Parameters
    ----------
    directory : Path
        Root of the repository.
    dictionary : Dictionary
        The field dictionary.

    Returns
    -------
    list of str
        Paths that were written or removed.
    """
    files = generated_files(dictionary)
    stale = stale_files(directory, dictionary)
    for path in stale:
        if path in files:
            write_text(directory / path, files[path])
        else:
            (directory / path).unlink()
    return stale


def check_generated(directory: Path, dictionary: Dictionary) -> None:
    """Compare the generated files with the dictionary.

    Parameters
    ----------
    directory : Path
        Root of the repository.
    dictionary : Dictionary
        The field dictionary.

    Raises
    ------
    StaleError
        Naming every file that is missing, differs or should be gone, and the repair.
    """
    stale = stale_files(directory, dictionary)
    if stale:
        raise StaleError(stale)


def stale_files(directory: Path, dictionary: Dictionary) -> list[str]:
    """Find generated files that are not as the dictionary would have them.

    Parameters
    ----------
    directory : Path
        Root of the repository.
    dictionary : Dictionary
        The field dictionary.

    Returns
    -------
    list of str
        Paths that are missing or differ, and templates of tables that are not in it.
    """
    files = generated_files(dictionary)
    stale = [path for path, text in files.items() if _differs(directory / path, text)]
    there = sorted((directory / TEMPLATES).glob("*.csv"))
    gone = [f"{TEMPLATES}/{path.name}" for path in there]
    return stale + [path for path in gone if path not in files]


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() != text.encode()
    except FileNotFoundError:
        return True


def _schema(dictionary: Dictionary) -> str:
    head = (
        f"-- The evidence database (DuckDB), generated from the field dictionary by `{REPAIR}`.\n"
    )
    statements = [f"{create_table(table, dictionary)};\n" for table in dictionary]
    return "\n".join([head, *statements])
