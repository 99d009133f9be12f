"""The page: sections in order, rendered to one self-contained file and written atomically."""

from functools import partial
from pathlib import Path
from typing import Any

from meta.evidence.codes import EVENT_CODES
from meta.report.agreement import (
    agreement_section,
    coders_sentence,
    codes_note,
    disagreements_csv,
    disputes,
    effect_table,
)
from meta.report.chain_results import chain_correlations, chain_rows
from meta.report.changes import changes_section
from meta.report.check_sections import check_sections
from meta.report.claims import claims_context, verdict_counts
from meta.report.contrasts import contrast_sections, pairs_table
from meta.report.environment import environment as _environment
from meta.report.estimates import percent
from meta.report.flow_diagram import flow_diagram
from meta.report.harm_chain import harm_section
from meta.report.inputs import Fit, ReportInputs, load_inputs
from meta.report.limits import limits_of
from meta.report.methods.page import methods_context
from meta.report.moderators import LITTLE, moderator_section
from meta.report.notoriety import notoriety_table
from meta.report.provenance import provenance_of
from meta.report.references import bibtex, csl_json
from meta.report.results import diagnostics_csv, pooled_csv, results_json
from meta.report.sections import (
    chain_section,
    composition_section,
    forest_columns,
    forest_section,
    product_share,
    sensitivity_section,
    type_section,
)
from meta.report.sensitivity_page import few_studies_table, page_context, sensitivity_csv
from meta.report.tables import (
    correlation_table,
    exceedance_table,
    membership_table,
    spread_table,
)
from meta.report.verdict import checks_of, failed_checks, stamp_of
from meta.report.wording import COLOURS, COMPOSITION, NOT_IN_BASE, outcome_name
from meta.storage import write_text

__all__ = ["ReportInputs", "load_inputs", "render_page", "render_report"]


def render_report(run: ReportInputs, folder: Path) -> None:
    """Write the report: ``index.html`` and the tables it links to.

    Parameters
    ----------
    run : ReportInputs
        The stored results.
    folder : Path
        Where to write; made where it does not exist. Each file is replaced whole or not at all.
    """
    files = {
        "pooled.csv": pooled_csv(run),
        "diagnostics.csv": diagnostics_csv(run),
        "results.json": results_json(run),
        "references.bib": bibtex(run.studies),
        "references.json": csl_json(run.studies),
        "index.html": render_page(run),
        **_check_files(run),
        **_code_files(run),
        **_sensitivity_files(run),
        **_extra_files(run),
        **_claim_files(run),
    }
    files |= _methods_files(run, frozenset(files))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_text(folder / name, text)


def _check_files(run: ReportInputs) -> dict[str, str]:
    sections = check_sections(run)
    if not sections:
        return {}
    page = _environment().get_template("check_page.html.j2")
    failed = failed_checks(run)
    text = page.render(
        colours=COLOURS, composition_label=COMPOSITION, stamp=stamp_of(failed), failed=failed,
        sections=sections,
    )  # fmt: skip
    return {"diagnostics.html": text}


def _extra_files(run: ReportInputs) -> dict[str, str]:
    """Tables that a base has only with contrasts, a composition that has an offset, or a chain."""
    tables = {"contrasts.csv": pairs_table(run), "notoriety.csv": notoriety_table(run)}
    if run.chains:
        tables["chain.csv"] = chain_rows(run.chains)
        tables["chain_correlation.csv"] = chain_correlations(run.chains)
    return {
        name: table.to_csv(index=False, lineterminator="\n")
        for name, table in tables.items()
        if len(table)
    }


def _code_files(run: ReportInputs) -> dict[str, str]:
    if run.codes is None:
        return {}
    page = _environment().get_template("disagreements.html.j2")
    return {
        "agreement.csv": run.codes.agreement.to_csv(index=False, lineterminator="\n"),
        "disagreements.csv": disagreements_csv(run.codes),
        "disagreement_effect.csv": effect_table(run).to_csv(index=False, lineterminator="\n"),
        "disagreements.html": page.render(
            colours=COLOURS,
            coders=coders_sentence(run.codes.coders),
            total=len(run.codes.disagreements),
            disputes=disputes(run.codes, run.href),
        ),
    }


def _claim_files(run: ReportInputs) -> dict[str, str]:
    if run.claims is None:
        return {}
    failed = failed_checks(run)
    page = _environment().get_template("claims.html.j2")
    context = claims_context(run.claims)
    text = page.render(colours=COLOURS, stamp=stamp_of(failed), failed=failed, **context)
    return {"claims.html": text}


def _methods_files(run: ReportInputs, written: frozenset[str]) -> dict[str, str]:
    context = methods_context(run, written | {"methods.html"})
    numbers = context["prior_table"]
    page = _environment().get_template("methods.html.j2")
    return {
        "methods.html": page.render(colours=COLOURS, **context),
        "prior_implications.csv": numbers.to_csv(
            index=False, lineterminator="\n", float_format="%.6g"
        ),
    }


def _sensitivity_files(run: ReportInputs) -> dict[str, str]:
    if not run.sensitivity:
        return {}
    page = _environment().get_template("sensitivity_analyses.html.j2")
    context = page_context(run.sensitivity, run.multiverse, _interval_name(run.fits))
    return {
        "sensitivity.csv": sensitivity_csv(run.sensitivity),
        "sensitivity.html": page.render(colours=COLOURS, **context),
    }


def render_page(run: ReportInputs) -> str:
    """Render the page as text.

    Parameters
    ----------
    run : ReportInputs
        The stored results.

    Returns
    -------
    str
        HTML with its style and figures inside; it requests nothing.
    """
    return _environment().get_template("index.html.j2").render(_context(run))


def _context(run: ReportInputs) -> dict[str, Any]:
    forests = forest_section(run)
    failed = failed_checks(run)
    return {
        "colours": COLOURS,
        "composition_label": COMPOSITION,
        "not_in_base": NOT_IN_BASE,
        "stamp": stamp_of(failed),
        "run": run,
        "codes_note": partial(codes_note, run),
        "event_codes": {outcome_name(o): sorted(codes) for o, codes in EVENT_CODES.items()},
        "failed": failed,
        "limits": limits_of(run),
        "chain": chain_section(run),
        "harm": harm_section(run),
        "types": type_section(run),
        "moderators": moderator_section(run),
        "little": LITTLE,
        "forests": forests,
        "forest_columns": forest_columns(forests),
        "product_share": product_share(run),
        "spread": spread_table(run, run.rate_fits),
        "exceedance": exceedance_table(run, run.rate_fits),
        "membership": membership_table(run, run.rate_fits),
        "correlation": correlation_table(run, run.rate_fits),
        "flow": flow_diagram(run.flow),
        "wide_flow": flow_diagram(run.flow, wide=True),
        "composition": composition_section(run),
        "contrasts": contrast_sections(run),
        "agreement": agreement_section(run),
        "sensitivity": sensitivity_section(run),
        "few_studies": few_studies_table(
            run.sensitivity, run.primary.name if run.primary else "", run.few_studies
        ),
        "claims": None if run.claims is None else verdict_counts(run.claims),
        "changes": changes_section(run.changes),
        "checks": [(fit, checks_of(fit)) for fit in run.fits],
        "provenance": [(fit, provenance_of(fit)) for fit in run.fits],
        "interval": _interval_name(run.fits),
    }


def _interval_name(fits: tuple[Fit, ...]) -> str:
    probs = sorted({float(p) for fit in fits for p in fit.pooled["ci_prob"].dropna()})
    return " or ".join(percent(prob) for prob in probs) or "95%"
