"""The record of measured faults, and the page that shows it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.faults.base import ROOT
from tests.faults.outcome import Outcome

RECORD = Path(__file__).with_name("record.json")
PAGE = ROOT / "docs/faults.md"
HEAD = """\
# Faults

What becomes of a run that is disturbed. `make faults` makes each fault on the small evidence base
of the tests, runs the pipeline again, does what its messages say and nothing else, and compares
`reports/pooled.csv` with that of an undisturbed run, to the byte. A fault is *survived* if the
next run gives the same bytes at once, *told* if one message says what to do and the same bytes
follow, and *lost* otherwise: other numbers, a traceback, a half-written file under its final
name, a changed `data/raw`. Nothing may be lost.

This page is written from `tests/faults/record.json`; do not edit it.
"""
TAIL = """\
## What protects

- Files are written under a temporary name, then renamed; Snakemake makes again what an
  interrupted job was to write.
- Every result of a step has a checksum in `data/processed/checksums`, in the form of
  `sha256sum`. A step reads no input that does not match its own; `meta verify` compares all.
  Results that nothing else is made of, such as pages, are looked at by `meta verify` alone, since
  Snakemake does not look into files that are newer than what they are made of; removed, they come
  back when they are named (`snakemake --cores 8 reports/pooled.csv`).
- A run that was killed leaves Snakemake's lock: `snakemake --unlock`, then run again. Hidden
  temporary files that it leaves beside results are never read and may be removed.
- A full disk or a missing permission is told with the file and what to do. A disk that fills up
  while Snakemake itself writes its notes may add a traceback of Snakemake's; the next run tells.
"""


def read(path: Path) -> dict[str, Any]:
    """Read the record; empty before the first run."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def keep(subject: str, outcomes: list[Outcome]) -> None:
    """Put the outcomes of a subject in the record, in place of older ones."""
    made = {"date": date.today().isoformat(), "outcomes": [each.as_json() for each in outcomes]}
    # Subjects may be measured beside each other.
    with FileLock(RECORD.with_suffix(".lock")):
        record = read(RECORD) | {subject: made}
        text = json.dumps(dict(sorted(record.items())), indent=1, ensure_ascii=False)
        RECORD.write_text(text + "\n", encoding="utf-8")
        PAGE.write_text(page(record), encoding="utf-8")


def page(record: dict[str, Any]) -> str:
    """Markdown of the record: a table of the faults, and what was said."""
    rows = [outcome for subject in record.values() for outcome in subject["outcomes"]]
    days = sorted({subject["date"] for subject in record.values()})
    totals = {key: sum(row[key] for row in rows) for key in ("times", "same", "told", "lost")}
    counts = " | ".join(str(totals[key]) for key in ("times", "same", "told", "lost"))
    lines = [
        HEAD,
        f"Measured {' to '.join(dict.fromkeys((days[0], days[-1])))}.\n",
        "| fault | how it is made | times | survived | told | lost |",
        "|---|---|--:|--:|--:|--:|",
        *[_row(row) for row in rows],
        f"| **all** | | {counts} |\n",
        *_losses(rows),
        "## What is said\n",
        *[f"- {message}" for message in _messages(rows)],
        "",
        TAIL,
    ]
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    if row["skipped"]:
        return f"| {_cell(row['fault'])} | **not made**: {_cell(row['skipped'])} | 0 | | | |"
    counts = " | ".join(str(row[key]) for key in ("times", "same", "told", "lost"))
    return f"| {_cell(row['fault'])} | {_cell(row['made'])} | {counts} |"


def _losses(rows: list[dict[str, Any]]) -> list[str]:
    lost = [f"- {row['fault']}: {loss}" for row in rows for loss in dict.fromkeys(row["losses"])]
    return ["## Lost\n", *lost, ""] if lost else []


def _messages(rows: list[dict[str, Any]]) -> list[str]:
    return [f"`` {said} ``" for said in dict.fromkeys(m for row in rows for m in row["messages"])]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
