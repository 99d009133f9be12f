"""Steps of the pipeline that make the risk of profiles, as commands (see `meta.steps`)."""

from __future__ import annotations

from pathlib import Path

import click

from meta.option_types import FILE, FOLDER


@click.command("risk-basis")
@click.option("--task", "text", required=True, help="The chain of the two models, as JSON.")
@click.option("--rates", type=(FILE, FILE, str), required=True, help="Posterior, rows and task.")
@click.option("--harm", type=(FILE, FILE, str), required=True, help="Of the model of harm.")
@click.option("--contrasts", type=FILE, help="Draws of the model of contrasts.")
@click.option("--output", type=FOLDER, required=True)
def risk_basis(
    text: str,
    rates: tuple[Path, Path, str],
    harm: tuple[Path, Path, str],
    contrasts: Path | None,
    output: Path,
) -> None:
    """Write the joint draws that the risk of a profile is taken from."""
    from meta.chain_settings import ChainTask
    from meta.config import FitTask
    from meta.risk.fitted_basis import basis_of_fits

    one, other = ((*each[:2], FitTask.model_validate_json(each[2])) for each in (rates, harm))
    basis_of_fits(one, other, contrasts, ChainTask.model_validate_json(text), output)


@click.command("risk-table")
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--basis", type=FOLDER, required=True, help="Joint draws of the chain.")
@click.option("--seed", type=int, required=True)
@click.option("--ci-prob", type=click.FloatRange(0, 1), required=True)
@click.option("--calculator", type=FILE, required=True, help="JSON of the page's calculator.")
@click.option("--output", type=FILE, required=True, help="CSV to write.")
def risk_table(
    tables: Path, basis: Path, seed: int, ci_prob: float, calculator: Path, output: Path
) -> None:
    """Write the risk of the shift types and of the documents' profiles in both modes."""
    from meta.claims.audit import read_claims
    from meta.risk.basis import read_basis, thinned
    from meta.risk.shipped_risk import write_shipped_risk

    draws = thinned(read_basis(basis))
    if why := write_shipped_risk(read_claims(tables), draws, seed, ci_prob, output, calculator):
        click.echo(f"{output}: left empty: {why}")


@click.command("modifier-ratios")
@click.argument("fits", type=FOLDER, nargs=-1, required=True)
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--output", type=FILE, required=True, help="CSV to write.")
def modifier_ratios(fits: tuple[Path, ...], tables: Path, output: Path) -> None:
    """Write the ratio of each modifier's configurations, published and by the diagnosed FITS."""
    from meta.claims.audit import read_claims
    from meta.risk.modifier_ratios import modifier_ratio_table
    from meta.storage import write_csv

    found, why = modifier_ratio_table(read_claims(tables), fits)
    if why:
        click.echo(f"{output}: left empty: {why}")
    write_csv(output, found)


@click.command("risk-sensitivity")
@click.option("--tables", type=FOLDER, required=True, help="Canonical Parquet tables.")
@click.option("--basis", type=FOLDER, required=True, help="Joint draws of the chain.")
@click.option("--settings", "text", required=True, help="Settings of the risk, as JSON.")
@click.option("--seed", type=int, required=True)
@click.option("--ci-prob", type=click.FloatRange(0, 1), required=True)
@click.option("--sensitivity", type=FILE, required=True, help="CSV of what drives each risk.")
@click.option("--information", type=FILE, required=True, help="CSV of what to measure next.")
def risk_sensitivity(
    tables: Path, basis: Path, text: str, seed: int, ci_prob: float, sensitivity: Path,
    information: Path,
) -> None:  # fmt: skip
    """Write what drives the risk of each profile, and what new measurements would tell of it."""
    from meta.claims.audit import read_claims
    from meta.report.significant_digits import published_csv
    from meta.risk.basis import read_basis
    from meta.risk.shipped_sensitivity import shipped_sensitivity
    from meta.risk_settings import RiskSettings
    from meta.storage import write_text

    drives, measure, why = shipped_sensitivity(
        read_claims(tables),
        read_basis(basis),
        RiskSettings.model_validate_json(text),
        seed,
        ci_prob,
    )
    if why:
        click.echo(f"{sensitivity} and {information}: left empty: {why}")
    write_text(sensitivity, published_csv(drives))
    # The margins of what a measurement would tell start at the second decimal.
    write_text(information, published_csv(measure, digits=4))


#: Commands of the steps, in the order of the pipeline.
RISK_STEPS = (risk_basis, risk_table, modifier_ratios, risk_sensitivity)
