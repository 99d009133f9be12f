"""The codebook page: every table, field, value and rule, in words, from the dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meta.evidence.dictionary import UNCLEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meta.evidence.dictionary import Codebook, Dictionary, Field, Table

KINDS = {
    "text": "Text.",
    "id": "A name.",
    "category": "A short text, spelt the same way each time.",
    "integer": "A whole number.",
    "number": "A number.",
    "date": "A date, as year-month-day.",
}


@dataclass(frozen=True)
class FieldEntry:
    """What a page says of one field.

    Attributes
    ----------
    name, label, meaning, rule, example : str
        As in the dictionary.
    form : str
        What the check holds the field to, in words.
    values : tuple of (str, str)
        Legal values and their meanings; empty for an open field.
    """

    name: str
    label: str
    meaning: str
    form: str
    rule: str
    values: tuple[tuple[str, str], ...]
    example: str


@dataclass(frozen=True)
class TableEntry:
    """What a page says of one table."""

    name: str
    title: str
    meaning: str
    required: bool
    key: tuple[str, ...]
    fields: tuple[FieldEntry, ...]


@dataclass(frozen=True)
class CodebookPage:
    """Content of the codebook, whatever it is printed as.

    Attributes
    ----------
    guidance : tuple of str
        What every coder is told.
    versions : tuple of (str, str)
        Name of each version and the day on which it was issued.
    tables : tuple of TableEntry
        All tables, in the order of the dictionary.
    """

    guidance: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    tables: tuple[TableEntry, ...]


def codebook_page(dictionary: Dictionary) -> CodebookPage:
    """Collect what the codebook says.

    Parameters
    ----------
    dictionary : Dictionary
        The field dictionary.

    Returns
    -------
    CodebookPage
        Plain texts without markup.
    """
    versions = dictionary.codebook.versions.items()
    return CodebookPage(
        guidance=dictionary.codebook.guidance,
        versions=tuple((name, version.issued) for name, version in versions),
        tables=tuple(_table(table, dictionary.codebook) for table in dictionary),
    )


def form(field: Field) -> str:
    """Say in words what the check holds a field to.

    Parameters
    ----------
    field : Field
        A field of the dictionary.

    Returns
    -------
    str
        One or more sentences.
    """
    parts = ["Required." if field.required else "May be blank."]
    if field.applies_to is not None and field.values is not None:
        parts = ["Blank only where it does not apply."]
    parts.append("One of the values below." if field.values else _kind(field))
    if field.values and field.ordinal:
        aside = f", `{UNCLEAR}` aside," if UNCLEAR in field.values else ""
        parts.append(f"Their order{aside} is one of degree.")
    if field.minimum is not None:
        parts.append(f"At least {field.minimum:g}.")
    if field.maximum is not None:
        parts.append(f"At most {field.maximum:g}.")
    if field.at_most is not None:
        parts.append(f"At most `{field.at_most}` of the row.")
    if field.needs is not None:
        parts.append(f"Needs `{field.needs}`.")
    if field.longest is not None:
        parts.append(f"At most {field.longest} characters.")
    if field.references:
        targets = " or ".join(f"`{table}.{column}`" for table, column in field.references)
        parts.append(f"Must exist in {targets}.")
    if field.format == "link":
        parts.append("Addresses and catalogue numbers are checked for their form.")
    if field.format == "address":
        parts.append("Begins with https:// or http://.")
    if field.format == "year":
        parts.append("Not in the future.")
    if field.applies_to is not None:
        units = "cases and arms" if field.applies_to == "both" else f"{field.applies_to} only"
        parts.append(f"Coded for {units}.")
    if not field.analysis:
        parts.append("No model reads it.")
    return " ".join(parts)


def _kind(field: Field) -> str:
    if field.pattern is not None:
        return f"A name of {field.pattern.words} only."
    if field.source_spelling:
        return "A short text, spelt the same way in all rows of a study."
    return KINDS[field.type]


def codebook_markdown(dictionary: Dictionary) -> str:
    """Print the codebook as Markdown.

    Parameters
    ----------
    dictionary : Dictionary
        The field dictionary.

    Returns
    -------
    str
        The page, ended by a line feed.
    """
    page = codebook_page(dictionary)
    versions = "; ".join(f"{name} (issued {issued})" for name, issued in page.versions)
    lines = [
        "# Codebook",
        "",
        "Every table and field of the evidence, generated from the field dictionary by",
        "`meta dictionary`. Change `src/meta/evidence/fields.yaml`, not this page. The worked rows",
        "in [`data/templates/`](../data/templates) put the examples together.",
        "",
        "A blank is *not observed*, never zero.",
        "",
        "## For coders",
        "",
        *(f"- {sentence}" for sentence in page.guidance),
        "",
        f"Versions of the codebook: {versions}." if versions else "No version is issued.",
        "",
        "## Tables",
        "",
        *(f"- [`{table.name}`](#{table.name}): {table.meaning}" for table in page.tables),
    ]
    for table in page.tables:
        lines += ["", *_table_lines(table)]
    return "\n".join(lines) + "\n"


def _table(table: Table, codebook: Codebook) -> TableEntry:
    return TableEntry(
        name=table.name,
        title=table.title,
        meaning=table.meaning,
        required=table.required,
        key=table.key,
        fields=tuple(_field(field, codebook) for field in table.fields.values()),
    )


def _field(field: Field, codebook: Codebook) -> FieldEntry:
    return FieldEntry(
        name=field.name,
        label=field.label,
        meaning=field.meaning,
        form=form(field),
        rule=field.rule,
        values=tuple(_values(field, codebook)),
        example=field.example,
    )


def _values(field: Field, codebook: Codebook) -> Iterator[tuple[str, str]]:
    for value, meaning in (field.values or {}).items():
        versions = codebook.versions.items()
        allowing = [name for name, each in versions if value in each.codes.get(field.name, ())]
        if field.applies_to is not None and len(allowing) < len(versions):
            meaning = f"{meaning} Only in version {', '.join(allowing)}."
        yield value, meaning


def _table_lines(table: TableEntry) -> list[str]:
    needed = "The file is required." if table.required else "The file may be absent."
    key = ", ".join(f"`{column}`" for column in table.key)
    lines = [
        f"## {table.name}",
        "",
        f"**{table.title}.** {table.meaning} {needed} Each row has its own {key}.",
    ]
    for field in table.fields:
        lines += ["", f"### {table.name}.{field.name}", "", f"**{field.label}.** {field.meaning}"]
        if field.rule:
            lines += ["", field.rule]
        lines += ["", field.form]
        if field.values:
            lines.append("")
        lines += [f"- `{value}`: {meaning}" for value, meaning in field.values]
        lines += ["", f"Example: `{field.example}`"]
    return lines
