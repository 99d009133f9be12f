"""Files of profiles: both forms read alike; every fault named by file and line, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.errors import UserError
from meta.risk.profile_file import read_profiles
from meta.risk.settings import Profile
from tests.risk.small_basis import documents

DOCUMENTS = documents()
YAML = """\
# two deployments
tutor:
  shift: [superficial, moderate]
  specification: 0.75
  capability: human_level
agent:
  shift: extreme
  diversity: narrow
  alignment: human_feedback
  period: 2026-2027
  interventions: [ai_control_protocols, warning_or_prohibition]
"""
CSV = """\
profile,shift,specification,capability,diversity,alignment,period,interventions
tutor,superficial; moderate,0.75,human_level,,,,
agent,extreme,,,narrow,human_feedback,2026-2027,ai_control_protocols;warning_or_prohibition
"""
WANT = {
    "tutor": Profile(("superficial", "moderate"), 0.75, "human_level"),
    "agent": Profile(
        ("extreme", "extreme"), None, None, "narrow", "human_feedback", "2026-2027",
        ("ai_control_protocols", "warning_or_prohibition"),
    ),
}  # fmt: skip


def read(folder: Path, name: str, text: str | bytes) -> dict[str, Profile]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_profiles(path, DOCUMENTS)


def faults(folder: Path, name: str, text: str | bytes) -> list[str]:
    """Lines of the error, without the folder."""
    with pytest.raises(UserError) as error:
        read(folder, name, text)
    return str(error.value).replace(f"{folder}/", "").splitlines()


@pytest.mark.parametrize(("name", "text"), [("p.yaml", YAML), ("p.csv", CSV), ("P.CSV", CSV)])
def test_both_forms_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, name, text) == WANT
    assert read(tmp_path, name, b"\xef\xbb\xbf" + text.encode()) == WANT
    assert read(tmp_path, name, text.replace("\n", "\r\n")) == WANT


def test_blank_lines_and_spaces_of_a_spreadsheet_do_no_harm(tmp_path: Path) -> None:
    spaced = CSV.replace(",0.75,", ", 0.75 ,").replace("profile,shift", " profile , shift")
    assert read(tmp_path, "p.csv", spaced + ",,,,,,,\n\n") == WANT


def test_quoted_cells_may_hold_commas_and_line_breaks(tmp_path: Path) -> None:
    text = 'profile,shift\n"a, b","moderate;\nextreme"\n'
    assert read(tmp_path, "p.csv", text) == {"a, b": Profile(("moderate", "extreme"))}


def test_every_fault_of_a_csv_is_named_at_once(tmp_path: Path) -> None:
    text = (
        "profile,shift,specification,capability\n"
        "a,extrme,2,\n"
        "b,moderate,much,human_level\n"
        "b,moderate,,\n"
        ",moderate,,\n"
        "\n"
        '"c\nd",,,x\n'
    )
    found = faults(tmp_path, "p.csv", text)
    starts = [
        "p.csv:2: a: shift: 'extrme' is not known; did you mean extreme? Legal values: none,",
        "p.csv:2: a: specification: 2.0 is no score",
        "p.csv:3: b: specification: 'much' is no score",
        "p.csv:4: b: stands twice: give each profile a name of its own",
        "p.csv:5: profile: has no name: fill in the column profile",
        "p.csv:7: 'c\\nd': capability: 'x' is not known. Legal values: below_human,",
        "p.csv:7: 'c\\nd': shift: give one type, or the least and the greatest: none,",
    ]
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


def test_every_fault_of_a_yaml_file_is_named_at_once(tmp_path: Path) -> None:
    text = (
        "a:\n  shift: extreme\n  specification: -1\n  colour: red\n"
        "b: moderate\n"
        "a:\n  shift: extreme\n"
        "c:\n"
        "7:\n  shift: [extreme, moderate, none]\n  specifcation: 1\n"
    )
    found = faults(tmp_path, "p.yaml", text)
    starts = [
        "p.yaml:1: a: colour: unknown setting; known: shift, specification,",
        "p.yaml:1: a: specification: -1 is no score",
        "p.yaml:5: b: must hold settings, such as shift: extreme",
        "p.yaml:6: a: stands twice",
        "p.yaml:8: c: must hold settings",
        "p.yaml:9: 7: specifcation: unknown setting; did you mean specification?",
        "p.yaml:9: 7: shift: give one type, or the least",
    ]
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("name", "text", "want"),
    [
        ("p.yaml", "", "p.yaml: must map the name of each profile to its settings"),
        ("p.yaml", "- a\n", "p.yaml: must map the name"),
        ("p.yaml", "{}", "p.yaml: holds no profile"),
        ("p.yaml", "a: {shift: [}", "p.yaml:1: is no YAML: "),
        ("p.yaml", "a:\n  shift: extreme\n  shift: none\n", "p.yaml:1: a: shift: is given twice"),
        ("p.yaml", "a: &x {shift: none, period: *x}\n", "p.yaml:1: a: "),
        ("p.yaml", "a: !!python/object:os.system {}\n", "p.yaml:1: a: cannot be read: "),
        ("p.yaml", "? [a, b]\n: {shift: none}\n", "p.yaml:1: profile: has no name"),
        ("p.yaml", b"a: \xff\n", "p.yaml: cannot be read as UTF-8 text"),
        ("p.csv", "", "p.csv:1: has no column profile; the columns are profile, shift, "),
        ("p.csv", "name,shift\na,none\n", "p.csv:1: name: unknown setting; known: profile,"),
        ("p.csv", "profile,shft\n", "p.csv:1: shft: unknown setting; did you mean shift?"),
        ("p.csv", "profile,shift,shift\n", "p.csv:1: shift: stands twice"),
        ("p.csv", "profile,shift\n", "p.csv: holds no profile"),
        ("p.csv", "profile,shift\na\n", "p.csv:2: a: has 1 cell, the header 2"),
        ("p.csv", "profile,shift\na,none,x\n", "p.csv:2: a: has 3 cells, the header 2"),
        ("p.csv", 'profile,shift\n"a,none\n', "p.csv:2: is no CSV"),
        ("p.csv", "profile,shift,capability\na,none,x;y\n", "p.csv:2: a: capability: 'x;y' is"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(
    tmp_path: Path, name: str, text: str | bytes, want: str
) -> None:
    found = faults(tmp_path, name, text)
    assert found[0].startswith(want), found


def test_a_file_that_is_not_there_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_profiles(tmp_path / "none.yaml", DOCUMENTS)


@pytest.mark.parametrize("alias", ["mitigation", "mitigations"])
def test_interventions_may_be_called_mitigations(tmp_path: Path, alias: str) -> None:
    assert read(tmp_path, "p.yaml", YAML.replace("interventions:", f"{alias}:")) == WANT
    assert read(tmp_path, "p.csv", CSV.replace("period,interventions", f"period,{alias}")) == WANT
    one = YAML.replace("interventions: [ai_control_protocols, ", f"{alias}: [")
    assert read(tmp_path, "q.yaml", one)["agent"].interventions == ("warning_or_prohibition",)


def test_one_setting_under_two_names_is_given_twice(tmp_path: Path) -> None:
    text = YAML + "  mitigation: [objective_probing]\n"
    assert faults(tmp_path, "p.yaml", text) == ["p.yaml:6: agent: interventions: is given twice"]
    table = "profile,shift,interventions,mitigation\na,extreme,,\n"
    assert faults(tmp_path, "p.csv", table) == ["p.csv:1: interventions: stands twice"]


def test_what_a_source_does_not_say_is_no_setting(tmp_path: Path) -> None:
    text = (
        "a:\n  shift: extreme\n  capability: unclear\n  diversity: unclear\n  alignment: unclear\n"
    )
    found = faults(tmp_path, "p.yaml", text)
    assert len(found) == 3
    assert found[0] == (
        "p.yaml:1: a: capability: 'unclear' is no setting that a deployment can have: leave out "
        "what is not known. Legal values: below_human, human_level, above_human"
    )
