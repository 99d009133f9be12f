"""Storage of a fit: a NetCDF file that `arviz.from_netcdf` opens, carrying its own record."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import arviz as az
import xarray as xr

from meta.config import FitTask
from meta.errors import StoredFitError
from meta.models.centring import parameterisation
from meta.models.design import Design
from meta.provenance import code_fingerprint, commit, library_versions, machine
from meta.storage import atomic

RECORD = "meta_record"


def fit_record(
    task: FitTask, design: Design, data_hash: str, course: dict[str, Any]
) -> dict[str, Any]:
    """Return what is needed to judge and to redo a fit."""
    return {
        "model": task.model,
        "primary": task.spec.primary,
        "frame": task.spec.frame,
        "spec": task.spec.model_dump(mode="json") | {"filter": task.spec.row_filter},
        "prior_set": task.priors.model_dump(mode="json"),
        "spec_hash": task.spec_hash,
        "data_hash": data_hash,
        "seed": task.seed,
        "sampler": {"name": "nutpie", **task.imputation_sampler.model_dump(mode="json")},
        **_imputation(task, course),
        "attempts": course["attempts"],
        "parameterisation": parameterisation(design),
        "rows": rows_by_stage(design),
        "notes": design.notes,
        "times": {part: round(seconds, 2) for part, seconds in course["times"].items()},
        "versions": library_versions(["arviz", "nutpie", "pymc", "pandas", "duckdb"]),
        "provenance": {
            **commit(),
            "python": platform.python_version(),
            "machine": machine(),
            "code": code_fingerprint("meta.steps:fit"),
        },
        "task": task.model_dump(mode="json"),
    }


def _imputation(task: FitTask, course: dict[str, Any]) -> dict[str, Any]:
    if task.codes is None:
        return {}
    return {
        "imputation": {
            "imputations": task.codes.imputations,
            "fields": list(task.spec.coded_fields),
            "agreed": course.get("agreed", ""),
        }
    }


def rows_by_stage(design: Design) -> dict[str, dict[str, int]]:
    """Count studies, rows and trials that observe each stage, and the rows of the product term."""
    counts = {}
    for o, stage in enumerate(design.stages):
        seen = design.stage == o
        counts[stage] = {
            "k_studies": int(design.rows["study"].iloc[design.row[seen]].nunique()),
            "k_rows": int(seen.sum()),
            "k_rows_through_capability": int(design.through_capability[seen].sum()),
            "n_trials": int(design.trials[seen].sum()),
        }
    return counts


def write_fit(tree: xr.DataTree, record: dict[str, Any], path: Path) -> None:
    """Write all groups of a fit and its record (as a JSON attribute) atomically."""
    tree = tree.copy()
    tree.attrs[RECORD] = json.dumps(record)
    for node in tree.subtree:
        # The log likelihood and predictive draws are large and compress well.
        for variable in node.data_vars.values():
            if variable.dtype.kind in "fi":
                variable.encoding = {"zlib": True, "complevel": 1}
    write_netcdf(tree, path)


def write_netcdf(tree: xr.DataTree, path: Path) -> None:
    """Write groups as NetCDF, each variable as its encoding says, atomically."""
    # In memory first: HDF5 ends the process when the disk is full under a file that it writes.
    content = tree.to_netcdf(engine="h5netcdf")
    assert content is not None
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def read_fit(path: Path) -> tuple[xr.DataTree, dict[str, Any]]:
    """Read a stored fit and its record.

    Raises
    ------
    StoredFitError
        If the file is not a whole fit of this package.
    """
    try:
        tree = az.from_netcdf(path)
        return tree, json.loads(tree.attrs[RECORD])
    except (OSError, KeyError, ValueError) as error:
        raise StoredFitError(
            f"{path}: not a readable fit ({error}); remove the file and run again"
        ) from None
