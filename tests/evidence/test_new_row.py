"""`meta new`: scaffolds a row, checks it in its base, and writes it whole or not at all."""

import csv
import io
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta.cli import main
from meta.evidence.append import AppendError
from meta.evidence.checking import check
from meta.evidence.dictionary import load_dictionary
from meta.evidence.new_row import KINDS, RowError, add_row
from tests.evidence.killing import kill_in_the_act
from tests.evidence.small_base import STUDY, arm, write

ROOT = Path(__file__).parents[2]
DAY = date(2026, 11, 22)
GOOD = {
    "study_id": "smith_2024", "failure_type": "specification_gaming", "unit": "run",
    "n_trials": "20", "n_at_risk": "20", "n_goal_failure": "7", "conditioning": "all_trials",
    "sampling_frame": "denominator", "role": "main", "grade": "B",
}  # fmt: skip
ROW = ("smith_2024", "specification_gaming", "run", "8", "", "all_trials", "8", "2",
       "denominator", "main", "A", "", "")  # fmt: skip
FULL = ("arm_id,study_id,failure_type,unit,n_trials,n_capable,conditioning,n_at_risk,"
        "n_goal_failure,sampling_frame,role,grade,note,added_on")  # fmt: skip


@pytest.fixture
def base(tmp_path):
    return write(tmp_path, arms=f"{FULL}\nA1,smith_2024,specification_gaming,run,9,,all_trials,"
                                "9,1,denominator,main,A,,\n")  # fmt: skip


def raw(base, name="arms"):
    return (base / f"data/raw/{name}.csv").read_bytes()


def options(values):
    return [word for name, value in values.items() for word in (f"--{name}", value)]


def run(*words):
    return CliRunner().invoke(main, ["new", *words], catch_exceptions=False)


def test_a_good_row_is_appended_and_nothing_else_changes(base):
    before = raw(base)
    added = add_row(base, "arm", {**GOOD, "note": 'a "b", c\nd'}, DAY)
    assert raw(base).startswith(before)
    last = list(csv.DictReader(io.StringIO(raw(base).decode(), newline="")))[-1]
    assert {name: value for name, value in last.items() if value} == added.values
    assert last["note"] == 'a "b", c\nd'
    assert (last["arm_id"], last["added_on"]) == ("A2", "2026-11-22")
    assert (added.line, added.defaults["arm_id"]) == (3, "the next free one after A1")
    assert "+A2,smith_2024" in added.diff
    assert "@@ -2 +2,3 @@" in added.diff
    assert check(base).errors == []


def test_spreadsheet_conventions_survive(base):
    path = base / "data/raw/arms.csv"
    marked = b"\xef\xbb\xbf" + raw(base).replace(b"\n", b"\r\n").rstrip()
    path.write_bytes(marked)
    add_row(base, "arm", GOOD, DAY)
    assert raw(base).startswith(marked + b"\r\nA2,")
    assert not raw(base).endswith(b"\n")
    assert raw(base).count(b"\n") == raw(base).count(b"\r\n") == 2


def test_a_link_to_nothing_is_not_followed(base):
    (base / "data/raw/cases.csv").symlink_to(base / "elsewhere")
    with pytest.raises(AppendError, match="a link to a file that is not there"):
        add_row(base, "case", {"failure_type": "specification_gaming"}, DAY)
    assert not (base / "elsewhere").exists()


def test_nothing_of_a_file_commands_the_terminal(base):
    """The line before the new one is shown, whatever stands in it."""
    with (base / "data/raw/arms.csv").open("ab") as file:
        file.write(b"A2,smith_2024,specification_gaming,run,9,,all_trials,9,2,denominator,main,A,"
                   b"\x1b]0;x\x07,\n")  # fmt: skip
    done = run("arm", "--directory", str(base), *options(GOOD | {"note": "n" * 200}))
    assert done.exit_code == 0
    assert r"\x1b]0;x\x07" in done.output
    assert "n" * 200 in done.output
    assert all(c.isprintable() for c in done.output.replace("\n", ""))


def test_commas_that_a_spreadsheet_leaves_behind_each_line_are_kept(base):
    path = base / "data/raw/arms.csv"
    touched = raw(base).replace(b"\n", b",,\n")
    path.write_bytes(touched)
    assert check(base).errors == []
    add_row(base, "arm", GOOD, DAY)
    assert raw(base).startswith(touched + b"A2,")
    assert raw(base).endswith(b",2026-11-22,,\n")
    assert check(base).errors == []


def test_all_missing_values_are_listed_with_what_they_mean(base):
    before = raw(base)
    done = run("arm", "--directory", str(base), "--no-input", "--role", "main")
    assert done.exit_code == 1
    for name in ("study-id", "failure-type", "unit", "n-trials", "sampling-frame", "grade"):
        assert f"--{name}: " in done.output
    assert "--role" not in done.output
    assert "One of: A, B, C, D." in done.output
    assert raw(base) == before


def test_wrong_values_are_told_beside_missing_ones(base):
    """All at once: what no other value could make right, by its option."""
    before = raw(base)
    given = {**GOOD, "n_trials": "20/40", "grade": "E"}
    del given["unit"], given["role"]
    with pytest.raises(RowError) as caught:
        add_row(base, "arm", {**given, "study_id": "smith_2042"}, DAY)
    said = str(caught.value)
    first, second = said.split("and of those given:")
    assert "--unit: " in first and "--role: " in first and "--grade" not in first
    for option in ("--n-trials: ", "--grade: ", "--study-id: "):
        assert option in second
    assert "20/40" in second and "smith_2024" in second
    assert "--n-at-risk" not in second, "right by itself"
    assert {"unit", "role", "n_trials", "grade", "study_id"} == set(caught.value.columns)
    assert raw(base) == before


def test_all_errors_of_the_row_are_listed_and_nothing_is_written(base):
    before = raw(base)
    wrong = {"study_id": "smith_2025", "n_trials": "2o", "role": "mian", "note": "=1+1"}
    with pytest.raises(RowError) as error:
        add_row(base, "arm", GOOD | wrong, DAY)
    assert set(error.value.columns) == set(wrong)
    for said in (
        "did you mean smith_2024",
        "did you mean main",
        "is not a whole number",
        "is a spreadsheet formula",
        "data/raw/arms.csv:3:",
        "nothing was written",
    ):
        assert said in str(error.value)
    assert raw(base) == before
    assert sorted(p.name for p in (base / "data/raw").iterdir()) == ["arms.csv", "studies.csv"]


def test_problems_of_other_rows_are_counted_not_blamed(base):
    write(base, arms=raw(base).replace(b",9,,", b",many,,"))
    added = add_row(base, "arm", GOOD, DAY)
    assert (added.existing, added.problems) == (1, [])
    with pytest.raises(RowError) as error:
        add_row(base, "arm", GOOD | {"n_goal_failure": "21"}, DAY)
    assert "many" not in str(error.value)
    assert "1 error of its own" in str(error.value)


def test_a_missing_or_empty_table_is_created_from_the_dictionary(base):
    case = {"case_id": "X1", "failure_type": "specification_gaming"}
    add_row(base, "case", case, DAY)
    header = raw(base, "cases").decode().splitlines()[0].split(",")
    assert header == list(load_dictionary()["cases"].fields)
    (base / "data/raw/codings.csv").write_bytes(b"")
    added = add_row(base, "coding", {"unit_id": "X1", "coder": "me"}, DAY)
    assert added.values["codebook_version"] == "1"
    assert added.values["coded_on"] == "2026-11-22"
    assert check(base).errors == []


def test_names_count_on_from_rows_of_their_type(tmp_path):
    shutil.copytree(ROOT / "data/raw", tmp_path / "data/raw")
    made = {kind: add_row(tmp_path, "case", {"failure_type": kind}, DAY).values["case_id"]
            for kind in ("specification_gaming", "goal_misgeneralization")}  # fmt: skip
    assert made == {"specification_gaming": "SG-LM17", "goal_misgeneralization": "GMG-N05"}
    arm = GOOD | {"study_id": "vonarx_2025"}
    assert add_row(tmp_path, "arm", arm, DAY).values["arm_id"] == "ARM471"
    assert check(tmp_path).errors == []


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_field_is_an_option(kind):
    done = run(kind, "--help")
    for field in load_dictionary()[KINDS[kind]].fields.values():
        assert f"--{field.name.replace('_', '-')}" in done.output


def test_a_study_two_arms_and_a_case_by_flags(tmp_path):
    write(tmp_path, arms=f"{FULL}\n")
    here = ("--directory", str(tmp_path))
    study = {"study-id": "new_2026", "title": "T, with comma", "year": "2026"}
    assert run("study", *here, *options(study)).exit_code == 0
    for failures in ("3", "4"):
        row = GOOD | {"study_id": "new_2026", "n_goal_failure": failures, "note": failures}
        done = run("arm", *here, *options(row))
        assert done.exit_code == 0, done.output
    assert "arm_id          ARM002  (the next free one after ARM001)" in done.output
    assert run("case", *here, *options({"failure_type": "specification_gaming"})).exit_code == 0
    done = run("coding", *here, *options({"unit_id": "CASE001", "coder": "me", "harm": "minor"}))
    assert done.exit_code == 0
    assert check(tmp_path).errors == []
    done = run("arm", *here, "--n-trails", "3")
    assert done.exit_code == 2
    assert "n-trials" in done.output
    assert run("arm", "--directory", str(tmp_path / "data")).exit_code == 2


def spawn(base, *words):
    command = [sys.executable, "-m", "meta", "new", *words, "--directory", str(base)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            stdin=subprocess.DEVNULL)  # fmt: skip


def test_two_at_once_lose_no_row(base):
    both = [spawn(base, "arm", *options(GOOD | {"note": note})) for note in ("one", "two")]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    rows = list(csv.DictReader(io.StringIO(raw(base).decode(), newline="")))
    assert sorted(row["note"] for row in rows) == ["", "one", "two"]
    assert [row["arm_id"] for row in rows] == ["A1", "A2", "A3"]


def test_the_command_killed_leaves_the_old_file_or_the_new_one(base):
    """Struck as the unfinished file comes, or as it has taken the place of the old one."""
    # A megabyte of notes takes long enough to write to be struck meanwhile.
    rows = [f"B{i},smith_2024,designer_error,run,9,,all_trials,9,1,denominator,control,A,"
            f"{'n' * 10_000},\n" for i in range(100)]  # fmt: skip
    write(base, arms=raw(base).decode() + "".join(rows))
    outcomes = set()
    for moment in ("comes", "goes") * 10:
        before = raw(base)
        process = spawn(base, "arm", *options(GOOD | {"note": moment}))
        struck = kill_in_the_act(process, base / "data/raw/.arms.csv.unfinished", moment)
        process.communicate()
        after = raw(base)
        added = after.removeprefix(before)
        assert after.startswith(before)
        assert not added or (added.startswith(b"A") and added.count(b"\n") == 1)
        # On a busy machine a writer may be done before it is struck, which proves nothing.
        outcomes |= {"new" if added else "old"} if struck else set()
        if outcomes == {"old", "new"}:
            break
    assert outcomes == {"old", "new"}
    assert check(base).errors == []
    assert spawn(base, "arm", *options(GOOD)).wait(timeout=30) == 0


def test_prompts_in_a_terminal_ask_again_for_what_is_wrong(base):
    """Required fields first; every answer is judged at once, and ? explains the field."""
    given = {k: v for k, v in GOOD.items() if k not in ("role", "n_goal_failure", "unit")}
    given |= {"n_capable": "", "conditioning": "all_trials", "note": "", "added_on": "2026-11-22"}
    command = [sys.executable, "-m", "meta", "new", "arm", "--directory", str(base),
               *options(given)]  # fmt: skip
    answers = ["", "?", "run", "mian", "main", "21", "0,06", "5"]
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = talk(terminal, answers)
    os.close(terminal)
    assert process.wait(timeout=30) == 0, said
    assert "Example: run" in said
    assert "did you mean main?" in said
    assert "n_goal_failure is more than" in said
    assert "if 0.06 is a proportion" in said
    assert "Correct the row?" not in said
    rows = list(csv.DictReader(io.StringIO(raw(base).decode(), newline="")))
    assert [rows[-1][name] for name in ("arm_id", "role", "n_goal_failure")] == ["A2", "main", "5"]


def test_a_doubtful_answer_given_twice_is_kept_until_the_row_is_checked(base):
    given = {k: v for k, v in GOOD.items() if k != "n_goal_failure"}
    given |= {"arm_id": "A2", "n_capable": "", "note": "", "added_on": "2026-11-22"}
    command = [sys.executable, "-m", "meta", "new", "arm", "--directory", str(base),
               *options(given)]  # fmt: skip
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = talk(terminal, ["21", "21", "y", "5"])
    os.close(terminal)
    assert process.wait(timeout=30) == 0, said
    assert "the same answer again keeps it" in said
    assert said.index("Correct the row?") > said.index("the same answer again keeps it")


def test_an_answer_can_be_taken_back(base):
    """Each < asks for one field more again, with the answer that it had; a space empties one."""
    given = {k: v for k, v in GOOD.items() if k not in ("role", "grade", "unit")}
    given |= {"arm_id": "A2", "n_capable": "", "added_on": "2026-11-22"}
    command = [sys.executable, "-m", "meta", "new", "arm", "--directory", str(base),
               *options(given)]  # fmt: skip
    answers = ["<", "episode", "pilot", "<", "<", "run", "main", "B", "<", "A", " "]
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = talk(terminal, answers)
    os.close(terminal)
    assert process.wait(timeout=30) == 0, said
    assert "< goes back to the one before" in said
    assert "This is the first field that is asked for." in said
    assert "unit [episode]> " in said
    assert "role [pilot]> " in said
    assert "grade [B]> " in said
    row = list(csv.DictReader(io.StringIO(raw(base).decode(), newline="")))[-1]
    assert [row[name] for name in ("unit", "role", "grade", "note")] == ["run", "main", "A", ""]


CODERS = "coder,kind\ncoder_a,human\n"


@pytest.mark.parametrize("already", [False, True])
def test_a_coding_of_a_coder_whom_nobody_describes_is_refused(base, already):
    """Also where such codings are there already, which the check warns of alone."""
    codings = "unit_id,coder,codebook_version\n" + ("A9,coder_b,1\n" if already else "")
    write(base, arms=f"{raw(base).decode()}A9,{','.join(ROW)}\n", coders=CODERS, codings=codings)
    before = raw(base, "codings")
    with pytest.raises(RowError) as error:
        add_row(base, "coding", {"unit_id": "A1", "coder": "coder_b"}, DAY)
    said = str(error.value)
    line = 3 if already else 2
    assert f"codings.csv:{line}: coder: coder_b: the coder coder_b is not described in" in said
    assert "(known: coder_a): describe the coder first: `meta new coder`" in said
    assert said.endswith("nothing was written")
    assert error.value.columns == ["coder"]
    assert raw(base, "codings") == before
    add_row(base, "coder", {"coder": "coder_b", "kind": "human"}, DAY)
    assert raw(base, "coders").decode() == CODERS + "coder_b,human\n"
    brought = add_row(base, "coding", {"unit_id": "A1", "coder": "coder_b"}, DAY).problems
    assert {problem.severity for problem in brought} <= {"note"}


def test_a_file_of_semicolons_says_so(base):
    path = base / "data/raw/arms.csv"
    path.write_bytes(raw(base).replace(b",", b";"))
    before = raw(base)
    done = run("arm", "--directory", str(base), *options(GOOD))
    assert done.exit_code == 1
    assert done.output.strip() == (
        "data/raw/arms.csv:1: the columns are separated by semicolons, not by commas: "
        "save the file as CSV with the comma as separator, then add the row"
    )
    assert raw(base) == before


def talk(terminal: int, answers: list[str]) -> str:
    """Answer every prompt of a program in a terminal, and return what it said."""
    said, answered, deadline = "", 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        said += chunk.decode(errors="replace")
        prompt = said.rstrip(" ").endswith(("]>", "[Y/n]:")) or said.endswith("> ")
        if prompt and answered < len(answers):
            os.write(terminal, (answers[answered] + "\n").encode())
            answered += 1
    return said


def test_the_small_base_is_right():
    assert STUDY["study_id"] == arm()["study_id"] == GOOD["study_id"]
