"""Checks of a stored fit against data, and their files: predictive, left-out studies, influence."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from meta.checks.contrast_predictive import contrast_predictive, defined_contrasts
from meta.checks.influence import COLUMNS as INFLUENCE_COLUMNS
from meta.checks.influence import SUMMARY_COLUMNS, influence, influence_summary
from meta.checks.leave_one_out import COLUMNS as LOO_COLUMNS
from meta.checks.leave_one_out import (
    NOT_COMPUTED,
    LeftOut,
    Refit,
    budgets,
    cost_of,
    expected_density,
    leave_one_out_table,
    leave_out,
)
from meta.checks.loo_pit import BAND_COLUMNS, loo_pit, pit_bands, pit_check
from meta.checks.loo_pit import COLUMNS as PIT_COLUMNS
from meta.checks.posterior_predictive import COLUMNS as PREDICTIVE_COLUMNS
from meta.checks.posterior_predictive import (
    REPLICATES,
    computed_check,
    false_alarm_rate,
    posterior_predictive,
    tail_checks,
)
from meta.checks.predictive import Part, defined
from meta.checks.prior_predictive import prior_quantities, prior_statistics, prior_table
from meta.checks.sampler import CHECK_COLUMNS, Check, mixing_statistics
from meta.config import FitChecks, FitTask
from meta.estimands import Estimate, all_estimates
from meta.evidence.analysis_set import read_analysis_set
from meta.evidence.imputed_set import IMPUTATION
from meta.inference.draws import thinned_draws
from meta.inference.refit import refit, rows_of_study, shorter, without_rows
from meta.inference.sampling import PREDICTIVE_DRAWS, compile_model
from meta.inference.seeds import child_seed
from meta.inference.store import read_fit
from meta.inference.top_parameters import top_parameters
from meta.models.build import model_of
from meta.models.contrast_design import build_contrast_design
from meta.models.design import Design
from meta.models.imputed_design import build_imputed_design
from meta.models.specification import design_of
from meta.storage import atomic, write_json

#: Tables that stay empty for a model of contrasts.
UNUSED = {
    "prior_predictive": PREDICTIVE_COLUMNS,
    "leave_one_out": LOO_COLUMNS,
    "loo_pit": PIT_COLUMNS,
    "loo_pit_bands": BAND_COLUMNS,
    "influence": INFLUENCE_COLUMNS,
    "influence_by_study": SUMMARY_COLUMNS,
}


@dataclass(frozen=True)
class CodeSetFit:
    """Posterior draws and the design they were fitted to; a model of imputed codes has several."""

    design: Design
    posterior: xr.Dataset


@dataclass(frozen=True)
class Results:
    """Tables by file name, gating checks, warnings, and the summary of a model's checks."""

    tables: dict[str, pd.DataFrame]
    gates: list[Check]
    warnings: list[Check]
    summary: dict[str, Any]


@dataclass(frozen=True)
class Refits:
    """Fits without one study, and the estimates under them, by study."""

    fits: dict[str, Refit] = field(default_factory=dict)
    estimates: dict[str, list[Estimate]] = field(default_factory=dict)


def check_fit(
    posterior: Path,
    analysis: Path,
    task: FitTask,
    checks: FitChecks,
    ci_prob: float,
    cores: int,
    folder: Path,
) -> None:
    """Check a stored fit against its data and write every table, whatever the checks say.

    Parameters
    ----------
    posterior
        Stored fit.
    analysis
        The analysis set it was fitted to.
    task
        Specification, priors, sampler arguments and seed of the fit.
    checks
        Settings of these checks.
    ci_prob
        Mass of the equal-tailed intervals.
    cores
        Studies left out, and chains of refits, at the same time.
    folder
        Receives `prior_predictive.csv`, `posterior_predictive.csv`, `leave_one_out.csv`,
        `loo_pit.csv`, `loo_pit_bands.csv`, `influence.csv`, `influence_by_study.csv`,
        `diagnostics.csv` (what gates), `warnings.csv` and `summary.json`.
    """
    tree, _ = read_fit(posterior)
    table = read_analysis_set(analysis)
    if task.spec.frame == "contrasts":
        found = contrast_checks(tree["posterior"].to_dataset(), table, task, checks, ci_prob)
    else:
        fits, base = code_set_fits(tree, table, task)
        prior = prior_draws(tree, base, task)
        found = all_checks(fits, base, prior, task, checks, ci_prob, cores)
    for name, content in found.tables.items():
        _write(content, folder / f"{name}.csv")
    for name, each in (("diagnostics", found.gates), ("warnings", found.warnings)):
        rows = pd.DataFrame([{"model": task.model, **check.as_row()} for check in each])
        _write(rows.reindex(columns=CHECK_COLUMNS), folder / f"{name}.csv")
    write_json(folder / "summary.json", {"model": task.model, **found.summary})


def contrast_checks(
    posterior: xr.Dataset, table: pd.DataFrame, task: FitTask, checks: FitChecks, ci_prob: float
) -> Results:
    """Check a model of contrasts: the predictive check alone; no study of it is left out."""
    design = build_contrast_design(table, task.spec)
    predictive = contrast_predictive(posterior, design, _seed(task, "replicates"), ci_prob)
    tables = {name: pd.DataFrame(columns=columns) for name, columns in UNUSED.items()}
    return Results(
        tables | {"posterior_predictive": predictive},
        [computed_check(predictive, defined_contrasts(design))],
        tail_checks(predictive, checks.tail_probability),
        {"elpd": None, "studies": 0, "remark": "no study was left out", "code_sets": 1},
    )


def code_set_fits(
    tree: xr.DataTree, table: pd.DataFrame, task: FitTask
) -> tuple[list[CodeSetFit], Design]:
    """Posterior draws by code set with their designs, and the design that was compiled."""
    posterior = tree["posterior"].to_dataset()
    if IMPUTATION not in table:
        design = design_of(table, task.spec)
        return [CodeSetFit(design, posterior)], design
    stacked = build_imputed_design(table, task.spec)
    numbers = posterior["imputation"].to_numpy()
    fits = [
        CodeSetFit(design, posterior.isel(chain=np.flatnonzero(numbers == number)))
        for number, design in enumerate(stacked.sets, start=1)
    ]
    return fits, stacked.base


def prior_draws(tree: xr.DataTree, design: Design, task: FitTask) -> xr.Dataset:
    """Draws of the prior: those stored with the fit, or new ones where it stores none."""
    if "prior" in tree.children:
        return tree["prior"].to_dataset()
    with model_of(design, task.priors) as model:
        names = [v.name for v in [*model.free_RVs, *model.deterministics]]
        found = pm.sample_prior_predictive(
            PREDICTIVE_DRAWS,
            var_names=names,
            random_seed=child_seed(task.seed, task.model, "prior"),
        )
    return found["prior"].to_dataset()


def all_checks(
    fits: Sequence[CodeSetFit],
    base: Design,
    prior: xr.Dataset,
    task: FitTask,
    checks: FitChecks,
    ci_prob: float,
    cores: int,
) -> Results:
    """Run every check of a fit.

    Parameters
    ----------
    fits
        Posterior draws with their designs.
    base
        Design that was compiled.
    prior
        Draws of the prior.
    task, checks, ci_prob, cores
        As for `check_fit`.
    """
    tail = checks.tail_probability
    before, expected = _before_data(fits, base, prior, task, ci_prob)
    replicates = _parts(fits, REPLICATES)
    predictive = posterior_predictive(replicates, _seed(task, "replicates"), ci_prob)
    parts = _parts(fits, checks.draws if checks.refits(task) else checks.draws_others)
    left = _leave_out_all(parts, base, cores)
    refits = _refit_all(left, base, task, checks, cores) if len(fits) == 1 else Refits()
    loo = leave_one_out_table(left, base, refits.fits)
    pit = loo_pit(parts, left, refits.fits, _seed(task, "loo pit"))
    estimates, offsets = _estimates(fits, parts, task)
    moved = influence(estimates, left, offsets, refits.fits, refits.estimates, ci_prob)
    tables = {
        "prior_predictive": before,
        "posterior_predictive": predictive,
        "leave_one_out": loo,
        "loo_pit": pit,
        "loo_pit_bands": pit_bands(pit, tail),
        "influence": moved,
        "influence_by_study": influence_summary(moved, loo),
    }
    against = [*tail_checks(predictive, tail), pit_check(pit, tail)]
    warnings = tail_checks(expected, tail, "prior")
    # Of every model they would be many tests, and raise false alarms: those of the primary gate.
    computed = computed_check(predictive, defined(part.design for part in replicates))
    gates = [*against, computed] if task.spec.primary else [computed]
    warnings = warnings if task.spec.primary else [*against, *warnings]
    summary = {**_summary(loo, len(fits)), "false_alarm_rate": false_alarm_rate(predictive, tail)}
    return Results(tables, gates, warnings, summary)


def _seed(task: FitTask, stream: str) -> int:
    return child_seed(task.seed, task.model, stream)


def _before_data(
    fits: Sequence[CodeSetFit], base: Design, prior: xr.Dataset, task: FitTask, ci_prob: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Whole table of the prior predictive check, and its statistics alone."""
    estimates = all_estimates(prior, base, _seed(task, "prior quantities"))
    parts = _parts([replace(fit, posterior=prior) for fit in fits], REPLICATES)
    expected = prior_statistics(parts, _seed(task, "prior replicates"), ci_prob)
    return prior_table(prior_quantities(estimates, ci_prob), expected), expected


def _summary(loo: pd.DataFrame, sets: int) -> dict[str, Any]:
    total = expected_density(loo)
    finite = bool(np.isfinite(total.value))
    return {
        "elpd": total.value if finite else None,
        "elpd_se": total.se if np.isfinite(total.se) else None,
        "studies": total.studies,
        "unreliable": total.unreliable,
        "comparable": total.comparable and sets == 1,
        "remark": total.remark if sets == 1 else "not for comparison: draws of imputed code sets",
        "not_computed": loo.loc[loo["method"] == NOT_COMPUTED, "study"].tolist(),
        "refitted": loo.loc[loo["method"] == "refit", "study"].tolist(),
        "code_sets": sets,
    }


def _parts(fits: Sequence[CodeSetFit], most: int) -> list[Part]:
    found = []
    for fit in fits:
        draws = thinned_draws(fit.posterior, fit.design, max(1, most // len(fits)))
        found.append(Part(fit.design, draws.parameters, draws.shape, draws.step))
    return found


def _leave_out_all(parts: Sequence[Part], base: Design, cores: int) -> list[LeftOut]:
    studies = base.levels[0].units
    costs = {study: max(cost_of(part.design, study) for part in parts) for study in studies}
    draws = sum(len(part.parameters.alpha) for part in parts)
    share = budgets(costs, draws)
    # Threads: the integrals are NumPy calls on long arrays, which run beside one another.
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(lambda study: leave_out(parts, study, share[study]), studies))


def _estimates(
    fits: Sequence[CodeSetFit], parts: Sequence[Part], task: FitTask
) -> tuple[list[Estimate], list[int]]:
    """Estimates under the draws of the parts, and where each part's draws begin."""
    found = []
    for number, (fit, part) in enumerate(zip(fits, parts, strict=True)):
        thinned = fit.posterior.isel(draw=slice(None, None, part.step))
        found.append(all_estimates(thinned, fit.design, _seed(task, f"influence {number}")))
    sizes = [part.shape[0] * part.shape[1] for part in parts]
    stacked = [
        replace(each[0], draws=np.concatenate([e.draws for e in each]))
        for each in zip(*found, strict=True)
    ]
    return stacked, [int(start) for start in np.cumsum([0, *sizes[:-1]])]


def _refit_all(
    left: Sequence[LeftOut], design: Design, task: FitTask, checks: FitChecks, cores: int
) -> Refits:
    """Fits without each study whose weights are not reliable, if this model is to be refitted."""
    studies = [each.study for each in left if not each.reliable]
    found = Refits()
    if not checks.refits(task) or not studies:
        return found
    short = shorter(task, checks.refit_draws, checks.refit_tune)
    ready = compile_model(design, short)
    for study in studies:
        fewer = without_rows(design, rows_of_study(design, study))
        tree, attempts = refit(ready, fewer, short, cores, f"without {study}")
        posterior = tree["posterior"].to_dataset()
        draws = thinned_draws(posterior, design, checks.draws)
        _, values = top_parameters(posterior)
        r_hat = float(mixing_statistics(values)["r_hat"].max())
        divergences = int(attempts[-1]["divergences"])
        found.fits[study] = Refit(
            draws.parameters, draws.shape, r_hat, divergences, checks.refit_r_hat
        )
        found.estimates[study] = all_estimates(posterior, design, _seed(task, "influence 0"))
    return found


def _write(table: pd.DataFrame, path: Path) -> None:
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
