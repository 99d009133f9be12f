"""Fit of one model: analysis set in, stored posterior out."""

from __future__ import annotations

from pathlib import Path

from meta.config import FitTask
from meta.evidence.analysis_set import data_hash, read_analysis_set
from meta.evidence.imputed_set import IMPUTATION
from meta.inference.imputed import sample_imputed
from meta.inference.sampling import sample_all
from meta.inference.store import fit_record, write_fit
from meta.models.imputed_design import build_imputed_design
from meta.models.specification import design_of


def fit_model(analysis: Path, task: FitTask, cores: int, output: Path) -> None:
    """Fit a model to a stored analysis set and write `posterior.nc`.

    Parameters
    ----------
    analysis
        Parquet file of the analysis set, or of its stack over imputed code sets.
    task
        Specification, priors, sampler arguments and seed.
    cores
        Chains sampled at the same time.
    output
        NetCDF file to write.
    """
    table = read_analysis_set(analysis)
    if IMPUTATION in table:
        stacked = build_imputed_design(table, task.spec)
        tree, course = sample_imputed(stacked, task, cores)
        design = stacked.base
    else:
        design = design_of(table, task.spec)
        tree, course = sample_all(design, task, cores)
    write_fit(tree, fit_record(task, design, data_hash(table), course), output)
