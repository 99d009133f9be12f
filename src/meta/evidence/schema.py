"""The database schema, written from the field dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meta.evidence.dictionary import Dictionary, Field, Table

SQL_TYPES = {
    "text": "VARCHAR",
    "id": "VARCHAR",
    "category": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "date": "DATE",
}


def create_table(table: Table, dictionary: Dictionary, extra: Iterable[str] = ()) -> str:
    """Write the statement that creates one table with all its rules.

    Parameters
    ----------
    table : Table
        The table.
    dictionary : Dictionary
        The dictionary that holds it.
    extra : iterable of str, optional
        Columns that the dictionary does not know, kept as text.

    Returns
    -------
    str
        A ``CREATE TABLE`` statement.
    """
    parts = [_column(field) for field in table.fields.values()]
    parts += [f"{quote(name)} VARCHAR" for name in extra]
    # A key column that may be blank rules out a primary key, not uniqueness.
    whole = all(table.fields[column].required for column in table.key)
    parts.append(f"{'PRIMARY KEY' if whole else 'UNIQUE'} ({columns(table.key)})")
    for field in table.fields.values():
        parts += _checks(field)
        parts += _foreign_key(field, dictionary)
    return f"CREATE TABLE {quote(table.name)} (\n  " + ",\n  ".join(parts) + "\n)"


def columns(names: Iterable[str]) -> str:
    """Quote and join column names.

    Parameters
    ----------
    names : iterable of str
        Column names.

    Returns
    -------
    str
        The names, separated by commas.
    """
    return ", ".join(quote(name) for name in names)


def quote(name: str) -> str:
    """Quote a name so that any text is legal.

    Parameters
    ----------
    name : str
        Table or column.

    Returns
    -------
    str
        The quoted name.
    """
    return '"' + name.replace('"', '""') + '"'


def _column(field: Field) -> str:
    return f"{quote(field.name)} {SQL_TYPES[field.type]}{' NOT NULL' if field.required else ''}"


def _checks(field: Field) -> list[str]:
    name = quote(field.name)
    conditions = []
    if field.values is not None:
        legal = ", ".join("'" + value.replace("'", "''") + "'" for value in field.values)
        conditions.append(f"{name} IN ({legal})")
    if field.minimum is not None:
        conditions.append(f"{name} >= {field.minimum}")
    if field.maximum is not None:
        conditions.append(f"{name} <= {field.maximum}")
    if field.at_most is not None:
        conditions.append(f"{name} <= {quote(field.at_most)}")
    if field.needs is not None:
        conditions.append(f"{name} IS NULL OR {quote(field.needs)} IS NOT NULL")
    return [f"CHECK ({condition})" for condition in conditions]


def _foreign_key(field: Field, dictionary: Dictionary) -> list[str]:
    # A name that may stand in either of two tables has no foreign key; the checks cover it.
    if len(field.references) != 1:
        return []
    table, column = field.references[0]
    target = f"{quote(dictionary[table].name)} ({quote(column)})"
    return [f"FOREIGN KEY ({quote(field.name)}) REFERENCES {target}"]
