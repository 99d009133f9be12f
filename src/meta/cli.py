"""Command line: `meta ...`. Thin: each command parses, imports what it needs, and calls it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from meta.errors import UserError

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


class _Group(click.Group):
    """Turns the errors a user can mend into their message and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(str(error), err=True)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meta")
def main() -> None:
    """A living Bayesian meta-analysis of how often capable AI systems pursue the wrong goal."""


@main.command()
@click.argument("directory", type=FOLDER, default=".")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text")
@click.option("--notes", is_flag=True, help="List every note, not one line for each kind.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
def check(directory: Path, form: str, notes: bool, strict: bool) -> None:
    """Validate the raw tables of DIRECTORY (default: here): every problem at once.

    Exit code 0: clean, warnings and notes allowed; 1: problems; 2: usage.
    """
    from meta.evidence.checking import check as check_evidence
    from meta.evidence.problems import exit_code, print_problems

    if not (directory / "data" / "raw").is_dir():
        raise click.UsageError(
            f"{directory / 'data' / 'raw'} is not a folder: name a directory that holds data/raw/"
        )
    evidence = check_evidence(directory)
    click.echo(print_problems(evidence.problems, form, directory, notes))
    sys.exit(exit_code(evidence.problems, strict))


@main.command()
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


@main.command("analysis-sets")
@click.option("--tables", type=FOLDER, required=True)
@click.option("--settings", "text", required=True, help="Settings in force, as JSON.")
@click.option("--output", type=FOLDER, required=True)
def analysis_sets(tables: Path, text: str, output: Path) -> None:
    """Write each model's analysis set."""
    from meta.config import Settings
    from meta.evidence.snapshot import write_analysis_sets

    write_analysis_sets(tables, Settings.model_validate_json(text), output)


@main.command()
@click.option("--analysis", type=FILE, required=True, help="Parquet of the analysis set.")
@click.option("--task", "text", required=True, help="Model, priors, sampler and seed, as JSON.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FILE, required=True, help="NetCDF file to write.")
def fit(analysis: Path, text: str, cores: int, output: Path) -> None:
    """Sample one model's posterior."""
    from meta.config import FitTask
    from meta.inference.fit import fit_model

    fit_model(analysis, FitTask.model_validate_json(text), cores, output)


@main.command()
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


@main.command()
@click.argument("fits", type=FOLDER, nargs=-1, required=True)
@click.option("--index", type=FILE, required=True, help="Index beside the analysis sets.")
@click.option("--flow", type=FILE, required=True)
@click.option("--bibliography", type=FILE, required=True)
@click.option("--corrections", type=FILE, required=True)
@click.option("--changes", "changed", type=FILE, help="What changed since the latest release.")
@click.option("--checks", type=FOLDER, help="Folder of the checks of each fit against data.")
@click.option("--codes", type=FOLDER, help="Folder of agreement, disagreements and latent codes.")
@click.option("--sensitivity", "sensitivities", type=FOLDER, multiple=True, help="Of one model.")
@click.option("--few-studies", type=int, default=10, help="Below it, show the prior table first.")
@click.option("--multiverse", "cells", type=FILE, help="CSV of the multiverse.")
@click.option("--output", type=FOLDER, required=True)
def report(
    fits: tuple[Path, ...],
    index: Path,
    flow: Path,
    bibliography: Path,
    corrections: Path,
    changed: Path | None,
    checks: Path | None,
    codes: Path | None,
    sensitivities: tuple[Path, ...],
    few_studies: int,
    cells: Path | None,
    output: Path,
) -> None:
    """Render the report and the tables of results from the diagnosed FITS."""
    from meta.evidence.index import refused_models, uncoded_by_model
    from meta.report.pages import load_inputs, render_report

    sets = [index.parent / f"{folder.name}.parquet" for folder in fits]
    refused = refused_models(index)
    run = load_inputs(
        list(fits), sets, flow, bibliography, refused,
        corrections=corrections, changes=changed, codes=codes, uncoded=uncoded_by_model(index),
        checks=checks,
        sensitivity=sensitivities, few_studies=few_studies, multiverse=cells,
    )  # fmt: skip
    render_report(run, output)


@main.command()
@click.argument("diagnostics", type=FILE, nargs=-1, required=True)
@click.option("--output", type=FILE, required=True, help="Written when every check holds.")
def gate(diagnostics: tuple[Path, ...], output: Path) -> None:
    """Fail unless every check in the DIAGNOSTICS tables holds."""
    from meta.checks.gate import gate as pass_gate
    from meta.storage import write_text

    message = pass_gate(list(diagnostics))
    write_text(output, message + "\n")
    click.echo(message)


@main.command()
@click.argument("directory", type=FOLDER, default=".")
def settings(directory: Path) -> None:
    """Print the settings in force for DIRECTORY, defaults included, as JSON."""
    from meta.settings_file import load_settings

    click.echo(json.dumps(load_settings(directory).model_dump(mode="json"), indent=2))


@main.command()
@click.argument("directory", type=FOLDER, default=".")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if files differ.")
def dictionary(directory: Path, only_check: bool) -> None:
    """Write codebook, database schema, CSV templates and data package from the field dictionary."""
    from meta.evidence.dictionary import load_dictionary
    from meta.evidence.generated import check_generated, write_generated

    if only_check:
        check_generated(directory, load_dictionary())
        return
    for path in write_generated(directory, load_dictionary()):
        click.echo(f"wrote {path}")


class _NewRow(click.Group):
    """Commands made from the field dictionary only when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return ["study", "arm", "case", "coding", "contrast"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        from meta.evidence.new_command import command

        return command(cmd_name)


@main.group(cls=_NewRow)
def new() -> None:
    """Add a row to a raw table: a study, an arm, a case, a coding or a contrast."""


@main.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--directory", type=FOLDER, default=".", help="Holds data/raw/ and a run's results.")
@click.option("--table", help="Table that the rows belong to, if the header does not tell.")
@click.option("--studies", type=FILE, help="Rows of new studies that the arms belong to.")
@click.option("--remove", multiple=True, metavar="ARM", help="Leave an arm out; may be repeated.")
@click.option("--model", "models", multiple=True, help="Rate model; all by default.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def preview(
    file: Path | None, directory: Path, table: str | None, studies: Path | None,
    remove: tuple[str, ...], models: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Show how the rows of FILE, new or replacing stored ones, would move the pooled estimates.

    FILE has the form of a raw table. It may also be a folder of raw tables (an edited copy of
    data/raw): then every difference from the last run counts. Nothing is written.
    """
    from meta.preview import preview as preview_rows
    from meta.preview_text import format_preview

    if file is None and not remove and studies is None:
        raise click.UsageError("name a file of rows, or an arm to --remove")
    folder = file if file is not None and file.is_dir() else None
    if folder and (remove or studies or table):
        raise click.UsageError("a folder of tables goes without --remove, --studies and --table")
    files = {} if file is None or folder else {file: table}
    files |= {studies: "studies"} if studies else {}
    result = preview_rows(directory, files, remove, models, folder)
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2, ensure_ascii=False))
    else:
        click.echo(format_preview(result))


@main.command()
@click.argument("directory", type=FOLDER, default=".")
@click.option("--name", help="Name of the release; the year and month by default.")
def release(directory: Path, name: str | None) -> None:
    """Write the last run's pooled numbers and rows to releases/NAME, for version control.

    Refuses unless the run passed its gate and is of the evidence and settings as they are.
    """
    from meta.release import make_release

    click.echo(f"{make_release(directory, name)}: commit it to compare later runs with")


@main.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--directory", type=FOLDER, default=".", help="Holds the results of a run.")
@click.option("--settings", "text", required=True, help="Settings in force, as JSON.")
@click.option("--output", type=FILE, required=True, help="JSON file to write.")
def changes(models: tuple[str, ...], directory: Path, text: str, output: Path) -> None:
    """Compare the results of MODELS with the latest release."""
    from meta.comparison import changes_since_release
    from meta.config import Settings
    from meta.storage import write_json

    settings_in_force = Settings.model_validate_json(text)
    write_json(output, changes_since_release(directory, settings_in_force, models))


@main.command()
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


@main.command("imputed-set")
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


@main.command()
@click.option("--database", type=FILE, required=True, help="DuckDB file of the evidence.")
@click.option("--probabilities", type=FILE, required=True, help="Parquet of the latent codes.")
@click.option("--used", required=True, help="Coded fields of each model, as JSON.")
@click.option("--seed", type=int, required=True)
@click.option("--output", type=FOLDER, required=True)
def agreement(database: Path, probabilities: Path, used: str, seed: int, output: Path) -> None:
    """Measure the agreement of coders and list where they differ."""
    from meta.evidence.agreement_files import write_agreement

    write_agreement(database, probabilities, json.loads(used), seed, output)


@main.command("check-fit")
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


@main.command()
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


@main.command()
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


@main.command("multiverse-table")
@click.argument("parts", type=FILE, nargs=-1, required=True)
@click.option("--output", type=FILE, required=True, help="CSV to write.")
def multiverse_table(parts: tuple[Path, ...], output: Path) -> None:
    """Join the PARTS of a multiverse, the primary first."""
    from meta.checks.multiverse import gather

    gather(parts, output)


@main.command()
@click.argument("model")
@click.option("--analysis", type=FILE, required=True, help="Parquet of the model's analysis set.")
@click.option("--task", "text", help="Model and its settings, as JSON; default: those in force.")
@click.option("--replicates", type=click.IntRange(2), required=True, help="Of all shards together.")
@click.option("--shard", "part", default="1/1", show_default=True, metavar="I/N")
@click.option("--output", type=FILE, required=True, help="Parquet file of ranks to write.")
def calibrate(
    model: str, analysis: Path, text: str | None, replicates: int, part: str, output: Path
) -> None:
    """Rank the true parameters of simulated data sets in the posteriors that MODEL finds.

    Each replicate is simulated at the shape of the analysis set. Any number of shards gives the
    same ranks as one.
    """
    from meta.checks.calibration_record import Shard, calibrate_shard, task_in_force
    from meta.config import FitTask

    task = FitTask.model_validate_json(text) if text else task_in_force(model)
    calibrate_shard(analysis, task, replicates, Shard.parse(part), output)


@main.command()
@click.argument("model")
@click.argument("shards", type=FILE, nargs=-1, required=True)
@click.option("--analysis", type=FILE, required=True, help="Parquet of the model's analysis set.")
@click.option("--task", "text", help="Model and its settings, as JSON; default: those in force.")
@click.option("--output", type=FOLDER, help="Default: calibration/MODEL.")
def calibration(
    model: str, shards: tuple[Path, ...], analysis: Path, text: str | None, output: Path | None
) -> None:
    """Join the SHARDS of MODEL's calibration: ranks, verdict, figure."""
    from datetime import date

    from meta.checks.calibration_record import merge_shards, task_in_force
    from meta.config import CALIBRATION_REPLICATES, FitTask
    from meta.report.calibration_figure import write_calibration_figure

    task = FitTask.model_validate_json(text) if text else task_in_force(model)
    folder = output or Path("calibration") / model
    required = CALIBRATION_REPLICATES[task.spec.primary]
    ranks = merge_shards(task, analysis, shards, required, date.today().isoformat(), folder)
    write_calibration_figure(model, ranks, folder / "ecdf.svg")


@main.command()
@click.option("--directory", type=FOLDER, default=".", help="Holds the analysis sets of a run.")
@click.option("--replicates", type=click.IntRange(2), help="Of each cell; by default all.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FOLDER, default="calibration/coverage", show_default=True)
def coverage(directory: Path, replicates: int | None, cores: int, output: Path) -> None:
    """Measure coverage and bias of the primary model's estimands over a grid of truths."""
    from datetime import date

    from meta.checks.coverage_record import REPLICATES, measure_coverage, write_coverage
    from meta.report.coverage_figure import describe_worst, write_coverage_figure
    from meta.settings_file import load_settings

    settings = load_settings(directory)
    task = settings.task(settings.primary)
    analysis = directory / "data/processed/analysis" / f"{settings.primary}.parquet"
    if not analysis.is_file():
        raise UserError(f"{analysis}: not there: run `snakemake {analysis} --cores 2` first")
    fits = measure_coverage(
        analysis, task, replicates or REPLICATES, settings.ci_prob, cores,
        directory / "data/processed/coverage",
    )  # fmt: skip
    cells = write_coverage(fits, task, settings.ci_prob, date.today().isoformat(), output)
    write_coverage_figure(cells, settings.ci_prob, output / "coverage.svg")
    click.echo(describe_worst(cells))
