"""Where the time of a run goes: a finished cold run, a run with nothing to do, a row that is added.

    python benchmarks/run_profile.py --run . --models rates by_failure_type by_profile

Reads the processor seconds that Snakemake measured of each job (`logs/benchmarks/`), the course of
each fit (`fit.json`) and its leapfrog steps (`posterior.nc`); times one compiled gradient of some
models, a run with nothing to do, and its largest parts; and lists with a dry run what one more arm
would make again. The run itself is not changed: what is tried is tried in a copy of its evidence.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RESULT = Path(__file__).with_suffix(".json")
PRIMARY_ROWS = "data/processed/analysis/rates.parquet"
#: Parts of a run with nothing to do, each timed in a process of its own (seconds of processor).
NOOP_PARTS = {
    "imports of Snakemake": "import snakemake.cli",
    "pandas, which Snakemake imports to compare parameters": "import pandas",
    "settings and what the workflow imports": (
        "import meta.checks.multiverse_axes, meta.evidence.snapshot, meta.settings_file as s\n"
        "from pathlib import Path; s.load_settings(Path('.'))"
    ),
}


def seconds_of_jobs(run: Path) -> dict[str, float]:
    """Processor seconds of each job of a run, by `rule/wildcard`."""
    folder = run / "logs" / "benchmarks"
    found = {}
    for path in sorted(folder.rglob("*.tsv")):
        with path.open(encoding="utf-8") as file:
            row = list(csv.DictReader(file, delimiter="\t"))[-1]
        found[str(path.relative_to(folder).with_suffix(""))] = float(row["cpu_time"])
    return found


def by_rule(jobs: dict[str, float]) -> dict[str, dict[str, float]]:
    """Number of jobs and processor seconds of each rule, the dearest first."""
    rules: dict[str, list[float]] = {}
    for job, seconds in jobs.items():
        rules.setdefault(job.split("/")[0], []).append(seconds)
    ordered = sorted(rules.items(), key=lambda item: -sum(item[1]))
    return {name: {"jobs": len(each), "seconds": round(sum(each), 1)} for name, each in ordered}


def course(run: Path, model: str) -> dict[str, Any]:
    """Leapfrog steps, attempts and parts of the wall clock of one stored fit.

    Steps of the tuning are not stored: they are taken to be as many a draw as those of the kept
    draws, and attempts before the last one as its own. Both make the floor a rough one.
    """
    import h5py

    folder = run / "data" / "processed" / "fits" / model
    record = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    with h5py.File(folder / "posterior.nc") as file:
        steps = file["sample_stats/n_steps"][:]
    sampler = record["sampler"]
    length = 1 + sampler["tune"] / sampler["draws"]
    sets = record.get("imputation", {}).get("imputations", 1)
    return {
        "draws": int(steps.size),
        "steps_a_draw": float(steps.mean()),
        "leapfrogs": float(steps.sum() * length * len(record["attempts"]) / sets),
        "kept_leapfrogs": int(steps.sum()),
        "attempts_over_one_a_set": len(record["attempts"]) - sets,
        "times": record["times"],
    }


def gradient_us(run: Path, model: str) -> dict[str, float]:
    """Microseconds of one compiled gradient of a stored fit's model, and what compiling took."""
    from meta.config import FitTask
    from meta.evidence.analysis_set import read_analysis_set
    from meta.evidence.imputed_set import IMPUTATION
    from meta.inference.sampling import compile_model
    from meta.models.imputed_design import build_imputed_design
    from meta.models.specification import design_of

    folder = run / "data" / "processed"
    record = json.loads((folder / "fits" / model / "fit.json").read_text(encoding="utf-8"))
    task = FitTask.model_validate(record["task"])
    stacked = folder / "codes" / "sets" / f"{model}.parquet"
    plain = folder / "analysis" / f"{model}.parquet"
    table = read_analysis_set(stacked if task.codes else plain)
    if IMPUTATION in table:
        design = build_imputed_design(table, task.spec).base
    else:
        design = design_of(table, task.spec)
    ready = compile_model(design, task)
    return {
        "parameters": int(ready.compiled.n_dim),
        "observations": len(design.events),
        **timed_gradient(ready.compiled),
        "compile_s": ready.seconds,
    }


def timed_gradient(compiled: Any, batches: int = 50, size: int = 200) -> dict[str, float]:
    """Processor microseconds of one call of the function that the sampler calls.

    Parameters
    ----------
    compiled
        A model compiled by nutpie.
    batches, size
        Batches that are timed, and calls in each; a call from Python adds about one microsecond.
    """
    import numpy as np

    point = np.full(compiled.n_dim, 0.1)
    gradient, value = np.empty_like(point), np.empty(1)
    double = ctypes.POINTER(ctypes.c_double)
    given = [array.ctypes.data_as(double) for array in (point, gradient, value)]
    call, data = compiled.compiled_logp_func.ctypes, ctypes.c_void_p(compiled.user_data.ctypes.data)
    if call(compiled.n_dim, *given, data):
        raise SystemExit("the log density is not finite at the point that is timed")
    times = []
    for _ in range(batches):
        start = time.process_time()
        for _ in range(size):
            call(compiled.n_dim, *given, data)
        times.append((time.process_time() - start) / size * 1e6)
    return {"median": statistics.median(times), "least": min(times)}


def nothing_to_do(run: Path, repeats: int) -> dict[str, Any]:
    """Time `snakemake` in a run that is complete; processor seconds of it and of its parts."""
    walls, processor = [], []
    for _ in range(repeats):
        before, start = _children(), time.perf_counter()
        words = [sys.executable, "-m", "snakemake", "--cores", "2"]
        done = subprocess.run(words, cwd=run, check=True, capture_output=True, text=True)
        if "Nothing to be done" not in done.stdout + done.stderr:
            raise SystemExit(f"{run} has something to do: run snakemake there first")
        walls.append(time.perf_counter() - start)
        processor.append(_children() - before)
    parts = {name: _processor_of(code, run) for name, code in NOOP_PARTS.items()}
    parts["fingerprints of the code of all steps"] = _processor_of(_fingerprints(run), run)
    loaded = _processor_of("import sys, meta.provenance, meta.evidence.snapshot", run)
    return {
        "wall": _summary(walls),
        "processor": _summary(processor),
        "parts": parts | {"imports among them": loaded},
    }


def _fingerprints(run: Path) -> str:
    text = "".join(p.read_text(encoding="utf-8") for p in (run / "workflow").rglob("*.smk"))
    steps = sorted(set(re.findall(r'code_fingerprint\("([^"]+)"\)', text)))
    return f"from meta.provenance import code_fingerprint as f\nfor s in {steps}: f(s)"


def _processor_of(code: str, run: Path, repeats: int = 3) -> float:
    """Processor seconds of a piece of code in a new process, without the start of Python."""
    timed = f"import time; t = time.process_time()\n{code}\nprint(time.process_time() - t)"
    words = [sys.executable, "-c", timed]
    found = [
        float(subprocess.run(words, cwd=run, check=True, capture_output=True, text=True).stdout)
        for _ in range(repeats)
    ]
    return round(statistics.median(found), 2)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _summary(values: Iterable[float]) -> dict[str, float]:
    found = sorted(values)
    return {
        "min": round(found[0], 2),
        "median": round(statistics.median(found), 2),
        "max": round(found[-1], 2),
    }


def added_arm(run: Path, jobs: dict[str, float]) -> dict[str, Any]:
    """What one more arm makes again: jobs of a dry run, and what they took in the cold run.

    The row is a copy of an arm of the primary model, with another name, appended for the time of
    the dry run. Nobody has coded it yet, so that models which read codes leave it out.
    """
    import pandas as pd

    path = run / "data" / "raw" / "arms.csv"
    before = path.read_bytes()
    stat = path.stat()
    rows = list(csv.reader(before.decode("utf-8").splitlines(keepends=True)))
    pooled = set(pd.read_parquet(run / PRIMARY_ROWS, columns=["row_id"])["row_id"])
    head = rows[0]
    main = next(row for row in reversed(rows) if row[head.index("arm_id")] in pooled)
    new = [value if name != "overlap_set" else "" for name, value in zip(head, main, strict=True)]
    new[head.index("arm_id")] = "ARM99999"
    if "arm_label" in head:
        new[head.index("arm_label")] += " (one more)"
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(new)
        words = [sys.executable, "-m", "snakemake", "-n", "--cores", "2"]
        done = subprocess.run(words, cwd=run, check=True, capture_output=True, text=True)
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    said = done.stdout + done.stderr
    wanted = re.findall(r"^\s+benchmark: logs/benchmarks/(\S+)\.tsv$", said, re.MULTILINE)
    again = {job: jobs[job] for job in wanted if job in jobs}
    return {
        "jobs": len(wanted),
        "seconds_in_the_cold_run": round(sum(again.values()), 1),
        "by_rule": by_rule(again),
    }


def main() -> None:
    """Measure and write the result beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path())
    parser.add_argument("--models", nargs="*", default=["rates", "by_failure_type", "by_profile"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--result", type=Path, default=RESULT)
    chosen = parser.parse_args()
    run, jobs = chosen.run, seconds_of_jobs(chosen.run)
    fits = sorted(path.parent.name for path in run.glob("data/processed/fits/*/fit.json"))
    result = {
        "load_before": os.getloadavg()[0],
        "cold": {"seconds": round(sum(jobs.values()), 1), "by_rule": by_rule(jobs)},
        "fits": {m: {"seconds": jobs.get(f"fit/{m}")} | course(run, m) for m in fits},
        "gradients": {m: gradient_us(run, m) for m in chosen.models},
        "nothing_to_do": nothing_to_do(run, chosen.repeats),
        "added_arm": added_arm(run, jobs),
    }
    chosen.result.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
