"""Steps of the pipeline as commands: what the rules of the workflow run.

Thin: each parses, imports what it needs, and calls it. A rule carries the fingerprint of its step
here (`meta.provenance.code_fingerprint`), so a step names in its own body all that it runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from meta.option_types import FILE, FOLDER
from meta.risk_steps import RISK_STEPS


@click.command()
@click.option("--directory", type=FOLDER, default=".", help="Holds data/raw/.")
@click.option("--database", type=FILE, required=True, help="DuckDB file to build.")
@click.option("--tables", type=FOLDER, required=True, help="Folder for the canonical Parquet.")
@click.option("--flow", type=FILE, required=True, help="JSON of the evidence flow.")
@click.option("--bibliography", type=FILE, required=True, help="Parquet of the studies.")
@click.option("--corrections", type=FILE, required=True, help="JSON of the corrected cells.")
@click.option("--filter", "keep", required=True, help="Row filter of the primary model, as JSON.")
def evidence(
    directory: Path,
    database: Path,
    tables: Path,
    flow: Path,
    bibliography: Path,
    corrections: Path,
    keep: str,
) -> None:
    """Check the raw tables and build the warehouse from them."""
    from meta.evidence.ingest import ingest

    ingest(directory, database, tables, flow, bibliography, corrections, json.loads(keep))


@click.command("analysis-sets")
@click.option("--tables", type=FOLDER, required=True)
@click.option("--settings", "text", required=True, help="Settings in force, as JSON.")
@click.option("--output", type=FOLDER, required=True)
def analysis_sets(tables: Path, text: str, output: Path) -> None:
    """Write each model's analysis set."""
    from meta.config import Settings
    from meta.evidence.snapshot import write_analysis_sets

    write_analysis_sets(tables, Settings.model_validate_json(text), output)


@click.command()
@click.option("--analysis", type=FILE, required=True, help="Parquet of the analysis set.")
@click.option("--task", "text", required=True, help="Model, priors, sampler and seed, as JSON.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FILE, required=True, help="NetCDF file to write.")
def fit(analysis: Path, text: str, cores: int, output: Path) -> None:
    """Sample one model's posterior."""
    from meta.config import FitTask
    from meta.inference.fit import fit_model

    fit_model(analysis, FitTask.model_validate_json(text), cores, output)


@click.command()
@click.option("--posterior", type=FILE, required=True)
@click.option("--analysis", type=FILE, required=True)
@click.option("--task", "text", required=True, help="Model, priors, sampler and seed, as JSON.")
@click.option("--gate", "thresholds", required=True, help="Thresholds, as JSON.")
@click.option("--ci-prob", type=click.FloatRange(0, 1), required=True)
@click.option("--exceedance", default="[]", help="Rates of the shares above them, as JSON.")
@click.option("--output", type=FOLDER, required=True)
def diagnose(
    posterior: Path, analysis: Path, text: str, thresholds: str, ci_prob: float, exceedance: str,
    output: Path,
) -> None:  # fmt: skip
    """Summarise and check a fit; writes whatever the checks say."""
    from meta.checks.diagnosis import diagnose as diagnose_fit
    from meta.config import FitTask, Gate

    task, gate = FitTask.model_validate_json(text), Gate.model_validate_json(thresholds)
    diagnose_fit(posterior, analysis, task, gate, ci_prob, output, json.loads(exceedance))


@click.command()
@click.argument("fits", type=FOLDER, nargs=-1, required=True)
@click.option("--index", type=FILE, required=True, help="Index beside the analysis sets.")
@click.option("--flow", type=FILE, required=True)
@click.option("--bibliography", type=FILE, required=True)
@click.option("--corrections", type=FILE, required=True)
@click.option("--changes", "changed", type=FILE, help="What changed since the latest release.")
@click.option("--checks", type=FOLDER, help="Folder of the checks of each fit against data.")
@click.option("--figures", type=FOLDER, help="Folder of the figures of each fit, in the site.")
@click.option("--codes", type=FOLDER, help="Folder of agreement, disagreements and latent codes.")
@click.option("--sensitivity", "sensitivities", type=FOLDER, multiple=True, help="Of one model.")
@click.option("--few-studies", type=int, required=True, help="Below it, the prior table first.")
@click.option("--multiverse", "cells", type=FILE, help="CSV of the multiverse.")
@click.option("--settings", "text", default="{}", help="Settings in force, as JSON, to describe.")
@click.option("--calibration", type=FOLDER, help="Folder of the committed calibrations.")
@click.option("--claims", "audited", type=FILE, help="CSV of the audited claims.")
@click.option("--risk", type=(FILE, FILE, FILE), help="Risk, modifiers, calculator.")
@click.option("--risk-drivers", type=(FILE, FILE), help="What drives risks, what to measure.")
@click.option("--evidence", "database", type=FILE, help="DuckDB file of the evidence.")
@click.option("--chain", "chains", type=FOLDER, multiple=True, help="Rates joined to harm.")
@click.option("--page", "others", multiple=True, help="Page that another job writes beside these.")
@click.option("--output", type=FOLDER, required=True)
def report(
    fits: tuple[Path, ...],
    index: Path,
    flow: Path,
    bibliography: Path,
    corrections: Path,
    changed: Path | None,
    checks: Path | None,
    figures: Path | None,
    codes: Path | None,
    sensitivities: tuple[Path, ...],
    few_studies: int,
    cells: Path | None,
    text: str,
    calibration: Path | None,
    audited: Path | None,
    risk: tuple[Path, Path, Path] | None,
    risk_drivers: tuple[Path, Path] | None,
    database: Path | None,
    chains: tuple[Path, ...],
    others: tuple[str, ...],
    output: Path,
) -> None:
    """Render the report and the tables of results from the diagnosed FITS."""
    from meta.evidence.index import refused_models, uncoded_by_model
    from meta.report.inputs import load_inputs
    from meta.report.pages import render_report
    from meta.report.run_files import RunFiles
    from meta.report.site import too_large

    files = RunFiles(
        fits=fits, analysis=[index.parent / f"{folder.name}.parquet" for folder in fits],
        flow=flow, studies=bibliography, refused=refused_models(index),
        uncoded=uncoded_by_model(index), corrections=corrections, changes=changed, codes=codes,
        checks=checks, figures=figures, sensitivity=sensitivities, few_studies=few_studies,
        multiverse=cells, settings=json.loads(text), calibration=calibration, claims=audited,
        risk=risk, risk_drivers=risk_drivers, evidence=database, chains=chains,
    )  # fmt: skip
    run = load_inputs(files)
    render_report(run, output, others)
    for said in too_large(output):
        click.echo(f"warning: {said}", err=True)


@click.command()
@click.argument("diagnostics", type=FILE, nargs=-1, required=True)
@click.option("--output", type=FILE, required=True, help="Written when every check holds.")
def gate(diagnostics: tuple[Path, ...], output: Path) -> None:
    """Fail unless every check in the DIAGNOSTICS tables holds."""
    from meta.checks.gate import gate as pass_gate
    from meta.storage import write_text

    message = pass_gate(list(diagnostics))
    write_text(output, message + "\n")
    click.echo(message)


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--directory", type=FOLDER, default=".", help="Holds the results of a run.")
@click.option("--settings", "text", required=True, help="Settings in force, as JSON.")
@click.option("--output", type=FILE, required=True, help="JSON file to write.")
def changes(models: tuple[str, ...], directory: Path, text: str, output: Path) -> None:
    """Compare the results of MODELS with the latest release."""
    from meta.comparison import changes_since_release
    from meta.config import Settings
    from meta.report.significant_digits import published_json, significant_parts
    from meta.storage import write_text

    settings_in_force = Settings.model_validate_json(text)
    found = changes_since_release(directory, settings_in_force, models)
    write_text(output, published_json(significant_parts(found)))


@click.command()
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--settings", "text", required=True, help="Settings of codes, as JSON.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FOLDER, required=True)
def codes(tables: Path, text: str, cores: int, output: Path) -> None:
    """Fit the true codes behind the coders' and draw imputed code sets."""
    from meta.config import CodesTask
    from meta.evidence.canonical import read_canonical
    from meta.evidence.responses import response_columns
    from meta.imputation import impute_codes

    answers = read_canonical(tables, response_columns())
    impute_codes(answers, CodesTask.model_validate_json(text), cores, output)


@click.command("imputed-set")
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--imputations", type=FILE, required=True, help="Parquet of the imputed codes.")
@click.option("--task", "text", required=True, help="Model and its settings, as JSON.")
@click.option("--output", type=FILE, required=True)
def imputed_set(tables: Path, imputations: Path, text: str, output: Path) -> None:
    """Write one model's analysis set under every imputed code set."""
    from meta.config import FitTask
    from meta.evidence.imputed_set import write_imputed_set

    task = FitTask.model_validate_json(text)
    write_imputed_set(tables, imputations, task.model, task.spec, output)


@click.command()
@click.option("--database", type=FILE, required=True, help="DuckDB file of the evidence.")
@click.option("--probabilities", type=FILE, required=True, help="Parquet of the latent codes.")
@click.option("--used", required=True, help="Coded fields of each model, as JSON.")
@click.option("--seed", type=int, required=True)
@click.option("--output", type=FOLDER, required=True)
def agreement(database: Path, probabilities: Path, used: str, seed: int, output: Path) -> None:
    """Measure the agreement of coders and list where they differ."""
    from meta.evidence.agreement_files import write_agreement

    write_agreement(database, probabilities, json.loads(used), seed, output)


@click.command("check-fit")
@click.option("--posterior", type=FILE, required=True)
@click.option("--analysis", type=FILE, required=True, help="Parquet of the analysis set.")
@click.option("--task", "text", required=True, help="Model, priors, sampler and seed, as JSON.")
@click.option("--checks", "settings", required=True, help="Settings of the checks, as JSON.")
@click.option("--ci-prob", type=click.FloatRange(0, 1), required=True)
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FOLDER, required=True)
def check_fit(
    posterior: Path,
    analysis: Path,
    text: str,
    settings: str,
    ci_prob: float,
    cores: int,
    output: Path,
) -> None:
    """Check a fit against data: predictive checks, left-out studies, influence."""
    from meta.checks.fit_checks import check_fit as check_stored_fit
    from meta.config import FitChecks, FitTask

    task, checks = FitTask.model_validate_json(text), FitChecks.model_validate_json(settings)
    check_stored_fit(posterior, analysis, task, checks, ci_prob, cores, output)


@click.command("sampler-figures")
@click.option("--posterior", type=FILE, required=True)
@click.option("--gate", "thresholds", required=True, help="Thresholds, as JSON.")
@click.option("--output", type=FOLDER, required=True, help="Folder of the model's figures.")
def sampler_figures(posterior: Path, thresholds: str, output: Path) -> None:
    """Draw how a fit was sampled: ranks, traces, energy, pairs, prior and posterior."""
    from meta.config import Gate
    from meta.report.sampler.files import write_sampler_figures

    write_sampler_figures(posterior, Gate.model_validate_json(thresholds), output)


@click.command()
@click.option("--task", "text", required=True, help="The chain, as JSON.")
@click.option("--rates", type=(FILE, FILE, str), required=True, help="Posterior, rows and task.")
@click.option("--harm", type=(FILE, FILE, str), required=True, help="Of the model of harm.")
@click.option("--gate", "thresholds", required=True, help="Thresholds, as JSON.")
@click.option("--ci-prob", type=click.FloatRange(0, 1), required=True)
@click.option("--output", type=FOLDER, required=True)
def chain(
    text: str,
    rates: tuple[Path, Path, str],
    harm: tuple[Path, Path, str],
    thresholds: str,
    ci_prob: float,
    output: Path,
) -> None:
    """Join harm among catalogued failures to the rates of a model, draw by draw."""
    from meta.chain_settings import ChainTask
    from meta.checks.chain_diagnosis import write_chain
    from meta.config import FitTask, Gate

    one, other = ((*each[:2], FitTask.model_validate_json(each[2])) for each in (rates, harm))
    gate_of = Gate.model_validate_json(thresholds)
    write_chain(one, other, ChainTask.model_validate_json(text), gate_of, ci_prob, output)


@click.command()
@click.option("--posterior", type=FILE, required=True)
@click.option("--analysis", type=FILE, required=True)
@click.option("--arms", type=FILE, required=True, help="Canonical Parquet of the arms.")
@click.option("--task", "text", required=True, help="Model and its alternatives, as JSON.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FOLDER, required=True)
def sensitivity(
    posterior: Path, analysis: Path, arms: Path, text: str, cores: int, output: Path
) -> None:
    """Analyse what priors, the unit of n, publication and the estimator make of a fit."""
    from meta.checks.sensitivity import analyse_sensitivity
    from meta.checks.sensitivity_task import SensitivityTask

    work = SensitivityTask.model_validate_json(text)
    analyse_sensitivity(posterior, analysis, arms, work, cores, output)


@click.command()
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--settings", "text", required=True, help="Settings in force, as JSON.")
@click.option("--structure", required=True, help="What is compiled: names the cells to fit.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FILE, required=True, help="CSV to write.")
def multiverse(tables: Path, text: str, structure: str, cores: int, output: Path) -> None:
    """Fit the cells of the multiverse that share one structure."""
    from meta.checks.multiverse import run_structure
    from meta.config import Settings

    run_structure(tables, Settings.model_validate_json(text), structure, cores, output)


@click.command("multiverse-table")
@click.argument("parts", type=FILE, nargs=-1, required=True)
@click.option("--output", type=FILE, required=True, help="CSV to write.")
def multiverse_table(parts: tuple[Path, ...], output: Path) -> None:
    """Join the PARTS of a multiverse, the primary first."""
    from meta.checks.multiverse import gather

    gather(parts, output)


@click.command()
@click.argument("fits", type=FOLDER, nargs=-1)
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--analysis", "sets", type=FILE, multiple=True, help="Analysis set of a model.")
@click.option("--output", type=FILE, required=True, help="CSV to write.")
def claims(fits: tuple[Path, ...], tables: Path, sets: tuple[Path, ...], output: Path) -> None:
    """Audit the printed figures against their own sums and the diagnosed FITS."""
    from meta.claims.audit import audit_run, read_cases, read_claims
    from meta.risk.arithmetic import arithmetic_checks
    from meta.storage import write_text

    printed = read_claims(tables)
    # Claims may be those of a base that holds only some of the figures, or another document's.
    sums = arithmetic_checks(printed, partial=True)
    found = audit_run(printed, sums, list(fits), list(sets), read_cases(tables))
    write_text(output, found.to_csv(index=False, lineterminator="\n"))


@click.command()
@click.option("--database", type=FILE, required=True, help="DuckDB file of the evidence.")
@click.option("--page", "pages", multiple=True, help="Page of the site, for the navigation.")
@click.option("--output", type=FOLDER, required=True, help="Folder of the reports.")
def audit(database: Path, pages: tuple[str, ...], output: Path) -> None:
    """Write what the documents get wrong, and what they list with the evidence of it."""
    from meta.report.audit import write_audit

    write_audit(database, output, pages)


#: Commands of the steps, in the order of the pipeline.
STEPS = (
    evidence,
    analysis_sets,
    codes,
    imputed_set,
    agreement,
    fit,
    diagnose,
    check_fit,
    sampler_figures,
    chain,
    sensitivity,
    multiverse,
    multiverse_table,
    audit,
    changes,
    claims,
    *RISK_STEPS,
    report,
    gate,
)
