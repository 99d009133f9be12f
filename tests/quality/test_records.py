"""The committed records of mutation and coverage, the page that shows them, and their reasons."""

from __future__ import annotations

import fnmatch
import json
import tomllib

import pytest

from tests.quality.branches import RECORD as BRANCHES
from tests.quality.branches import by_package, table
from tests.quality.mutation import (
    ROOT,
    STATUSES,
    Survivor,
    merged,
    module_table,
    reason,
    reason_table,
    reasons,
    stored,
    with_table,
)

PAGE = (ROOT / "docs/test-quality.md").read_text(encoding="utf-8")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]


def test_the_record_is_of_the_modules_that_are_configured() -> None:
    modules, survivors = stored()
    files = [f"src/{module.replace('.', '/')}" for module in modules]
    names = [f"{f}/__init__.py" if (ROOT / f).is_dir() else f"{f}.py" for f in files]
    assert [n for n in names if not (ROOT / n).is_file()] == []
    for pattern in SETTINGS["only_mutate"]:
        assert fnmatch.filter(names, pattern), pattern
    for module, counts in modules.items():
        assert set(counts) <= set(STATUSES)
        uncaught = counts.get("survived", 0) + counts.get("no tests", 0)
        assert uncaught == sum(each.module == module for each in survivors), module


def test_every_survivor_has_a_reason_and_every_reason_a_survivor() -> None:
    _, survivors = stored()
    found = {each.mutant: reason(each, reasons()) for each in survivors}
    assert [mutant for mutant, why in found.items() if why is None] == []
    assert {each["why"] for each in reasons()} == set(found.values())


def test_the_page_shows_the_records() -> None:
    modules, survivors = stored()
    assert module_table(modules) in PAGE
    assert reason_table(survivors, reasons()) in PAGE


@pytest.mark.skipif(not BRANCHES.exists(), reason="no coverage has been recorded")
def test_the_page_shows_the_branches() -> None:
    assert table(json.loads(BRANCHES.read_text(encoding="utf-8"))) in PAGE


def test_a_run_of_some_modules_keeps_the_record_of_the_others() -> None:
    before = {
        "a": {"killed": 3},
        "b": {"killed": 1, "survived": 1},
        "c": {"killed": 2},
        "d": {},
        "e": {"killed": 1, "not checked": 2},
    }
    found = {
        "a": {"not checked": 2, "killed": 1},
        "b": {"killed": 2},
        "c": {"not checked": 4},
        "e": {"killed": 2, "not checked": 1},
    }
    # Of c there are more mutants than were checked then, and d is no more.
    wanted = {**found, "a": before["a"]}
    assert merged(before, found) == wanted


def test_a_reason_is_of_the_place_and_the_text_it_names() -> None:
    mutant = Survivor("meta.a.x_f__mutmut_1", "zip(a, strict=True)", "zip(a, )")
    given = [{"in": "meta.b", "was": "strict", "why": "no"}, {"was": "strict=True", "why": "yes"}]
    assert reason(mutant, given) == "yes"
    assert reason(mutant, given[:1]) is None
    assert mutant.module == "meta.a"
    assert reason_table([mutant, mutant], given).splitlines()[-1] == "| 2 | yes |"


def test_counts_are_summed() -> None:
    modules = {"meta.b": {"killed": 3, "survived": 1}, "meta.a": {"killed": 2, "not checked": 4}}
    assert module_table(modules).splitlines()[2:] == [
        "| `meta.a` | 2 | 0 | 0 | 0 | 4 |", "| `meta.b` | 3 | 0 | 1 | 0 | 0 |",
        "| all | 5 | 0 | 1 | 0 | 4 |",
    ]  # fmt: skip
    file = {"num_statements": 4, "covered_lines": 3, "num_branches": 2, "covered_branches": 1}
    paths = ("src/meta/cli.py", "src/meta/a/b/c.py", "src/meta/a/d.py")
    measured = {"files": {path: {"summary": file} for path in paths}}
    assert table(by_package(measured)).splitlines()[2:] == [
        "| `meta` | 75.0% | 50.0% | 2 |", "| `meta.a` | 75.0% | 50.0% | 4 |",
        "| all | 75.0% | 50.0% | 6 |",
    ]  # fmt: skip


def test_a_table_takes_the_place_of_the_one_with_its_header() -> None:
    page = "text\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n| c |\n|---|\n"
    found = with_table(page, "| a | b |\n|---|---|\n| 3 | 4 |\n| 5 | 6 |")
    assert found == page.replace("| 1 | 2 |", "| 3 | 4 |\n| 5 | 6 |")
    assert with_table(page, "| a | c |\n|---|---|") == page
