"""What `fields.yaml` says of studies, arms and contrasts, held against plain rows.

The statements are read with a plain YAML reader and applied by the few lines below. Nothing of the
check is called, so that a rule which is lost there is missed here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from tests.evidence.plain_reading import Rows

STATED: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "src/meta/evidence/fields.yaml").read_text(encoding="utf-8"),
    yaml.BaseLoader,
)
#: Tables that are judged.
JUDGED = ("studies", "arms", "contrasts")
OBSERVED = ("n_capable", "n_goal_failure", "n_harm")
CATALOGUES = ("case_series", "case_control", "anecdote")


def faults(name: str, tables: Mapping[str, Rows]) -> list[str]:
    """Say which rows of a table are illegal, and by what statement."""
    stated = STATED["tables"][name]
    rows = tables[name]
    found = [
        f"row {number} of {name}: {said}"
        for number, row in enumerate(rows)
        for column, field in stated["fields"].items()
        for said in _cell(column, field, row, tables)
    ]
    keys = [tuple(row.get(column, "") for column in stated["key"]) for row in rows]
    if name == "studies":
        # BibTeX does not tell letter case apart.
        keys = [tuple(part.casefold() for part in key) for key in keys]
    if len(set(keys)) < len(keys):
        found.append(f"{name}: a key stands twice")
    judge = {"arms": _arm, "contrasts": _contrast}.get(name)
    for number, row in enumerate(rows if judge else []):
        assert judge is not None
        found += [f"row {number} of {name}: {said}" for said in judge(row, tables)]
    return found


def _cell(
    column: str, field: Mapping[str, Any], row: Mapping[str, str], tables: Mapping[str, Rows]
) -> Iterator[str]:
    cell = row.get(column, "")
    if not cell:
        if field.get("required") == "true":
            yield f"{column} is blank"
        return
    if "values" in field and cell not in STATED["vocabularies"][field["values"]]:
        yield f"{column}: {cell!r} is no {field['values']}"
    if "pattern" in field:
        regex = STATED["patterns"][field["pattern"]]["regex"]
        if not re.fullmatch(regex, _without_marks(cell)):
            yield f"{column}: {cell!r} is no name"
    if isinstance(field.get("references"), str):
        table, _, key = field["references"].partition(".")
        if cell not in {other.get(key, "") for other in tables[table]}:
            yield f"{column}: there is no {cell!r} in {table}"
    if "needs" in field and not row.get(field["needs"]):
        yield f"{column} is given and {field['needs']} is blank"
    if field["type"] == "integer":
        yield from _whole(column, field, row)
    if field["type"] == "date" and not _is_date(cell):
        yield f"{column}: {cell!r} is no date"


def _whole(column: str, field: Mapping[str, Any], row: Mapping[str, str]) -> Iterator[str]:
    number = _number(row, column)
    if number is None:
        yield f"{column}: {row[column]!r} is no whole number"
        return
    if not int(field.get("minimum", number)) <= number <= int(field.get("maximum", number)):
        yield f"{column}: {number} is out of range"
    whole = _number(row, field.get("at_most", ""))
    if whole is not None and number > whole:
        yield f"{column}: {number} is more than {field['at_most']} ({whole})"


def _arm(row: Mapping[str, str], _: Mapping[str, Rows]) -> Iterator[str]:
    if row.get("role") == "main":
        if not any(row.get(column) for column in OBSERVED):
            yield "a main arm without an observed count"
        if row.get("sampling_frame") in CATALOGUES:
            yield "a main arm without a denominator"
        if row.get("grade") == "D":
            yield "a main arm from memory"
    capable, at_risk = _number(row, "n_capable"), _number(row, "n_at_risk")
    if row.get("conditioning") == "given_capability" and None not in (capable, at_risk):
        assert capable is not None
        assert at_risk is not None
        if at_risk > capable:
            yield "more trials at risk than capable ones, among which they are counted"


def _contrast(row: Mapping[str, str], tables: Mapping[str, Rows]) -> Iterator[str]:
    studies = {arm.get("arm_id", ""): arm.get("study_id", "") for arm in tables["arms"]}
    arm, baseline = row.get("arm_id", ""), row.get("baseline_arm_id", "")
    if arm == baseline:
        yield "an arm against itself"
    if studies.get(arm) != studies.get(baseline):
        yield "arms of two studies"


def _number(row: Mapping[str, str], column: str) -> int | None:
    cell = row.get(column, "")
    return int(cell) if re.fullmatch("[+-]?[0-9]+", cell) else None


def _is_date(cell: str) -> bool:
    try:
        return date.fromisoformat(cell).isoformat() == cell
    except ValueError:
        return False


def _without_marks(text: str) -> str:
    """Letters go with their marks."""
    return "".join(c for c in text if not unicodedata.category(c).startswith("M"))
