"""A site without sampling: the shipped rows, made-up results, and every page of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from meta.audit.tables import read_tables
from meta.claims.audit import audit
from meta.evidence.checking import check
from meta.evidence.warehouse import build_warehouse
from meta.report.agreement import CodeResults
from meta.report.audit import write_audit
from meta.report.calibration import Calibrations
from meta.report.evidence_page.tables import load_evidence
from meta.report.pages import render_report
from meta.report.risk_page.results import load_risk
from meta.report.sensitivity import Sensitivity
from meta.report.site import PAGES
from tests.claims.tables import NO_SUMS, comparisons, estimates
from tests.report.conftest import FLOW, TYPES, Base
from tests.report.made_up_checks import with_checks
from tests.report.made_up_figures import made_up_figures
from tests.report.made_up_risk import risk_basis, stored, stored_drivers

if TYPE_CHECKING:
    from meta.report.inputs import ReportInputs

ROOT = Path(__file__).parents[2]
CHAIN = ("capability_transfer", "goal_failure")
MADE = {file for file, _ in PAGES}


def database(directory: Path) -> Path:
    """Build the warehouse of the base in a directory, in that directory."""
    path = directory / "evidence.duckdb"
    build_warehouse(check(directory), path)
    return path


def whole_site(folder: Path, path: Path) -> Path:
    """Write a site with every page; `path` is the warehouse of the shipped evidence."""
    base = Base(folder / "base")
    evidence = load_evidence(path)
    arms = evidence.frames["arms"]
    base.studies = arms["study_id"].unique()[:6].tolist()
    base.fit("rates", CHAIN, primary=True, spread=("tau", "omega", "icc", "median_odds_ratio"))
    base.fit("by_failure_type", CHAIN, groups=[f"failure_type={t}" for t in TYPES])
    base.fit("composition", ("harm",), frame="case_series")
    base.flow = FLOW
    run = with_checks(base.load())
    run = replace(
        run, evidence=evidence, claims=audited(path), codes=codes(evidence.frames["arms"]),
        sensitivity=(sensitivity(),),
    )  # fmt: skip
    site = folder / "site"
    run = with_figures(run, site)
    run = replace(run, risk=load_risk(*stored(site, risk_basis()), stored_drivers(site)))
    render_report(run, site, others=["audit.html"])
    write_audit(path, site, MADE)
    run.claims.to_csv(site / "claims.csv", index=False)
    return site


def with_figures(run: ReportInputs, site: Path) -> ReportInputs:
    """Give the primary model figures of its sampler, and one of its calibration."""
    figures = made_up_figures("rates", site, site)
    fits = tuple(replace(fit, sampler=figures) if fit.name == "rates" else fit for fit in run.fits)
    drawn = (ROOT / "calibration/rates/ecdf.svg").read_text()
    return replace(run, fits=fits, calibration=Calibrations(figures={"rates": drawn}))


def audited(path: Path) -> pd.DataFrame:
    """The audit of the printed figures, held against made-up estimates."""
    return audit(read_tables(path)["claims"], NO_SUMS, estimates(), comparisons())


def sensitivity() -> Sensitivity:
    """Two sets of priors of the primary model."""
    row = {
        "outcome": "goal_failure", "group": "all", "estimand": "rate_mean", "mean": 0.31,
        "sd": 0.05, "median": 0.3, "ci_low": 0.2, "ci_high": 0.4, "mcse_mean": 0.001,
        "k_studies": 5, "k_rows": 9, "passed": True, "priors": "main", "tau_prior": "half-normal",
    }  # fmt: skip
    return Sensitivity("rates", {"prior_table": pd.DataFrame([row, {**row, "priors": "wide"}])})


def codes(arms: pd.DataFrame) -> CodeResults:
    """Agreement on one field, and a disagreement on an arm."""
    agreement = {
        "field": "harm", "kind": "arm", "unclear": "missing", "scale": "ordinal", "coders": 2,
        "units": 30, "clusters": 28, "raw": 0.9, "raw_low": 0.8, "raw_high": 0.97, "alpha": 0.6,
        "alpha_low": 0.4, "alpha_high": 0.8, "ac": 0.95, "ac_low": 0.9, "ac_high": 0.99,
        "adjudicated": 0, "adjudicated_with": "",
    }  # fmt: skip
    said = [{"coder": coder, "code": code, "confidence": "low", "rationale": "because"}
            for coder, code in (("coder_a", "none"), ("coder_b", "severe"))]  # fmt: skip
    dispute = {
        "unit_id": arms["arm_id"][0], "kind": "arm", "study": arms["study_id"][0], "title": "one",
        "field": "harm", "models": "composition", "steps": 3.0, "settled": "", "priority": 0.4,
        "codes": said, "probabilities": [["none", 0.6], ["severe", 0.4]],
    }  # fmt: skip
    entry = {"units": 30, "items": 28, "unsure_units": 4,
             "sensitivity": {"likeliest_code_changes": 1}}  # fmt: skip
    gate = {"model": "codes_harm", "check": "r_hat", "value": "1.002", "threshold": "1.01",
            "passed": "True", "worst": "", "meaning": "chains agree"}  # fmt: skip
    return CodeResults(
        agreement=pd.DataFrame([agreement]), disagreements=[dispute],
        coders={"coder_a": "machine_assisted", "coder_b": "human"},
        record={"fields": {"harm": entry}}, diagnostics=pd.DataFrame([gate]),
    )  # fmt: skip
