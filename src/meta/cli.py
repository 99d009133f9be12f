"""Command line: `meta ...`. Thin: each command parses, imports what it needs, and calls it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from meta.errors import UserError
from meta.option_types import FILE, FOLDER
from meta.step_files import checksummed
from meta.steps import STEPS
from meta.system_errors import explain, silence_repeats

#: Words that a reader takes for a command, and what they look for.
NO_COMMANDS = {
    "codebook": "the codebook is docs/codebook.md, and reports/codebook.html after a run; "
    "`meta dictionary` writes it from the field dictionary",
}


class _Group(click.Group):
    """Turns the errors a user can mend into their message and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        silence_repeats()
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(str(error), err=True)
            sys.exit(1)
        except Exception as error:
            if (said := explain(error)) is None:
                raise
            click.echo(said, err=True)
            sys.exit(1)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in NO_COMMANDS:
            ctx.fail(f"there is no command {args[0]}: {NO_COMMANDS[args[0]]}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        steps = {step.name for step in STEPS}
        for title, listed in (
            ("Commands", [n for n in self.list_commands(ctx) if n not in steps]),
            ("Steps of the pipeline, which Snakemake runs", [str(step.name) for step in STEPS]),
        ):
            with formatter.section(title):
                formatter.write_dl([(n, self.commands[n].get_short_help_str(60)) for n in listed])


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
        return ["study", "arm", "case", "coder", "coding", "contrast"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        from meta.evidence.new_command import command

        return command(cmd_name)


@main.group(cls=_NewRow)
def new() -> None:
    """Add a row to a raw table: a study, an arm, a case, a coder, a coding or a contrast."""


@main.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--directory", type=FOLDER, default=".", help="Holds data/raw/ and a run's results.")
@click.option("--table", help="Table that the rows belong to, if the header does not tell.")
@click.option("--studies", type=FILE, help="Rows of new studies that the arms belong to.")
@click.option("--remove", multiple=True, metavar="ARM", help="Leave an arm out; may be repeated.")
@click.option("--model", "models", multiple=True, help="Rate model; all by default.")
@click.option(
    "--refit/--no-refit",
    default=True,
    show_default=True,
    help="Refit the primary, or named models, where draws cannot be reweighted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def preview(
    file: Path | None, directory: Path, table: str | None, studies: Path | None,
    remove: tuple[str, ...], models: tuple[str, ...], refit: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show how the rows of FILE, new or replacing stored ones, would move the pooled estimates.

    FILE has the form of a raw table. It may also be a folder of raw tables (an edited copy of
    data/raw): then every difference from the last run counts. Nothing is written. Stored draws are
    reweighted, in seconds; a refit takes minutes and comes last, announced.
    """
    from meta.preview import start_preview
    from meta.preview.previewing import whole
    from meta.preview.text import format_preview

    if file is None and not remove and studies is None:
        raise click.UsageError("name a file of rows, or an arm to --remove")
    folder = file if file is not None and file.is_dir() else None
    if folder and (remove or studies or table):
        raise click.UsageError("a folder of tables goes without --remove, --studies and --table")
    files = {} if file is None or folder else {file: table}
    files |= {studies: "studies"} if studies else {}
    found = start_preview(
        directory, files, remove, models, folder, refit, lambda said: click.echo(said, err=True)
    )
    if as_json:
        click.echo(json.dumps(whole(found).as_json(), indent=2, ensure_ascii=False))
        return
    for part in format_preview(found):
        click.echo(part)


@main.command()
@click.option("--shift", multiple=True, help="Shift type; twice for the least and the greatest.")
@click.option(
    "--specification", metavar="NUMBER", help="Score from 0 (proxy only) to 1 (the goal)."
)
@click.option("--capability", help="Capability level of the codebook.")
@click.option("--diversity", help="Training diversity of the codebook.")
@click.option("--alignment", help="Alignment method of the codebook.")
@click.option("--period", help="Period of the documents' timeline.")
@click.option("--mitigation", multiple=True, help="Remedy or intervention; may be repeated.")
@click.option("--profiles", "file", type=FILE, help="Many profiles at once, as YAML or CSV.")
@click.option("--directory", type=FOLDER, default=".", help="Holds the results of a run.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def risk(
    shift: tuple[str, ...], specification: str | None, capability: str | None,
    diversity: str | None, alignment: str | None, period: str | None,
    mitigation: tuple[str, ...], file: Path | None, directory: Path, as_json: bool,
) -> None:  # fmt: skip
    """Show the risk of a deployment profile by the published formula and by the evidence.

    What is not given stays out of the formula, and at the mean of the evidence.
    """
    from meta.risk.answer import answer, coders_behind
    from meta.risk.answer import as_json as to_json
    from meta.risk.answer_text import as_text
    from meta.risk.settings import number_or_text

    settings = {
        "shift": shift, "specification": number_or_text(specification), "capability": capability,
        "diversity": diversity, "alignment": alignment, "period": period,
        "interventions": mitigation,
    }  # fmt: skip
    given = {name: value for name, value in settings.items() if value not in (None, ())}
    if file is not None and given:
        raise click.UsageError("a file of profiles goes without settings of its own")
    if file is None and not given:
        raise click.UsageError("name a --shift, or a file of --profiles")
    table = answer(directory, given, file)
    coders = coders_behind(directory)
    click.echo(to_json(table, coders) if as_json else as_text(table, coders))


@main.command()
@click.option("--directory", type=FOLDER, default=".", help="Holds the results of a run.")
@click.option("--model", help="One model, with its groups and gates; the primary by default.")
@click.option("--all", "every", is_flag=True, help="List each check that other models passed.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def show(directory: Path, model: str | None, every: bool, as_json: bool) -> None:
    """Show the numbers of the last run and the checks that gate them, failed ones first."""
    from meta.report.last_run import read_last_run
    from meta.report.terminal import print_summary, summarise
    from meta.settings_file import load_settings

    run, notes = read_last_run(directory, load_settings(directory))
    summary = summarise(run, notes, model)
    if as_json:
        click.echo(json.dumps(summary.as_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print_summary(summary, every)


@main.command()
@click.argument("record", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--analysis", type=FILE, help="Parquet of the rows; default: those of the same run.")
@click.option("--cores", type=click.IntRange(1), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def replay(record: Path, analysis: Path | None, cores: int, as_json: bool) -> None:
    """Fit a model again from its RECORD (fit.json) and rows, and compare with what is stored.

    Draws are compared to the byte where code, libraries and machine are those of the record, else
    within Monte Carlo error. Exit code 0: the same; 1: different; 2: usage, nothing to compare.
    """
    from meta.checks.replay import replay as replay_fit

    try:
        outcome = replay_fit(record, analysis, cores)
    except UserError as error:
        raise click.UsageError(str(error)) from None
    click.echo(json.dumps(outcome.as_json(), indent=2) if as_json else outcome.as_text())
    sys.exit(0 if outcome.same else 1)


@main.command()
@click.argument("directory", type=FOLDER, default=".")
def verify(directory: Path) -> None:
    """Compare every result of DIRECTORY's last run with the checksum of what was written.

    Exit code 0: all as written; 1: some are damaged, edited or lost.
    """
    from meta.checksums import FOLDER as CHECKSUMS
    from meta.checksums import SUFFIX, refuse_damaged

    held = sum(1 for _ in (directory / CHECKSUMS).rglob(f"*{SUFFIX}"))
    if not held:
        raise UserError(f"{directory / CHECKSUMS}: no checksums: run `snakemake --cores 8` first")
    try:
        refuse_damaged([directory], directory)
    except UserError as error:
        asked = "what no other result is made of, such as a page, comes back only when it is named:"
        raise UserError(f"{error}\n{asked} snakemake --cores 8 FILE") from None
    click.echo(f"{held} files are as they were written")


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


for step in STEPS:
    main.add_command(checksummed(step))
