"""The declared map from claims to estimates."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from meta.claims.comparisons import (
    COMPARISONS,
    ComparisonsError,
    comparison_of,
    load_comparisons,
    parse_comparisons,
)
from meta.evidence.dictionary import load_dictionary
from meta.settings_file import load_settings
from tests.claims.tables import RATE, comparisons

ROOT = Path(__file__).parents[2]
SHIPPED = pd.read_csv(ROOT / "data/raw/claims.csv")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modell": "rates"}, "modell: Extra inputs"),
        ({"model": ""}, "give all of model, outcome, group, estimand, words"),
        ({"scale": "double"}, "scale"),
        ({"relation": "at_least"}, "relation"),
        ({"quantities": []}, "quantities"),
        ({"ratio": {"quantity": "rate"}}, "subject"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ComparisonsError, match=said):
        parse_comparisons([{**RATE, **change}])


def test_an_entry_without_estimate_needs_a_reason() -> None:
    with pytest.raises(ComparisonsError, match="not_testable"):
        parse_comparisons([{"quantities": ["rate"]}])
    assert not parse_comparisons([{"quantities": ["rate"], "not_testable": "Why."}])[0].compares


@pytest.mark.parametrize("subjects", [[], ["all"]])
def test_two_entries_for_one_figure_are_refused(subjects: list[str]) -> None:
    with pytest.raises(ComparisonsError, match="more than one for rate of"):
        comparisons({"subjects": subjects}, {"subjects": subjects})


def test_a_named_subject_comes_before_any_subject_wherever_it_stands() -> None:
    declared = comparisons({"words": "any"}, {"words": "of {subject}", "subjects": ["a", "b"]})
    assert comparison_of(declared, "rate", "a").words == "of a"
    assert comparison_of(declared, "rate", "c").words == "any"
    assert comparison_of(declared, "other", "a") is None
    assert comparison_of(declared[1:], "rate", "c") is None


def test_every_shipped_claim_has_a_declared_comparison() -> None:
    pairs = SHIPPED[["quantity", "subject"]].drop_duplicates().itertuples(index=False, name=None)
    declared = load_comparisons()
    assert [pair for pair in pairs if comparison_of(declared, *pair) is None] == []


def test_every_shipped_comparison_is_of_a_shipped_claim() -> None:
    pairs = set(SHIPPED[["quantity", "subject"]].itertuples(index=False, name=None))
    for each in load_comparisons():
        for quantity in each.quantities:
            assert quantity in set(SHIPPED["quantity"])
            assert not each.subjects or {(quantity, s) for s in each.subjects} & pairs


def test_what_is_named_can_be_estimated() -> None:
    """Models of the settings, and levels of the vocabulary: a slip would read as no estimate."""
    models = load_settings(ROOT).models
    fields = load_dictionary().tables["codings"].fields
    for each in load_comparisons():
        if not each.compares:
            continue
        spec = models[each.model]
        field, _, levels = each.group.partition("=")
        if field in fields:
            assert field in spec.moderators
            for level in levels.split(" vs "):
                assert level == "{subject}" or level in fields[field].values, each.group
            if " vs " in levels:
                first = list(fields[field].values).index
                level, reference = levels.split(" vs ")
                assert first(reference) < first(level), f"{each.group}: pooled the other way round"


def test_the_shipped_map_is_plain_yaml_without_duplicate_keys() -> None:
    text = COMPARISONS.read_text(encoding="utf-8")
    entries = yaml.compose(text).value
    for entry in entries:
        keys = [key.value for key, _ in entry.value]
        assert len(keys) == len(set(keys)), keys
