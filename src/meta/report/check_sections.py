"""What the page of checks says of each model: gates, predictive checks, left-out studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.checks.band_power import band_power
from meta.plural import counted
from meta.report.calibration import Calibrations, status_of
from meta.report.check_figures import (
    influence_figure,
    pareto_figure,
    pit_figure,
    predictive_figure,
)
from meta.report.check_tables import CheckTables
from meta.report.descriptive import observed
from meta.report.estimates import percent
from meta.report.inputs import Fit, ReportInputs
from meta.report.left_out import density_sum, left_out_lines, left_out_summary
from meta.report.sampler.section import SamplerSection, sampler_section
from meta.report.svg import Drawing
from meta.report.verdict import Check, Status, checks_of, fit_status
from meta.report.wording import STAGES, estimand_name, group_name, outcome_name, study_label

#: Lines of the table of influence.
MOST_INFLUENTIAL = 8


@dataclass(frozen=True)
class CheckSection:
    """One model on the page of checks."""

    fit: Fit
    status: Status
    gates: list[Check]
    warnings: list[dict[str, Any]]
    predictive: Drawing
    statistics: list[dict[str, Any]]
    products: str
    priors: list[dict[str, Any]]
    pit: Drawing
    power: str
    pareto: Drawing
    influence: Drawing
    influential: list[dict[str, Any]]
    about: str
    elpd: str
    left_out: str
    studies: list[dict[str, Any]]
    sampler: SamplerSection | None

    @property
    def failed(self) -> int:
        """Number of checks that fail."""
        return sum(not check.passed for check in self.gates)


def check_sections(run: ReportInputs) -> list[CheckSection]:
    """Say what the checks against data found, model by model; none where they were not made."""
    return [_section(fit, fit.checks, run) for fit in run.fits if fit.checks is not None]


def _section(fit: Fit, tables: CheckTables, run: ReportInputs) -> CheckSection:
    own = set(tables.gates.get("check", []))
    warnings = tables.warnings
    if not warnings.empty:
        warnings = warnings[warnings["passed"] != "True"]
    checks = checks_of(fit)
    prefix = f"fig-{fit.name.replace('_', '-')}"
    return CheckSection(
        fit=fit,
        status=fit_status(fit, checks),
        gates=[check for check in checks if check.check in own],
        warnings=_records(warnings),
        predictive=predictive_figure(f"{prefix}-predictive", tables.predictive),
        statistics=[_statistic(row) for row in _records(tables.predictive)],
        products=_products(fit),
        priors=[_prior(row, fit.is_rate) for row in _records(_quantities(tables.prior))],
        pit=pit_figure(f"{prefix}-pit", tables.bands),
        power=_power(tables),
        pareto=pareto_figure(f"{prefix}-pareto", tables.loo),
        influence=influence_figure(f"{prefix}-influence", tables.studies),
        influential=[_influential(row, fit) for row in _records(tables.studies)[:MOST_INFLUENTIAL]],
        about=_about(fit, tables.summary),
        elpd=density_sum(fit, run.fits),
        left_out=left_out_summary(tables.loo),
        studies=left_out_lines(tables.loo),
        sampler=_sampler(fit, run.calibration),
    )


def _power(tables: CheckTables) -> str:
    """Say which curves within their bands are no support, for the few studies behind them."""
    found = band_power(tables.pit, tables.bands)
    return " ".join(f"{outcome_name(name)}: {said}." for name, said in found.items())


def _products(fit: Fit) -> str:
    """Say how many counts of goal failure are compared as products of both stages."""
    spec = fit.record.get("spec", {})
    if fit.rows is None or spec.get("assumed_capable") or STAGES[0] not in spec.get("stages", ()):
        return ""
    seen = observed(fit.rows, "goal_failure")
    number = int(seen["indirect"].sum())
    if not number:
        return ""
    return (
        f"Goal failures of {number:,} of {counted(len(seen), 'row')} are counted among all trials, "
        "capable or not. There, statistics of goal failure compare its product with capability, so "
        "a wrong split of the two would not show."
    )


def _sampler(fit: Fit, calibration: Calibrations) -> SamplerSection | None:
    if fit.sampler is None:
        return None
    digest = str(fit.record.get("spec_hash", ""))
    status = status_of(fit.name, digest, calibration.records.get(fit.name))
    return sampler_section(fit.sampler, status, fit.name in calibration.figures)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _quantities(prior: pd.DataFrame) -> pd.DataFrame:
    if prior.empty:
        return prior
    # One population tells what the priors imply; others differ by their moderators alone.
    rates = prior[prior["kind"].eq("quantity") & prior["below_05"].notna()]
    return rates[rates["group"] == rates["group"].iloc[0]] if len(rates) else rates


def _statistic(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "outcome": outcome_name(row["outcome"]),
        "meaning": row["meaning"],
        "observed": f"{row['observed']:.3g}",
        "interval": f"{row['low']:.3g} to {row['high']:.3g}",
        "median": f"{row['median']:.3g}",
        "tail": f"{row['tail_probability']:.3f} ± {row['mcse']:.3f}",
    }


def _prior(row: dict[str, Any], is_rate: bool) -> dict[str, Any]:
    return {
        "outcome": outcome_name(row["outcome"]),
        "estimand": estimand_name(row["estimand"], is_rate),
        "interval": f"{row['low']:.3f} to {row['high']:.3f}",
        **{name: percent(row[name]) for name in ("below_05", "middle", "above_95")},
    }


def _influential(row: dict[str, Any], fit: Fit) -> dict[str, Any]:
    outcome, group, estimand = str(row["largest_of"]).split("/")
    what = f"{outcome_name(outcome)}, {estimand_name(estimand, fit.is_rate)}"
    how: dict[str, Any] = {}
    if fit.checks is not None:
        how = _records(fit.checks.loo[fit.checks.loo["study"] == row["study"]])[0]
    return {
        "study": study_label(str(row["study"])),
        "study_id": str(row["study"]),
        "shift": f"{row['largest_shift_sd']:+.2f} sd",
        "of": what if group == "all" else f"{what} ({group_name(group)})",
        "tau": f"{row['tau_shift_sd']:.2f} sd",
        "misfit": f"{row['misfit']:.1f}",
        "how": how.get("method", "") if how.get("reliable") else "not reliable",
    }


def _about(fit: Fit, summary: dict[str, Any]) -> str:
    """Say what the page's words mean for this model, where it is not of arms and studies."""
    said = []
    if fit.frame == "contrasts":
        said.append(
            "New effects of the interventions in each study, and new deviations of arms, are drawn "
            "about the fitted baselines, which have no population of their own. No study is left "
            "out, and how well studies predict one another is not checked."
        )
    elif not fit.is_rate:
        said.append("An arm is here a cell of coded cases, and a study a list of them.")
    sets = int(summary.get("code_sets", 1))
    if sets > 1:
        said.append(
            f"The draws of {sets} imputed code sets are taken together, each with the codes that "
            "it was fitted to; counts shown are means over sets. No study is refitted."
        )
    return " ".join(said)
