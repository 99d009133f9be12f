"""Mutations of CSV files: by bytes, cells, lines and columns, and of what decides pooling."""

from __future__ import annotations

import csv
import io
import random

from meta.config import DENOMINATOR_FILTER

#: Columns that decide what is pooled, which are mutated more often.
DECIDING = {"arm_id", "conditioning", "n_trials", "n_at_risk", "n_goal_failure",
            *DENOMINATOR_FILTER}  # fmt: skip
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
