"""Record of branch coverage: how many branches of each package the whole suite takes.

`make branches` runs the suite under coverage.py and writes `docs/branches.json` with it.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

from tests.quality.mutation import PAGE, with_table

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs/branches.json"
COUNTS = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def by_package(measured: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Sum what coverage.py measured of each file by package of `meta`; its own files are `meta`."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for name, file in measured["files"].items():
        parts = PurePosixPath(name.replace("\\", "/")).parts
        inner = parts[parts.index("meta") + 1 : -1]
        package = f"meta.{inner[0]}" if inner else "meta"
        for count in COUNTS:
            found[package][count] += file["summary"][count]
    return dict(sorted(found.items()))


def table(packages: dict[str, dict[str, int]]) -> str:
    """Markdown table of the share of lines and branches taken, by package and in all."""
    total = {name: sum(each[name] for each in packages.values()) for name in COUNTS}
    lines = ["| package | lines | branches | of branches |", "|---|---:|---:|---:|"]
    for package, each in [*packages.items(), ("all", total)]:
        shares = [
            f"{each[taken] / each[of]:.1%}" if each[of] else ""
            for taken, of in (
                ("covered_lines", "num_statements"), ("covered_branches", "num_branches"),
            )
        ]  # fmt: skip
        name = package if package == "all" else f"`{package}`"
        lines.append(f"| {name} | {shares[0]} | {shares[1]} | {each['num_branches']} |")
    return "\n".join(lines)


def record(report: Path) -> None:
    """Write the record of a JSON report of coverage.py, and its table into the page."""
    packages = by_package(json.loads(report.read_text(encoding="utf-8")))
    RECORD.write_text(json.dumps(packages, indent=1) + "\n", encoding="utf-8")
    made = table(packages)
    print(made)
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
