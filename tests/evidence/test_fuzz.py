"""Mutated tables: no traceback, no hang, no count or pooled row that changes in silence.

Small copies of the shipped tables and a file of corrections are mutated, each base with a seed of
its own. In many bases every file is mutated at once; in a share of them exactly one is, so that
nothing else hides what is made of it. A mutant is one file that differs from its copy, so that a
base counts as many as it has.

What the check accepts is compared with a plain reader of CSV, and judged by what `fields.yaml`
says is legal, without the check. Some of the bases that pass are stored, and what the warehouse
and the analysis set make of them is compared too. What is said of each base is printed in every
form.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from multiprocessing import get_context
from pathlib import Path

import pytest

from meta.config import ModelSpec
from meta.errors import MissingRowsError
from meta.evidence import checking
from meta.evidence.analysis_set import analysis_set
from meta.evidence.checking import Evidence, check
from meta.evidence.database import connect
from meta.evidence.problems import Problem, format_github, format_json, format_text, group
from meta.evidence.screening import is_linked
from meta.evidence.warehouse import build_warehouse
from tests.evidence.legality import JUDGED, faults
from tests.evidence.mutations import change_deciding, mutate
from tests.evidence.plain_reading import (
    COUNTS,
    FILTER,
    Pooled,
    Rows,
    accepted,
    correct,
    entries,
    lost,
    pooled,
    read_plainly,
    unlike,
)
from tests.evidence.small_base import as_csv
from tests.evidence.small_copies import CORRECTED, CORRECTIONS, ROWS, shipped

#: The first of the pinned seeds; META_FUZZ_MUTANTS=20000 runs them all, in about five minutes.
MUTANTS = int(os.environ.get("META_FUZZ_MUTANTS", "2000"))
FIRST_SEED = 20261121
#: Seconds of computing after which a base of ten small tables is held to hang, and seconds of
#: waiting after which it is given up.
LONGEST, PATIENCE = 5.0, 120
#: How many tables of a base are mutated; studies are spared more often, as every arm needs its own.
SHARE, SHARE_STUDIES = 1.0, 0.5
#: How many bases have exactly one mutated file, and how often the corrections are mutated.
SHARE_SINGLE, SHARE_CORRECTIONS = 0.35, 0.5
#: How often the arms are changed where it decides what is pooled, and perhaps legally.
SHARE_DECIDING = 0.3
#: Seeds that a process takes at once, and bases among them that are stored if they pass.
STEP, MOST_STORED = 50, 1
SPEC = ModelSpec(stages=("capability_transfer", "goal_failure"))


@dataclass
class Outcome:
    """What a run of seeds found."""

    bases: int = 0
    mutants: int = 0
    accepted: int = 0
    single: int = 0
    passed: int = 0
    stored: int = 0
    pooled_changes: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)

    def add(self, part: Outcome) -> None:
        """Count another run too."""
        slowest = max(self.slowest, part.slowest)
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(part, each.name))
        self.slowest = slowest


@dataclass(frozen=True)
class Mutated:
    """Files of a base before and after, and its corrections."""

    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    fixes: bytes = CORRECTED

    @property
    def changed(self) -> int:
        return sum(self.before[name] != data for name, data in self.after.items()) + (
            self.fixes != CORRECTED
        )

    def write(self, folder: Path) -> None:
        """Write the files, each anew: some file systems flush one that is written over."""
        for path in (folder / "data/raw").iterdir():
            path.unlink()
        for name, data in self.after.items():
            (folder / "data/raw" / f"{name}.csv").write_bytes(data)
        (folder / "data/raw" / CORRECTIONS).write_bytes(self.fixes)


def mutated_files(tables: dict[str, bytes], rng: random.Random) -> Mutated:
    """Mutate one file of a base or several: its tables, and its corrections."""
    names, files = list(tables), {**tables, CORRECTIONS: CORRECTED}
    shares = dict.fromkeys(names, SHARE) | {
        "studies": SHARE_STUDIES,
        CORRECTIONS: SHARE_CORRECTIONS,
    }
    legally = rng.random() < SHARE_DECIDING
    single = rng.random() < SHARE_SINGLE
    if single:
        chosen = set() if legally else {rng.choice(list(files))}
    else:
        chosen = {name for name in files if rng.random() < shares[name]}
    for name in sorted(chosen):
        files[name] = mutate(files[name], rng, tables[rng.choice(names)])
    if legally:
        files["arms"] = bytes(change_deciding(bytearray(tables["arms"]), rng, b""))
    fixes = files.pop(CORRECTIONS)
    needed = needed_by(chosen) if single else set(names)
    return Mutated(tables, {name: files[name] for name in names if name in needed}, fixes)


def needed_by(chosen: set[str]) -> set[str]:
    """Tables without which a mutated one would be faulty; others only take time."""
    everything = set(ROWS)
    if "screening" in chosen:
        return everything
    told = {"cases", "documents", "claims", "taxonomy", "citations", "goal_pairs"}
    groups = ({"cases", "codings"}, {"contrasts"}, told)
    needed = {"studies", "arms", "coders"} | (chosen & everything)
    return needed.union(*(group for group in groups if group & chosen))


def one_base(folder: Path, mutated: Mutated, number: int, outcome: Outcome) -> None:
    """Check one base, and note whatever is wrong with what is made of it."""
    mutated.write(folder)
    changed = mutated.changed
    outcome.bases += 1
    outcome.mutants += changed
    outcome.single += changed == 1
    start = time.process_time()
    signal.alarm(PATIENCE)
    try:
        evidence = check(folder)
        outcome.slowest = max(outcome.slowest, time.process_time() - start)
        found = [*judge(evidence, mutated, outcome), *misprinted(evidence.problems)]
        if not evidence.errors:
            outcome.passed += changed > 0
            if outcome.stored < MOST_STORED and changed:
                outcome.stored += 1
                found += stored_otherwise(folder, evidence, mutated)
    except Exception as error:
        found = [f"{type(error).__name__}: {error}"]
    finally:
        signal.alarm(0)
    outcome.faults += [f"seed {number}: {each}" for each in found]


def judge(evidence: Evidence, mutated: Mutated, outcome: Outcome) -> list[str]:
    """Hold the tables without errors against what stands in their files, and what may stand there.

    The check may find fault with anything; what it finds none with must be as written, and legal.
    """
    wrong = {problem.file.rpartition("/")[2].removesuffix(".csv") for problem in evidence.errors}
    fixed = {record["table"] for record in evidence.corrections}
    found: list[str] = []
    plain: dict[str, Rows] = {}
    for name, data in mutated.after.items():
        before = mutated.before[name]
        same = data == before and name not in fixed and name not in JUDGED
        if name in wrong or name not in evidence.tables or same:
            continue
        outcome.accepted += data != before
        plain[name] = plain_rows(name, mutated, evidence)
        seen = accepted(evidence.tables[name])
        if said := unlike(name, plain[name], seen) or lost(name, before, data, seen):
            found.append(f"{name}: {said}")
    for name, needed in zip(JUDGED, ("studies", "studies", "arms"), strict=True):
        if {name, needed} <= set(plain):
            found += faults(name, plain)
    if {"arms", "studies"} <= set(plain):
        ours, theirs = pooled(accepted(evidence.tables["arms"])), pooled(plain["arms"])
        outcome.pooled_changes += ours != pooled(read_plainly(mutated.before["arms"]))
        if ours != theirs:
            found.append(f"pooled rows: {ours} accepted, {theirs} written")
    return found


def plain_rows(name: str, mutated: Mutated, evidence: Evidence) -> Rows:
    """Rows as they stand in the file, with the corrections that were applied."""
    rows = read_plainly(mutated.after[name])
    return correct(rows, name, entries(mutated.fixes), evidence.corrections)


def misprinted(problems: list[Problem]) -> list[str]:
    """What is wrong with the problems as printed for people and programs."""
    found = []
    groups = len(group(problems))
    for form, text in {
        "text": format_text(problems, all_notes=True),
        "github": format_github(problems, Path("a base")),
    }.items():
        lines = text.split("\n")
        if len(lines) != groups + 1 or not all(line.isprintable() for line in lines):
            found.append(f"{form}: {groups} problems in {len(lines)} lines, or unprintable ones")
        if form == "github" and not all(line.startswith("::") for line in lines[:-1]):
            found.append("github: a line that is no command")
    read = json.loads(format_json(problems))
    if [each["reason"] for each in read["problems"]] != [each.reason for each in group(problems)]:
        found.append("json: other problems")
    if read["errors"] != sum(problem.severity == "error" for problem in problems):
        found.append("json: another number of errors")
    return found


def stored_otherwise(folder: Path, evidence: Evidence, mutated: Mutated) -> list[str]:
    """Where the warehouse or the analysis set of a base that passed is not what is written."""
    expected = pooled(plain_rows("arms", mutated, evidence))
    build_warehouse(evidence, folder / "evidence.duckdb")
    kept = " AND ".join(
        f"{column} IN ({', '.join(repr(value) for value in sorted(values))})"
        for column, values in FILTER.items()
    )
    columns = f"arm_id, study_id, conditioning, {', '.join(COUNTS)}"
    with connect(folder / "evidence.duckdb") as connection:
        rows = connection.sql(f"SELECT {columns} FROM arms WHERE {kept}").fetchall()
    stored: Pooled = {name: tuple(values) for name, *values in rows}
    found = [] if stored == expected else [f"{stored} stored, {expected} written"]
    try:
        table = analysis_set(evidence.tables, "rates", SPEC).set_index("row_id")
    except MissingRowsError:
        return [*found, *(["no row to analyse"] if expected else [])]
    read = table[["study", "trials_goal_failure", "events_goal_failure"]].astype("object")
    analysed = {name: tuple(values) for name, *values in read.itertuples()}
    at_risk, failures = 2 + COUNTS.index("n_at_risk"), 2 + COUNTS.index("n_goal_failure")
    written = {
        name: (each[0], each[at_risk], each[failures])
        for name, each in expected.items()
        if each[failures] is not None
    }
    if set(analysed) != set(expected) or not written.items() <= analysed.items():
        found.append(f"{analysed} analysed, {written} written")
    return found


def give_up(*_: object) -> None:
    """Turn an alarm into an error that names the seed."""
    raise TimeoutError(f"no answer in {PATIENCE} s")


def run_seeds(folder: str, seeds: range) -> Outcome:
    base = Path(folder) / str(seeds.start)
    (base / "data/raw").mkdir(parents=True)
    tables, outcome = shipped(), Outcome()
    signal.signal(signal.SIGALRM, give_up)
    for number in seeds:
        one_base(base, mutated_files(tables, random.Random(number)), number, outcome)
    return outcome


def run(folder: Path, mutants: int) -> Outcome:
    """Run as many seeds as it takes to see that many mutants, on all cores."""
    total, first = Outcome(), FIRST_SEED
    workers = min(os.cpu_count() or 1, 8)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while total.mutants < mutants:
            # A base has about eleven mutants.
            chunks = max(workers, (mutants - total.mutants) // (11 * STEP))
            starts = range(first, first + chunks * STEP, STEP)
            parts = [pool.submit(run_seeds, str(folder), range(s, s + STEP)) for s in starts]
            first += chunks * STEP
            for part in parts:
                total.add(part.result())
    return total


def written(folder: Path, **tables: bytes) -> Mutated:
    """Write the small copies, some of them replaced."""
    (folder / "data/raw").mkdir(parents=True, exist_ok=True)
    made = Mutated(shipped(), {**shipped(), **tables})
    made.write(folder)
    return made


def test_the_small_copies_are_right(tmp_path: Path) -> None:
    base = written(tmp_path)
    evidence = check(tmp_path)
    assert evidence.errors == []
    assert len(evidence.corrections) == 2
    assert is_linked(evidence.tables["screening"])
    assert len(pooled(accepted(evidence.tables["arms"]))) >= 3
    plain = {name: read_plainly(data) for name, data in base.after.items()}
    assert [fault for name in JUDGED for fault in faults(name, plain)] == []
    for name, rows in plain.items():
        seen = accepted(evidence.tables[name])
        assert bool(unlike(name, rows, seen)) == (name in ("arms", "coders"))
        assert unlike(name, plain_rows(name, base, evidence), seen) == ""
    assert stored_otherwise(tmp_path, evidence, base) == []


@pytest.mark.parametrize("name", [*ROWS, CORRECTIONS])
def test_a_table_and_what_it_needs_are_legal(tmp_path: Path, name: str) -> None:
    (tmp_path / "data/raw").mkdir(parents=True)
    tables = shipped()
    needed = needed_by({name})
    Mutated(tables, {each: tables[each] for each in needed}).write(tmp_path)
    assert check(tmp_path).errors == []


def changed_arms(**cells: str) -> bytes:
    """The small copy of the arms with other cells in its first row, a pooled one."""
    rows = list(csv.DictReader(io.StringIO(shipped()["arms"].decode(), newline="")))
    rows[0] |= cells
    return as_csv(rows).encode()


#: What a check without one of its rules would let through, by the rule.
LET_THROUGH = [
    ("order_problems", {"n_goal_failure": "99999"}),
    ("order_problems", {"n_trials": "1"}),
    ("order_problems", {"n_at_risk": ""}),
    ("order_problems", {"n_harm": "24"}),
    ("arm_problems", {"n_goal_failure": ""}),
    ("arm_problems", {"conditioning": "given_capability", "n_capable": "5"}),
    ("arm_problems", {"sampling_frame": "case_series"}),
    ("arm_problems", {"grade": "D"}),
    ("reference_problems", {"study_id": "nobody_2026"}),
    ("duplicate_problems", {"arm_id": "ARM002"}),
]


@pytest.mark.parametrize(("rule", "cells"), LET_THROUGH)
def test_a_check_that_has_lost_a_rule_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, cells: dict[str, str]
) -> None:
    """The judge knows what is legal without the check."""
    base = written(tmp_path, arms=changed_arms(**cells))
    assert judge(check(tmp_path), base, Outcome()) == []
    monkeypatch.setattr(checking, rule, lambda *_: [])
    evidence = check(tmp_path)
    assert not [error for error in evidence.errors if error.file.endswith("arms.csv")]
    assert [
        each for each in judge(evidence, base, Outcome()) if "of arms" in each or "arms:" in each
    ]


def test_mutants_of_the_shipped_tables(tmp_path: Path) -> None:
    found = run(tmp_path, MUTANTS)
    shown = {each.name: getattr(found, each.name) for each in fields(found)}
    print("\n", {**shown, "faults": len(found.faults)})
    assert found.faults[:20] == []
    assert found.slowest < LONGEST
    # The accepted ones are what the comparison is about: without them it would prove nothing.
    assert found.accepted > found.mutants / 20
    assert found.pooled_changes > found.mutants / 1000
    assert found.single > found.mutants / 50
    assert found.passed > found.mutants / 200
    assert found.stored > found.bases / STEP / 2
