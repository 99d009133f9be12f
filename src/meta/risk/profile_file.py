"""Files of profiles: many deployments at once, as YAML or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from meta.errors import SettingsError, UserError
from meta.risk.documents import Documents
from meta.risk.settings import SETTINGS, Profile, read_profile

#: Settings that may hold several values; in CSV they are separated by semicolons.
LISTS = ("shift", "interventions")
NAME = "profile"


def read_profiles(path: Path, documents: Documents) -> dict[str, Profile]:
    """Read a file of profiles.

    Parameters
    ----------
    path
        YAML, a mapping of each profile's name to its settings; or CSV, with the column `profile`
        and a column for each setting. What is blank is not set.
    documents
        The tables whose names are legal.

    Raises
    ------
    UserError
        If the file cannot be read, or with every problem of every profile, by line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    rows = _from_csv(path, text) if path.suffix.lower() == ".csv" else _from_yaml(path, text)
    found: dict[str, Profile] = {}
    faults = []
    for line, name, settings in rows:
        where = f"{path}:{line}: {name or 'profile'}"
        if not name:
            faults.append(f"{where}: has no name: fill in the column {NAME}")
        elif name in found:
            faults.append(f"{where}: stands twice: give each profile a name of its own")
        else:
            try:
                found[name] = read_profile(settings, documents)
            except SettingsError as error:
                faults += [f"{where}: {line}" for line in str(error).splitlines()]
    if faults:
        raise UserError("\n".join(faults))
    if not found:
        raise UserError(f"{path}: holds no profile")
    return found


def _from_yaml(path: Path, text: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is no YAML: {error}") from None
    if not isinstance(node, yaml.MappingNode) or not isinstance(content, dict):
        raise UserError(f"{path}: must map the name of each profile to its settings")
    for key, value in node.value:
        # Each entry is built by itself, so that a name that stands twice is seen twice.
        settings = yaml.SafeLoader("").construct_object(value, deep=True)
        line = key.start_mark.line + 1
        if not isinstance(settings, dict):
            raise UserError(
                f"{path}:{line}: {key.value}: must hold settings, such as shift: extreme"
            )
        yield line, str(key.value), settings


def _from_csv(path: Path, text: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    header = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = header
    unknown = [name for name in header if name not in (NAME, *SETTINGS)]
    if NAME not in header or unknown:
        wrong = f"; unknown: {', '.join(map(repr, unknown))}" if unknown else ""
        raise UserError(f"{path}:1: the columns are {NAME}, {', '.join(SETTINGS)}{wrong}")
    try:
        for row in reader:
            if None in row or any(value is None for value in row.values()):
                raise UserError(
                    f"{path}:{reader.line_num}: has another number of cells than the header"
                )
            if any(value.strip() for value in row.values()):
                yield reader.line_num, row.pop(NAME).strip(), _csv_settings(row)
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: is no CSV: {error}") from None


def _csv_settings(row: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in row.items():
        parts = [part.strip() for part in value.split(";") if part.strip()]
        if not parts:
            continue
        settings[name] = parts if name in LISTS else value.strip()
    score = settings.get("specification")
    if score is not None:
        settings["specification"] = as_number(score)
    return settings


def as_number(text: str) -> float | str:
    """Read a number where it is one; anything else is left for the check to name."""
    try:
        return float(text)
    except ValueError:
        return text
