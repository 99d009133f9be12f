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
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def check(directory: Path, form: str) -> None:
    """Validate the raw tables of DIRECTORY (default: here): every problem at once.

    Exit code 0: clean; 1: problems; 2: usage.
    """
    from meta.evidence.checking import check as check_evidence
    from meta.evidence.problems import format_json, format_text

    if not (directory / "data" / "raw").is_dir():
        raise click.UsageError(
            f"{directory / 'data' / 'raw'} is not a folder: name a directory that holds data/raw/"
        )
    evidence = check_evidence(directory)
    click.echo(format_json(evidence.problems) if form == "json" else format_text(evidence.problems))
    sys.exit(1 if evidence.errors else 0)


@main.command()
@click.option("--directory", type=FOLDER, default=".", help="Holds data/raw/.")
@click.option("--database", type=FILE, required=True, help="DuckDB file to build.")
@click.option("--tables", type=FOLDER, required=True, help="Folder for the canonical Parquet.")
@click.option("--flow", type=FILE, required=True, help="JSON of the evidence flow.")
@click.option("--bibliography", type=FILE, required=True, help="Parquet of the studies.")
@click.option("--filter", "keep", required=True, help="Row filter of the primary model, as JSON.")
def evidence(
    directory: Path, database: Path, tables: Path, flow: Path, bibliography: Path, keep: str
) -> None:
    """Check the raw tables and build the warehouse from them."""
    from meta.evidence.ingest import ingest

    ingest(directory, database, tables, flow, bibliography, json.loads(keep))


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
@click.option("--output", type=FOLDER, required=True)
def diagnose(
    posterior: Path, analysis: Path, text: str, thresholds: str, ci_prob: float, output: Path
) -> None:
    """Summarise and check a fit; writes whatever the checks say."""
    from meta.checks.diagnosis import diagnose as diagnose_fit
    from meta.config import FitTask, Gate

    task, gate = FitTask.model_validate_json(text), Gate.model_validate_json(thresholds)
    diagnose_fit(posterior, analysis, task, gate, ci_prob, output)


@main.command()
@click.argument("fits", type=FOLDER, nargs=-1, required=True)
@click.option("--index", type=FILE, required=True, help="Index beside the analysis sets.")
@click.option("--flow", type=FILE, required=True)
@click.option("--bibliography", type=FILE, required=True)
@click.option("--codes", type=FOLDER, help="Folder of agreement, disagreements and latent codes.")
@click.option("--output", type=FOLDER, required=True)
def report(
    fits: tuple[Path, ...],
    index: Path,
    flow: Path,
    bibliography: Path,
    codes: Path | None,
    output: Path,
) -> None:
    """Render the report and the tables of results from the diagnosed FITS."""
    from meta.evidence.index import refused_models
    from meta.report.pages import load_inputs, render_report

    sets = [index.parent / f"{folder.name}.parquet" for folder in fits]
    refused = refused_models(index)
    run = load_inputs(list(fits), sets, flow, bibliography, refused, codes)
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
    from meta.config import load_settings

    click.echo(json.dumps(load_settings(directory).model_dump(mode="json"), indent=2))


@main.command()
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--settings", "text", required=True, help="Settings of codes, as JSON.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=FOLDER, required=True)
def codes(tables: Path, text: str, cores: int, output: Path) -> None:
    """Fit the true codes behind the coders' and draw imputed code sets."""
    from meta.config import CodesTask
    from meta.imputation import impute_codes, read_tables

    impute_codes(read_tables(tables), CodesTask.model_validate_json(text), cores, output)


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
