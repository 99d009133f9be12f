"""Time to check a large evidence base and build its database, against reading it as plain text.

    python benchmarks/evidence_scale.py 1000000 --coders 1 --arms 100000 --repeats 5

Both sides run in turn, each in a fresh process, on the same generated files. Times are wall clock
from after the imports to the closed database file; processor time is that of all threads in the
same span; memory is the peak resident set of the process.
The cost of a composition model is measured on the same base and on smaller ones.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULT = Path(__file__).with_suffix(".json")
#: Parts of a build, with the export that follows it.
PARTS = ("reading", "typing", "keys_counts_overlaps", "database", "export_afterwards")
LIBRARIES = ("duckdb", "pyarrow", "pandas", "numpy", "pymc")


def read_as_text(base: Path, out: Path) -> dict[str, float]:
    """Let DuckDB read every file as text into a table of a database file.

    Parameters
    ----------
    base
        Evidence base that holds `data/raw/`.
    out
        Folder for the database.

    Returns
    -------
    dict
        Seconds of wall clock (`total`) and of `processor` time.
    """
    import duckdb

    start, used = time.perf_counter(), time.process_time()
    with duckdb.connect(out / "text.duckdb") as connection:
        for path in sorted((base / "data" / "raw").glob("*.csv")):
            source = f"read_csv('{path}', all_varchar = true, header = true)"
            connection.execute(f"CREATE TABLE {path.stem} AS SELECT * FROM {source}")
    return {"total": time.perf_counter() - start, "processor": time.process_time() - used}


def check_and_build(base: Path, out: Path) -> dict[str, float]:
    """Check the base, build the database with its keys and checks, and export the tables.

    Parameters
    ----------
    base
        Evidence base that holds `data/raw/`.
    out
        Folder for the database and the exported tables.

    Returns
    -------
    dict
        Seconds of wall clock (`total`), of `processor` time and of the `PARTS`; peak memory in GiB.
    """
    from meta.evidence import checking
    from meta.evidence.warehouse import build_warehouse, export_canonical

    spent = dict.fromkeys(("reading", "typing"), 0.0)
    for name, part in (("read_table", "reading"), ("type_table", "typing")):
        setattr(checking, name, _timed(getattr(checking, name), part, spent))
    start, used = time.perf_counter(), time.process_time()
    evidence = checking.check(base)
    checked = time.perf_counter()
    wrong = [problem for problem in evidence.problems if problem.severity != "note"]
    if wrong:
        raise SystemExit(f"the generated base has problems: {wrong[:3]}")
    build_warehouse(evidence, out / "evidence.duckdb")
    built, processor, peak = time.perf_counter(), time.process_time() - used, peak_gib()
    del evidence
    export_canonical(out / "evidence.duckdb", out / "tables")
    return {
        "total": built - start,
        "processor": processor,
        **spent,
        "keys_counts_overlaps": checked - start - sum(spent.values()),
        "database": built - checked,
        "peak_gib": peak,
        "export_afterwards": time.perf_counter() - built,
    }


def composition(base: Path, out: Path) -> dict[str, Any]:
    """Measure the model of the coded cases: its rows, and the time of one gradient.

    Parameters
    ----------
    base
        Evidence base whose settings are in force.
    out
        Folder in which `check_and_build` left the exported tables.

    Returns
    -------
    dict
        Sizes of the model, seconds of aggregation and microseconds of one gradient.
    """
    from meta.evidence.analysis_set import analysis_set
    from meta.evidence.canonical import read_canonical
    from meta.models.chain import build_chain
    from meta.models.design import build_design
    from meta.settings_file import load_settings

    settings = load_settings(base)
    spec = settings.models["composition"]
    tables = read_canonical(out / "tables")
    start = time.perf_counter()
    design = build_design(analysis_set(tables, "composition", spec), spec)
    aggregated = time.perf_counter() - start
    return {
        "cases": len(tables["cases"]),
        "rows_of_the_analysis_set": len(design.rows),
        "observations_in_the_likelihood": len(design.events),
        "aggregation_s": aggregated,
        "gradient_us": _gradient(build_chain(design, settings.priors[spec.priors])) * 1e6,
    }


def _gradient(model: Any) -> float:
    """Median seconds of one evaluation of the log density and its gradient."""
    import numpy as np

    gradient = model.logp_dlogp_function(ravel_inputs=True)
    gradient.set_extra_values({})
    point = np.zeros(sum(value.size for value in model.initial_point().values()))
    gradient(point)
    times = []
    for _ in range(2000):
        start = time.perf_counter()
        gradient(point)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _timed(function: Any, part: str, spent: dict[str, float]) -> Any:
    def timed(*arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        spent[part] += time.perf_counter() - start
        return result

    return timed


def peak_gib() -> float:
    """Peak resident set of this process in GiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


SIDES = {"text": read_as_text, "build": check_and_build, "composition": composition}


def in_fresh_process(
    side: str, base: Path, out: Path, script: Path = Path(__file__)
) -> dict[str, Any]:
    """Run one side in a process of its own.

    Parameters
    ----------
    side
        One of `SIDES`.
    base, out
        What the side is given.
    script
        The script whose side it is.

    Returns
    -------
    dict
        What the side returned, and the peak memory of its process.
    """
    words = [sys.executable, str(script), "--side", side, "--base", str(base), "--out", str(out)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measure(rows: int, coders: int, arms: int, repeats: int) -> dict[str, Any]:
    """Generate the base and run both sides in turn.

    Parameters
    ----------
    rows
        Cases.
    coders
        Codings of each case.
    arms
        Experiment arms.
    repeats
        How often each side runs.

    Returns
    -------
    dict
        Content of the result file: sizes, the machine, and each quantity's smallest, median and
        largest value. Seconds, bytes and GiB, as the names say.
    """
    from generated_base import write_base

    with tempfile.TemporaryDirectory() as folder:
        base = write_base(Path(folder), rows, coders, arms)
        sizes = {path.name: path.stat().st_size for path in (base / "data" / "raw").iterdir()}
        runs = _runs(base, Path(folder), repeats)
        return {
            "rows": {"cases": rows, "codings": rows * coders, "arms": arms},
            "bytes": sizes,
            "machine": _machine(),
            **_summaries(runs["text"], runs["build"]),
            "composition": _compositions(rows, coders, Path(folder)),
        }


def _runs(base: Path, folder: Path, repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Run reading as text and building in turn."""
    runs: dict[str, list[dict[str, Any]]] = {"text": [], "build": []}
    for number in range(repeats):
        for side, measured in runs.items():
            with tempfile.TemporaryDirectory(dir=folder) as out:
                measured.append(in_fresh_process(side, base, Path(out)))
        last = {side: measured[-1]["total"] for side, measured in runs.items()}
        print(f"{number + 1} of {repeats}: {last}", file=sys.stderr)
    return runs


def _summaries(texts: list[dict[str, Any]], builds: list[dict[str, Any]]) -> dict[str, Any]:
    """Spread of the ratios, of the times of both sides, and of the parts of a build."""

    def ratio(kind: str) -> dict[str, float]:
        pairs = zip(texts, builds, strict=True)
        return _summary([build[kind] / text[kind] for text, build in pairs])

    def spread(runs: list[dict[str, Any]], kind: str) -> dict[str, float]:
        return _summary([run[kind] for run in runs])

    return {
        "ratio": ratio("total"),
        "ratio_of_processor_time": ratio("processor"),
        "text_s": spread(texts, "total"),
        "text_processor_s": spread(texts, "processor"),
        "build_s": spread(builds, "total"),
        "build_processor_s": spread(builds, "processor"),
        "build_peak_gib": spread(builds, "peak_gib"),
        "build_parts_s": {part: spread(builds, part) for part in PARTS},
        "export_included_peak_gib": spread(builds, "process_peak_gib"),
    }


def _compositions(rows: int, coders: int, folder: Path) -> list[dict[str, Any]]:
    """Measure the composition of a hundredth, a tenth and all of the cases."""
    from generated_base import write_base

    measured = []
    for cases in (rows // 100, rows // 10, rows):
        with tempfile.TemporaryDirectory(dir=folder) as out:
            base = write_base(Path(out), cases, coders, 100)
            in_fresh_process("build", base, Path(out))
            measured.append(in_fresh_process("composition", base, Path(out)))
    return measured


def _machine() -> dict[str, Any]:
    """What the numbers depend on besides the code."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def _summary(values: list[float]) -> dict[str, float]:
    """Smallest, median and largest value."""
    return {
        "min": round(min(values), 3),
        "median": round(statistics.median(values), 3),
        "max": round(max(values), 3),
    }


def main() -> None:
    """Run one side, or measure and write the result beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000, help="cases")
    parser.add_argument("--coders", type=int, default=1, help="codings for each case")
    parser.add_argument("--arms", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        answer = SIDES[chosen.side](chosen.base, chosen.out)
        print(json.dumps({**answer, "process_peak_gib": peak_gib()}))
        return
    result = measure(chosen.rows, chosen.coders, chosen.arms, chosen.repeats)
    chosen.result.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
