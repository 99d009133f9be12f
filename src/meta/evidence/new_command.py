"""Commands `meta new study|arm|case|coding|contrast`: an option a field, prompts in a terminal."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meta.evidence.new_row import (
    FILLED_IN,
    KINDS,
    RAW,
    AddedRow,
    RowError,
    add_row,
    defaults,
    read_table_file,
    table_of,
)
from meta.evidence.problems import escaped, format_text, show
from meta.evidence.reading import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meta.evidence.dictionary import Field

#: What to do once a row of a kind is there.
NEXT = {
    "study": "add what it reports: `meta new arm --study-id {study_id}`",
    "arm": "see what it does to the estimates: `snakemake --cores 2`",
    "case": "code it: `meta new coding --unit-id {case_id} --coder YOUR_NAME`",
    "coding": "a second coder codes it too: `meta new coding --unit-id {unit_id} --coder ...`",
    "contrast": "see what it does to the estimates: `snakemake --cores 2`",
}


def command(kind: str) -> click.Command:
    """Make the command that adds a row of one kind.

    Parameters
    ----------
    kind : str
        One of `KINDS`.

    Returns
    -------
    click.Command
        With an option for every field of the table, from the field dictionary.
    """
    table = table_of(kind)
    options: list[click.Parameter] = [
        click.Option(
            ["--directory"],
            type=click.Path(file_okay=False, path_type=Path),
            default=".",
            help="Holds data/raw/.",
        ),
        click.Option(["--no-input"], is_flag=True, help="Ask nothing, even in a terminal."),
        *(_option(field) for field in table.fields.values()),
    ]

    def run(directory: Path, no_input: bool, **fields: str | None) -> None:
        given = {name: value for name, value in fields.items() if value is not None}
        if not (directory / RAW).is_dir():
            reason = "is not a folder: name a directory that holds data/raw/"
            raise click.UsageError(f"{directory / RAW} {reason}")
        interactive = not no_input and sys.stdin.isatty() and sys.stdout.isatty()
        added = _ask_and_add(directory, kind, given) if interactive else add_row(
            directory, kind, given, date.today()
        )  # fmt: skip
        click.echo(report(added, kind))

    about = (
        f"Add a row to {RAW}/{table.name}.csv ({table.title.lower()}): checked first, then written "
        "whole. In a terminal, what is missing is asked for. Blank means not observed, never zero."
    )
    return click.Command(kind, params=options, callback=run, help=about,
                         short_help=f"Add a row to {table.name}.csv.")  # fmt: skip


def report(added: AddedRow, kind: str) -> str:
    """Say what was added: the diff, the cells, the warnings, and what to do next.

    Parameters
    ----------
    added : AddedRow
        The row.
    kind : str
        One of `KINDS`.

    Returns
    -------
    str
        Several paragraphs.
    """
    width = max(len(name) for name in added.values)
    cells = [
        f"  {name:<{width}}  {show(value)}"
        + (f"  ({added.defaults[name]})" if name in added.defaults else "")
        for name, value in added.values.items()
    ]
    parts = [added.diff, "\n".join([f"{added.file}:{added.line}: added", *cells])]
    if added.problems:
        parts.append(format_text(added.problems))
    if added.existing:
        parts.append(f"The base has {added.existing} errors of its own; `meta check` lists them.")
    parts.append(escaped(f"Next: {NEXT[kind].format(**added.values)}"))
    return "\n\n".join(parts)


def _option(field: Field) -> click.Option:
    names = [f"--{field.name.replace('_', '-')}"]
    if "_" in field.name:
        names.append(f"--{field.name}")
    required = "Required. " if field.required else ""
    if field.name in FILLED_IN:
        required = "Filled in if left out. "
    return click.Option([*names, field.name], metavar=_metavar(field),
                        help=f"{required}{_described(field)}")  # fmt: skip


def _metavar(field: Field) -> str:
    return "CHOICE" if field.values else field.type.upper()


def _described(field: Field) -> str:
    if field.values:
        return f"{field.meaning} One of: {', '.join(field.values)}."
    return f"{field.meaning}{f' Example: {field.example}.' if field.example else ''}"


def _ask_and_add(directory: Path, kind: str, given: dict[str, str]) -> AddedRow:
    """Ask for what is missing, and again for what turns out to be wrong."""
    table = table_of(kind)
    contents, _ = read_table_file(directory, kind)
    values = dict(given)
    proposed = {
        name: value for name, (value, _) in defaults(kind, contents, values, date.today()).items()
    }
    fields = [field for field in table.fields.values() if field.name in contents.header]
    click.echo(f"A new row of {RAW}/{table.name}.csv. Enter leaves a cell blank; Ctrl-C gives up.")
    for required in (True, False):
        for field in fields:
            if field.required is required and field.name not in given:
                values[field.name] = _ask(field, proposed)
    while True:
        # A proposal that was accepted is proposed anew: someone else may have taken the name.
        taken = {k: v for k, v in values.items() if v and v != proposed.get(k)}
        try:
            return add_row(directory, kind, taken, date.today())
        except RowError as error:
            click.echo(str(error), err=True)
            again = [field for field in fields if field.name in error.columns]
            if not again or not click.confirm("Correct the row?", default=True):
                raise
            for field in again:
                values[field.name] = _ask(field, {field.name: values.get(field.name, "")})


def _ask(field: Field, proposed: Mapping[str, str]) -> str:
    click.echo(f"\n{field.label} ({field.name}): {_described(field)}")
    default = proposed.get(field.name, "")
    while True:
        answer = click.prompt(
            field.name, default=default, show_default=bool(default), prompt_suffix="> "
        )
        value = str(answer).strip()
        if not value and field.required:
            click.echo("A value is required.")
        elif value and field.values and value not in field.values:
            near = nearest(value, list(field.values), cutoff=0.6)
            click.echo(f"Did you mean {near}?" if near else f"One of: {', '.join(field.values)}.")
        else:
            return value


__all__ = ["KINDS", "command", "report"]
