"""CSV templates: the header of each table and one worked row."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meta.evidence.dictionary import Table


def worked_row(table: Table) -> dict[str, str]:
    """Put the examples of a table's fields into a row.

    Parameters
    ----------
    table : Table
        A table of the dictionary.

    Returns
    -------
    dict of str to str
        Cells by column. The worked rows of all tables together are a legal evidence base.
    """
    return {field.name: field.example for field in table.fields.values()}


def template(table: Table) -> str:
    """Write the template of a table.

    Parameters
    ----------
    table : Table
        A table of the dictionary.

    Returns
    -------
    str
        CSV: every column of the table, and the worked row.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(table.fields), lineterminator="\n")
    writer.writeheader()
    writer.writerow(worked_row(table))
    return text.getvalue()
