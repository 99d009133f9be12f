"""Record of a mutation run: what each module's tests caught, and every mutant that they did not.

`make mutation` runs mutmut over the modules of `[tool.mutmut]` in `pyproject.toml` and writes
`docs/mutation.json` with it; the tables of `docs/test-quality.md` are made of that. A run of some
modules (`make mutation MODULES="meta.claims.verdict*"`) leaves the record of the others as it is.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs/mutation.json"
PAGE = ROOT / "docs/test-quality.md"
WHY = Path(__file__).with_name("survivors.yaml")
#: What became of a mutant, in the order of the table's columns.
STATUSES = ("killed", "timeout", "survived", "no tests", "not checked")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test caught: its name, and the lines without and with the change."""

    mutant: str
    was: str
    becomes: str

    @property
    def module(self) -> str:
        return self.mutant.rpartition(".")[0]

    @property
    def change(self) -> str:
        return f"{self.was} -> {self.becomes}"


def reason(survivor: Survivor, reasons: list[dict[str, str]]) -> str | None:
    """Why a mutant may live: the first reason whose place and text it has."""
    for each in reasons:
        place, text = each.get("in", ""), each.get("was", "")
        becomes = each.get("becomes", "")
        if place in survivor.mutant and text in survivor.was and becomes in survivor.becomes:
            return each["why"]
    return None


def stored() -> tuple[dict[str, dict[str, int]], list[Survivor]]:
    """Counts by module and status, and the survivors, of the committed run."""
    content = json.loads(RECORD.read_text(encoding="utf-8"))
    return content["modules"], [Survivor(**each) for each in content["survivors"]]


def reasons() -> list[dict[str, str]]:
    return list(yaml.safe_load(WHY.read_text(encoding="utf-8")))


def module_table(modules: dict[str, dict[str, int]]) -> str:
    """Markdown table of the counts, with a line of sums."""
    lines = [f"| module | {' | '.join(STATUSES)} |", "|---|" + "---:|" * len(STATUSES)]
    total: Counter[str] = Counter()
    for module, counts in sorted(modules.items()):
        total.update(counts)
        lines.append(f"| `{module}` | {' | '.join(str(counts.get(s, 0)) for s in STATUSES)} |")
    return "\n".join([*lines, f"| all | {' | '.join(str(total[s]) for s in STATUSES)} |"])


def reason_table(survivors: list[Survivor], given: list[dict[str, str]]) -> str:
    """Markdown table of the reasons and of how many survivors each is that of."""
    found = Counter(reason(each, given) for each in survivors)
    lines = ["| survivors | why they may live |", "|---:|---|"]
    lines += [f"| {n} | {why} |" for why in dict.fromkeys(r["why"] for r in given)
              if (n := found[why])]  # fmt: skip
    return "\n".join(lines)


def with_table(page: str, table: str) -> str:
    """Put a table of the page in the place of the one that has its header."""
    head = re.escape(table.splitlines()[0])
    return re.sub(rf"^{head}\n(\|.*\n)*", lambda _: f"{table}\n", page, flags=re.MULTILINE)


def merged(
    stored: dict[str, dict[str, int]], found: dict[str, dict[str, int]]
) -> dict[str, dict[str, int]]:
    """Counts of the modules that a run came to, and of the others those on record.

    A module of which the run checked no more than the last one keeps its record, if its mutants
    are still as many.
    """

    def kept(module: str) -> dict[str, int]:
        before, after = stored.get(module, {}), found[module]
        same = sum(before.values()) == sum(after.values())
        more = after.get("not checked", 0) < before.get("not checked", 0)
        less = after.get("not checked", 0) > 0 and not more
        return before if same and less else after

    return {module: kept(module) for module in found}


def record() -> None:
    """Write the record of the run that stands in `mutants/`, and its tables into the page."""
    from importlib.metadata import version

    found, seen = of_run()
    before, known = stored()
    modules = merged(before, found)
    anew = {module for module in modules if modules[module] is found[module]}
    survivors = [each for each in seen if each.module in anew]
    survivors += [each for each in known if each.module in modules and each.module not in anew]
    content = {
        "tool": f"mutmut {version('mutmut')}",
        "modules": modules,
        "survivors": [asdict(each) for each in sorted(survivors, key=lambda s: s.mutant)],
    }
    RECORD.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    given = reasons()
    page = PAGE.read_text(encoding="utf-8")
    for table in (module_table(modules), reason_table(survivors, given)):
        print(table)
        page = with_table(page, table)
    PAGE.write_text(page, encoding="utf-8")
    for each in survivors:
        if reason(each, given) is None:
            print(f"{each.mutant}\n  - {each.was}\n  + {each.becomes}")


def of_run() -> tuple[dict[str, dict[str, int]], list[Survivor]]:
    """Counts by module and status, and the survivors, of the run that stands in `mutants/`."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    modules: dict[str, dict[str, int]] = {}
    survivors = []
    for meta in sorted((ROOT / "mutants/src").rglob("*.py.meta")):
        exits = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        counts = Counter(status_by_exit_code[code] for code in exits.values())
        if not counts:
            continue
        module = next(iter(exits)).rpartition(".")[0]
        modules[module] = dict(counts)
        for mutant, code in exits.items():
            if status_by_exit_code[code] in ("survived", "no tests"):
                lines = get_diff_for_mutant(mutant).splitlines()[2:]
                was, becomes = ("\n".join(line[1:].strip() for line in lines if line[:1] == sign)
                                for sign in "-+")  # fmt: skip
                survivors.append(Survivor(mutant, was, becomes))
    return modules, survivors


if __name__ == "__main__":
    record()
