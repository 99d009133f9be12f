"""What is suggested for a wrong name, and when nothing is."""

from __future__ import annotations

import pytest

from meta.evidence.near_names import nearest_key, nearest_value

ARMS = ["ARM001", "ARM011", "ARM101", "ARM401", "ARM461"]
STUDIES = ["smith_2024", "smith_2026", "langosco_2022", "cnm13ryan"]
LEVELS = ["below_human", "human_level", "above_human", "unclear"]
YES = ["yes", "no", "unclear"]
ROLES = ["main", "control", "ablation", "mitigation", "probe", "pilot", "alternative_definition"]


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("ARM01", ARMS, "ARM001"),
        ("ARM1", ARMS, "ARM001"),
        ("arm-11", ARMS, "ARM011"),
        ("ARMM0001", ARMS, "ARM001"),
        ("ARM402", ARMS, None),
        ("ARM41", ARMS, None),
        ("CASE001", ARMS, None),
        ("smith_2025", STUDIES, "smith_2024"),
        ("smiht_2026", STUDIES, "smith_2026"),
        ("Langosco2022", STUDIES, "langosco_2022"),
        ("cnm31ryan", STUDIES, None),
        ("jones_2024", STUDIES, None),
        ("", STUDIES, None),
        ("A" * 100_000, ARMS, None),
    ],
)
def test_a_key_is_suggested_by_its_numbers_and_letters(written, known, meant):
    assert nearest_key(written, known) == meant


@pytest.mark.parametrize(
    ("written", "legal", "meant"),
    [
        ("near_human", LEVELS, None),
        ("Human Level", LEVELS, "human_level"),
        ("humanlevel", LEVELS, "human_level"),
        ("bellow_human", LEVELS, "below_human"),
        ("superhuman", LEVELS, None),
        ("human", LEVELS, "human_level"),
        ("y", YES, "yes"),
        ("maybe", YES, None),
        ("mian", ROLES, "main"),
        ("p", ROLES, None),
        ("alternative definitions", ROLES, "alternative_definition"),
        ("", ROLES, None),
    ],
)
def test_a_value_is_suggested_by_its_words(written, legal, meant):
    assert nearest_value(written, legal) == meant
