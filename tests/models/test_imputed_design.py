"""Designs of imputed code sets: one shape, whatever cells and categories a set has."""

import numpy as np
import pandas as pd
import pytest

from meta.config import ModelSpec
from meta.errors import DesignError, MissingRowsError
from meta.evidence.analysis_set import analysis_set
from meta.evidence.codes import any_codes
from meta.evidence.imputed_set import imputed_set
from meta.models.design import build_design
from meta.models.imputed_design import build_imputed_design

ARMS = [f"A{i}" for i in range(6)]
SPEC = ModelSpec(stages=["goal_failure"], levels=["study"], moderators=["shift_type"])
COMPOSITION = ModelSpec(
    frame="case_series", stages=["goal_failure", "harm"], likelihood="binomial",
    levels=["source_list"],
)  # fmt: skip


def tables() -> dict[str, pd.DataFrame]:
    arms = pd.DataFrame(
        {
            "arm_id": ARMS, "study_id": list("sstuvw"), "failure_type": "specification_gaming",
            "sampling_frame": "denominator", "role": "main", "grade": "A",
            "n_trials": pd.array([20] * 6, dtype="Int64"),
            "n_at_risk": pd.array([20] * 6, dtype="Int64"),
            "n_goal_failure": pd.array([3, 4, 0, 9, 12, 5], dtype="Int64"),
        }
    )  # fmt: skip
    studies = pd.DataFrame({"study_id": list("stuvw"), "title": "T", "year": 2020})
    cases = pd.DataFrame(
        {"case_id": list("KLMN"), "failure_type": "specification_gaming",
         "list_membership": ["one", "one", "two", "three"]}
    )  # fmt: skip
    codings = pd.DataFrame(
        [(u, c, "none" if u in ("A0", "A1") or c == "b" else "moderate", None, None)
         for u in ARMS for c in "ab"]
        + [(u, c, None, "yes", "severe" if c == "a" else "none") for u in "KLMN" for c in "ab"],
        columns=["unit_id", "coder", "shift_type", "goal_failure", "harm"], dtype="string",
    )  # fmt: skip
    codings["capability_transfer"] = codings["goal_failure"]
    return {"arms": arms, "studies": studies, "cases": cases, "codings": codings}


def imputations(*sets: dict[str, dict[str, str]]) -> list[pd.DataFrame]:
    return [
        pd.DataFrame(
            [(unit, field, code) for field, codes in fields.items()
             for unit, code in codes.items()],
            columns=["unit_id", "field", "code"], dtype="string",
        )
        for fields in sets
    ]  # fmt: skip


def shifts(*codes: str) -> dict[str, dict[str, str]]:
    return {"shift_type": dict(zip(ARMS, codes, strict=True))}


def test_a_category_that_a_set_lacks_keeps_its_contrast() -> None:
    sets = imputations(
        shifts(*["none"] * 3, *["moderate"] * 3), shifts(*["none"] * 4, "extreme", "extreme")
    )
    spec = SPEC.model_copy(update={"moderator_effects": {"shift_type": "categories"}})
    design = build_imputed_design(imputed_set(tables(), sets, "m", spec), spec)
    assert [g.label for g in design.sets[0].groups] == [
        "shift_type=none", "shift_type=moderate", "shift_type=extreme",
    ]  # fmt: skip
    first, second = design.sets
    assert first.x.shape == second.x.shape == design.base.x.shape == (6, 2)
    assert [int(g.rows.sum()) for g in first.groups] == [3, 3, 0]
    assert [int(g.rows.sum()) for g in second.groups] == [4, 0, 2]
    contrasts = [np.stack([g.x for g in s.groups]) for s in design.sets]
    np.testing.assert_allclose(contrasts[0], contrasts[1])
    np.testing.assert_allclose(contrasts[0].sum(axis=0), 0, atol=1e-12)
    for each in design.sets:
        np.testing.assert_array_equal(each.events, design.base.events)
        for group in each.groups:
            assert (each.x[group.rows] == group.x).all()


def test_an_ordinal_moderator_keeps_every_level_of_its_vocabulary_in_every_set() -> None:
    sets = imputations(
        shifts(*["superficial"] * 3, *["moderate"] * 3), shifts(*["none"] * 4, "extreme", "extreme")
    )
    design = build_imputed_design(imputed_set(tables(), sets, "m", SPEC), SPEC)
    first, second = design.sets
    assert first.x.shape == second.x.shape == (6, 4)
    np.testing.assert_array_equal(first.x.sum(axis=1), [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(second.x.sum(axis=1), [0, 0, 0, 0, 4, 4])
    # The reference is the first level of any set, also in a set that has none of it.
    for each in design.sets:
        (moderator,) = each.moderators
        assert moderator.levels[moderator.reference] == "none"
        assert len(each.groups) == 5


def test_agreed_codes_leave_out_what_coders_dispute() -> None:
    agreed = analysis_set(tables(), "m", SPEC)
    assert agreed["row_id"].tolist() == ["A0", "A1"]
    whole = analysis_set(tables(), "m", SPEC, any_codes(tables()["codings"]))
    assert whole["shift_type"].tolist() == ["none"] * 2 + ["moderate"] * 4
    build_design(whole.assign(study=list("abcdef")), SPEC)
    with pytest.raises(DesignError):
        build_design(agreed, SPEC)


def test_a_coded_moderator_without_codings_is_refused() -> None:
    without = {k: v for k, v in tables().items() if k != "codings"}
    with pytest.raises(MissingRowsError, match="shift_type needs the table codings"):
        analysis_set(without, "m", SPEC)


def test_counts_of_cases_follow_the_set_and_an_absent_stage_counts_nothing_of_nothing() -> None:
    yes = dict.fromkeys("KLMN", "yes")
    some = {**dict.fromkeys("KLM", "severe"), "N": "none"}
    sets = imputations(
        {"capability_transfer": yes, "goal_failure": yes, "harm": some},
        {
            "capability_transfer": yes,
            "goal_failure": {**yes, "N": "no"},
            "harm": dict.fromkeys("KLMN", "none"),
        },
    )
    design = build_imputed_design(imputed_set(tables(), sets, "c", COMPOSITION), COMPOSITION)
    first, second = design.sets
    three = (design.base.stage == 1) & (
        design.base.rows["study"].to_numpy()[design.base.row] == "three"
    )
    assert (first.trials[three], second.trials[three]) == (1, 0)
    assert second.events[three] == 0
    assert first.events[design.base.stage == 1].sum() == 3
    assert second.events.sum() == 3
    assert (design.base.events <= design.base.trials).all()
    assert len(design.agreed) == 3


def test_which_models_read_codes() -> None:
    assert SPEC.coded_fields == ("shift_type",)
    assert COMPOSITION.coded_fields == ("capability_transfer", "goal_failure", "harm")
    assert ModelSpec(stages=["goal_failure"], moderators=["failure_type"]).coded_fields == ()
    assert SPEC.imputes
    assert not SPEC.model_copy(update={"codes": "agreed"}).imputes
