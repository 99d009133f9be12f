"""The page: sections in order, rendered to one self-contained file and written atomically."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from meta.checks.importance import SMALLEST_ESS
from meta.evidence.codes import EVENT_CODES
from meta.evidence.dictionary import load_dictionary
from meta.models.design import FEWEST_STUDIES
from meta.report.agreement import (
    CodeResults,
    agreement_section,
    coders_sentence,
    codes_behind,
    codes_note,
    disagreements_csv,
    disputes,
    effect_table,
)
from meta.report.chain_results import chain_correlations, chain_rows
from meta.report.changes import changes_section
from meta.report.check_sections import check_sections
from meta.report.claims import claims_context, verdict_counts
from meta.report.codebook import codebook_context
from meta.report.contrasts import contrast_sections, pairs_table
from meta.report.environment import environment as _environment
from meta.report.estimates import percent
from meta.report.evidence_page.page import evidence_context, evidence_csv
from meta.report.figure_files import PageFigures
from meta.report.flow_diagram import prisma_note
from meta.report.flow_figure import flow_figure
from meta.report.harm_chain import harm_section
from meta.report.inputs import Fit, ReportInputs, load_inputs
from meta.report.limits import limits_of
from meta.report.methods.page import methods_context
from meta.report.moderators import LITTLE, moderator_section
from meta.report.notoriety import notoriety_table
from meta.report.provenance import provenance_of
from meta.report.references import bibtex, csl_json
from meta.report.results import diagnostics_csv, pooled_csv, results_json
from meta.report.risk_page.page import risk_context
from meta.report.sampler.section import FIGURES
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
from meta.report.significant_digits import published_csv, published_json
from meta.report.site import navigation
from meta.report.summary import summary_md
from meta.report.svg_minified import minified, styled_once
from meta.report.tables import (
    correlation_table,
    exceedance_table,
    membership_table,
    spread_table,
)
from meta.report.verdict import (
    checks_of,
    failed_checks,
    fit_status,
    stamp_of,
    warned_models,
)
from meta.report.wording import COLOURS, COMPOSITION, NOT_IN_BASE, outcome_name
from meta.storage import write_text

__all__ = ["ReportInputs", "load_inputs", "render_page", "render_report"]


def render_report(run: ReportInputs, folder: Path, others: Collection[str] = ()) -> None:
    """Write the report: its pages, the files of their figures, and the tables they link to.

    Parameters
    ----------
    run : ReportInputs
        The stored results.
    folder : Path
        Where to write; made where it does not exist. Each file is replaced whole or not at all.
    others : collection of str, optional
        Pages that other jobs write beside these, for the navigation.
    """
    tables = {
        "pooled.csv": pooled_csv(run),
        "diagnostics.csv": diagnostics_csv(run),
        "results.json": results_json(run),
        "references.bib": bibtex(run.studies),
        "references.json": csl_json(run.studies),
        **_extra_tables(run),
    }
    pages = _pages(run)
    # The methods say of each objection which of the files written here answers it.
    written = frozenset({*tables, *pages, "methods.html", "summary.md"})
    methods = methods_context(run, written)
    tables["prior_implications.csv"] = published_csv(methods["prior_table"])
    pages["methods.html"] = ("methods.html.j2", methods)
    tables["summary.md"] = summary_md(run, methods, _interval_name(run.fits))
    figures = {name: PageFigures(name) for name in pages}
    texts = {name: _render(run, figures[name], pages, others) for name in pages}
    folder.mkdir(parents=True, exist_ok=True)
    for drawn in figures.values():
        drawn.write(folder)
    for name, text in {**tables, **texts}.items():
        write_text(folder / name, text)


#: Template and context of a page.
Page = tuple[str, dict[str, Any]]


def _pages(run: ReportInputs) -> dict[str, Page]:
    """Pages that this run has, by file; those whose part of the evidence is absent are not."""
    found: dict[str, Page] = {
        "index.html": ("index.html.j2", _context(run)),
        "codebook.html": ("codebook.html.j2", codebook_context(load_dictionary())),
    }
    if run.evidence is not None:
        context = evidence_context(run, run.evidence)
        found["evidence.html"] = ("evidence.html.j2", context)
    if sections := check_sections(run):
        context = {"sections": sections, "smallest_ess": SMALLEST_ESS}
        found["diagnostics.html"] = ("check_page.html.j2", context)
    if run.sensitivity:
        context = page_context(run.sensitivity, run.multiverse, _interval_name(run.fits))
        found["sensitivity.html"] = ("sensitivity_analyses.html.j2", context)
    if run.claims is not None:
        said = codes_behind(run, set(run.claims["model"].dropna()))
        context = {**claims_context(run.claims), "codes_said": said}
        found["claims.html"] = ("claims.html.j2", context)
    if run.risk is not None:
        context = risk_context(run.risk, stamp_of(failed_checks(run)))
        context["codes_said"] = codes_behind(run, {fit.name for fit in run.fits})
        found["risk.html"] = ("risk.html.j2", context)
    if run.codes is not None:
        found["disagreements.html"] = ("disagreements.html.j2", _disagreements(run, run.codes))
    return found


def _render(
    run: ReportInputs, drawn: PageFigures, pages: Mapping[str, Page], others: Collection[str] = ()
) -> str:
    template, context = pages[drawn.page]
    failed = failed_checks(run)
    shared = {
        "colours": COLOURS,
        "composition_label": COMPOSITION,
        "stamp": stamp_of(failed),
        "failed": failed,
        "warned": warned_models(run),
        "pages": navigation({*pages, *others}),
        "page": drawn.page,
        "drawn": drawn,
        "row_address": run.row_address,
    }
    return _environment().get_template(template).render({**shared, **context})


def _disagreements(run: ReportInputs, codes: CodeResults) -> dict[str, Any]:
    return {
        "coders": coders_sentence(codes.coders),
        "total": len(codes.disagreements),
        "disputes": disputes(codes, run.href),
    }


def _extra_tables(run: ReportInputs) -> dict[str, str]:
    """Tables that only some bases have, such as those with contrasts or with codes."""
    texts = {}
    if run.evidence is not None:
        texts["evidence.csv"] = evidence_csv(run, run.evidence)
    if run.codes is not None:
        texts["agreement.csv"] = published_csv(run.codes.agreement)
        texts["disagreements.csv"] = disagreements_csv(run.codes)
        texts["disagreement_effect.csv"] = published_csv(effect_table(run))
    texts |= _calibration_files(run)
    if run.sensitivity:
        texts["sensitivity.csv"] = sensitivity_csv(run.sensitivity)
    some = {"contrasts": pairs_table(run), "notoriety": notoriety_table(run)}
    if run.chains:
        some |= {
            "chain": chain_rows(run.chains),
            "chain_correlation": chain_correlations(run.chains),
        }
    for name, table in some.items():
        if len(table):
            texts[f"{name}.csv"] = published_csv(table)
    return texts


def _calibration_files(run: ReportInputs) -> dict[str, str]:
    """Figure and record of the calibration of each model whose sampler the page of checks shows."""
    stored, found = run.calibration, {}
    for fit in run.fits:
        if fit.sampler is not None and fit.name in stored.figures:
            folder = f"{FIGURES}/{fit.name}"
            found[f"{folder}/calibration.svg"] = styled_once(minified(stored.figures[fit.name]))
            found[f"{folder}/calibration.json"] = published_json(stored.records.get(fit.name, {}))
    return found


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
    pages = {"index.html": ("index.html.j2", _context(run))}
    return _render(run, PageFigures("index.html"), pages)


def _context(run: ReportInputs) -> dict[str, Any]:
    forests = forest_section(run)
    checks = [(fit, checks_of(fit)) for fit in run.fits]
    return {
        "not_in_base": NOT_IN_BASE,
        "run": run,
        "codes_note": partial(codes_note, run),
        "event_codes": {outcome_name(o): sorted(codes) for o, codes in EVENT_CODES.items()},
        "limits": limits_of(run),
        "chain": chain_section(run),
        "harm": harm_section(run),
        "types": type_section(run),
        "moderators": moderator_section(run),
        "little": LITTLE,
        "forests": forests,
        "forest_columns": forest_columns(forests),
        "product_share": product_share(run),
        "spread": spread_table(run, run.rate_fits[:1]),
        "spread_of_others": spread_table(run, run.rate_fits[1:]),
        "exceedance": exceedance_table(run, run.rate_fits[:1]),
        "exceedance_of_others": exceedance_table(run, run.rate_fits[1:]),
        "membership": membership_table(run, run.rate_fits),
        "correlation": correlation_table(run, run.rate_fits[:1]),
        "correlation_of_others": correlation_table(run, run.rate_fits[1:]),
        "flow": flow_figure(run.flow),
        "flow_note": prisma_note(run.flow),
        "composition": composition_section(run),
        "contrasts": contrast_sections(run),
        "fewest_pooled": FEWEST_STUDIES,
        "agreement": agreement_section(run),
        "sensitivity": sensitivity_section(run),
        "few_studies": few_studies_table(
            run.sensitivity, run.primary.name if run.primary else "", run.few_studies
        ),
        "claims": None if run.claims is None else verdict_counts(run.claims),
        "changes": changes_section(run.changes, run.row_address),
        "measure_next": run.risk is not None and run.risk.tells_what_to_measure,
        "checks": [(fit, rows, fit_status(fit, rows)) for fit, rows in checks],
        "provenance": [(fit, provenance_of(fit)) for fit in run.fits],
        "interval": _interval_name(run.fits),
    }


def _interval_name(fits: tuple[Fit, ...]) -> str:
    probs = sorted({float(p) for fit in fits for p in fit.pooled["ci_prob"].dropna()})
    return " or ".join(percent(prob) for prob in probs) or "95%"
