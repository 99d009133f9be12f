"""Frictionless data package: the dictionary as Table Schema, for tools that are not ours.

Data Package and Table Schema, version 1 (https://specs.frictionlessdata.io). What a Table Schema
cannot say is said in the description of the field, and only `meta check` tests it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meta.evidence.dictionary import Dictionary, Field, Table

TYPES = {
    "text": "string",
    "id": "string",
    "category": "string",
    "integer": "integer",
    "number": "number",
    "date": "date",
}


def data_package(dictionary: Dictionary, folder: str = "raw") -> dict[str, Any]:
    """Describe the evidence base as a data package.

    Parameters
    ----------
    dictionary : Dictionary
        The field dictionary.
    folder : str, optional
        Where the tables are, as seen from the file of the package.

    Returns
    -------
    dict
        The descriptor, one resource a table.
    """
    return {
        "profile": "data-package",
        "name": "wrong-goal-evidence",
        "title": "How often capable AI systems pursue the wrong goal: the evidence",
        "description": (
            "Generated from the field dictionary by `meta dictionary`. `meta check` tests more "
            "than this schema can say. A blank is not observed, never zero."
        ),
        "resources": [_resource(table, dictionary, folder) for table in dictionary],
    }


def table_schema(table: Table, dictionary: Dictionary) -> dict[str, Any]:
    """Describe one table as a Table Schema.

    Parameters
    ----------
    table : Table
        A table of the dictionary.
    dictionary : Dictionary
        The dictionary that holds it.

    Returns
    -------
    dict
        Fields with types and constraints, keys, and what stands for a missing value.
    """
    schema: dict[str, Any] = {
        "fields": [_field(field, dictionary) for field in table.fields.values()],
        "missingValues": [""],
    }
    # A primary key may not be blank; a key with a part that may be is tested by the check alone.
    if all(table.fields[column].required for column in table.key):
        schema["primaryKey"] = list(table.key)
    foreign = [
        {
            "fields": [field.name],
            "reference": {
                "resource": _resource_name(field.references[0][0]),
                "fields": [field.references[0][1]],
            },
        }
        for field in table.fields.values()
        if len(field.references) == 1
    ]
    if foreign:
        schema["foreignKeys"] = foreign
    return schema


def _resource(table: Table, dictionary: Dictionary, folder: str) -> dict[str, Any]:
    return {
        "name": _resource_name(table.name),
        "title": table.title,
        "description": table.meaning,
        "path": f"{folder}/{table.name}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": table_schema(table, dictionary),
    }


def _resource_name(table: str) -> str:
    # Names of resources have no underscore in every version of the standard.
    return table.replace("_", "-")


def _field(field: Field, dictionary: Dictionary) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": field.name,
        "type": TYPES[field.type],
        "title": field.label,
        "description": " ".join([field.meaning, *_unsayable(field)]),
        "example": field.example,
    }
    constraints: dict[str, Any] = {}
    if field.required:
        constraints["required"] = True
    if field.values is not None:
        constraints["enum"] = list(field.values)
    if field.pattern is not None:
        constraints["pattern"] = field.pattern.regex
    if field.minimum is not None:
        constraints["minimum"] = field.minimum
    if field.maximum is not None:
        constraints["maximum"] = field.maximum
    keys = dictionary.tables.values()
    if any(field is table.fields.get(table.key[0]) and len(table.key) == 1 for table in keys):
        constraints["unique"] = True
    if constraints:
        described["constraints"] = constraints
    return described


def _unsayable(field: Field) -> list[str]:
    """What a Table Schema has no words for."""
    said = []
    if field.at_most is not None:
        said.append(f"At most {field.at_most} of the row.")
    if field.needs is not None:
        said.append(f"Needs {field.needs}.")
    if len(field.references) > 1:
        targets = " or ".join(f"{table}.{column}" for table, column in field.references)
        said.append(f"Must exist in {targets}; a schema can name only one of them.")
    if field.longest is not None:
        said.append(f"Should not exceed {field.longest} characters.")
    if field.format == "link":
        said.append("One or more addresses, DOIs or arXiv identifiers, separated by semicolons.")
    if field.format == "address":
        said.append("Should begin with https:// or http://.")
    if field.format == "year":
        said.append("Not in the future.")
    if field.applies_to not in (None, "both"):
        said.append(f"Coded for {field.applies_to} only.")
    return said
