"""Prompts of `meta new`: each answer is checked at once, and asked for again with the reason."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from meta.evidence.answer import Judge
from meta.evidence.codebook import codebook_page
from meta.evidence.dictionary import load_dictionary
from meta.evidence.new_row import RAW, RowError, add_row, defaults, read_table_file, table_of
from meta.evidence.problems import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from meta.evidence.dictionary import Field
    from meta.evidence.new_row import AddedRow

#: The answer that asks what a field means.
HELP = "?"
#: The answer that takes back the one before.
BACK = "<"


def ask_and_add(directory: Path, kind: str, given: Mapping[str, str]) -> AddedRow:
    """Ask for what is missing, and again for what turns out to be wrong; then add the row.

    Parameters
    ----------
    directory : Path
        Folder that holds ``data/raw``.
    kind : str
        What is added.
    given : mapping of str to str
        Values that are not asked for.

    Returns
    -------
    AddedRow
        What was written.

    Raises
    ------
    RowError
        If the row is wrong and is not to be corrected; nothing is written.
    """
    table, today = table_of(kind), date.today()
    contents, _ = read_table_file(directory, kind)
    proposed = {n: value for n, (value, _) in defaults(kind, contents, given, today).items()}
    judge = Judge(directory / RAW, table, contents, today)
    fields = [field for field in table.fields.values() if field.name in contents.header]
    click.echo(
        f"A new row of {RAW}/{table.name}.csv. Enter keeps what stands in brackets, or leaves the "
        f"cell blank; a space and Enter empties it. {HELP} explains a field; {BACK} goes back to "
        "the one before; Ctrl-C gives up."
    )
    missing = [field for field in fields if field.name not in given]
    # A stable sort: what is required comes first, in the order of the dictionary.
    missing.sort(key=lambda field: not field.required)
    values = _ask_all(missing, given, proposed, judge)
    while True:
        # A proposal that was accepted is proposed anew: someone else may have taken the name.
        taken = {k: v for k, v in values.items() if v and v != proposed.get(k)}
        try:
            return add_row(directory, kind, taken, today)
        except RowError as error:
            click.echo(str(error), err=True)
            again = [field for field in fields if field.name in error.columns]
            if not again or not click.confirm("Correct the row?", default=True):
                raise
            wrong = {field.name: values.get(field.name, "") for field in again}
            right = {name: value for name, value in values.items() if name not in wrong}
            values = _ask_all(again, right, wrong, judge)


def _ask_all(
    fields: list[Field], given: Mapping[str, str], proposed: Mapping[str, str], judge: Judge
) -> dict[str, str]:
    """Ask for one field after the other, and for an earlier one again where that is wanted."""
    answers: dict[str, str] = {}
    place = 0
    while place < len(fields):
        field = fields[place]
        # An answer is judged by those before it; those after it are asked for again.
        before = {**given, **{f.name: answers[f.name] for f in fields[:place]}}
        default = answers.get(field.name, proposed.get(field.name, ""))
        answer = _ask(field, default, before, judge)
        if answer is None and place == 0:
            click.echo("This is the first field that is asked for.")
        elif answer is None:
            place -= 1
        else:
            answers[field.name] = answer
            place += 1
    return {**given, **answers}


def explanation(field: Field) -> str:
    """Say what a field means, what it may hold, and how to fill it in.

    Parameters
    ----------
    field : Field
        A field of a table that rows are added to.

    Returns
    -------
    str
        Indented lines, as the codebook has them.
    """
    page = codebook_page(load_dictionary())
    entry = next(
        e for table in page.tables for e in table.fields
        if e.name == field.name and e.meaning == field.meaning
    )  # fmt: skip
    lines = [entry.meaning, entry.rule, entry.form.replace("`", "")]
    lines += [f"  {value}: {meaning}" for value, meaning in entry.values]
    lines += [f"Example: {entry.example}"] if entry.example else []
    return "\n".join(f"  {line}" for line in lines if line)


def _ask(field: Field, default: str, given: Mapping[str, str], judge: Judge) -> str | None:
    """Ask until an answer may stand; None asks for the field before."""
    click.echo(f"\n{field.label} ({field.name}): {field.meaning}{_choices(field)}")
    doubted = None
    while True:
        answer = click.prompt(
            field.name, default=default, show_default=bool(default), prompt_suffix="> "
        )
        value = str(answer).strip()
        if value == BACK:
            return None
        if value == HELP:
            click.echo(explanation(field))
        elif not value and field.required:
            click.echo(f"A value is required; {HELP} explains the field.")
        elif value == doubted:
            return value
        elif fault := judge.fault(field, value, given):
            keep = "" if fault.certain else " (the same answer again keeps it)"
            click.echo(f"{escaped(value)}: {fault.said}{keep}")
            doubted = None if fault.certain else value
        else:
            return value


def _choices(field: Field) -> str:
    return f" One of: {', '.join(field.values)}." if field.values else ""
