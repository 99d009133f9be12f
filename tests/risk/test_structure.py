"""The structure file: closed, consistent, and without figures of its own."""

import copy
import re

import pytest
import yaml

from meta.errors import SettingsError
from meta.risk.documents import read_documents
from meta.risk.structure import PUBLISHED, read_structure, shipped_structure


@pytest.fixture
def content() -> dict:
    return copy.deepcopy(yaml.safe_load(PUBLISHED.read_text()))


def _put(content: dict, path: str, value: object) -> None:
    *steps, last = path.split("/")
    for step in steps:
        content = content[step]
    content[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("extra", 1, "extra: unknown key"),
        ("shift_types/types/moderate/colour", "red", "moderate.colour: unknown key"),
        ("shift_types/types/enormous", {}, "shift_types.types.enormous"),
        ("shift_types/types/moderate/goal_word", "Huge", "not among `words`: Huge"),
        ("modifiers/fields/diversity/low_risk", "broad", "'broad' is no level of"),
        ("modifiers/fields/diversity/field", "colour", "colour is no coded field"),
        ("modifiers/fields/alignment", None, "alignment"),
        ("domains/rows/game_ai/level", "top", "game_ai: top is no level"),
        ("domains/later_period", "2040", "2040 is no period"),
        ("unknowns/interpretability/intervention", "luck", "luck is no intervention"),
        ("chart/division", 1.5, "chart.division"),
        ("headlines/info_box/type", None, "name the shift `type`"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(content, path, value, message):
    _put(content, path, value)
    with pytest.raises(SettingsError, match=re.escape(message)):
        read_structure(content)


def test_all_problems_are_reported_at_once(content):
    _put(content, "extra", 1)
    _put(content, "chart/division", -1)
    with pytest.raises(SettingsError) as error:
        read_structure(content)
    assert len(str(error.value).splitlines()) == 2


def test_a_missing_modifier_is_named(content):
    del content["modifiers"]["fields"]["capability"]
    with pytest.raises(SettingsError, match="no entry for capability"):
        read_structure(content)


def test_a_row_that_is_no_claim_is_named(content, claims):
    _put(content, "domains/rows/chess", {"title": "chess", "level": "high"})
    with pytest.raises(Exception, match="current_risk of chess"):
        read_documents(claims, read_structure(content))


def test_no_figure_is_typed_in_the_file(content):
    """Numbers are row numbers of the types and where the chart is divided, which none prints."""

    def numbers(part):
        if isinstance(part, dict):
            return [n for value in part.values() for n in numbers(value)]
        if isinstance(part, list):
            return [n for value in part for n in numbers(value)]
        return [part] if isinstance(part, int | float) and not isinstance(part, bool) else []

    assert sorted(numbers(content)) == [0.5, 1, 2, 3, 4]


def test_notable_cases_are_those_of_the_evidence():
    from pathlib import Path

    import pandas as pd

    cases = pd.read_csv(Path(__file__).parents[2] / "data" / "raw" / "cases.csv").set_index(
        "case_id"
    )
    for study in shipped_structure().case_studies.values():
        assert cases.loc[study.case, "failure_type"] == study.failure_type


def test_every_claim_of_the_document_has_a_place_or_is_known_to_have_none(claims):
    """Two relative statements are no part of a table: +-50% on estimates, and another document."""
    documents = read_documents(claims)
    used = {f.claim_id for f in _figures(documents)}
    assert set(claims["claim_id"]) - used == {"C138", "C140"}


def _figures(part):
    from dataclasses import fields, is_dataclass

    from meta.risk.printed import Figure, PrintedFigures
    from meta.risk.structure import Structure

    if isinstance(part, Figure):
        return [part]
    if isinstance(part, PrintedFigures | Structure | str):
        return []
    if isinstance(part, dict):
        return [f for value in part.values() for f in _figures(value)]
    if isinstance(part, list | tuple):
        return [f for value in part for f in _figures(value)]
    if is_dataclass(part):
        return [f for x in fields(part) for f in _figures(getattr(part, x.name))]
    return []
