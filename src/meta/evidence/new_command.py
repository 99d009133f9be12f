"""Commands `meta new study|arm|case|...`: an option a field, prompts in a terminal."""

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
    add_row,
    table_of,
)
from meta.evidence.problems import escaped, format_text, show
from meta.evidence.prompts import ask_and_add
from meta.plural import counted

if TYPE_CHECKING:
    from meta.evidence.dictionary import Field, Table

#: What to do once a row of a kind is there.
NEXT = {
    "study": "add what it reports: `meta new arm --study-id {study_id}`",
    "arm": "code it, `meta new coding --unit-id {arm_id} --coder YOUR_NAME` (new here? first "
    "`meta new coder`), and see what it does to the estimates: `meta preview data/raw`",
    "case": "code it: `meta new coding --unit-id {case_id} --coder YOUR_NAME` (new here? first "
    "`meta new coder`)",
    "coder": "code a case or an arm: `meta new coding --coder {coder}`",
    "coding": "each unit wants two coders, who do not see each other's codes; what the codes of "
    "an arm or case do to the estimates shows after a run: `snakemake --cores 2`",
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
        *(_option(field, table) for field in table.fields.values()),
    ]

    def run(directory: Path, no_input: bool, **fields: str | None) -> None:
        given = {name: value for name, value in fields.items() if value is not None}
        if not (directory / RAW).is_dir():
            reason = "is not a folder: name a directory that holds data/raw/"
            raise click.UsageError(f"{directory / RAW} {reason}")
        interactive = not no_input and sys.stdin.isatty() and sys.stdout.isatty()
        added = ask_and_add(directory, kind, given) if interactive else add_row(
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
    if any(problem.severity == "warning" for problem in added.problems):
        parts.append(
            "The row is written, warnings and all. If one of them is right, edit or delete "
            f"{added.file}:{added.line} while nobody else has the row; once it is shared, correct "
            f"or withdraw it in {RAW}/corrections.yaml."
        )
    if added.existing:
        errors = counted(added.existing, "error")
        parts.append(f"The base has {errors} of its own besides; see `meta check`.")
    parts.append(escaped(f"Next: {NEXT[kind].format(**added.values)}"))
    return "\n\n".join(parts)


def _option(field: Field, table: Table) -> click.Option:
    names = [f"--{field.name.replace('_', '-')}"]
    if "_" in field.name:
        names.append(f"--{field.name}")
    required = "Required. " if field.required else ""
    # A name is given to the table's own rows, not to those of others that it refers to.
    if field.name in FILLED_IN and (field.name in table.key or not field.name.endswith("_id")):
        required = "Filled in if left out. "
    return click.Option([*names, field.name], metavar=_metavar(field),
                        help=f"{required}{_described(field)}")  # fmt: skip


def _metavar(field: Field) -> str:
    return "CHOICE" if field.values else field.type.upper()


def _described(field: Field) -> str:
    if field.values:
        return f"{field.meaning} One of: {', '.join(field.values)}."
    return f"{field.meaning}{f' Example: {field.example}.' if field.example else ''}"


__all__ = ["KINDS", "command", "report"]
