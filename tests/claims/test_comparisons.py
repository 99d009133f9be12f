"""The declared map from claims to estimates."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from meta.claims.audit import audit
from meta.claims.comparisons import (
    COMPARISONS,
    ComparisonsError,
    comparison_of,
    load_comparisons,
    parse_comparisons,
)
from meta.claims.estimates import Estimates
from meta.claims.verdict import NOT_SUPPORTED, NOT_TESTABLE, SUPPORTED
from meta.evidence.dictionary import load_dictionary
from meta.risk.scenarios import shipped_scenarios
from meta.settings_file import load_settings
from tests.claims.tables import NO_SUMS, RATE, comparisons, pooled

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


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ComparisonsError) as found:
        parse_comparisons([{**RATE, "modell": "rates"}, {**RATE, "quantities": []}])
    assert str(found.value) == (
        "comparisons of claims: 0.modell: Extra inputs are not permitted; "
        "1.quantities: List should have at least 1 item after validation, not 0"
    )
    any_subject, named = {"subjects": []}, {"subjects": ["all"]}
    with pytest.raises(ComparisonsError) as found:
        comparisons(any_subject, named, any_subject, named)
    assert str(found.value) == (
        "comparisons of claims: more than one for rate of all, rate of any subject"
    )


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


def reason(quantity: str, subject: str) -> str:
    found = comparison_of(load_comparisons(), quantity, subject)
    assert found is not None and found.not_testable
    return found.not_testable


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    names = ("arms", "cases", "codings", "contrasts")
    return {name: pd.read_csv(ROOT / f"data/raw/{name}.csv") for name in names}


def test_what_the_reasons_say_of_the_rows_is_true(raw: dict[str, pd.DataFrame]) -> None:
    """A reason is declared; whether it still holds is looked up, so that new rows end it."""
    arms = raw["arms"].set_index("arm_id")
    assert "No arm counts harm" in reason("current_risk", "game_ai")
    assert not arms["n_harm"].notna().any()
    assert "coded as verified by interpretability" in reason(
        "risk_multiplier", "interpretability_feasible"
    )
    assert not raw["codings"]["alignment_method"].eq("interpretability_verified").any()
    assert "1 by definition" in reason("risk_multiplier", "2024-2025")
    of = (SHIPPED["quantity"] == "risk_multiplier") & (SHIPPED["subject"] == "2024-2025")
    assert SHIPPED.loc[of, "value"].tolist() == [1.0]
    assert "arms of one study" in reason("risk_multiplier", "2028-2030")
    one, other = (
        arms["study_id"].loc[raw["contrasts"][side]].to_numpy()
        for side in ("arm_id", "baseline_arm_id")
    )
    assert (one == other).all()
    assert "tells nothing in training (rho=0.5)" in reason(
        "proxy_breaking_training_share", "coinrun"
    )
    own = raw["contrasts"].loc[
        lambda c: c["intervention"] == "decorrelated_training_data", "arm_id"
    ]
    assert arms.loc[own, "arm_label"].str.contains("trained rho=0.5,", regex=False).all()
    assert "Everything on it failed" in reason("p_goal_failure_given_capability", "krakovna_2020")
    assert not arms["study_id"].isin(["krakovna_2020", "krakovna_master_list"]).any()


def test_a_list_of_failures_holds_failures_alone(raw: dict[str, pd.DataFrame]) -> None:
    """No coder found a case on it whose goal was reached."""
    listed = raw["cases"].loc[lambda c: c["list_membership"] == "krakovna_master_list", "case_id"]
    codes = raw["codings"].loc[raw["codings"]["unit_id"].isin(listed), "goal_failure"]
    assert len(listed) > 50 and codes.notna().sum() >= len(listed)
    assert "no" not in set(codes)


def test_a_remedy_without_arms_is_looked_for_and_not_found() -> None:
    """That nothing was set against a baseline is found: an estimate would be held against it."""
    declared = comparison_of(load_comparisons(), "risk_reduction", "ai_control_protocols")
    assert declared is not None and declared.compares and not declared.not_testable
    assert declared.words == "the reduction of goal failure by ai control protocols"
    of = SHIPPED[SHIPPED["claim_id"].isin(["C133", "C134"])]
    at = {
        "model": "contrasts", "group": "intervention=ai_control_protocols", "frame": "contrasts",
        "estimand": "risk_ratio", "median": 0.2,
    }  # fmt: skip
    for rows, verdict, why in (
        ([{}], NOT_TESTABLE, "no estimate"),
        ([{**at, "ci_low": 0.15, "ci_high": 0.35}], SUPPORTED, "within"),
        ([{**at, "ci_low": 0.6, "ci_high": 0.9}], NOT_SUPPORTED, "outside"),
    ):
        found = audit(of, NO_SUMS, Estimates(pooled(*rows)))
        assert found[["verdict", "reason"]].to_numpy().tolist() == [[verdict, why]] * 2
    assert "no row that it pools observes it" in audit(of, NO_SUMS, Estimates(pooled({})))["why"][0]


def test_the_risk_of_profiles_takes_each_remedy_for_the_same_intervention() -> None:
    """One remedy, one intervention: what a figure is held against is what a profile is given."""
    remedies = shipped_scenarios().remedies
    claimed = SHIPPED.loc[SHIPPED["quantity"] == "risk_reduction", "subject"].unique()
    assert set(claimed) == set(remedies)
    values = load_dictionary().tables["contrasts"].fields["intervention"].values or {}
    for name, remedy in remedies.items():
        held = comparison_of(load_comparisons(), "risk_reduction", name)
        assert held is not None
        # Without a near one both look for arms under its own name, of which there are none.
        assert held.group == f"intervention={remedy.evidence or name}", name
        assert (remedy.evidence in values) == (remedy.evidence is not None)


def test_better_objectives_are_clarified_ones_by_the_definitions() -> None:
    values = load_dictionary().tables["contrasts"].fields["intervention"].values
    assert values is not None
    assert "more clearly what is wanted" in values["clarified_specification"]
    assert "forbids the failure" in values["warning_or_prohibition"]
    taxonomy = pd.read_csv(ROOT / "data/raw/taxonomy.csv").set_index("item_id")
    meant = taxonomy.loc["003.mitigation.objective-specification", "description"]
    assert meant.startswith("Say better what is wanted")
    assert shipped_scenarios().remedies["objective_specification_improvement"].evidence == (
        "clarified_specification"
    )
