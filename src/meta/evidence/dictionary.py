"""The field dictionary: what each table and column is, and what it may hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TYPES = ("text", "id", "category", "integer", "number", "date")
TEXT_TYPES = ("text", "id", "category")
#: The safe loader of libyaml where PyYAML was built with it: ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FORMATS = {"link": ("text",), "address": ("text",), "year": ("integer",)}
APPLIES_TO = ("cases", "arms", "both")
#: The table whose fields a codebook version lists.
CODED_TABLE = "codings"
#: The code for a source that does not say.
UNCLEAR = "unclear"


@dataclass(frozen=True)
class Pattern:
    """How names of one kind are written: a regular expression of the whole, and its words."""

    regex: str
    words: str


@dataclass(frozen=True)
class Field:
    """One column of a table."""

    name: str
    type: str
    label: str
    meaning: str
    example: str = ""
    required: bool = False
    analysis: bool = True
    values: Mapping[str, str] | None = None
    ordinal: bool = False
    minimum: float | None = None
    maximum: float | None = None
    at_most: str | None = None
    needs: str | None = None
    references: tuple[tuple[str, str], ...] = ()
    rule: str = ""
    format: str | None = None
    longest: int | None = None
    applies_to: str | None = None
    source_spelling: bool = False
    pattern: Pattern | None = None

    @property
    def is_text(self) -> bool:
        """Whether cells are kept as text rather than turned into numbers or dates."""
        return self.type in TEXT_TYPES

    @property
    def is_count(self) -> bool:
        """Whether cells count something: whole numbers that are no years."""
        return self.type == "integer" and self.format != "year"

    def is_coded_for(self, kind: str) -> bool:
        """Whether units of a kind (``cases`` or ``arms``) are coded on this field."""
        return self.applies_to in (kind, "both")


@dataclass(frozen=True)
class Table:
    """One CSV file of the evidence base."""

    name: str
    title: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    required: bool = False
    meaning: str = ""

    @property
    def required_columns(self) -> list[str]:
        """Columns that must exist and may not be left blank."""
        return [field.name for field in self.fields.values() if field.required]

    @property
    def analysis_columns(self) -> list[str]:
        """Columns of the canonical tables: those that an analysis may read."""
        return [field.name for field in self.fields.values() if field.analysis]


@dataclass(frozen=True)
class CodebookVersion:
    """The codes that one version of the codebook allows, by field."""

    issued: str
    codes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Codebook:
    """What coders are told, and the versions of it that they may have followed."""

    guidance: tuple[str, ...] = ()
    versions: Mapping[str, CodebookVersion] = MappingProxyType({})


@dataclass(frozen=True)
class Dictionary:
    """All tables of the evidence base, parents before the tables that refer to them."""

    tables: Mapping[str, Table]
    codebook: Codebook = Codebook()

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())


class DictionaryError(ValueError):
    """The dictionary file contradicts itself."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("the field dictionary is inconsistent:\n  " + "\n  ".join(faults))


@cache
def load_dictionary(path: Path | None = None) -> Dictionary:
    """Read the field dictionary.

    Parameters
    ----------
    path : Path, optional
        Another dictionary file; by default the one shipped with the package.

    Returns
    -------
    Dictionary
        The tables in file order.

    Raises
    ------
    DictionaryError
        If the file contradicts itself; every fault is listed.
    """
    source = path or resources.files("meta.evidence").joinpath("fields.yaml")
    raw = yaml.load(source.read_text(encoding="utf-8"), LOADER)
    vocabularies = raw.get("vocabularies", {})
    faults = [
        f"vocabulary {name}: value {value!r} must be a quoted text with a meaning"
        for name, values in vocabularies.items()
        for value, meaning in values.items()
        if not isinstance(value, str) or not isinstance(meaning, str) or not meaning.strip()
    ]
    patterns = {name: Pattern(**entry) for name, entry in raw.get("patterns", {}).items()}
    tables = {
        name: _table(name, entry, vocabularies, patterns, faults)
        for name, entry in raw["tables"].items()
    }
    for table in tables.values():
        faults += _faults(table, tables)
    codebook = _codebook(raw.get("codebook", {}))
    faults += _codebook_faults(codebook, tables.get(CODED_TABLE))
    if faults:
        raise DictionaryError(faults)
    return Dictionary(MappingProxyType(tables), codebook)


def _codebook(entry: dict[str, Any]) -> Codebook:
    versions = {
        str(name): CodebookVersion(
            str(version["issued"]),
            MappingProxyType({field: tuple(codes) for field, codes in version["codes"].items()}),
        )
        for name, version in entry.get("versions", {}).items()
    }
    return Codebook(tuple(entry.get("guidance", ())), MappingProxyType(versions))


def _codebook_faults(codebook: Codebook, codings: Table | None) -> list[str]:
    faults = []
    known = {} if codings is None else codings.fields
    coded = {name: field.values for name, field in known.items() if field.applies_to}
    for name, version in codebook.versions.items():
        for field, codes in version.codes.items():
            legal = coded.get(field)
            if legal is None:
                faults.append(f"codebook {name}: {field} is no coded field with values")
            else:
                unknown = [code for code in codes if code not in legal]
                faults += [f"codebook {name}: {field}: there is no code {c!r}" for c in unknown]
    for field, legal in coded.items():
        listed = {c for version in codebook.versions.values() for c in version.codes.get(field, ())}
        missing = [code for code in legal or () if code not in listed]
        faults += [f"codebook: no version lists the code {c} of {field}" for c in missing]
    return faults


def _table(
    name: str,
    entry: dict[str, Any],
    vocabularies: dict[str, Any],
    patterns: dict[str, Pattern],
    faults: list[str],
) -> Table:
    columns = {}
    for column, settings in entry["fields"].items():
        where = f"{name}.{column}"
        named = dict(settings)
        if named.get("pattern") not in (None, *patterns):
            faults.append(f"{where}: there is no pattern {named.pop('pattern')!r}")
        elif "pattern" in named:
            named["pattern"] = patterns[named["pattern"]]
        field = _field(where, column, named, vocabularies, faults)
        if field is not None:
            columns[column] = field
    return Table(
        name=name,
        title=entry["title"],
        key=tuple(entry["key"]),
        fields=MappingProxyType(columns),
        required=bool(entry.get("required", False)),
        meaning=str(entry.get("meaning", "")),
    )


def _field(
    where: str,
    name: str,
    settings: dict[str, Any],
    vocabularies: dict[str, Any],
    faults: list[str],
) -> Field | None:
    known = {field.name for field in fields(Field)} - {"name"}
    faults += [f"{where}: unknown setting {key!r}" for key in sorted(set(settings) - known)]
    missing = [key for key in ("type", "label", "meaning") if not settings.get(key)]
    faults += [f"{where}: {key} is missing" for key in missing]
    vocabulary = settings.pop("values", None)
    if vocabulary is not None and vocabulary not in vocabularies:
        faults.append(f"{where}: there is no vocabulary {vocabulary!r}")
        vocabulary = None
    if missing or set(settings) - known:
        return None
    references = settings.pop("references", [])
    listed = [references] if isinstance(references, str) else references
    settings["example"] = str(settings.get("example", ""))
    return Field(
        name=name,
        values=None if vocabulary is None else MappingProxyType(dict(vocabularies[vocabulary])),
        references=tuple(_target(reference) for reference in listed),
        **settings,
    )


def _target(reference: str) -> tuple[str, str]:
    table, _, column = reference.partition(".")
    return table, column


def _faults(table: Table, tables: dict[str, Table]) -> list[str]:
    faults = [
        f"{table.name}: key column {column} is not a field"
        for column in table.key
        if column not in table.fields
    ]
    if not any(column in table.required_columns for column in table.key):
        faults.append(f"{table.name}: no key column is required")
    faults += [
        f"{table.name}: key column {column} is left out of the analysis"
        for column in table.key
        if column in table.fields and not table.fields[column].analysis
    ]
    for field in table.fields.values():
        faults += [
            f"{table.name}.{field.name}: {fault}" for fault in _field_faults(field, table, tables)
        ]
    return faults


def _pattern_faults(field: Field, pattern: Pattern) -> list[str]:
    if field.type != "id":
        return ["only a name may have a pattern"]
    try:
        fits = re.compile(pattern.regex).fullmatch(field.example)
    except re.error as error:
        return [f"the pattern {pattern.regex!r} cannot be read ({error})"]
    return (
        [] if fits or not field.example else [f"example {field.example!r} does not fit its pattern"]
    )


def _field_faults(field: Field, table: Table, tables: dict[str, Table]) -> list[str]:
    faults = []
    numeric = field.type in ("integer", "number")
    if field.type not in TYPES:
        faults.append(f"type {field.type!r} is not one of {', '.join(TYPES)}")
    if field.values is not None and field.type != "category":
        faults.append("only a category may have values")
    if field.values is not None and field.example not in field.values:
        faults.append(f"example {field.example!r} is not one of its values")
    if field.source_spelling and (field.type != "category" or field.values is not None):
        faults.append("only an open category may be spelt as each source does")
    if field.ordinal and field.values is None:
        faults.append("only a closed vocabulary may be ordinal")
    if not numeric and (field.minimum is not None or field.maximum is not None):
        faults.append("only a number may have a minimum or a maximum")
    if field.format is not None and field.type not in FORMATS.get(field.format, ()):
        faults.append(f"format {field.format!r} does not fit the type {field.type}")
    if field.pattern is not None:
        faults += _pattern_faults(field, field.pattern)
    if field.longest is not None and not field.is_text:
        faults.append("only a text may have a greatest length")
    if field.applies_to is not None and field.applies_to not in APPLIES_TO:
        faults.append(f"applies_to {field.applies_to!r} is not one of {', '.join(APPLIES_TO)}")
    for other in (field.at_most, field.needs):
        if other is not None and other not in table.fields:
            faults.append(f"refers to {other}, which is not a field of the table")
    earlier = list(tables)[: list(tables).index(table.name)]
    for name, column in field.references:
        if name not in earlier or column not in tables[name].fields:
            faults.append(f"refers to {name}.{column}, which is no field of an earlier table")
        elif tables[name].key != (column,):
            faults.append(f"refers to {name}.{column}, which is not the key of its table")
    return faults
