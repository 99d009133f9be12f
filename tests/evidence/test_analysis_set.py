"""Analysis sets: the right rows, counts read as the contract says, agreed codes."""

import pandas as pd
import pytest

from meta.config import ModelSpec
from meta.errors import MissingRowsError, SettingsError
from meta.evidence.analysis_set import analysis_set, arm_counts, data_hash
from meta.evidence.codes import agreed_code

CHAIN = ModelSpec(stages=["capability_transfer", "goal_failure"], levels=["study"])


def arms(**columns: object) -> pd.DataFrame:
    base = {
        "arm_id": ["A1", "A2", "A3"],
        "study_id": ["s", "s", "t"],
        "failure_type": "specification_gaming",
        "sampling_frame": "denominator",
        "role": "main",
        "grade": "A",
        "n_trials": 20,
        "n_capable": [10, None, None],
        "conditioning": None,
        "n_at_risk": [8, 20, 20],
        "n_goal_failure": [3, 4, 0],
        "n_harm": None,
    }
    frame = pd.DataFrame({**base, **columns})
    counts = [c for c in frame if c.startswith("n_")]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def tables(**columns: object) -> dict[str, pd.DataFrame]:
    studies = pd.DataFrame({"study_id": ["s", "t"], "title": ["S", "T"], "year": [2020, 2021]})
    return {"arms": arms(**columns), "studies": studies}


@pytest.mark.parametrize(
    ("capable", "at_risk", "given", "read_as", "observed"),
    [
        (10, 8, None, "given_capability", 10),
        (10, 10, None, "given_capability", 10),
        (10, 12, None, "all_trials", None),  # honest successes, not the chain's capability
        (None, 12, None, "all_trials", None),
        (10, None, None, "given_capability", 10),
        (10, 20, "all_trials", "all_trials", None),
        (None, 8, "given_capability", "given_capability", None),
    ],
)
def test_conditioning_decides_what_the_counts_say(
    capable: int | None, at_risk: int | None, given: str | None, read_as: str, observed: int | None
) -> None:
    goal = None if at_risk is None else 3
    row = arms(n_capable=capable, n_at_risk=at_risk, conditioning=given, n_goal_failure=goal)
    counts = arm_counts(row).iloc[0]
    assert counts["conditioning"] == read_as
    for column, want in [
        ("events_capability_transfer", observed),
        ("trials_capability_transfer", None if observed is None else 20),
        ("trials_goal_failure", at_risk),
    ]:
        assert (want is None and pd.isna(counts[column])) or counts[column] == want, column


def test_blank_is_not_zero() -> None:
    counts = arm_counts(arms(n_goal_failure=[3, None, 0]))
    assert counts["events_goal_failure"].isna().tolist() == [False, True, False]
    assert counts["trials_goal_failure"].isna().tolist() == [False, True, False]
    assert counts["events_harm"].isna().all()


def test_defaults_keep_main_rows_of_the_targets_and_a_filter_adds_to_them() -> None:
    base = tables(role=["main", "control", "main"])
    assert analysis_set(base, "m", CHAIN)["row_id"].tolist() == ["A1", "A3"]
    graded = CHAIN.model_copy(update={"filter": {"study_id": ["s"]}})
    assert analysis_set(base, "m", graded)["row_id"].tolist() == ["A1"]
    neighbours = tables(failure_type=["shutdown_resistance"] * 2 + ["specification_gaming"])
    assert analysis_set(neighbours, "m", CHAIN)["row_id"].tolist() == ["A3"]


def test_unknown_columns_and_empty_results_are_named() -> None:
    wrong = CHAIN.model_copy(update={"filter": {"grad": ["A"]}, "moderators": ("yaer",)})
    with pytest.raises(SettingsError, match=r"models\.m\.filter.*'grad'; did you mean grade\?"):
        analysis_set(tables(), "m", wrong)
    moderated = CHAIN.model_copy(update={"moderators": ("yaer",)})
    with pytest.raises(SettingsError, match=r"moderators.*did you mean year\?"):
        analysis_set(tables(), "m", moderated)
    with pytest.raises(MissingRowsError, match="no row of the evidence has"):
        analysis_set(tables(grade="D"), "m", CHAIN)
    impossible = CHAIN.model_copy(update={"filter": {"role": ["man"]}})
    with pytest.raises(SettingsError, match=r"filter\.role: 'man' is no such value; did"):
        analysis_set(tables(), "m", impossible)


CATALOGUE = ModelSpec(frame="case_series", stages=["goal_failure"], levels=["source_list"])


def cases(**columns: object) -> dict[str, pd.DataFrame]:
    found = pd.DataFrame(
        {"case_id": ["c1", "c2"], "failure_type": "specification_gaming", "domain": ["x", "y"],
         **columns}
    )  # fmt: skip
    codes = pd.DataFrame(
        {"unit_id": ["c1", "c2"], "coder": "a", "capability_transfer": "yes", "goal_failure": "yes",
         "harm": "none"}
    )  # fmt: skip
    return {"cases": found, "codings": codes}


def test_cases_keep_their_frame_and_blank_moderators_raise() -> None:
    table = analysis_set(cases(sampling_frame=["case_series", "anecdote"]), "m", CATALOGUE)
    assert table["sampling_frame"].tolist() == ["anecdote", "case_series"]
    moderated = CATALOGUE.model_copy(update={"moderators": ("domain",)})
    with pytest.raises(SettingsError, match=r"domain is blank in some rows \(c2\)"):
        analysis_set(cases(domain=["x", None]), "m", moderated)


def test_a_missing_agent_set_is_the_arm_itself() -> None:
    table = analysis_set(tables(), "m", CHAIN)
    assert table["agent_set"].tolist() == ["A1", "A2", "A3"]


def test_the_hash_follows_the_rows_and_not_the_free_text() -> None:
    plain = data_hash(analysis_set(tables(), "m", CHAIN))
    assert data_hash(analysis_set(tables(note="anything"), "m", CHAIN)) == plain
    assert data_hash(analysis_set(tables(n_goal_failure=[3, 4, 1]), "m", CHAIN)) != plain


def test_a_composition_without_cases_says_so() -> None:
    with pytest.raises(MissingRowsError, match="cases and codings"):
        analysis_set(tables(), "m", CATALOGUE)


def test_agreed_codes() -> None:
    codes = pd.DataFrame(
        [
            ("u1", "a", "yes"), ("u1", "b", "yes"),
            ("u2", "a", "yes"), ("u2", "b", "no"),
            ("u3", "a", "yes"), ("u3", "b", "no"), ("u3", "adjudicated", "no"),
            ("u4", "a", "unclear"), ("u4", "b", "unclear"),
            ("u5", "a", "yes"), ("u5", "b", None),
            ("u6", "a", "yes"), ("u6", "b", "yes"), ("u6", "adjudicated", "unclear"),
        ],
        columns=["unit_id", "coder", "capability_transfer"],
    )  # fmt: skip
    found = agreed_code(codes, "capability_transfer").dropna().to_dict()
    # Disagreement and `unclear` are not observed; the adjudicated code stands above the others.
    assert found == {"u1": "yes", "u3": "no", "u5": "yes"}


def test_codes_of_one_event_agree() -> None:
    pairs = {"u1": ("yes", "partial"), "u2": ("partial", "no"), "u3": ("no", "no")}
    rows = [(unit, "ab"[i], code) for unit, both in pairs.items() for i, code in enumerate(both)]
    codes = pd.DataFrame(rows, columns=["unit_id", "coder", "goal_failure"])
    assert agreed_code(codes, "goal_failure").dropna().to_dict() == {"u1": "yes", "u3": "no"}
    other = codes.rename(columns={"goal_failure": "shift_type"})
    assert agreed_code(other, "shift_type").dropna().to_dict() == {"u3": "no"}
