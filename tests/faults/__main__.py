"""Make faults and record what becomes of them: `python -m tests.faults [SUBJECT ...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.faults.record import keep
from tests.faults.subjects import SUBJECTS, undisturbed_bases


def main() -> int:
    """Make the faults of each subject, and write the record and its page after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--folder", type=Path, required=True, help="Where to work; it is kept.")
    chosen = parser.parse_args()
    if unknown := set(chosen.subjects) - set(SUBJECTS):
        parser.error(
            f"no such subject: {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}"
        )
    bases = undisturbed_bases(chosen.folder.resolve())
    lost = 0
    for name in chosen.subjects or SUBJECTS:
        outcomes = SUBJECTS[name](bases, chosen.folder.resolve())
        for outcome in outcomes:
            print(
                f"{outcome.fault}: {outcome.times} times, {outcome.lost} lost",
                *outcome.losses, outcome.skipped and f"NOT MADE: {outcome.skipped}", flush=True,
            )  # fmt: skip
            lost += outcome.lost
        keep(name, outcomes)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
