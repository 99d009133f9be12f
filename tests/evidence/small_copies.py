"""Small copies of the shipped tables: real cells, with quotes, commas, blanks and notes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Rows kept of each table: they hold every shape of cell that the whole table has.
ROWS = {
    "studies": [
        *("vonarx_2025", "buckworth_2024", "feldt_1998", "randlov_1998", "cnm13ryan_2026"),
        *("qi_2015", "abdelsadek_2025"),
    ],
    "arms": ["ARM001", "ARM002", "ARM174", "ARM356", "ARM357", "ARM360", "ARM361"],
    "contrasts": ["CON083", "CON087"],
    "cases": ["SG-ML01", "SG-ML02"],
    "codings": ["SG-ML01", "SG-ML02"],
    "coders": ["coder_a", "coder_b", "contrast_coder_a"],
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
