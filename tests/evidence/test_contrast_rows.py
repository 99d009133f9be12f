"""Contrasts: bad rows named, graphs that cannot be, and the rows that a model gets."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from meta.cli import main
from meta.config import ModelSpec
from meta.errors import MissingRowsError, SettingsError
from meta.evidence.analysis_set import analysis_set
from meta.evidence.checking import check
from meta.evidence.contrast_graph import contrast_graph
from meta.evidence.contrast_set import read_edges
from tests.evidence.small_base import STUDY, arm, checked, places, write

OTHER = {**STUDY, "study_id": "jones_2024", "title": "Another study"}
CODER = {"coder": "one", "kind": "human"}
ARMS = [
    arm("A1", arm_label="as evaluated"),
    arm("A2", arm_label="warned", n_goal_failure="4"),
    arm("A3", arm_label="warned and pressed", n_goal_failure="6"),
    arm("B1", study_id="jones_2024", arm_label="as evaluated", n_goal_failure="7"),
]


def contrast(number: int, arm_id: str, baseline: str, **changes: str) -> dict[str, str]:
    return {
        "contrast_id": f"CON{number:03d}", "arm_id": arm_id, "baseline_arm_id": baseline,
        "intervention": "warning_or_prohibition", "direction_expected": "decrease",
        "basis": "'warned' against 'as evaluated'", "coder_id": "one", **changes,
    }  # fmt: skip


GOOD = [
    contrast(1, "A2", "A1"),
    contrast(2, "A3", "A2", intervention="pressure_or_incentive", direction_expected="increase"),
]


def base(tmp_path: Path, contrasts: list[dict[str, str]], arms=ARMS, **tables):
    tables = {"studies": [STUDY, OTHER], "coders": [CODER], **tables}
    return checked(tmp_path, arms=arms, contrasts=contrasts, **tables)


def test_good_contrasts_have_no_problem(tmp_path):
    assert base(tmp_path, GOOD).problems == []


BAD = {
    "itself": (contrast(1, "A1", "A1"), "baseline_arm_id", "its own baseline"),
    "study": (contrast(1, "B1", "A1"), "baseline_arm_id", "an arm of smith_2024, the arm one of"),
    "missing": (contrast(1, "A9", "A1"), "arm_id", "no such arm"),
    "word": (contrast(1, "A2", "A1", intervention="warnin"), "intervention", "not a legal"),
    "basis": (contrast(1, "A2", "A1", basis=""), "basis", "blank"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named(tmp_path, name):
    row, column, reason = BAD[name]
    errors = base(tmp_path, [row]).errors
    assert [(place[:3], reason in problem.reason) for place, problem in
            zip(places(errors), errors, strict=True)] == [
        (("contrasts.csv", 2, column), True)], errors  # fmt: skip


def test_an_intervention_has_one_baseline(tmp_path):
    errors = base(tmp_path, [*GOOD, contrast(3, "A2", "A3")]).errors
    assert [p.line for p in errors] == [4]
    assert "already, on line 2" in errors[0].reason


@pytest.mark.parametrize(
    "third",
    [
        # A circle, and a short cut that leaves the pressure out.
        contrast(3, "A1", "A3", intervention="stakes_framing"),
        contrast(3, "A3", "A1", intervention="stakes_framing"),
    ],
)
def test_contrasts_that_contradict_each_other_are_an_error(tmp_path, third):
    errors = base(tmp_path, [*GOOD, third]).errors
    assert len(errors) == 1
    assert "other contrasts lead from" in errors[0].reason


WARNED = {
    "unit": ({"unit": "episode"}, "unit is episode"),
    "conditioning": ({"conditioning": "all_trials"}, "conditioning is all_trials"),
    "uncounted": ({"n_goal_failure": ""}, "no n_goal_failure"),
}


@pytest.mark.parametrize("name", WARNED)
def test_arms_that_were_counted_otherwise_are_pointed_out(tmp_path, name):
    changes, reason = WARNED[name]
    arms = [ARMS[0], {**ARMS[1], **changes}, *ARMS[2:]]
    found = [p for p in base(tmp_path, GOOD[:1], arms).problems if p.file.endswith("contrasts.csv")]
    assert [p.severity for p in found] == ["warning"]
    assert reason in found[0].reason


def test_a_total_beside_its_parts_is_pointed_out(tmp_path):
    arms = [{**row, "overlap_set": "one"} for row in ARMS[:2]]
    arms += [{**arm("T1", role="total", arm_label="total"), "overlap_set": "one"}, *ARMS[2:]]
    found = base(tmp_path, [contrast(1, "A2", "A1"), contrast(2, "A3", "T1")], arms).problems
    assert any("would count twice" in p.reason and p.line == 3 for p in found)


def test_a_coder_whom_nobody_describes_is_pointed_out(tmp_path):
    problems = base(tmp_path, [contrast(1, "A2", "A1", coder_id="someone")]).problems
    assert [p.code for p in problems if p.severity == "warning"] == ["contrast-coder-undescribed"]


def test_paths_to_an_arm_must_say_the_same():
    square = [("b", "a", "x"), ("c", "a", "y"), ("d", "b", "y"), ("d", "c", "x")]
    graph = contrast_graph(square)
    assert graph.exposure["d"] == {"x": 1, "y": 1}
    assert set(graph.root.values()) == {"a"}
    assert graph.contradictory == []
    assert contrast_graph([*square[:3], ("d", "c", "z")]).contradictory == [3]
    # Two baselines of one arm: what one has over the other is counted from the first of them.
    fork = contrast_graph([("c", "a", "x"), ("c", "b", "y")])
    assert fork.exposure == {"a": {}, "c": {"x": 1}, "b": {"x": 1, "y": -1}}


def spec(**keep: list[str]) -> ModelSpec:
    return ModelSpec(
        frame="contrasts", stages=["goal_failure"], likelihood="binomial", levels=["study"],
        filter=keep,
    )  # fmt: skip


def test_the_rows_of_a_model_are_the_arms_of_its_contrasts_once_each(tmp_path):
    more = [contrast(3, "B1", "B2", intervention="other_ablation")]
    arms = [*ARMS, arm("B2", study_id="jones_2024", role="control", n_goal_failure="3")]
    tables = check(write(tmp_path, studies=[STUDY, OTHER], arms=arms, coders=[CODER],
                         contrasts=[*GOOD, *more])).tables  # fmt: skip
    table = analysis_set(tables, "contrasts", spec())
    assert table["row_id"].tolist() == ["A1", "A2", "A3"]
    assert read_edges(table) == [
        ("A2", "A1", "warning_or_prohibition"), ("A3", "A2", "pressure_or_incentive"),
    ]  # fmt: skip
    # A mixed bag is in only where it is asked for; an arm leaves with its contrast.
    mixed = analysis_set(tables, "contrasts", spec(intervention=["other_ablation"]))
    assert mixed["row_id"].tolist() == ["B1", "B2"]
    with pytest.raises(SettingsError, match="did you mean stakes_framing"):
        analysis_set(tables, "contrasts", spec(intervention=["stake_framing"]))
    with pytest.raises(MissingRowsError, match="no contrast is left"):
        analysis_set(tables, "contrasts", spec(intervention=["stakes_framing"]))
    del tables["contrasts"]
    with pytest.raises(MissingRowsError, match="needs the table contrasts"):
        analysis_set(tables, "contrasts", spec())


def test_a_contrast_is_added_by_command(tmp_path):
    write(tmp_path, studies=[STUDY, OTHER], arms=ARMS, coders=[CODER])
    fields = contrast(1, "A2", "A1")
    options = [
        part for name, value in fields.items() if name != "contrast_id"
        for part in (f"--{name.replace('_', '-')}", value)
    ]  # fmt: skip
    command = ["new", "contrast", "--directory", str(tmp_path), "--no-input", *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    row = check(tmp_path).tables["contrasts"].iloc[0]
    assert row["contrast_id"] == "CON001"
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "has a baseline for warning_or_prohibition already" in result.output
