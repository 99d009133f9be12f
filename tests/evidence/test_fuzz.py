"""Mutated tables: no traceback, no hang, no count or pooled row that changes in silence.

Small copies of the shipped tables (real cells: quotes, commas, blanks, notes) and a file of
corrections are mutated by bytes, cells, lines and columns, each base with a seed of its own. In
most bases several files are mutated at once; in a share of them exactly one is, so that nothing
else hides what is made of it. A mutant is one file that differs from its copy, so that a base
counts as many as it has: about twelve where several are mutated. What the check accepts is compared
with a reader written here, on the csv module alone.
"""

from __future__ import annotations

import csv
import io
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from meta.config import DENOMINATOR_FILTER
from meta.evidence.checking import check
from meta.evidence.dictionary import load_dictionary
from meta.evidence.screening import is_linked

ROOT = Path(__file__).parents[2]
MUTANTS = int(os.environ.get("META_FUZZ_MUTANTS", "20000"))
FIRST_SEED = 20261121
#: Seconds of computing after which a base of ten small tables is held to hang, and seconds of
#: waiting after which it is given up.
LONGEST, PATIENCE = 5.0, 120
#: Rows kept of each table: they hold every shape of cell that the whole table has.
ROWS = {
    "studies": [
        *("vonarx_2025", "buckworth_2024", "feldt_1998", "randlov_1998", "cnm13ryan_2026"),
        *("qi_2015", "abdelsadek_2025"),
    ],
    "arms": ["ARM001", "ARM002", "ARM174", "ARM356", "ARM357"],
    "cases": ["SG-ML01", "SG-ML02"],
    "codings": ["SG-ML01", "SG-ML02"],
    "coders": ["coder_a", "coder_b"],
    "claims": ["C001", "C002", "C003"],
    "screening": [
        *("specification gaming master list (public mirror of 2026-04-29)", "printed rates"),
        *("experiment arms with counts", "DeepMind goal-misgeneralization sheet"),
    ],
    "arms_unverified": ["qi_2015"],
    "rates_without_denominators": ["Thaman, RHB, arXiv 2605.02964", "turner_2023"],
    "curated_counts": ["CheatBench first release"],
    "continuous_outcomes": ["abdelsadek_2025"],
    "documents": ["001_6ff58605c4bdcc06.txt", "003_f64f274e5b9b6e16.txt"],
    "taxonomy": [
        *("003.shift.superficial", "003.scenario.weather", "001.goal.goal-navigation"),
        *("003.mitigation.prevention", "003.mitigation.adversarial-diversity"),
    ],
    "citations": ["CIT007", "CIT010", "CIT012"],
    "goal_pairs": ["GP004"],
}
MOST_ROWS = 7
#: How many tables of a base are mutated; studies are spared more often, as every arm needs its own.
SHARE, SHARE_STUDIES = 0.9, 0.4
#: How many bases have exactly one mutated file, and how often the corrections are mutated.
SHARE_SINGLE, SHARE_CORRECTIONS = 0.1, 0.3
#: How often the arms are changed where it decides what is pooled, and perhaps legally.
SHARE_DECIDING = 0.3
FILTER = {column: set(values) for column, values in DENOMINATOR_FILTER.items()}
#: Columns that decide what is pooled, which are mutated more often.
DECIDING = {"arm_id", "conditioning", "n_trials", "n_at_risk", "n_goal_failure", *FILTER}
COUNTS = ("n_trials", "n_capable", "n_at_risk", "n_goal_failure", "n_harm")

CORRECTIONS = "corrections.yaml"
#: Legal corrections of the small copies.
CORRECTED = b"""\
- table: coders
  where: {coder: coder_a}
  column: kind
  expect: machine_assisted
  value: human
  reason: a test
  date: 2026-11-21
- table: arms
  where: {arm_id: ARM356, study_id: cnm13ryan_2026}
  column: unit
  expect: problem
  value: "looked at, again"
  reason: 'a "test"'
  date: 2026-11-21
  by: reader_a
"""

Rows = list[dict[str, str]]


def kept_rows(name: str) -> list[list[str]]:
    """Header and rows of the small copy of a table, as they are shipped."""
    text = (ROOT / f"data/raw/{name}.csv").read_text(encoding="utf-8")
    header, *records = csv.reader(io.StringIO(text, newline=""))
    return [header, *[row for row in records if row[0] in ROWS[name]][:MOST_ROWS]]


def shipped() -> dict[str, bytes]:
    """Small copies of the shipped tables, by name."""
    tables = {}
    for name in ROWS:
        header, *records = kept_rows(name)
        if name == "screening":
            # The links stay; the numbers are those of the small copies.
            number, link = header.index("records"), header.index("counts_table")
            for record in records:
                if record[link]:
                    record[number] = str(len(kept_rows(record[link])) - 1)
        made = io.StringIO()
        csv.writer(made, lineterminator="\n").writerows([header, *records])
        tables[name] = made.getvalue().encode()
    return tables


ODD = [
    *("", " ", "=1+1", "@x", "TRUE", "1e3", "1,000", "45992", "NA", "-1", "0", "007", "+3", "1_0"),
    *(
        "\uff10\uff10",
        "\u0663",
        "\ufb01",
        "\u200b",
        "x" * 300,
        "a\nb",
        '"',
        "yes",
        "main",
        "A",
        "D",
    ),
]

# Mutations -----------------------------------------------------------------------------------


def flip_bit(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def insert_byte(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    data.insert(rng.randrange(len(data) + 1), rng.choice([rng.randrange(256), *b'",;\t\r\n=0']))
    return data


def delete_bytes(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice([1, 1, 1, 2, 5, 40])]
    return data


def duplicate_bytes(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.choice([1, 1, 3, 20, 200])]
    return data[:start] + piece + data[start:]


def truncate(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    return data[: rng.randrange(len(data))]


def change_digit(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    digits = [i for i, byte in enumerate(data) if byte in b"0123456789"]
    if digits:
        data[rng.choice(digits)] = rng.choice(b"0123456789oOlI.,-+eE %")
    return data


def inject(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    """Delimiters and quotes, sometimes a pair of them."""
    mark = rng.choice([b'"', b'"', b",", b";", b"\t", b'""', b'",', b',"', b'"\n', b"\r", b"\0"])
    for _twice in range(rng.choice([1, 1, 2])):
        near = [i for i, byte in enumerate(data) if byte in b",\n"]
        place = rng.choice(near) + rng.choice([0, 1]) if near else 0
        data[place:place] = mark
    return data


def encode(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    text = bytes(data).decode("utf-8", "replace")
    kind = rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252", "cr", "crlf"])
    if kind in ("cr", "crlf"):
        return bytearray(text.replace("\n", "\r" if kind == "cr" else "\r\n").encode())
    return bytearray(text.replace("a", "ä", 1).encode(kind, "replace"))


def change_lines(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    lines = bytes(data).split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            del lines[one]
        case 2:
            lines.insert(other, lines[one])
        case _:
            lines.insert(one, rng.choice([b"", b" ", b",,,", b"\r", b"#"]))
    return bytearray(b"\n".join(lines))


def splice(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """A piece of another table in the place of a piece of this one."""
    start, away = rng.randrange(len(data)), rng.randrange(len(other))
    length = rng.choice([1, 5, 30, 200])
    data[start : start + length] = other[away : away + length]
    return data


def change_cells(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    """Cells and columns: deleted, doubled, swapped, or given what spreadsheets write."""
    try:
        rows = list(csv.reader(io.StringIO(bytes(data).decode(), newline="")))
    except (UnicodeDecodeError, csv.Error):
        return data
    rows = [row for row in rows if row]
    if not rows:
        return data
    whole = rng.random() < 0.3
    width = min(len(row) for row in rows)
    one, other, kind = rng.randrange(width), rng.randrange(width), rng.randrange(6)
    if deciding := [i for i, cell in enumerate(rows[0][:width]) if cell in DECIDING]:
        one = rng.choice([one, rng.choice(deciding)])
    odd = rng.choice(ODD)
    for row in rows if whole else [rng.choice(rows)]:
        if kind == 0:
            del row[one]
        elif kind == 1:
            row.insert(other, row[one])
        elif kind == 2:
            row[one], row[other] = row[other], row[one]
        elif kind == 3:
            row[one] = odd
        else:
            row[one] = rng.choice(rows)[one]
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)
    return bytearray(made.getvalue().encode("utf-8", "surrogatepass"))


def change_deciding(data: bytearray, rng: random.Random, _: bytes) -> bytearray:
    """One change that may well be legal, to what decides which rows are pooled."""
    rows = list(csv.reader(io.StringIO(bytes(data).decode(), newline="")))
    column = rng.choice([i for i, cell in enumerate(rows[0]) if cell in DECIDING])
    row, other = rng.choice(rows[1:]), rng.choice(rows[1:])
    match rng.randrange(4):
        case 0:
            rows.remove(row)
        case 1 if row[column].isdigit():
            row[column] = str(max(0, int(row[column]) + rng.choice([-1, 1, -5])))
        case _:
            row[column] = rng.choice([other[column], rng.choice(ODD), f"{row[column]}x"])
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(rows)
    return bytearray(made.getvalue().encode())


MUTATIONS = (flip_bit, insert_byte, delete_bytes, duplicate_bytes, truncate, change_digit,
             change_digit, inject, inject, encode, change_lines, change_lines, splice,
             change_cells, change_cells)  # fmt: skip


def mutate(data: bytes, rng: random.Random, other: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        if made:
            made = rng.choice(MUTATIONS)(made, rng, other)
    return bytes(made)


# What a reader that knows nothing but CSV sees -----------------------------------------------


def read_plainly(data: bytes) -> Rows:
    """Rows as the csv module reads them; blank records and cells without a column left out."""
    text = data.decode("utf-8-sig")
    records = [
        [cell.strip() for cell in row]
        for row in csv.reader(io.StringIO(text, newline=""))
        if any(cell.strip() for cell in row)
    ]
    if not records:
        return []
    header = records[0]
    return [
        {name: row[i] if i < len(row) else "" for i, name in enumerate(header) if name}
        for row in records[1:]
    ]


def pooled(rows: Rows) -> dict[str, tuple[str | int | None, ...]]:
    """Arms that would be pooled: their study, counts and conditioning by name."""
    return {
        row["arm_id"]: (
            row["study_id"],
            row.get("conditioning") or None,
            *(int(row[name]) if row.get(name) else None for name in COUNTS),
        )
        for row in rows
        if all(row.get(column, "") in legal for column, legal in FILTER.items())
    }


def accepted(frame: pd.DataFrame) -> Rows:
    """Typed rows as texts; what is not there is a blank."""
    return [
        {str(name): "" if pd.isna(value) else str(value) for name, value in row.items()}
        for row in frame.drop(columns="_line").to_dict("records")
    ]


@cache
def entries(data: bytes) -> list[dict]:
    """Corrections as a plain YAML reader sees them, all texts; none if it cannot read them."""
    try:
        read = yaml.load(data.decode("utf-8-sig"), yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return []
    return [e for e in read if isinstance(e, dict)] if isinstance(read, list) else []


def correct(rows: Rows, name: str, written: list[dict], applied: list[dict]) -> Rows:
    """Rows with the written corrections that are said to have been applied."""
    for entry in written:
        where, texts = entry.get("where"), {k: v for k, v in entry.items() if k != "where"}
        if not isinstance(where, dict) or not all(
            isinstance(text, str) for text in (*where.values(), *texts.values())
        ):
            continue
        where = {key: text.strip() for key, text in where.items()}
        texts = {key: text.strip() for key, text in texts.items()}
        column, value = texts.get("column", ""), texts.get("value", "")
        said = {"table": texts.get("table"), "column": column, "to_value": value}
        if said["table"] != name or not any(said.items() <= one.items() for one in applied):
            continue
        for row in rows:
            if where.items() <= row.items() and row[column] == texts.get("expect"):
                row[column] = value
    return rows


def unlike(
    name: str, frame: pd.DataFrame, data: bytes, fixes: bytes = b"", applied: list | None = None
) -> str:
    """Say where the accepted table is not what stands in the file; empty if nowhere."""
    rows = correct(read_plainly(data), name, entries(fixes), applied or [])
    seen = accepted(frame)
    if len(rows) != len(seen):
        return f"{len(seen)} rows accepted, {len(rows)} in the file"
    fields = load_dictionary()[name].fields
    for number, (row, typed) in enumerate(zip(rows, seen, strict=True)):
        for column, value in typed.items():
            cell = row.get(column, "")
            kind = fields[column].type if column in fields else "text"
            same = cell == value
            if kind in ("integer", "number") and cell and value:
                number = int if kind == "integer" else float
                same = cell.isascii() and "_" not in cell and number(cell) == number(value)
            if not same:
                return f"row {number}, {column}: {value!r} accepted, {cell!r} in the file"
    return ""


def lost(name: str, before: bytes, after: bytes, seen: Rows) -> str:
    """Name a record whose line stands untouched in the file and which was not read."""
    key = load_dictionary()[name].key
    lines = set(after.decode("utf-8-sig").splitlines())
    header = before.decode().splitlines()[0]
    if header not in lines:
        return ""
    there = Counter(tuple(row.get(column, "") for column in key) for row in seen)
    for line in before.decode().splitlines()[1:]:
        row = dict(zip(header.split(","), next(csv.reader([line])), strict=False))
        name_of = tuple(row.get(column, "") for column in key)
        if line in lines and not there[name_of]:
            return f"the line of {name_of} stands in the file, and no row has it"
    return ""


# Running -------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What a run of seeds found."""

    mutants: int = 0
    accepted: int = 0
    single: int = 0
    pooled_changes: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)


def mutated_files(tables: dict[str, bytes], rng: random.Random) -> tuple[dict[str, bytes], bytes]:
    """Mutate one file of a base or several: its tables, and its corrections."""
    names, files = list(tables), {**tables, CORRECTIONS: CORRECTED}
    shares = dict.fromkeys(names, SHARE) | {
        "studies": SHARE_STUDIES,
        CORRECTIONS: SHARE_CORRECTIONS,
    }
    if rng.random() < SHARE_SINGLE:
        chosen = {rng.choice(list(files))}
        legally = False
    else:
        legally = rng.random() < SHARE_DECIDING
        chosen = {name for name in files if rng.random() < shares[name]}
    for name in sorted(chosen):
        files[name] = mutate(files[name], rng, tables[rng.choice(names)])
    if legally:
        files["arms"] = bytes(change_deciding(bytearray(tables["arms"]), rng, b""))
    return files, files.pop(CORRECTIONS)


def one_base(folder: Path, tables: dict[str, bytes], number: int, outcome: Outcome) -> None:
    rng = random.Random(number)
    names = list(tables)
    mutated, fixes = mutated_files(tables, rng)
    for name, data in mutated.items():
        (folder / "data/raw" / f"{name}.csv").write_bytes(data)
    (folder / "data/raw" / CORRECTIONS).write_bytes(fixes)
    changed = sum(mutated[name] != tables[name] for name in names) + (fixes != CORRECTED)
    outcome.mutants += changed
    outcome.single += changed == 1
    start = time.process_time()
    signal.alarm(PATIENCE)
    try:
        evidence = check(folder)
    except Exception as error:
        outcome.faults.append(f"seed {number}: {type(error).__name__}: {error}")
        return
    finally:
        signal.alarm(0)
    outcome.slowest = max(outcome.slowest, time.process_time() - start)
    wrong = {problem.file.rpartition("/")[2].removesuffix(".csv") for problem in evidence.errors}
    for name in names:
        if name in wrong or name not in evidence.tables:
            continue
        outcome.accepted += mutated[name] != tables[name]
        frame, data = evidence.tables[name], mutated[name]
        fault = unlike(name, frame, data, fixes, evidence.corrections) or lost(
            name, tables[name], data, accepted(frame)
        )
        if fault:
            outcome.faults.append(f"seed {number}: {name}: {fault}")
    if not wrong & {"arms", "studies"} and {"arms", "studies"} <= set(evidence.tables):
        ours = pooled(accepted(evidence.tables["arms"]))
        theirs = pooled(read_plainly(mutated["arms"]))
        outcome.pooled_changes += ours != pooled(read_plainly(tables["arms"]))
        if ours != theirs:
            outcome.faults.append(f"seed {number}: pooled rows: {ours} accepted, {theirs} written")


def give_up(*_: object) -> None:
    """Turn an alarm into an error that names the seed."""
    raise TimeoutError(f"no answer in {PATIENCE} s")


def run_seeds(folder: str, seeds: range) -> Outcome:
    base = Path(folder) / str(seeds.start)
    (base / "data/raw").mkdir(parents=True)
    tables, outcome = shipped(), Outcome()
    signal.signal(signal.SIGALRM, give_up)
    for number in seeds:
        one_base(base, tables, number, outcome)
    return outcome


def run(folder: Path, mutants: int) -> Outcome:
    """Run as many seeds as it takes to see that many mutants, on all cores."""
    total, first, step = Outcome(), FIRST_SEED, 50
    workers = min(os.cpu_count() or 1, 8)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while total.mutants < mutants:
            # A base has about twelve mutants.
            chunks = max(workers, (mutants - total.mutants) // (12 * step))
            starts = range(first, first + chunks * step, step)
            parts = [pool.submit(run_seeds, str(folder), range(s, s + step)) for s in starts]
            first += chunks * step
            for part in (future.result() for future in parts):
                total.mutants += part.mutants
                total.accepted += part.accepted
                total.single += part.single
                total.pooled_changes += part.pooled_changes
                total.slowest = max(total.slowest, part.slowest)
                total.faults += part.faults
    return total


def test_the_small_copies_are_right(tmp_path: Path) -> None:
    (tmp_path / "data/raw").mkdir(parents=True)
    for name, data in shipped().items():
        (tmp_path / f"data/raw/{name}.csv").write_bytes(data)
    (tmp_path / "data/raw" / CORRECTIONS).write_bytes(CORRECTED)
    evidence = check(tmp_path)
    assert evidence.errors == []
    assert len(evidence.corrections) == 2
    assert is_linked(evidence.tables["screening"])
    assert len(pooled(accepted(evidence.tables["arms"]))) >= 3
    for name, data in shipped().items():
        frame = evidence.tables[name]
        assert unlike(name, frame, data, CORRECTED, evidence.corrections) == ""
        assert bool(unlike(name, frame, data)) == (name in ("arms", "coders"))


def test_mutants_of_the_shipped_tables(tmp_path: Path) -> None:
    found = run(tmp_path, MUTANTS)
    said = f"{found.mutants} mutants, {found.accepted} accepted, {found.pooled_changes} with other"
    said = f"{found.single} bases of one mutant; {said}"
    print(f"\n{said} pooled rows, slowest base {found.slowest:.2f} s, {len(found.faults)} faults")
    assert found.faults[:20] == []
    assert found.slowest < LONGEST
    # The accepted ones are what the comparison is about: without them it would prove nothing.
    assert found.accepted > found.mutants / 20
    assert found.pooled_changes > found.mutants / 1000
    assert found.single > found.mutants / 200


NUMERALS = st.one_of(
    st.text(st.sampled_from("0123456789.,+-eE _'%\u00a0\u0663\uff11ox"), max_size=8),
    st.integers(-3, 10**19).map(str),
    st.sampled_from(
        ["", "1e3", "TRUE", "inf", "nan", "0x1A", "1_000", "١٢", "²", "-0", "+7", "007"]
    ),
)


@seed(FIRST_SEED)
@settings(max_examples=150, deadline=None, database=None)
@given(
    counts=st.lists(NUMERALS, min_size=len(COUNTS), max_size=len(COUNTS)), note=st.text(max_size=20)
)
def test_whatever_stands_in_a_count_is_read_as_written_or_refused(
    tmp_path_factory: pytest.TempPathFactory, counts: list[str], note: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "counts"
    (folder / "data/raw").mkdir(parents=True, exist_ok=True)
    tables = shipped()
    text = io.StringIO(tables["arms"].decode(), newline="")
    rows = list(csv.DictReader(text))[:2]
    rows[1] |= {**dict(zip(COUNTS, counts, strict=True)), "note": note.replace("\0", "")}
    made = io.StringIO()
    writer = csv.DictWriter(made, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = made.getvalue().encode("utf-8", "replace")
    (folder / "data/raw/studies.csv").write_bytes(tables["studies"])
    (folder / "data/raw/arms.csv").write_bytes(data)
    evidence = check(folder)
    if not evidence.errors:
        assert unlike("arms", evidence.tables["arms"], data) == ""
