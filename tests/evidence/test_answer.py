"""Answers of a coder are judged one by one, as the check would judge their cells."""

from datetime import date

import pytest

from meta.evidence.answer import Judge
from meta.evidence.dictionary import load_dictionary
from meta.evidence.new_row import read_table_file
from meta.evidence.prompts import explanation
from tests.evidence.small_base import arm, write

DAY = date(2026, 11, 22)
CODING = {"unit_id": "A1", "coder": "me", "codebook_version": "1", "harm": "none"}


@pytest.fixture
def base(tmp_path):
    arms = [arm(f"A{n}", environment="timed kernel task", agent="Llama-3") for n in (1, 2, 3)]
    return write(tmp_path, arms=arms, codings=[CODING])


def fault(base, kind, column, value, **given):
    table = load_dictionary()[{"arm": "arms", "coding": "codings", "study": "studies"}[kind]]
    contents, _ = read_table_file(base, kind)
    judge = Judge(base / "data/raw", table, contents, DAY)
    return judge.fault(table.fields[column], value, given)


@pytest.mark.parametrize(
    ("kind", "column", "value", "said"),
    [
        ("arm", "role", "mian", "did you mean main?"),
        ("arm", "n_trials", "4o", "perhaps 40"),
        ("arm", "n_trials", "0,06", "if 0.06 is a proportion"),
        ("arm", "n_trials", "0", "is less than 1"),
        ("arm", "note", "=1+1", "is a spreadsheet formula"),
        ("arm", "added_on", "21.11.2026", "write it as year-month-day, such as 2026-11-21"),
        ("arm", "study_id", "smith_2042", "no such study in studies.csv: did you mean smith_2024?"),
        ("arm", "arm_id", "A1", "has this arm_id already"),
        ("study", "study_id", "a b", "which may not stand in a name"),
        ("study", "url_or_id", "javascript:alert(1)", "the scheme javascript"),
        ("coding", "unit_id", "A9", "there is no such unit in cases.csv or arms.csv"),
    ],
)
def test_what_no_other_answer_mends_is_certain(base, kind, column, value, said):
    found = fault(base, kind, column, value)
    assert found is not None
    assert said in found.said
    assert found.certain


@pytest.mark.parametrize(
    ("column", "value", "given", "said"),
    [
        ("n_at_risk", "41", {"n_trials": "40"}, "is more than n_trials (40)"),
        ("n_goal_failure", "1", {"n_at_risk": ""}, "n_at_risk is blank"),
        ("role", "main", {"sampling_frame": "case_series"}, "a main arm needs a denominator"),
        ("environment", "timed kernal task", {}, "is almost spelt as timed kernel task"),
        ("agent", "llama 3", {"study_id": "smith_2024"}, "is almost spelt as Llama-3"),
    ],
)
def test_what_may_be_right_may_be_kept(base, column, value, given, said):
    found = fault(base, "arm", column, value, **given)
    assert found is not None
    assert said in found.said
    assert not found.certain


@pytest.mark.parametrize(
    ("column", "value", "given"),
    [
        ("n_at_risk", "40", {"n_trials": "40"}),
        ("n_goal_failure", "1", {}),
        ("role", "main", {"sampling_frame": "denominator"}),
        ("environment", "timed kernel task", {}),
        ("agent", "llama 3", {"study_id": "roe_2025"}),
        ("study_id", "smith_2024", {}),
        ("arm_id", "A4", {}),
        ("note", "", {}),
    ],
)
def test_a_right_answer_has_no_fault(base, column, value, given):
    assert fault(base, "arm", column, value, **given) is None


def test_a_unit_is_coded_once_by_a_coder(base):
    assert fault(base, "coding", "coder", "me", unit_id="A2") is None
    found = fault(base, "coding", "coder", "me", unit_id="A1")
    assert found is not None
    assert "has this unit_id and coder already" in found.said


def test_a_coder_whom_nobody_describes_is_told_at_once(base):
    write(base, coders="coder,kind\nme,human\ncoder_a,human\n")
    assert fault(base, "coding", "coder", "coder_a", unit_id="A2") is None
    found = fault(base, "coding", "coder", "codr_a", unit_id="A2")
    assert found is not None
    assert found.certain
    assert "did you mean coder_a? if not, describe the coder first: `meta new coder`" in found.said
    found = fault(base, "coding", "coder", "zoe", unit_id="A2")
    assert found is not None
    assert "(known: coder_a, me)" in found.said


@pytest.mark.parametrize("kind", ["studies", "arms", "cases", "coders", "codings"])
def test_every_field_explains_itself(kind):
    for field in load_dictionary()[kind].fields.values():
        text = explanation(field)
        assert field.meaning in text
        assert field.example in text
        assert all(f"{value}: {meaning}" in text for value, meaning in (field.values or {}).items())
