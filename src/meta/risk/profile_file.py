"""Files of profiles: many deployments at once, as YAML or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from meta.errors import SettingsError, UserError
from meta.evidence.suggestion import did_you_mean
from meta.plural import counted
from meta.risk.documents import Documents
from meta.risk.settings import SETTINGS, Profile, number_or_text, read_profile

#: Settings that may hold several values; in CSV they are separated by semicolons.
LISTS = ("shift", "interventions")
NAME = "profile"
#: Other names of a setting: those of the command line, and of the pages.
ALIASES = {"mitigation": "interventions", "mitigations": "interventions"}


@dataclass(frozen=True)
class _Entry:
    """One profile as it stands in a file: its line, name and settings, and what is wrong so far."""

    line: int
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def read_profiles(path: Path, documents: Documents) -> dict[str, Profile]:
    """Read a file of profiles.

    Parameters
    ----------
    path
        YAML, a mapping of each profile's name to its settings; or CSV, with the column `profile`
        and a column for each setting. What is blank is not set. Interventions may be called
        mitigations too.
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
    entries = _from_csv(path, text) if path.suffix.lower() == ".csv" else _from_yaml(path, text)
    found: dict[str, Profile] = {}
    seen: set[str] = set()
    faults = []
    for entry in entries:
        profile, wrong = _read(entry, seen, documents)
        seen.add(entry.name)
        shown = entry.name if entry.name.isprintable() else repr(entry.name)
        faults += [f"{path}:{entry.line}: {shown or NAME}: {each}" for each in wrong]
        if profile is not None:
            found[entry.name] = profile
    if faults:
        raise UserError("\n".join(faults))
    if not found:
        raise UserError(f"{path}: holds no profile")
    return found


def _read(entry: _Entry, seen: Set[str], documents: Documents) -> tuple[Profile | None, list[str]]:
    """Profile of an entry, or what is wrong with it."""
    if not entry.name:
        return None, [f"has no name: fill in the column {NAME}"]
    if entry.name in seen:
        return None, ["stands twice: give each profile a name of its own"]
    if entry.faults:
        return None, list(entry.faults)
    try:
        return read_profile(entry.settings, documents), []
    except SettingsError as error:
        return None, str(error).splitlines()


def _from_yaml(path: Path, text: str) -> Iterator[_Entry]:
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        line, problem = _said(error)
        raise UserError(f"{path}:{line}: is no YAML: {problem}") from None
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{path}: must map the name of each profile to its settings")
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield _Entry(line, "", faults=("the name of a profile must be a word",))
            continue
        yield _yaml_entry(line, str(key.value).strip(), value)


def _yaml_entry(line: int, name: str, node: yaml.Node) -> _Entry:
    """Build one profile; each by itself, so that a name that stands twice is seen twice."""
    if not isinstance(node, yaml.MappingNode):
        return _Entry(line, name, faults=("must hold settings, such as shift: extreme",))
    keys = [_setting_name(key.value) for key, _ in node.value]
    if twice := [key for key in dict.fromkeys(keys) if keys.count(key) > 1]:
        return _Entry(line, name, faults=tuple(f"{key}: is given twice" for key in twice))
    try:
        settings = yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        return _Entry(line, name, faults=(f"cannot be read: {_said(error)[1]}",))
    return _Entry(line, name, {_setting_name(key): value for key, value in settings.items()})


def _setting_name(name: object) -> str:
    """Name of a setting, whatever the file calls it."""
    return ALIASES.get(str(name), str(name))


def _said(error: Exception) -> tuple[int, str]:
    """Line and problem of an error of YAML, in one line."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return (mark.line + 1 if mark else 1), " ".join(str(problem).split())


def _from_csv(path: Path, text: str) -> Iterator[_Entry]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise UserError(f"{path}:{line}: is no CSV: {error}") from None
        if header is None:
            header = [_setting_name(name.strip()) for name in cells]
            _check_header(path, header)
        elif any(cell.strip() for cell in cells):
            yield _csv_entry(line, header, cells)
    if header is None:
        _check_header(path, [])


def _check_header(path: Path, header: list[str]) -> None:
    """Refuse columns that are no settings, named twice, or without that of the name."""
    names = (NAME, *SETTINGS)
    faults = [
        f"{name}: unknown setting{did_you_mean(name, names) if name else ''}"
        for name in header
        if name not in names
    ]
    faults += [f"{name}: stands twice" for name in dict.fromkeys(header) if header.count(name) > 1]
    if NAME not in header:
        faults.append(f"has no column {NAME}; the columns are {', '.join(names)}")
    if faults:
        raise UserError("\n".join(f"{path}:1: {fault}" for fault in faults))


def _csv_entry(line: int, header: list[str], cells: list[str]) -> _Entry:
    row = dict(zip(header, cells, strict=False))
    name = row.pop(NAME, "").strip()
    if len(cells) != len(header):
        return _Entry(
            line,
            name or "?",
            faults=(f"has {counted(len(cells), 'cell')}, the header {len(header)}",),
        )
    return _Entry(line, name, _csv_settings(row))


def _csv_settings(row: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in row.items():
        parts = [part.strip() for part in value.split(";") if part.strip()]
        if not parts:
            continue
        settings[name] = parts if name in LISTS else value.strip()
    if "specification" in settings:
        settings["specification"] = number_or_text(settings["specification"])
    return settings
