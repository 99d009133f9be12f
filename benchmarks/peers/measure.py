"""The engine of `meta fit` and its peers on the same data, model and priors, in one run.

    python benchmarks/peers/measure.py --analysis data/processed/analysis/by_failure_type.parquet

Both sides are processes that answer requests in turn, so that other load meets both alike.
Results go to `peers.json` after every part, and `page.py` makes the page of them. A peer that is
not installed is skipped, and said to be.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import problems
from numbers_of_fits import differences, largest_r_hat, read_draws, smallest_ess
from page import write_page
from problems import DRAWS, PROBLEMS, REFERENCE, SHIPPED, TUNE, TWENTY, Problem
from worker import Worker, timed_process

from meta.inference.refit import rows_of_study

HERE = Path(__file__).parent
RESULT = HERE / "peers.json"
ANALYSIS = HERE.parents[1] / "data/processed/analysis/by_failure_type.parquet"
CORES = 2
#: Refits of this product have shorter tuning: `checks.refit_tune` of the shipped settings.
REFIT_TUNE = 600
R_PACKAGES = ("brms", "rstan", "rstanarm", "lme4", "metafor", "posterior", "jsonlite")
LIBRARIES = ("pymc", "nutpie", "numba", "pytensor", "arviz", "numpy")


@dataclass
class Bench:
    """Both sides and where results go.

    Attributes
    ----------
    folder
        For rows, draws and caches; removed at the end.
    analysis
        Analysis set of the shipped evidence.
    result
        File of the results.
    ours, theirs
        Workers; without R there is none of theirs.
    candidate
        The engine of another source tree, if one is compared.
    found
        Results so far.
    """

    folder: Path
    analysis: Path
    result: Path
    ours: Worker
    theirs: Worker | None
    candidate: Worker | None = None
    found: dict[str, Any] = field(default_factory=dict)

    def keep(self, **parts: Any) -> None:
        """Add results and write all."""
        self.found |= parts
        self.result.write_text(json.dumps(self.found, indent=1) + "\n", encoding="utf-8")

    def rows(self, name: str, label: str = "", change: Callable[[Any], Any] | None = None) -> str:
        """Write the observations of a problem for the other side; returns the path."""
        design, _ = problems.design_and_task(name, self.analysis, 1)
        table = problems.observations(change(design) if change else design)
        path = self.folder / f"{name} {label}.csv"
        table.to_csv(path, index=False)
        return str(path)

    def compiled_peer(self, kind: str, rows: str) -> dict[str, Any]:
        """Compile a model of the other side, once a process; returns how long it took."""
        assert self.theirs is not None
        took: dict[str, Any] = self.found["peer_compilation"]
        if kind not in took:
            asked = {"kind": kind, "rows": rows, "tune": 9, "draws": 9, "seed": 1}
            took[kind] = self.theirs.ask(action="compile", **asked)
        return dict(took[kind])

    def fit(self, side: str, **request: Any) -> dict[str, Any]:
        """Ask one side for a fit; adds the smallest effective sample size and the draws."""
        output = self.folder / "draws.bin"
        worker: Worker | None = getattr(self, side)
        assert worker is not None
        if side == "theirs":
            self.compiled_peer(request["kind"], request["rows"])
        request |= {"output": str(output), "analysis": str(self.analysis), "cores": CORES}
        answer = worker.ask(**request)
        draws = read_draws(output, answer)
        del answer["names"]
        answer |= {"ess": smallest_ess(draws), "r_hat": largest_r_hat(draws)}
        answer["ess_all"] = smallest_ess(draws, ("",))
        if "chain_seconds" in answer:
            # As if the chains had filled the cores without a gap.
            answer["sampling"] = sum(answer["chain_seconds"]) / CORES
        else:
            answer["sampling"] = answer["seconds"]
        say(f"  {side}: {answer['sampling']:.1f} s, ESS {answer['ess']:.0f}")
        return answer | {"draws_of": draws}


def say(message: str) -> None:
    """Report progress."""
    print(message, file=sys.stderr, flush=True)


def cell(bench: Bench, problem: Problem) -> dict[str, Any]:
    """Sample one problem on both sides in turn."""
    name, kind = problem.name, problem.kind
    say(f"{name}: compiling")
    compiled = {
        "ours": bench.ours.ask(action="compile", problem=name, analysis=str(bench.analysis))
    }
    fits: dict[str, list[dict[str, Any]]] = {"ours": [], "candidate": [], "theirs": []}
    if bench.candidate and problem.kind == "binomial":
        asked = {"action": "compile", "problem": name, "analysis": str(bench.analysis)}
        compiled["candidate"] = bench.candidate.ask(**asked)
    peer = bench.theirs is not None and problem.peer_repeats > 0
    if peer:
        rows = bench.rows(name)
        compiled["theirs"] = bench.compiled_peer(kind, rows)
    for seed in range(1, max(problem.repeats, problem.peer_repeats) + 1):
        for side in ("ours", "candidate"):
            if side in compiled and seed <= problem.repeats:
                fits[side].append(bench.fit(side, action="sample", problem=name, seed=seed))
        if peer and seed <= problem.peer_repeats:
            asked = {"kind": kind, "rows": rows, "tune": TUNE, "draws": DRAWS, "seed": seed}
            fits["theirs"].append(bench.fit("theirs", action="update", **asked))
    draws = {side: [each.pop("draws_of") for each in runs] for side, runs in fits.items()}
    z = differences(draws["ours"], draws["theirs"]) if draws["theirs"] else {}
    if draws["candidate"]:
        z |= {
            f"candidate {name}": value
            for name, value in differences(draws["candidate"], draws["ours"]).items()
        }
    return {"problem": problem.__dict__, "compilation": compiled, "fits": fits, "z": z}


def refits(bench: Bench, repeats: int = 5) -> None:
    """Refit the reference after a changed count, both sides to the same smallest ESS."""
    first = next(c for c in bench.found["cells"] if c["problem"]["name"] == REFERENCE.name)
    fits: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    goal = 400.0
    if first["fits"]["theirs"]:
        goal = float(np.median([each["ess"] for each in first["fits"]["theirs"]]))
    each_draw = np.median([fit["ess"] for fit in first["fits"]["ours"]]) / DRAWS
    draws = int(np.clip(np.ceil(1.25 * goal / each_draw), 200, 20_000))
    for n in range(1, repeats + 1):
        asked = {"problem": REFERENCE.name, "changed": n, "draws": draws, "tune": REFIT_TUNE}
        fits["ours"].append(bench.fit("ours", action="sample", seed=100 + n, **asked))
        if bench.theirs:
            rows = bench.rows(REFERENCE.name, "changed", lambda d, n=n: problems.changed(d, n))
            asked = {"kind": "binomial", "rows": rows, "tune": TUNE, "draws": DRAWS}
            fits["theirs"].append(bench.fit("theirs", action="update", seed=100 + n, **asked))
    clean(fits)
    bench.keep(refit={"draws": draws, "tune": REFIT_TUNE, "goal": goal, "fits": fits})


def added_row(bench: Bench, repeats: int = 2) -> None:
    """Fit the reference with one more row: here another shape, there `update()` as before."""
    fits: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    design = problems.with_a_row(REFERENCE.name)
    rows = bench.rows(REFERENCE.name, "added", lambda _: design)
    for n in range(1, repeats + 1):
        asked = {"problem": REFERENCE.name, "seed": 200 + n}
        fits["ours"].append(bench.fit("ours", action="added", **asked))
        if bench.theirs:
            asked = {"kind": "binomial", "rows": rows, "tune": TUNE, "draws": DRAWS}
            fits["theirs"].append(bench.fit("theirs", action="update", seed=200 + n, **asked))
    clean(fits)
    bench.keep(added_row=fits)


def leave_out(bench: Bench, peer_studies: int = 5) -> None:
    """Leave each of twenty studies out; the other side some of them."""
    bench.ours.ask(action="compile", problem=TWENTY.name, analysis=str(bench.analysis))
    design, _ = problems.design_and_task(TWENTY.name, bench.analysis, 1)
    fits: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    slow = set(problems.left_out(design, peer_studies))
    for study in design.levels[0].units:
        asked = {"problem": TWENTY.name, "without": study, "tune": REFIT_TUNE}
        fits["ours"].append(bench.fit("ours", action="sample", seed=300, **asked))
        if bench.theirs and study in slow:
            rows = bench.rows(TWENTY.name, "without", lambda d, s=study: drop_study(d, s))
            asked = {"kind": "binomial", "rows": rows, "tune": TUNE, "draws": DRAWS}
            fits["theirs"].append(bench.fit("theirs", action="update", seed=300, **asked))
    z = {}
    draws = {side: [each.pop("draws_of") for each in runs] for side, runs in fits.items()}
    for theirs, study in zip(draws["theirs"], sorted(slow), strict=bench.theirs is not None):
        at = design.levels[0].units.index(study)
        z |= {f"{study} {k}": v for k, v in differences([draws["ours"][at]], [theirs]).items()}
    bench.keep(leave_out={"studies": len(design.levels[0].units), "fits": fits, "z": z})


def drop_study(design: Any, study: str) -> Any:
    """Design without the observations of one study."""
    from dataclasses import replace

    keep = ~np.isin(design.row, rows_of_study(design, study))
    parts = ("stage", "row", "events", "trials", "through_capability")
    return replace(design, **{name: getattr(design, name)[keep] for name in parts})


def clean(fits: dict[str, list[dict[str, Any]]]) -> None:
    """Leave the draws out of what is written."""
    for runs in fits.values():
        for each in runs:
            each.pop("draws_of", None)


def new_process(bench: Bench, repeats: int = 3) -> None:
    """One fit of the reference in a new process: caches empty, then filled, and brms."""
    from meta.storage import write_text

    rows = problems.generated_rows(REFERENCE)
    analysis = bench.folder / "reference.parquet"
    rows.to_parquet(analysis)
    task = problems.task_of(REFERENCE, REFERENCE.spec, 1)
    write_text(bench.folder / "task.json", task.model_dump_json())
    words = [sys.executable, "-m", "meta", "fit", "--analysis", str(analysis)]
    words += ["--task", task.model_dump_json(), "--cores", str(CORES)]
    words += ["--output", str(bench.folder / "posterior.nc")]
    csv = bench.rows(REFERENCE.name)
    asked = {"action": "fit", "kind": "binomial", "rows": csv, "tune": TUNE, "draws": DRAWS}
    asked |= {"seed": 1, "output": str(bench.folder / "peer.bin")}
    runs: dict[str, list[dict[str, Any]]] = {"empty": [], "filled": [], "brms": []}
    for n in range(repeats):
        caches = bench.folder / f"caches {n}"
        for state in ("empty", "filled"):
            runs[state].append(timed_process(words, bench.folder / "ours.log", cache(caches)))
            say(f"new process, caches {state}: {runs[state][-1]['wall']:.0f} s")
        shutil.rmtree(caches)
        if bench.theirs:
            command = ["Rscript", str(HERE / "brms.R")]
            runs["brms"].append(timed_process(command, bench.folder / "brms.log", None, asked))
            say(f"new process, brms: {runs['brms'][-1]['wall']:.0f} s")
        bench.keep(new_process=runs)


def cache(folder: Path) -> dict[str, str]:
    """Environment that keeps compiled code in a folder."""
    folder.mkdir(exist_ok=True)
    return {
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
    }


def point_estimates(bench: Bench) -> None:
    """Pooled point estimates of lme4 and metafor, and rstanarm, on the reference."""
    if "R" in bench.found["absent"]:
        return
    request = {"rows": bench.rows(REFERENCE.name), "repeats": 5}
    request["output"] = str(bench.folder / "rstanarm.bin")
    words = ["Rscript", str(HERE / "other_packages.R")]
    done = timed_process(words, bench.folder / "others.log", None, request)["answer"]
    if draws := done.pop("rstanarm_draws", None):
        path = Path(request["output"])
        done["rstanarm_ess"] = smallest_ess(read_draws(path, draws))
    bench.keep(others=done)


def absent_packages() -> list[str]:
    """R packages that are not installed, or R itself."""
    if shutil.which("Rscript") is None:
        return ["R"]
    names = ", ".join(f'"{name}"' for name in R_PACKAGES)
    code = f"for (p in c({names})) if (!requireNamespace(p, quietly = TRUE)) cat(p, '')"
    done = subprocess.run(["Rscript", "-e", code], check=True, capture_output=True, text=True)
    return done.stdout.split()


def r_versions() -> dict[str, str]:
    """Versions of R and of its packages, as far as they are there."""
    if shutil.which("Rscript") is None:
        return {}
    names = ", ".join(f'"{name}"' for name in R_PACKAGES)
    code = f"""cat('R', as.character(getRversion()), '\\n')
    for (p in c({names})) if (requireNamespace(p, quietly = TRUE))
      cat(p, as.character(packageVersion(p)), '\\n')"""
    done = subprocess.run(["Rscript", "-e", code], check=True, capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines())


def machine() -> dict[str, Any]:
    """What the numbers depend on besides the code."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        **r_versions(),
    }


PARTS = {
    "refit": refits,
    "leave_out": leave_out,
    "new_process": new_process,
    "others": point_estimates,
    "added_row": added_row,
}
#: In the order of what they are worth, should time run out.
STEPS = (
    REFERENCE.name, "refit", SHIPPED.name, "new_process", "100 rich", "100 sparse", "10 sparse",
    "leave_out", "others", "100 beta-binomial", "added_row", "10 rich", "10000 rich", "1000 rich",
    "1000 sparse",
)  # fmt: skip


def measure(bench: Bench, steps: Sequence[str], minutes: float) -> None:
    """Take the steps in turn; after so many minutes the others are named as not measured."""
    start = time.perf_counter()
    bench.found["peer_compilation"] = {}
    for step in steps:
        if time.perf_counter() - start > 60 * minutes:
            say(f"NOT MEASURED: {step}")
        elif step in PROBLEMS:
            measured = cell(bench, PROBLEMS[step])
            others = [c for c in bench.found["cells"] if c["problem"]["name"] != step]
            bench.keep(cells=[*others, measured])
        else:
            PARTS[step](bench)
    bench.found["seconds"].append(time.perf_counter() - start)
    got = {c["problem"]["name"] for c in bench.found["cells"]} | set(bench.found)
    bench.keep(not_measured=[step for step in STEPS if step not in got])


def main() -> None:
    """Measure what is asked for, all by default, and write the result and its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analysis", type=Path, default=ANALYSIS, help="set of by_failure_type")
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--steps", nargs="*", default=STEPS, choices=STEPS)
    parser.add_argument("--candidate", type=Path, help="src of another engine, compared as well")
    parser.add_argument("--alone", action="store_true", help="without brms")
    parser.add_argument("--append", action="store_true", help="to the results that there are")
    parser.add_argument("--minutes", type=float, default=120, help="begin no step after these")
    chosen = parser.parse_args()
    absent = absent_packages()
    if absent:
        say(f"SKIPPED: {', '.join(absent)} not installed; peers that need it are not measured")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = [sys.executable, str(HERE / "engine.py")]
        ours = Worker(words, folder / "engine.log", cache(folder / "caches"))
        brms = not chosen.alone and not {"R", "brms", "rstan", "posterior", "jsonlite"} & set(
            absent
        )
        theirs = Worker(["Rscript", str(HERE / "brms.R")], folder / "b.log") if brms else None
        other = None
        if chosen.candidate:
            variables = cache(folder / "others") | {"PYTHONPATH": str(chosen.candidate.resolve())}
            other = Worker(words, folder / "candidate.log", variables)
        bench = Bench(folder, chosen.analysis, chosen.result, ours, theirs, other)
        if chosen.append:
            bench.found = json.loads(chosen.result.read_text(encoding="utf-8"))
        bench.found = {"cells": [], "seconds": []} | bench.found
        bench.keep(machine=machine(), absent=absent)
        measure(bench, chosen.steps, chosen.minutes)
        for worker in filter(None, (ours, theirs, other)):
            worker.close()
    write_page(chosen.result)


if __name__ == "__main__":
    main()
