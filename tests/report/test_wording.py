"""Names that a reader meets."""

import pytest

from meta.report.wording import group_name


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("all", "all rows"),
        ("study=langosco_2022", "Langosco 2022"),
        ("failure_type=specification_gaming", "specification gaming"),
        ("shift_type=none", "Shift type: none"),
        ("specification_quality=low", "Specification quality: low"),
        ("laboratory=a_b", "a b"),
    ],
)
def test_groups_are_named_by_the_dictionary(group, name):
    assert group_name(group) == name
