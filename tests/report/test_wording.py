"""Names that a reader meets."""

import pytest

from meta.report.wording import group_name, unit_of


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


@pytest.mark.parametrize(
    ("estimand", "unit"),
    [
        ("rate_mean", ""),
        ("share_above_0.1", ""),
        ("tau", "logits"),
        ("log_odds_ratio_new", "log odds"),
        ("study_log_odds_ratio", "log odds"),
        ("study_odds_ratio", "times the odds"),
        ("odds_ratio_new_pair", "times the odds"),
        ("risk_ratio", "times the rate"),
        ("risk_difference", "percentage points"),
    ],
)
def test_a_number_that_is_no_share_has_a_unit(estimand: str, unit: str) -> None:
    assert unit_of(estimand) == unit
